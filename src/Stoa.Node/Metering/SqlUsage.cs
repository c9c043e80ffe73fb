using System.Text.Json;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Metering;
using Stoa.Market.Registry;
using Stoa.Node.Inference.Charging;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Metering;

/// <summary>Usage inside a session: what the journal has behind the cursor, and the totals of what lies before it.</summary>
/// <remarks>
/// Nothing is written for usage where tasks end: that a task was charged is an entry of the journal, which has one order, and what was measured is in
/// the task's own rows, which never change after that. So it is with storage, transfers and requests to models, whose rows are written with their entries. So the totals are a function of the journal up to the cursor, and totals and cursor move in one transaction.
/// </remarks>
internal static class SqlUsage
{
    private const int BlocksAtOnce = 16;
    private const int TasksAtOnce = 5_000;
    private const string TasksOfMonth = "span = @month AND start_at = @start AND consumer_id = @consumer AND kind = @task";

    private static readonly SqlRows<TotalRow> s_open = SqlRows<TotalRow>.Insert(
        "usage_totals",
        [.. Keys(), .. ZeroAmounts()],
        skipsConflictsOf: "span, start_at, consumer_id, publisher_id, agent, version, node, kind");

    private static readonly SqlRows<TotalRow> s_add = SqlRows<TotalRow>.Update(
        "usage_totals",
        $$"""
        events = t.events + {events}, {{Saturated("fuel")}}, {{Saturated("input_bytes")}}, {{Saturated("output_bytes")}}, {{Saturated("duration_ms")}}, paid = t.paid + {paid}, creator_earned = t.creator_earned + {creator_earned},
        node_earned = t.node_earned + {node_earned}, platform_earned = t.platform_earned + {platform_earned},
        {{Saturated("byte_hours")}}, {{Saturated("transfer_bytes")}}, {{Saturated("requests")}}, {{Saturated("input_tokens")}}, {{Saturated("output_tokens")}}
        """,
        """
        t.span = {span} AND t.start_at = {start_at} AND t.consumer_id = {consumer_id} AND t.publisher_id = {publisher_id} AND t.agent = {agent}
        AND t.version = {version} AND t.node = {node} AND t.kind = {kind}
        """,
        [.. Keys(), .. Amounts()]);

    /// <summary>Reads entries behind the cursor, and adds them up.</summary>
    /// <param name="session">Sees cursor, totals and journal as of one moment, or holds the cursor's row.</param>
    /// <param name="mostEntries">About how many entries of the journal are read.</param>
    public static async Task<UsageStep> ReadStepAsync(SqlSession session, int mostEntries)
    {
        var from = await session.QuerySingleAsync<long>("SELECT block FROM usage_cursor WHERE id = 1");
        var to = from;
        var totals = new UsageTotals();
        var ended = new HashSet<string>(StringComparer.Ordinal);
        var isMore = false;
        for (var read = 0; !isMore;)
        {
            var blocks = await SqlJournal.ReadBlocksAsync(session, to, BlocksAtOnce);
            if (blocks.Count == 0)
                break;
            await AddAsync(session, blocks, totals, ended);
            to = blocks[^1].Number;
            read += blocks.Sum(block => block.Count);
            isMore = read >= mostEntries && blocks.Count == BlocksAtOnce;
        }

        return new UsageStep(from, to, totals, ended, isMore);
    }

    /// <summary>Adds up what some blocks say.</summary>
    /// <param name="session">The act.</param>
    /// <param name="blocks">Of the journal.</param>
    /// <param name="totals">Added to.</param>
    /// <param name="settled">The tasks whose holds were resolved are added to these.</param>
    /// <returns>What the journal and the charges say of each other and is not the same, in words.</returns>
    public static async Task<IReadOnlyList<string>> AddAsync(SqlSession session, IReadOnlyList<JournalBlock> blocks, UsageTotals totals, HashSet<string> settled)
    {
        var (entries, paid, inference) = (new List<Transfer>(), new List<Transfer>(), new List<Transfer>());
        foreach (var block in blocks)
        {
            for (var index = 0; index < block.Count; index++)
            {
                var purpose = block.PurposeOf(index);
                if (purpose is TransferPurpose.TaskRelease)
                    settled.Add(block.Read(index).Transfer.Cause);
                else if (UsageTotals.Concerns(purpose))
                    Sort(block.Read(index).Transfer);
                else if (UsageTotals.ConcernsCharges(purpose))
                    paid.Add(block.Read(index).Transfer);
            }
        }

        var tasks = await ReadTasksAsync(session, [.. entries.Select(entry => entry.Cause).Distinct()]);
        var payees = await ReadPayeesAsync(session, entries);
        foreach (var entry in entries)
        {
            var task = tasks.GetValueOrDefault(entry.Cause) ?? MeteredTask.Unknown(entry);
            // A royalty is earned by whoever got it, not by the publisher of the agent that ran.
            totals.Add(entry, payees.TryGetValue(entry.CreditAccountId, out var payee) && entry.Purpose is TransferPurpose.Royalty
                ? task with { Labels = task.Labels with { PublisherId = payee } }
                : task);
            if (entry.Purpose is TransferPurpose.TaskCapture)
                settled.Add(entry.Cause);
        }

        var charges = await SqlCharges.ReadAsync(session, [.. paid.Select(entry => entry.Cause)]);
        foreach (var entry in paid)
            totals.Add(entry, charges.GetValueOrDefault(entry.Cause));
        var used = await SqlInferenceCharges.ReadAsync(session, [.. inference.Select(entry => entry.Cause)]);
        foreach (var entry in inference)
            totals.Add(entry, used.GetValueOrDefault(entry.Cause));
        return
        [
            .. paid.Where(entry => charges.GetValueOrDefault(entry.Cause)?.Price != entry.Amount)
                .Select(entry => $"{entry.Id} has paid {entry.Amount} for {entry.Cause}, of which {(charges.TryGetValue(entry.Cause, out var charge) ? $"{charge.Price} is said" : "nothing is there")}."),
            .. inference.Where(entry => used.GetValueOrDefault(entry.Cause)?.AmountOf(entry.Purpose) != entry.Amount)
                .Select(entry => $"{entry.Id} has moved {entry.Amount} as {EnumWord.Of(entry.Purpose)} of {entry.Cause}, of which {(used.TryGetValue(entry.Cause, out var charge) ? $"{charge.AmountOf(entry.Purpose)} is said" : "nothing is there")}."),
        ];

        void Sort(Transfer entry) => (InferenceCharge.IsCause(entry.Cause) ? inference : entries).Add(entry);
    }

    /// <summary>Writes a step and moves the cursor over it.</summary>
    /// <returns>False when somebody else was faster: then nothing is written.</returns>
    public static async Task<bool> WriteStepAsync(SqlSession session, UsageStep step)
    {
        if (await session.ExecuteAsync("UPDATE usage_cursor SET block = @To WHERE id = 1 AND block = @From", step) == 0)
            return false;
        // Of acts that add side by side there are none, but rows are locked in one order all the same.
        List<TotalRow> rows = [.. step.Totals.Rows.Select(row => new TotalRow(row.Key, row.Value))];
        await session.SendRowsAsync(s_open, rows);
        await session.SendRowsAsync(s_add, rows);
        await SqlBudgets.SettleAsync(session, step.Settled);
        return true;
    }

    /// <summary>How many tasks of an agent a consumer was charged for in a month, as far as they are added up.</summary>
    /// <param name="session">Any.</param>
    /// <param name="consumer">Who paid.</param>
    /// <param name="publisher">Who published the agent.</param>
    /// <param name="agent"><c>publisher/name</c>.</param>
    /// <param name="now">UTC: in the month.</param>
    public static Task<long> CountTasksAsync(SqlSession session, Id<User> consumer, Id<User> publisher, string agent, DateTimeOffset now) =>
        // With the publisher an index has all of it: a row is read for each version and node.
        session.QuerySingleAsync<long>(
            $"SELECT CAST(COALESCE(SUM(events), 0) AS BIGINT) FROM usage_totals WHERE {TasksOfMonth} AND publisher_id = @publisher AND agent = @agent",
            new { month = nameof(UsageSpan.Month), start = UsageSpan.Month.StartOf(now), consumer, task = nameof(UsageKind.Task), publisher, agent });

    /// <summary>The same of all agents, by <c>publisher/name</c>; those that he was not charged for are left out.</summary>
    public static async Task<IReadOnlyDictionary<string, long>> CountTasksAsync(SqlSession session, Id<User> consumer, DateTimeOffset now) =>
        (await session.QueryAsync<(string Agent, long Count)>(
            $"SELECT agent, CAST(SUM(events) AS BIGINT) FROM usage_totals WHERE {TasksOfMonth} GROUP BY agent HAVING SUM(events) > 0",
            new { month = nameof(UsageSpan.Month), start = UsageSpan.Month.StartOf(now), consumer, task = nameof(UsageKind.Task) }))
            .ToDictionary(row => row.Agent, row => row.Count, StringComparer.Ordinal);

    /// <summary>The node that a receipt's envelope names as its signer.</summary>
    public static string SignerOf(byte[] envelope) => EndedRow.NodeOf(envelope);

    private static async Task<Dictionary<Id<Account>, string>> ReadPayeesAsync(SqlSession session, List<Transfer> entries)
    {
        var accounts = entries.Where(entry => entry.Purpose is TransferPurpose.Royalty).Select(entry => entry.CreditAccountId).Distinct().ToList();
        return accounts.Count == 0
            ? []
            : (await session.QueryAsync<(Id<Account> Id, string Owner)>("SELECT id, owner FROM accounts WHERE id IN @accounts", new { accounts }))
                .ToDictionary(row => row.Id, row => row.Owner);
    }

    private static async Task<Dictionary<string, MeteredTask>> ReadTasksAsync(SqlSession session, IReadOnlyList<string> ids)
    {
        var tasks = new Dictionary<string, MeteredTask>(ids.Count, StringComparer.Ordinal);
        var labels = new Dictionary<UsageLabels, UsageLabels>();
        foreach (var part in ids.Chunk(TasksAtOnce))
        {
            var rows = await session.QueryAsync<EndedRow>(
                """
                SELECT t.id, t.owner_id, t.agent, v.publisher_id, e.finished_at, CASE WHEN e.state = 'succeeded' THEN e.outcome END AS outcome, r.envelope, r.node
                FROM tasks AS t
                JOIN task_ends AS e ON e.task_id = t.id
                LEFT JOIN receipts AS r ON r.task_id = t.id
                LEFT JOIN agent_versions AS v ON v.id = t.agent_id
                WHERE t.id IN @part
                """,
                new { part });
            foreach (var row in rows)
                tasks.Add(row.Id, row.ToTask(labels));
        }

        return tasks;
    }

    /// <summary>Adds to what was measured, up to the largest number: one row must not hold up the journal.</summary>
    private static string Saturated(string column) =>
        $"{column} = CASE WHEN t.{column} > 9223372036854775807 - {{{column}}} THEN 9223372036854775807 ELSE t.{column} + {{{column}}} END";

    private static SqlField<TotalRow>[] Keys() =>
    [
        SqlField<TotalRow>.OfText("span", row => row.Span),
        SqlField<TotalRow>.OfInteger("start_at", row => row.Key.Start.ToUnixTimeMilliseconds()),
        SqlField<TotalRow>.OfText("consumer_id", row => row.Key.Labels.ConsumerId),
        SqlField<TotalRow>.OfText("publisher_id", row => row.Key.Labels.PublisherId),
        SqlField<TotalRow>.OfText("agent", row => row.Key.Labels.Agent),
        SqlField<TotalRow>.OfText("version", row => row.Key.Labels.Version),
        SqlField<TotalRow>.OfText("node", row => row.Key.Labels.Node),
        SqlField<TotalRow>.OfText("kind", row => row.Kind),
    ];

    private static SqlField<TotalRow>[] Amounts() =>
    [
        SqlField<TotalRow>.OfInteger("events", row => row.Amounts.Events),
        SqlField<TotalRow>.OfInteger("fuel", row => row.Amounts.Fuel),
        SqlField<TotalRow>.OfInteger("input_bytes", row => row.Amounts.InputBytes),
        SqlField<TotalRow>.OfInteger("output_bytes", row => row.Amounts.OutputBytes),
        SqlField<TotalRow>.OfInteger("duration_ms", row => row.Amounts.DurationMs),
        SqlField<TotalRow>.OfInteger("paid", row => row.Amounts.Paid.Nanodollars),
        SqlField<TotalRow>.OfInteger("creator_earned", row => row.Amounts.Creator.Nanodollars),
        SqlField<TotalRow>.OfInteger("node_earned", row => row.Amounts.Node.Nanodollars),
        SqlField<TotalRow>.OfInteger("platform_earned", row => row.Amounts.Platform.Nanodollars),
        SqlField<TotalRow>.OfInteger("byte_hours", row => row.Amounts.ByteHours),
        SqlField<TotalRow>.OfInteger("transfer_bytes", row => row.Amounts.TransferBytes),
        SqlField<TotalRow>.OfInteger("requests", row => row.Amounts.Requests),
        SqlField<TotalRow>.OfInteger("input_tokens", row => row.Amounts.InputTokens),
        SqlField<TotalRow>.OfInteger("output_tokens", row => row.Amounts.OutputTokens),
    ];

    private static SqlField<TotalRow>[] ZeroAmounts() => [.. Amounts().Select(field => SqlField<TotalRow>.OfInteger(field.Name, _ => 0))];

    private sealed record TotalRow(UsageKey Key, UsageAmounts Amounts)
    {
        public string Span { get; } = Key.Span.ToString();

        public string Kind { get; } = Key.Labels.Kind.ToString();
    }

    private sealed record EndedRow(string Id, string OwnerId, string Agent, string? PublisherId, DateTimeOffset FinishedAt, string? Outcome, byte[]? Envelope, string? Node)
    {
        public MeteredTask ToTask(Dictionary<UsageLabels, UsageLabels> known)
        {
            var name = ListingName.Parse(Agent);
            var labels = new UsageLabels(
                OwnerId, PublisherId ?? "", $"{name.Publisher}/{name.Name}", name.Version?.ToString() ?? "", Node ?? (Envelope is null ? "" : NodeOf(Envelope)), UsageKind.Task);
            // Thousands of tasks have the same few labels.
            if (!known.TryGetValue(labels, out var same))
                known.Add(labels, same = labels);
            var result = Outcome is null ? null : JsonSerializer.Deserialize(Outcome, TaskRowJson.Default.TaskResult);
            return new MeteredTask(Id, same, FinishedAt, result?.Usage)
            {
                Calls =
                [
                    .. (result?.Calls ?? []).Where(call => call.Failure is null).Select(call => MeteredCall.Of(LabelsOf(call.Agent, call.PublisherId, UsageKind.Call, same), call)),
                    .. (result?.Models ?? []).Where(request => request.Model is not null)
                        .Select(request => MeteredCall.Of(LabelsOf(request.Model!, request.PublisherId, UsageKind.Inference, same), request)),
                ],
            };
        }

        private static UsageLabels LabelsOf(string listing, Id<User>? publisher, UsageKind kind, UsageLabels ofTask)
        {
            var name = ListingName.Parse(listing);
            return ofTask with
            {
                PublisherId = publisher?.ToString() ?? "",
                Agent = $"{name.Publisher}/{name.Name}",
                Version = name.Version?.ToString() ?? "",
                Kind = kind,
            };
        }

        /// <summary>The signer that a receipt names, without reading what is signed: this cell has written it itself.</summary>
        internal static string NodeOf(byte[] envelope)
        {
            var json = new Utf8JsonReader(envelope);
            while (json.Read())
            {
                if (json.TokenType is JsonTokenType.PropertyName && json.ValueTextEquals("keyid"u8) && json.Read())
                    return json.GetString() ?? "";
            }

            return "";
        }
    }
}

/// <summary>A part of the journal behind the cursor, added up.</summary>
/// <param name="From">The cursor.</param>
/// <param name="To">The last block that was read.</param>
/// <param name="Totals">What it comes to.</param>
/// <param name="Settled">The tasks whose holds were resolved in it.</param>
/// <param name="IsMore">There is more behind it.</param>
internal sealed record UsageStep(long From, long To, UsageTotals Totals, IReadOnlyCollection<string> Settled, bool IsMore);

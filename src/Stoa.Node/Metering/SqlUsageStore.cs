using System.Globalization;
using Stoa.Market;
using Stoa.Market.Ledger;
using Stoa.Market.Metering;
using Stoa.Node.Inference.Charging;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Metering;

/// <summary>Reports of usage, and the work that keeps them short.</summary>
/// <remarks>A report is what the totals say together with what the journal says behind their cursor, of one snapshot: whoever reads sees every task that was charged before.</remarks>
public sealed class SqlUsageStore(Database database)
{
    /// <summary>About how many entries of the journal are added up in one step.</summary>
    private const int EntriesOfAStep = 20_000;

    private const int EntriesOfATail = 8_000;
    private const int VerifiedAtOnce = 64;
    private const int MaxFindings = 20;
    private const int MaxWalked = 2_000;

    private const string Sums = """
        CAST(SUM(events) AS BIGINT) AS events, CAST(SUM(fuel) AS BIGINT) AS fuel, CAST(SUM(input_bytes) AS BIGINT) AS input_bytes,
        CAST(SUM(output_bytes) AS BIGINT) AS output_bytes, CAST(SUM(duration_ms) AS BIGINT) AS duration_ms, CAST(SUM(paid) AS BIGINT) AS paid,
        CAST(SUM(creator_earned) AS BIGINT) AS creator_earned, CAST(SUM(node_earned) AS BIGINT) AS node_earned,
        CAST(SUM(platform_earned) AS BIGINT) AS platform_earned, CAST(SUM(CASE WHEN kind = 'Call' THEN events ELSE 0 END) AS BIGINT) AS calls,
        CAST(SUM(CASE WHEN kind IN ('Storage', 'Transfer', 'Inference') THEN events ELSE 0 END) AS BIGINT) AS charges,
        CAST(SUM(byte_hours) AS BIGINT) AS byte_hours, CAST(SUM(transfer_bytes) AS BIGINT) AS transfer_bytes,
        CAST(SUM(requests) AS BIGINT) AS requests, CAST(SUM(input_tokens) AS BIGINT) AS input_tokens, CAST(SUM(output_tokens) AS BIGINT) AS output_tokens
        """;

    // Names are compared by their bytes, as they are where rows are put together.
    private const string Collation = "{if postgres} COLLATE \"C\"{end}";

    /// <summary>Adds up a part of what the journal has behind the cursor.</summary>
    /// <returns>Whether there is more.</returns>
    public async Task<bool> FoldAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // Read beside whatever is written; only the few sums wait for a turn to write.
            var step = await database.ReadAsync(session => SqlUsage.ReadStepAsync(session, EntriesOfAStep), cancellationToken);
            // Whoever was faster may not have seen as much.
            if (step.To == step.From || await database.WriteAsync(session => SqlUsage.WriteStepAsync(session, step), cancellationToken))
                return step.IsMore;
        }
    }

    /// <summary>The rows of a report, newest period first.</summary>
    /// <param name="query">What is asked.</param>
    /// <param name="page">Which part.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public Task<Page<UsageRow>> ReportAsync(UsageQuery query, PageRequest page, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        ArgumentNullException.ThrowIfNull(page);
        return WithTailAsync(async (session, tail) =>
        {
            var after = ReadCursor(page.Cursor);
            var stored = await ReadTotalsAsync(session, query, after, page.Limit + 1);
            var rows = UsageRow.Merge([.. stored, .. tail.Rows
                .Where(row => query.Takes(row.Key))
                .Select(row => UsageRow.Of(query, row.Key, row.Value))
                .Where(row => after is null || UsageRow.Order.Compare(row, after) > 0)]);
            // What was not read comes behind all that was, whatever the tail adds.
            List<UsageRow> items = [.. rows.Take(page.Limit)];
            return new Page<UsageRow>(items, rows.Count > page.Limit ? WriteCursor(items[^1]) : null);
        }, cancellationToken);
    }

    /// <summary>What was spent in one period, by one consumer.</summary>
    /// <param name="session">Holds the cursor's row, or is a snapshot.</param>
    /// <param name="query">By none or by agent; takes one period.</param>
    internal static async Task<IReadOnlyList<UsageRow>> ReadAllAsync(SqlSession session, UsageQuery query)
    {
        var tail = await SqlUsage.ReadStepAsync(session, int.MaxValue);
        return UsageRow.Merge([.. await ReadTotalsAsync(session, query, after: null, int.MaxValue), .. tail.Totals.Rows
            .Where(row => query.Takes(row.Key))
            .Select(row => UsageRow.Of(query, row.Key, row.Value))]);
    }

    /// <summary>What was charged, newest first, by the accounts whose entries tell of it.</summary>
    /// <param name="accounts">The consumer's wallet and credit, the creator's wallet, or the node's account.</param>
    /// <param name="role">Whose view it is.</param>
    /// <param name="page">Which part. It may be shorter than asked for and not be the last, where many other entries lie between.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public Task<Page<UsageSource>> ListSourcesAsync(IReadOnlyList<Id<Account>> accounts, UsageRole role, PageRequest page, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(accounts);
        ArgumentNullException.ThrowIfNull(page);
        return database.ReadAsync(
            async session =>
            {
                var walks = new List<AccountWalk>(accounts.Count);
                var last = ReadCursor(page.Cursor, accounts.Count);
                for (var index = 0; index < accounts.Count; index++)
                    walks.Add(await AccountWalk.AfterAsync(session, accounts[index], last[index]));

                var causes = new List<string>();
                for (var walked = 0; walked < MaxWalked && causes.Count < page.Limit && walks.MaxBy(walk => walk.From.Value) is { } walk && walk.From != JournalPlace.None; walked++)
                {
                    var transfer = await walk.BackAsync(session, page.Limit);
                    if (Tells(role, transfer.Purpose))
                        causes.Add(transfer.Cause);
                }

                var receipts = (await session.QueryAsync<(string TaskId, byte[] Envelope)>(
                    "SELECT task_id, envelope FROM receipts WHERE node IS NULL AND task_id IN @causes", new { causes })).ToDictionary(row => row.TaskId, row => row.Envelope);
                var charges = await SqlCharges.ReadAsync(session, causes);
                var inference = await SqlInferenceCharges.ReadAsync(session, causes);
                return new Page<UsageSource>(
                    [.. causes.Select(cause => new UsageSource(receipts.GetValueOrDefault(cause), charges.GetValueOrDefault(cause), inference.GetValueOrDefault(cause)))
                        .Where(source => source != UsageSource.None)],
                    walks.TrueForAll(walk => walk.From == JournalPlace.None) ? null : string.Join('-', walks.Select(walk => walk.Last)));
            },
            cancellationToken);
    }

    private static bool Tells(UsageRole role, TransferPurpose purpose) => role switch
    {
        UsageRole.Consumer => purpose is TransferPurpose.TaskCapture or TransferPurpose.InferenceCapture || UsageTotals.ConcernsCharges(purpose),
        UsageRole.Creator => purpose is TransferPurpose.CreatorShare or TransferPurpose.Royalty,
        _ => purpose is TransferPurpose.NodeShare || UsageTotals.ConcernsCharges(purpose),
    };

    /// <summary>Of each account the last transfer that was seen; null where none was, and when the cursor is none of these.</summary>
    private static Id<Transfer>?[] ReadCursor(string? cursor, int count)
    {
        var last = new Id<Transfer>?[count];
        var parts = cursor?.Split('-') ?? [];
        for (var index = 0; index < count && parts.Length == count; index++)
            last[index] = Id<Transfer>.TryParse(parts[index], out var id) ? id : null;
        return last;
    }

    /// <summary>An account whose entries are walked back.</summary>
    private sealed class AccountWalk
    {
        private readonly Id<Account> _account;
        private readonly Queue<JournalEntry> _read = new();

        private AccountWalk(Id<Account> account, Id<Transfer>? last, JournalPlace from) => (_account, Last, From) = (account, last, from);

        /// <summary>The next entry; none when there is none before.</summary>
        public JournalPlace From { get; private set; }

        /// <summary>The last transfer that was seen; null for none yet.</summary>
        public Id<Transfer>? Last { get; private set; }

        /// <summary>Goes on behind a transfer of the account; from the newest on behind none, and behind one of others, which a cursor may name as well.</summary>
        public static async Task<AccountWalk> AfterAsync(SqlSession session, Id<Account> account, Id<Transfer>? last) =>
            last is { } seen && await SqlJournal.FindEntryAsync(session, seen) is { } entry && entry.IsOf(account)
                ? new AccountWalk(account, last, entry.Before(account))
                : new AccountWalk(
                    account, null, new JournalPlace(await session.QueryFirstOrDefaultAsync<long>("SELECT latest_entry FROM accounts WHERE id = @account", new { account })));

        public async Task<Transfer> BackAsync(SqlSession session, int readAtOnce)
        {
            if (_read.Count == 0)
            {
                foreach (var one in await SqlJournal.ReadBackAsync(session, _account, From, readAtOnce))
                    _read.Enqueue(one);
            }

            var entry = _read.Dequeue();
            (From, Last) = (entry.Before(_account), entry.Transfer.Id);
            return entry.Transfer;
        }
    }

    /// <summary>Adds up the whole journal anew, and compares with the totals.</summary>
    public Task<UsageAudit> VerifyAsync(CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var cursor = await session.QuerySingleAsync<long>("SELECT block FROM usage_cursor WHERE id = 1");
            var (anew, odd) = (new UsageTotals(), new List<string>());
            for (var last = 0L; last < cursor;)
            {
                var blocks = (await SqlJournal.ReadBlocksAsync(session, last, VerifiedAtOnce)).Where(block => block.Number <= cursor).ToList();
                if (blocks.Count == 0)
                    break;
                odd.AddRange(await SqlUsage.AddAsync(session, blocks, anew, []));
                last = blocks[^1].Number;
            }

            var stored = (await session.QueryAsync<TotalRow>(
                """
                SELECT span, start_at, consumer_id, publisher_id, agent, version, node, kind, events, fuel, input_bytes, output_bytes, duration_ms,
                    paid, creator_earned, node_earned, platform_earned, byte_hours, transfer_bytes, requests, input_tokens, output_tokens
                FROM usage_totals
                """)).ToDictionary(row => row.ToKey(), row => row.ToAmounts());
            var findings = stored.Keys.Union(anew.Rows.Keys)
                .Select(key => (key, Is: stored.GetValueOrDefault(key), Should: anew.Rows.GetValueOrDefault(key)))
                .Where(found => found.Is != found.Should)
                .Select(found => $"{found.key.Span} {found.key.Start.UtcDateTime:yyyy-MM-dd'T'HH:mm'Z'} of {found.key.Labels.Agent}@{found.key.Labels.Version} "
                    + $"for {found.key.Labels.ConsumerId} has {found.Is.Events} events and {found.Is.Paid} paid, and the journal comes to {found.Should.Events} and {found.Should.Paid}.")
                .Concat(odd)
                .Concat(await SqlInferenceCharges.FindUnpaidAsync(session))
                .ToList();
            var months = anew.Rows.Where(row => row.Key.Span is UsageSpan.Month).Select(row => row.Value).ToList();
            return new UsageAudit(
                cursor, stored.Count, months.Sum(row => row.Events), months.Aggregate(Money.Zero, (sum, row) => sum + row.Paid), findings.Count, [.. findings.Take(MaxFindings)]);
        },
        cancellationToken);

    private async Task<T> WithTailAsync<T>(Func<SqlSession, UsageTotals, Task<T>> read, CancellationToken cancellationToken)
        where T : class
    {
        for (var most = EntriesOfATail; ; most *= 2)
        {
            var limit = most;
            var answer = await database.ReadAsync<T?>(
                async session =>
                {
                    var tail = await SqlUsage.ReadStepAsync(session, limit);
                    return tail.IsMore ? null : await read(session, tail.Totals);
                },
                cancellationToken);
            if (answer is not null)
                return answer;
            // As long a tail would be read again and again by whoever asks.
            while (await FoldAsync(cancellationToken))
            {
            }
        }
    }

    private static async Task<IReadOnlyList<UsageRow>> ReadTotalsAsync(SqlSession session, UsageQuery query, UsageRow? after, int limit)
    {
        var name = query.Group switch
        {
            UsageGroup.None => "''",
            UsageGroup.Agent => "agent",
            UsageGroup.Version => "CASE WHEN version = '' THEN agent ELSE agent || '@' || version END",
            UsageGroup.Consumer => "consumer_id",
            UsageGroup.Node => "node",
            UsageGroup.Kind => "kind",
            _ => throw new InvalidOperationException($"Unknown group {query.Group}."),
        };
        var mine = query.Role switch
        {
            UsageRole.Consumer => " AND consumer_id = @UserId",
            UsageRole.Creator => " AND publisher_id = @UserId",
            _ => "",
        };
        var sql = $"SELECT start_at, {name} AS name, {Sums} FROM usage_totals WHERE span = @span AND start_at >= @From AND start_at < @To{mine}"
            + (query.Agent is null ? "" : " AND agent = @Agent")
            + (after is null ? "" : $" AND (start_at < @start OR (start_at = @start AND ({name}){Collation} > @name))")
            + (query.Group is UsageGroup.None ? " GROUP BY start_at ORDER BY start_at DESC" : $" GROUP BY start_at, {name} ORDER BY start_at DESC, ({name}){Collation}")
            + " LIMIT @limit";
        var rows = await session.QueryAsync<ReportRow>(
            sql,
            new
            {
                span = query.Span.ToString(),
                query.From,
                query.To,
                UserId = query.UserId.ToString(),
                query.Agent,
                start = after?.Start,
                name = after?.Name,
                limit,
            });
        return [.. rows.Select(row => row.ToRow())];
    }

    private static string WriteCursor(UsageRow row) => string.Create(CultureInfo.InvariantCulture, $"{row.Start.ToUnixTimeMilliseconds()} {row.Name}");

    private static UsageRow? ReadCursor(string? cursor) => cursor?.Split(' ', 2) is [var start, var name]
        && long.TryParse(start, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var ms) && ms is >= 0 and < 253_402_300_800_000
        ? new UsageRow(DateTimeOffset.FromUnixTimeMilliseconds(ms), name, default)
        : null;

    private sealed record ReportRow(
        DateTimeOffset StartAt, string Name, long Events, long Fuel, long InputBytes, long OutputBytes, long DurationMs,
        Money Paid, Money CreatorEarned, Money NodeEarned, Money PlatformEarned, long Calls, long Charges, long ByteHours, long TransferBytes,
        long Requests, long InputTokens, long OutputTokens)
    {
        public UsageRow ToRow() => new(
            StartAt,
            Name,
            new UsageAmounts(Events, Fuel, InputBytes, OutputBytes, DurationMs, Paid, CreatorEarned, NodeEarned, PlatformEarned)
            {
                ByteHours = ByteHours,
                TransferBytes = TransferBytes,
                Requests = Requests,
                InputTokens = InputTokens,
                OutputTokens = OutputTokens,
            })
        {
            Calls = Calls,
            Charges = Charges,
        };
    }

    private sealed record TotalRow(
        UsageSpan Span, DateTimeOffset StartAt, string ConsumerId, string PublisherId, string Agent, string Version, string Node, UsageKind Kind,
        long Events, long Fuel, long InputBytes, long OutputBytes, long DurationMs, Money Paid, Money CreatorEarned, Money NodeEarned, Money PlatformEarned,
        long ByteHours, long TransferBytes, long Requests, long InputTokens, long OutputTokens)
    {
        public UsageKey ToKey() => new(Span, StartAt, new UsageLabels(ConsumerId, PublisherId, Agent, Version, Node, Kind));

        public UsageAmounts ToAmounts() => new(Events, Fuel, InputBytes, OutputBytes, DurationMs, Paid, CreatorEarned, NodeEarned, PlatformEarned)
        {
            ByteHours = ByteHours,
            TransferBytes = TransferBytes,
            Requests = Requests,
            InputTokens = InputTokens,
            OutputTokens = OutputTokens,
        };
    }
}

/// <summary>What a usage event is made of: the receipt of a task, or a charge.</summary>
/// <param name="Receipt">Its envelope, as it is stored.</param>
/// <param name="Charge">For storage or a transfer.</param>
/// <param name="Inference">For requests to a model.</param>
public sealed record UsageSource(byte[]? Receipt, UsageCharge? Charge, InferenceCharge? Inference)
{
    /// <summary>What nothing is left of: the receipt of somebody who was erased.</summary>
    public static UsageSource None { get; } = new(null, null, null);
}

/// <summary>What came of adding up all usage anew.</summary>
/// <param name="Block">The last block of the journal that is in the totals.</param>
/// <param name="TotalCount">How many totals were compared.</param>
/// <param name="Events">How many usage events there are.</param>
/// <param name="Paid">What they come to.</param>
/// <param name="FindingCount">How many totals differ.</param>
/// <param name="Findings">The first of them, in words.</param>
public sealed record UsageAudit(long Block, int TotalCount, long Events, Money Paid, int FindingCount, IReadOnlyList<string> Findings);

using System.Security.Cryptography;
using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Registry;
using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Node.Identity;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Supply;

/// <summary>A call at a supplier.</summary>
/// <param name="Task">That it does.</param>
/// <param name="Number">From 1: one task may come to several suppliers.</param>
/// <param name="Supplier">Which.</param>
/// <param name="Amount">The most that it can cost: the quote.</param>
/// <param name="Voucher">What the voucher that it is paid by says in all.</param>
/// <param name="State">What became of it.</param>
public sealed record SupplierCall(Id<AgentTask> Task, long Number, Supplier Supplier, Money Amount, Money Voucher, CallOutcome State)
{
    /// <summary>How long it may run, in milliseconds; null for as long as the task's limits say.</summary>
    public long? TimeoutMs { get; init; }

    /// <summary>Name of the agent in the quote; null where it was not noted.</summary>
    public string? Agent { get; init; }

    /// <summary>What it may use: made again it is the same call only with the limits that it was begun with.</summary>
    /// <param name="limits">Of the task.</param>
    public AgentLimits LimitsOf(AgentLimits limits) => TimeoutMs is { } timeout ? limits with { TimeoutMs = timeout } : limits;

    /// <summary>Names the call at the supplier, so that made again it is the same one.</summary>
    public string Key => $"{Task}.{Number}";
}

/// <summary>What a call is begun with.</summary>
/// <param name="Amount">The most that it can cost: the quote.</param>
/// <param name="Agent">Name of the agent in the quote.</param>
/// <param name="TimeoutMs">How long it may run, in milliseconds.</param>
public sealed record CallTerms(Money Amount, string? Agent, long TimeoutMs)
{
    /// <summary>Those of a quote.</summary>
    public static CallTerms Of(SupplierQuote quote, AgentLimits limits)
    {
        ArgumentNullException.ThrowIfNull(quote);
        ArgumentNullException.ThrowIfNull(limits);
        return new CallTerms(quote.Amount, quote.Name, limits.TimeoutMs);
    }
}

/// <summary>The suppliers of this cell, what was signed for them, and the calls that were made there.</summary>
/// <remarks>What a voucher promises is written before the voucher leaves: after a crash nothing is promised twice, and nothing is lost.</remarks>
/// <param name="database">The cell's.</param>
/// <param name="cell">Seals the keys that sign vouchers.</param>
/// <param name="options">How many there may be.</param>
/// <param name="time">The clock.</param>
public sealed class SqlSuppliers(Database database, CellKey cell, SupplyOptions options, TimeProvider time)
{
    // A call whose task was cancelled, or came too late, is not waited for: what it costs, if it does, the supplier says with the next one.
    private const string Columns =
        """
        id, node, address, channel_id, signed, spent,
        (SELECT COALESCE(SUM(c.amount), 0) FROM supplier_calls AS c
            WHERE c.supplier_id = s.id AND c.state = 'Open' AND NOT EXISTS (SELECT 1 FROM task_ends AS e WHERE e.task_id = c.task_id))
            + (SELECT COALESCE(SUM(t.granted - t.spent), 0) FROM supplier_tabs AS t WHERE t.supplier_id = s.id AND t.closed_at IS NULL) AS reserved,
        beyond, doubtful, barred_until, successes, failures, declines, lies, checks, disagreements, latency_us, last_failure, last_failed_at, added_at
        """;

    /// <summary>The signal that is raised at the node where a supplier was added or removed.</summary>
    internal const string Topic = "suppliers";

    private const string CallColumns = "SELECT number, supplier_id, amount, voucher, state, timeout_ms, agent FROM supplier_calls";

    /// <summary>Adds one. With a channel that was there before it takes up where that was: what was signed stays signed, and what was in doubt counts as spent.</summary>
    public Task<Outcome<Supplier, SupplierRefusal>> AddAsync(
        Id<Supplier> id, PeerId node, Uri address, Id<Channel> channel, PrivateKey payer, Money signed, CancellationToken cancellationToken) => database.WriteAsync<Outcome<Supplier, SupplierRefusal>>(
        async session =>
        {
            if (await session.QuerySingleAsync<long>("SELECT COUNT(*) FROM suppliers WHERE removed_at IS NULL AND (node = @node OR channel_id = @channel)", new { node, channel }) > 0)
                return new Refusal<SupplierRefusal>(SupplierRefusal.SupplierExists, $"Tasks are given to {node}, or paid out of {channel}, already. Remove that supplier first.");
            if (await session.QuerySingleAsync<long>("SELECT COUNT(*) FROM suppliers WHERE removed_at IS NULL") >= options.MaxSuppliers)
                return new Refusal<SupplierRefusal>(SupplierRefusal.SupplierInvalid, $"There are {options.MaxSuppliers} suppliers, which is as many as may be (Supply:MaxSuppliers).");
            if (await session.QueryFirstOrDefaultAsync<PeerId?>("SELECT node FROM suppliers WHERE channel_id = @channel", new { channel }) is { } before && before != node)
                return new Refusal<SupplierRefusal>(SupplierRefusal.SupplierInvalid, $"{channel} is a channel at {before}, and {address} is {node}.");
            var pkcs8 = payer.ToPkcs8();
            try
            {
                await session.ExecuteAsync(
                    """
                    INSERT INTO suppliers (id, node, address, channel_id, sealed_key, signed, spent, successes, failures, declines, lies, added_at)
                    VALUES (@id, @node, @address, @channel, @box, @signed, 0, 0, 0, 0, 0, @now)
                    ON CONFLICT (channel_id) DO UPDATE SET address = @address, sealed_key = @box, removed_at = NULL,
                        spent = suppliers.spent + suppliers.doubtful, doubtful = 0, beyond = CASE WHEN suppliers.beyond > suppliers.doubtful THEN suppliers.beyond - suppliers.doubtful ELSE 0 END,
                        signed = CASE WHEN suppliers.signed < @signed THEN @signed ELSE suppliers.signed END
                    """,
                    new { id, node, address = address.ToString(), channel, box = cell.Seal(Purpose(channel), pkcs8), signed, now = time.GetUtcNow() });
            }
            finally
            {
                CryptographicOperations.ZeroMemory(pkcs8);
            }

            session.RaiseOnCommit(Topic, time.GetUtcNow().ToUnixTimeMilliseconds());
            return (await session.QuerySingleAsync<SupplierRow>($"SELECT {Columns} FROM suppliers AS s WHERE channel_id = @channel", new { channel })).ToSupplier();
        },
        cancellationToken);

    /// <summary>Gives one no more tasks, and forgets the key. Calls that are under way fail.</summary>
    /// <returns>False when there is none.</returns>
    public Task<bool> RemoveAsync(Id<Supplier> id, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            session.RaiseOnCommit(Topic, time.GetUtcNow().ToUnixTimeMilliseconds());
            return await session.ExecuteAsync("UPDATE suppliers SET removed_at = @now, sealed_key = NULL WHERE id = @id AND removed_at IS NULL", new { now = time.GetUtcNow(), id }) == 1;
        },
        cancellationToken);

    /// <summary>Those that tasks are given to, by their ids.</summary>
    public async Task<Page<Supplier>> ListAsync(PageRequest page, CancellationToken cancellationToken)
    {
        var rows = await database.ReadAsync(
            session => session.QueryAsync<SupplierRow>(
                $"SELECT {Columns} FROM suppliers AS s WHERE removed_at IS NULL AND id > @after ORDER BY id LIMIT @limit", new { after = page.Cursor ?? "", limit = page.Limit + 1 }),
            cancellationToken);
        var shown = rows.Take(page.Limit).Select(row => row.ToSupplier()).ToList();
        return new Page<Supplier>(shown, rows.Count > shown.Count ? shown[^1].Id.ToString() : null);
    }

    /// <summary>One that tasks are given to.</summary>
    public Task<Supplier?> FindAsync(Id<Supplier> id, CancellationToken cancellationToken) => database.ReadAsync(session => FindAsync(session, id), cancellationToken);

    /// <summary>Where suppliers of a task stand, as its consumer has said.</summary>
    public async Task<SupplyPlaces> FindPlacesAsync(Id<AgentTask> task, CancellationToken cancellationToken) =>
        await database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<(string Regions, string Preferred)?>("SELECT regions, preferred FROM task_supplies WHERE task_id = @task", new { task }), cancellationToken) is { } places
            ? new SupplyPlaces(SqlRegionalQueue.Split(places.Regions), SqlRegionalQueue.Split(places.Preferred))
            : SupplyPlaces.Any;

    /// <summary>The call that a task has at a supplier: one that is under way as far as is known, or that was done while the end of the task was not written. Null when the next one is to be made.</summary>
    public Task<SupplierCall?> FindCallAsync(Id<AgentTask> task, CancellationToken cancellationToken) => database.ReadAsync(
        async session => await session.QueryFirstOrDefaultAsync<CallRow>(
            CallColumns + " WHERE task_id = @task AND state IN ('Open', 'Done') ORDER BY number DESC LIMIT 1", new { task }) is { } row
            && await FindAsync(session, row.SupplierId) is { } supplier
                ? row.ToCall(task, supplier)
                : null,
        cancellationToken);

    /// <summary>The calls of a task that are under way as far as is known, or that were done, in their order; those at suppliers that were removed are left out.</summary>
    public Task<IReadOnlyList<SupplierCall>> ListCallsAsync(Id<AgentTask> task, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<SupplierCall>>(
        async session =>
        {
            var calls = new List<SupplierCall>();
            foreach (var row in await session.QueryAsync<CallRow>(
                CallColumns + " WHERE task_id = @task AND state IN ('Open', 'Done') ORDER BY number", new { task }))
            {
                if (await FindAsync(session, row.SupplierId) is { } supplier)
                    calls.Add(row.ToCall(task, supplier));
            }

            return calls;
        },
        cancellationToken);

    /// <summary>Which suppliers have had a task, and what became of the last call at each, whatever that is.</summary>
    public async Task<IReadOnlyDictionary<Id<Supplier>, CallOutcome>> ListTriedAsync(Id<AgentTask> task, CancellationToken cancellationToken) =>
        (await database.ReadAsync(
            session => session.QueryAsync<(Id<Supplier> Supplier, string State)>("SELECT supplier_id, state FROM supplier_calls WHERE task_id = @task ORDER BY number", new { task }), cancellationToken))
        .GroupBy(row => row.Supplier).ToDictionary(calls => calls.Key, calls => Enum.Parse<CallOutcome>(calls.Last().State));

    /// <summary>Begins a call: what its voucher promises is written.</summary>
    /// <param name="task">That it does.</param>
    /// <param name="supplier">Where.</param>
    /// <param name="terms">What it is begun with.</param>
    /// <param name="most">What all calls of the task that are under way or were done may cost together; null for any amount.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null when the supplier was removed meanwhile, or it would be more than that.</returns>
    public Task<SupplierCall?> BeginAsync(Id<AgentTask> task, Id<Supplier> supplier, CallTerms terms, Money? most, CancellationToken cancellationToken) =>
        database.WriteAsync(session => BeginAsync(session, task, supplier, terms, most), cancellationToken);

    /// <summary>The same inside an act.</summary>
    internal async Task<SupplierCall?> BeginAsync(SqlSession session, Id<AgentTask> task, Id<Supplier> supplier, CallTerms terms, Money? most)
    {
        var amount = terms.Amount;
        await LockAsync(session, supplier);
        if (await FindAsync(session, supplier) is not { } found)
            return null;
        if (most is { } all
            && await session.QuerySingleAsync<Money>("SELECT COALESCE(SUM(amount), 0) FROM supplier_calls WHERE task_id = @task AND state IN ('Open', 'Done')", new { task }) is var promised
            && amount > all - promised)
        {
            return null;
        }

        var voucher = found.VoucherFor(amount);
        var number = await session.QuerySingleAsync<long>("SELECT COALESCE(MAX(number), 0) + 1 FROM supplier_calls WHERE task_id = @task", new { task });
        await session.ExecuteAsync("UPDATE suppliers SET signed = @voucher WHERE id = @supplier", new { voucher, supplier });
        await session.ExecuteAsync(
            """
            INSERT INTO supplier_calls (task_id, number, supplier_id, amount, voucher, is_raised, state, begun_at, timeout_ms, agent)
            VALUES (@task, @number, @supplier, @amount, @voucher, @isRaised, 'Open', @now, @TimeoutMs, @Agent)
            """,
            new { task, number, supplier, amount, voucher, isRaised = false, now = time.GetUtcNow(), terms.TimeoutMs, terms.Agent });
        return new SupplierCall(task, number, found with { Signed = voucher }, amount, voucher, CallOutcome.Open) { TimeoutMs = terms.TimeoutMs, Agent = terms.Agent };
    }

    /// <summary>Promises what a supplier says that it needs for a call, if that is no more than the call can cost beyond what was promised, and once only: so a call never puts more at stake than twice what it can cost.</summary>
    /// <returns>The call with its new voucher, or null.</returns>
    public Task<SupplierCall?> RaiseAsync(SupplierCall call, Money cumulative, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await LockAsync(session, call.Supplier.Id);
            if (await FindAsync(session, call.Supplier.Id) is not { } supplier || !supplier.MayPromise(cumulative, call.Amount))
                return null;
            if (await session.ExecuteAsync(
                "UPDATE supplier_calls SET voucher = @cumulative, is_raised = @isRaised WHERE task_id = @Task AND number = @Number AND state = 'Open' AND NOT is_raised",
                new { cumulative, isRaised = true, call.Task, call.Number }) != 1)
            {
                return null;
            }

            await session.ExecuteAsync("UPDATE suppliers SET signed = @signed WHERE id = @Id", new { signed = Money.Max(supplier.Signed, cumulative), supplier.Id });
            return call with { Voucher = cumulative };
        },
        cancellationToken);

    /// <summary>Signs the voucher of a call, as it was written.</summary>
    /// <exception cref="IOException">The supplier was removed, and the key with it.</exception>
    public async Task<Voucher.Signed> SignAsync(SupplierCall call, CancellationToken cancellationToken)
    {
        using var key = await OpenKeyAsync(call.Supplier, cancellationToken) ?? throw new IOException($"The supplier {call.Supplier.Node} was removed.");
        return new VoucherPayload(call.Supplier.Channel, call.Supplier.Node, call.Voucher).Sign(key);
    }

    /// <summary>The payer's key of a supplier's channel, for whoever signs with it again and again; null when the supplier was removed.</summary>
    internal async Task<PrivateKey?> OpenKeyAsync(Supplier supplier, CancellationToken cancellationToken)
    {
        if (await database.ReadAsync(session => session.QueryFirstOrDefaultAsync<byte[]>("SELECT sealed_key FROM suppliers WHERE id = @Id", new { supplier.Id }), cancellationToken) is not { } box)
            return null;
        var pkcs8 = cell.Open(Purpose(supplier.Channel), box);
        try
        {
            return PrivateKey.FromPkcs8(pkcs8);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }
    }

    /// <summary>Writes that a call was done, and what it cost. Again it changes nothing.</summary>
    /// <param name="call">The call.</param>
    /// <param name="receipt">That came back.</param>
    /// <param name="price">What was charged, of use or not.</param>
    /// <param name="outcome"><see cref="CallOutcome.Done"/>, or <see cref="CallOutcome.Declined"/> where what was done is of no use.</param>
    /// <param name="cancellationToken">Writes nothing.</param>
    /// <returns>False when the receipt was given for another task before.</returns>
    public Task<bool> EndAsync(SupplierCall call, Id<Receipt> receipt, Money price, CallOutcome outcome, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            if (await session.QuerySingleAsync<long>(
                    """
                    SELECT (SELECT COUNT(*) FROM supplier_calls WHERE receipt_id = @receipt AND NOT (task_id = @Task AND number = @Number))
                        + (SELECT COUNT(*) FROM receipts WHERE id = @receipt AND task_id <> @Task)
                    """,
                    new { receipt, call.Task, call.Number }) > 0)
            {
                return false;
            }

            if (await session.ExecuteAsync(
                "UPDATE supplier_calls SET state = @state, receipt_id = @receipt, price = @price, ended_at = @now WHERE task_id = @Task AND number = @Number AND state = 'Open'",
                new { state = outcome.ToString(), receipt, price, now = time.GetUtcNow(), call.Task, call.Number }) == 1)
            {
                var column = CounterOf(outcome);
                await session.ExecuteAsync($"UPDATE suppliers SET spent = spent + @price, {column} = {column} + 1 WHERE id = @Id", new { price, call.Supplier.Id });
            }

            return true;
        },
        cancellationToken);

    /// <summary>Writes that a call came to nothing, and why. Again it changes nothing.</summary>
    public Task FailAsync(SupplierCall call, CallOutcome outcome, string detail, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var now = time.GetUtcNow();
            // One that was done and cannot be had any more failed after all; what it cost stays spent.
            if (await session.ExecuteAsync(
                "UPDATE supplier_calls SET state = @state, detail = @detail, ended_at = @now WHERE task_id = @Task AND number = @Number AND state IN ('Open', 'Done')",
                new { state = outcome.ToString(), detail, now, call.Task, call.Number }) != 1)
            {
                return;
            }

            // Nobody's doing but the consumer's.
            if (outcome is CallOutcome.Cancelled)
                return;
            var column = CounterOf(outcome);
            await session.ExecuteAsync($"UPDATE suppliers SET {column} = {column} + 1 WHERE id = @Id", new { call.Supplier.Id });
            if (outcome is not CallOutcome.Declined)
                await session.ExecuteAsync("UPDATE suppliers SET last_failure = @detail, last_failed_at = @now WHERE id = @Id", new { detail, now, call.Supplier.Id });
        },
        cancellationToken);

    /// <summary>Writes how long it took a supplier to answer.</summary>
    public Task MeasureAsync(Supplier supplier, TimeSpan latency, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync(
            "UPDATE suppliers SET latency_us = @latency WHERE id = @Id", new { latency = (long)supplier.Standing.LatencyWith(latency).TotalMicroseconds, supplier.Id }),
        cancellationToken);

    /// <summary>One that tasks are given to, inside an act.</summary>
    internal static async Task<Supplier?> FindAsync(SqlSession session, Id<Supplier> id) =>
        (await session.QueryFirstOrDefaultAsync<SupplierRow>($"SELECT {Columns} FROM suppliers AS s WHERE id = @id AND removed_at IS NULL", new { id }))?.ToSupplier();

    /// <summary>Has others wait who change the same supplier.</summary>
    internal static Task<Money?> LockAsync(SqlSession session, Id<Supplier> supplier) =>
        session.QueryFirstOrDefaultAsync<Money?>("SELECT signed FROM suppliers WHERE id = @supplier {for update}", new { supplier });

    private static string CounterOf(CallOutcome outcome) => outcome switch
    {
        CallOutcome.Done => "successes",
        CallOutcome.Failed => "failures",
        CallOutcome.Declined => "declines",
        CallOutcome.Lied => "lies",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome)),
    };

    private static string Purpose(Id<Channel> channel) => "supplier-channel " + channel;

    private sealed record CallRow(long Number, Id<Supplier> SupplierId, Money Amount, Money Voucher, string State, long? TimeoutMs, string? Agent)
    {
        public SupplierCall ToCall(Id<AgentTask> task, Supplier supplier) =>
            new(task, Number, supplier, Amount, Voucher, Enum.Parse<CallOutcome>(State)) { TimeoutMs = TimeoutMs, Agent = Agent };
    }

    private sealed record SupplierRow(
        Id<Supplier> Id, PeerId Node, string Address, Id<Channel> ChannelId, Money Signed, Money Spent, Money Reserved, Money Beyond, Money Doubtful, DateTimeOffset? BarredUntil,
        long Successes, long Failures, long Declines, long Lies, long Checks, long Disagreements, long? LatencyUs, string? LastFailure, DateTimeOffset? LastFailedAt, DateTimeOffset AddedAt)
    {
        public Supplier ToSupplier() => new(
            Id, Node, new Uri(Address), ChannelId, Signed, Spent, Reserved,
            new SupplierStanding(Successes, Failures, Declines, Lies, LatencyUs is { } latency ? TimeSpan.FromMicroseconds(latency) : null, LastFailure, LastFailedAt) { Checks = Checks, Disagreements = Disagreements },
            AddedAt)
        {
            Beyond = Beyond,
            Doubtful = Doubtful,
            BarredUntil = BarredUntil,
        };
    }
}

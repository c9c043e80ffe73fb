using Stoa.Market.Membership;
using Stoa.Market.Supply;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Supply.Models;

/// <summary>What nodes of this cell may spend at suppliers for requests to models, and what they have spent, in the database.</summary>
/// <remarks>What is granted is promised by a voucher in the transaction that grants it, before the voucher leaves. Each act locks its supplier first, as those on calls do, so that all nodes of a cell may use one channel.</remarks>
/// <param name="database">The cell's.</param>
/// <param name="cell">Which node this is.</param>
/// <param name="options">How much may be in doubt.</param>
/// <param name="time">The clock.</param>
public sealed class SqlSupplierTabs(Database database, Cell cell, SupplyOptions options, TimeProvider time)
{
    private const string Counted = "spent, doubtful, successes, failures, lies";

    // A node that comes back takes its own up again as doubtful; one that does not must not hold it for ever.
    private static readonly TimeSpan s_untilAbandoned = TimeSpan.FromMinutes(10);

    // Whoever comes back later than that has been started anew.
    private static readonly TimeSpan s_untilForgotten = TimeSpan.FromDays(7);

    /// <summary>Writes what came of requests, and what may be spent; the same again changes nothing. One that is over, or was taken over by others, counts nothing any more.</summary>
    /// <param name="tab">Which.</param>
    /// <param name="counts">What came of them in all since the tab of this start was opened.</param>
    /// <param name="granted">What may be spent in all since then.</param>
    /// <param name="failure">What happened when it last failed or lied; null when it did not since.</param>
    /// <param name="isOver">Whether nothing is spent any more: all that is granted and not spent is free again.</param>
    /// <param name="cancellationToken">Writes nothing.</param>
    /// <returns>The supplier, whose <see cref="Supplier.Signed"/> covers what is granted; null when it was removed, or the tab is over.</returns>
    public Task<Supplier?> WriteAsync(TabKey tab, PurseCounts counts, Money granted, string? failure, bool isOver, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var (now, holder) = (time.GetUtcNow(), cell.Self.ToString());
            var (supplier, number) = tab;
            await SqlSuppliers.LockAsync(session, supplier);
            var before = await session.QueryFirstOrDefaultAsync<TabRow>(
                $"SELECT {Counted}, closed_at FROM supplier_tabs WHERE supplier_id = @supplier AND holder = @holder AND number = @number", new { supplier, holder, number });
            if (before?.ClosedAt is not null)
                return null;
            var since = counts.Since(before?.ToCounts() ?? default);
            if (since != default)
            {
                await session.ExecuteAsync(
                    "UPDATE suppliers SET spent = spent + @Spent, doubtful = doubtful + @Doubtful, successes = successes + @Successes, failures = failures + @Failures, lies = lies + @Lies WHERE id = @supplier",
                    new { since.Spent, since.Doubtful, since.Successes, since.Failures, since.Lies, supplier });
            }

            if (failure is not null)
                await session.ExecuteAsync("UPDATE suppliers SET last_failure = @failure, last_failed_at = @now WHERE id = @supplier", new { failure, now, supplier });
            if (since.Lies > 0)
            {
                var lies = await session.QuerySingleAsync<long>("SELECT lies FROM suppliers WHERE id = @supplier", new { supplier });
                await session.ExecuteAsync("UPDATE suppliers SET barred_until = @until WHERE id = @supplier", new { until = now + SupplierShares.BarOf(lies), supplier });
            }

            await session.ExecuteAsync(
                $"""
                INSERT INTO supplier_tabs (supplier_id, holder, number, granted, {Counted}, since_at, closed_at)
                VALUES (@supplier, @holder, @number, @granted, @Spent, @Doubtful, @Successes, @Failures, @Lies, @now, @closed)
                ON CONFLICT (supplier_id, holder, number) DO UPDATE SET granted = excluded.granted, spent = excluded.spent, doubtful = excluded.doubtful,
                    successes = excluded.successes, failures = excluded.failures, lies = excluded.lies, since_at = excluded.since_at, closed_at = excluded.closed_at
                """,
                new { supplier, holder, number, granted, counts.Spent, counts.Doubtful, counts.Successes, counts.Failures, counts.Lies, now, closed = isOver ? now : (DateTimeOffset?)null });
            if (since.Successes > 0)
                await HealAsync(session, supplier, since.Spent);
            // Before more is promised: what it was promised until now, less what it is known to have charged, is all that it can have taken.
            if (await DoubtAsync(session, supplier) is not { } found)
                return null;
            return isOver ? found : await PromiseAsync(session, found, found.VoucherFor(Money.Zero));
        },
        cancellationToken);

    /// <summary>Promises what a supplier says that it needs for a request, as far as its books may differ from this cell's.</summary>
    /// <param name="supplier">Which.</param>
    /// <param name="cumulative">What it asks for in all.</param>
    /// <param name="most">By how much its books may differ, beyond what nobody knows.</param>
    /// <param name="cancellationToken">Writes nothing.</param>
    /// <returns>The supplier with what is promised now; null when it is too much, or it was removed.</returns>
    public Task<Supplier?> RaiseAsync(Id<Supplier> supplier, Money cumulative, Money most, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await SqlSuppliers.LockAsync(session, supplier);
            if (await SqlSuppliers.FindAsync(session, supplier) is not { } found || !found.MayPromise(cumulative, most) || !found.MayDiffer(cumulative, most))
                return null;
            var beyond = Money.Max(found.Beyond, cumulative - found.Spent - found.Reserved);
            // It has taken no more in all than it says that it needs in all.
            var doubtful = found.DoubtfulAfter(cumulative);
            await session.ExecuteAsync("UPDATE suppliers SET beyond = @beyond, doubtful = @doubtful WHERE id = @supplier", new { beyond, doubtful, supplier });
            return await PromiseAsync(session, found with { Beyond = beyond, Doubtful = doubtful }, cumulative);
        },
        cancellationToken);

    /// <summary>Takes over what earlier starts of this node have left, and nodes that were not alive for long: what they had granted and not written as spent may have been spent.</summary>
    /// <param name="isStart">Whether this start has none yet, so that its own are not left either.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task AdoptAsync(bool isStart, CancellationToken cancellationToken)
    {
        var (now, self) = (time.GetUtcNow(), cell.Self.ToString());
        var left = await database.ReadAsync(
            session => session.QueryAsync<(Id<Supplier> Supplier, string Holder, long Number)>(
                """
                SELECT supplier_id, holder, number FROM supplier_tabs
                WHERE closed_at IS NULL AND (holder <> @self OR @isStart) AND (SUBSTR(holder, 1, LENGTH(@node)) = @node OR (since_at < @before AND holder NOT IN (SELECT holder FROM nodes)))
                """,
                new { self, isStart, node = $"{cell.Self.Node}/", before = now - s_untilAbandoned }),
            cancellationToken);
        foreach (var (supplier, holder, number) in left)
        {
            await database.WriteAsync(
                async session =>
                {
                    await SqlSuppliers.LockAsync(session, supplier);
                    await session.ExecuteAsync(
                        """
                        UPDATE suppliers SET doubtful = doubtful + (
                            SELECT COALESCE(SUM(t.granted - t.spent), 0) FROM supplier_tabs AS t WHERE t.supplier_id = @supplier AND t.holder = @holder AND t.number = @number AND t.closed_at IS NULL)
                        WHERE id = @supplier
                        """,
                        new { supplier, holder, number });
                    await DoubtAsync(session, supplier);
                    return await session.ExecuteAsync(
                        "UPDATE supplier_tabs SET closed_at = @now WHERE supplier_id = @supplier AND holder = @holder AND number = @number AND closed_at IS NULL", new { now, supplier, holder, number });
                },
                cancellationToken);
        }

        var forgotten = now - s_untilForgotten;
        if (await database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM supplier_tabs WHERE closed_at < @forgotten", new { forgotten }), cancellationToken) > 0)
            await database.WriteAsync(session => session.ExecuteAsync("DELETE FROM supplier_tabs WHERE closed_at < @forgotten", new { forgotten }), cancellationToken);
    }

    /// <summary>It has answered: what is in doubt beyond its bound counts as spent as far as that goes.</summary>
    private async Task HealAsync(SqlSession session, Id<Supplier> supplier, Money answered)
    {
        if (await SqlSuppliers.FindAsync(session, supplier) is not { } found || found.HealedBy(answered, options.MostDoubtful) is not { Nanodollars: > 0 } healed)
            return;
        // As when it is removed and added again, and for the same reason: what counts as spent no books differ by.
        await session.ExecuteAsync(
            "UPDATE suppliers SET doubtful = doubtful - @healed, spent = spent + @healed, beyond = CASE WHEN beyond > @healed THEN beyond - @healed ELSE 0 END WHERE id = @supplier", new { healed, supplier });
    }

    /// <summary>A supplier, with no more in doubt than it can have taken; null when it was removed.</summary>
    private static async Task<Supplier?> DoubtAsync(SqlSession session, Id<Supplier> supplier)
    {
        if (await SqlSuppliers.FindAsync(session, supplier) is not { } found)
            return null;
        var doubtful = found.DoubtfulAfter(found.Signed);
        if (doubtful < found.Doubtful)
            await session.ExecuteAsync("UPDATE suppliers SET doubtful = @doubtful WHERE id = @supplier", new { doubtful, supplier });
        return found with { Doubtful = doubtful };
    }

    private static async Task<Supplier> PromiseAsync(SqlSession session, Supplier supplier, Money voucher)
    {
        if (voucher <= supplier.Signed)
            return supplier;
        await session.ExecuteAsync("UPDATE suppliers SET signed = @voucher WHERE id = @Id", new { voucher, supplier.Id });
        return supplier with { Signed = voucher };
    }

    private sealed record TabRow(Money Spent, Money Doubtful, long Successes, long Failures, long Lies, DateTimeOffset? ClosedAt)
    {
        public PurseCounts ToCounts() => new(Spent, Doubtful, Successes, Failures, Lies);
    }
}

/// <summary>Names a tab among those of one start of a node.</summary>
/// <param name="Supplier">Where it is.</param>
/// <param name="Number">Which of those there, from 1.</param>
public readonly record struct TabKey(Id<Supplier> Supplier, long Number);

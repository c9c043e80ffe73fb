using Stoa.Market;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>Statements inside a session: one is written with the change that it tells of, or not at all.</summary>
internal static class SqlStatements
{
    /// <summary>The signal of the database that tells the newest sequence; on PostgreSQL also the channel of its notifications.</summary>
    public const string Topic = "stoa_statements";

    // Sequences have to become visible in the order in which they are drawn, as those of events, and what is merged must not change meanwhile. The key is the word "stat" in ASCII.
    private const string Lock = "SELECT 1 FROM (SELECT pg_advisory_xact_lock(1937006964)) AS locked";

    private static readonly SqlRows<(ContentHash Id, DateTimeOffset At)> s_noteRemovals = SqlRows<(ContentHash Id, DateTimeOffset At)>.Insert(
        "statement_removals",
        [
            SqlField<(ContentHash Id, DateTimeOffset At)>.OfText("id", row => row.Id),
            SqlField<(ContentHash Id, DateTimeOffset At)>.OfInteger("removed_at", row => row.At.ToUnixTimeMilliseconds()),
        ]);

    /// <summary>Waits until nobody else writes statements. From here to the end of the act nobody does. Lock what else is to be locked before, and append events behind.</summary>
    public static Task LockAsync(SqlSession session) => session.Dialect.IsSqlite ? Task.CompletedTask : session.SendAsync(Lock);

    /// <summary>Adds statements, one after another.</summary>
    /// <returns>For each what became of it.</returns>
    public static async Task<IReadOnlyList<Outcome<StatementEffect, StatementFault>>> AddAsync(
        SqlSession session, IReadOnlyList<Statement> statements, AdmissionPolicy policy, DateTimeOffset now)
    {
        if (statements.Count == 0)
            return [];
        await LockAsync(session);
        var batch = new StatementBatch(await SqlStatementBatch.ReadAsync(session, statements), policy, now);
        List<Outcome<StatementEffect, StatementFault>> outcomes = [.. statements.Select(batch.Take)];
        if (batch.Added.Count == 0)
            return outcomes;
        await SqlStatementBatch.WriteAsync(session, batch, now);
        await NetworkCatalogue.FollowAsync(session, batch);
        await TellAsync(session);
        return outcomes;
    }

    /// <summary>Has a signer stand at least so high.</summary>
    public static async Task RaiseStandingAsync(SqlSession session, PeerId signer, SignerStanding standing)
    {
        await LockAsync(session);
        var row = await session.QueryFirstOrDefaultAsync<SignerRow>($"SELECT {SignerRow.Columns} FROM statement_signers WHERE signer = @signer", new { signer });
        if (row?.Standing >= standing)
            return;
        var usage = row?.ToUsage() ?? SignerUsage.None(SignerStanding.Stranger);
        await session.ExecuteAsync(SignerRow.Upsert, SignerRow.Of(signer, usage with { Standing = standing }));
        if (usage is { Standing: SignerStanding.Stranger, Bytes: > 0 })
            await session.ExecuteAsync("UPDATE statement_strangers SET bytes = bytes - @Bytes", new { usage.Bytes });
    }

    /// <summary>Vouches for a signer in one of the two ways. What stands higher stays so.</summary>
    public static async Task VouchAsync(SqlSession session, PeerId signer, bool believesReceipts)
    {
        await RaiseStandingAsync(session, signer, believesReceipts ? SignerStanding.Believed : SignerStanding.Vouched);
        if (!believesReceipts)
        {
            await session.ExecuteAsync(
                "UPDATE statement_signers SET standing = @vouched WHERE signer = @signer AND standing = @believed",
                new { signer, vouched = SignerStanding.Vouched, believed = SignerStanding.Believed });
        }
    }

    /// <summary>Has a signer who is vouched for be a stranger again.</summary>
    public static async Task WithdrawVouchAsync(SqlSession session, PeerId signer)
    {
        await LockAsync(session);
        var parameters = new { signer, vouched = new[] { SignerStanding.Vouched, SignerStanding.Believed }, stranger = SignerStanding.Stranger };
        if (await session.QueryFirstOrDefaultAsync<long?>("SELECT bytes FROM statement_signers WHERE signer = @signer AND standing IN @vouched", parameters) is not { } bytes)
            return;
        await session.ExecuteAsync("UPDATE statement_signers SET standing = @stranger WHERE signer = @signer", parameters);
        // Only who is vouched for is remembered without anything.
        await session.ExecuteAsync("DELETE FROM statement_signers WHERE signer = @signer AND statements = 0", parameters);
        await session.ExecuteAsync("UPDATE statement_strangers SET bytes = bytes + @bytes", new { bytes });
    }

    /// <summary>Forgets offers that are over.</summary>
    public static async Task<int> ForgetOversAsync(SqlSession session, DateTimeOffset now, int limit)
    {
        await LockAsync(session);
        var overs = await session.QueryAsync<OverRow>(
            "SELECT id, signer, size_bytes FROM statements WHERE kind = 'offer' AND hlc < @before ORDER BY hlc LIMIT @limit",
            new { before = Statement.ForgetOffersBefore(now).Packed, limit });
        await RemoveAsync(session, [.. overs.Select(over => over.Id)], now);
        foreach (var over in overs)
        {
            // Only who is vouched for is remembered without anything.
            await session.SendAsync("UPDATE statement_strangers SET bytes = bytes - @SizeBytes WHERE EXISTS (SELECT 1 FROM statement_signers WHERE signer = @Signer AND standing = @stranger)", new { over.SizeBytes, over.Signer, stranger = SignerStanding.Stranger });
            await session.SendAsync("UPDATE statement_signers SET statements = statements - 1, bytes = bytes - @SizeBytes WHERE signer = @Signer", over);
            await session.SendAsync("DELETE FROM statement_signers WHERE signer = @Signer AND statements = 0 AND standing = @stranger", new { over.Signer, stranger = SignerStanding.Stranger });
            await session.SendAsync("DELETE FROM offered_programs WHERE node = @Signer", over);
        }

        return overs.Count;
    }

    /// <summary>Drops statements of a signer, who is not a stranger. The writing of statements is locked.</summary>
    /// <param name="session">The act.</param>
    /// <param name="signer">Whose.</param>
    /// <param name="which">Which of them.</param>
    /// <param name="parameters">With the signer.</param>
    /// <param name="now">UTC.</param>
    public static async Task DropAsync(SqlSession session, PeerId signer, string which, object parameters, DateTimeOffset now)
    {
        var dropped = await session.QueryAsync<(ContentHash Id, long Bytes)>($"SELECT id, size_bytes FROM statements WHERE signer = @signer AND {which}", parameters);
        await RemoveAsync(session, [.. dropped.Select(statement => statement.Id)], now);
        await session.ExecuteAsync(
            "UPDATE statement_signers SET statements = statements - @count, bytes = bytes - @bytes WHERE signer = @signer",
            new { signer, count = dropped.Count, bytes = dropped.Sum(statement => statement.Bytes) });
    }

    /// <summary>Takes statements away, and notes it for those who have their ids in memory.</summary>
    public static async Task RemoveAsync(SqlSession session, IReadOnlyList<ContentHash> ids, DateTimeOffset now)
    {
        await session.SendRowsAsync(NewStatementRow.Delete, ids);
        await session.SendRowsAsync(s_noteRemovals, [.. ids.Select(id => (id, now))]);
    }

    /// <summary>Forgets which statements went before a time.</summary>
    public static Task ForgetRemovalsAsync(SqlSession session, DateTimeOffset before) => session.ExecuteAsync("DELETE FROM statement_removals WHERE removed_at < @before", new { before });

    private static async Task TellAsync(SqlSession session) => session.RaiseOnCommit(Topic, await session.QuerySingleAsync<long>(
        """
        SELECT last FROM (SELECT COALESCE(MAX(sequence), 0) AS last FROM statements) AS newest
        {if postgres}, LATERAL pg_notify(@topic, CAST(last AS TEXT)) AS notified{end}
        """,
        new { topic = Topic }));

    private sealed record OverRow(ContentHash Id, PeerId Signer, long SizeBytes);
}

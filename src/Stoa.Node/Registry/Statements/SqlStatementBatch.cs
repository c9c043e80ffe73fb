using Stoa.Market.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>A <see cref="StatementBatch"/> in one transaction: what its keys and signers have is read at once, and what is left after merging is written at once.</summary>
internal static class SqlStatementBatch
{
    /// <summary>Reads what the statements' keys and signers have. The writing of statements is locked.</summary>
    public static async Task<StatementShelf> ReadAsync(SqlSession session, IReadOnlyList<Statement> statements)
    {
        var kept = new Dictionary<MergeKey, IReadOnlyList<KeptStatement>>();
        var byText = new Dictionary<string, List<KeptStatement>>(StringComparer.Ordinal);
        foreach (var key in statements.Select(statement => statement.Key).Where(key => !kept.ContainsKey(key)))
            kept.Add(key, byText[key.ToString()] = []);
        foreach (var row in await session.QueryAsync<KeptRow>(
            "SELECT merge_key, id, hlc, said, size_bytes FROM statements WHERE merge_key IN @keys ORDER BY merge_key, hlc, id", new { keys = byText.Keys }))
        {
            byText[row.MergeKey].Add(new KeptStatement(new MergeItem(Hlc.FromPacked(row.Hlc), row.Id, row.Said), row.SizeBytes));
        }

        var signers = (await session.QueryAsync<SignerRow>(
                $"SELECT {SignerRow.Columns} FROM statement_signers WHERE signer IN @signers",
                new { signers = statements.Select(statement => statement.SignerId).Distinct() }))
            .ToDictionary(row => row.Signer, row => row.ToUsage());
        return new StatementShelf(kept, signers, await session.QuerySingleAsync<long>("SELECT bytes FROM statement_strangers"));
    }

    /// <summary>Writes what has changed.</summary>
    public static async Task WriteAsync(SqlSession session, StatementBatch batch, DateTimeOffset now)
    {
        await SqlStatements.RemoveAsync(session, batch.Removed, now);
        await session.SendRowsAsync(NewStatementRow.Insert, [.. batch.Added.Select(statement => new NewStatementRow(statement, now))]);
        await session.SendEachAsync(SignerRow.Upsert, batch.Signers.Select(signer => SignerRow.Of(signer.Key, signer.Value)));
        if (batch.StrangersBytesAdded != 0)
            await session.SendAsync("UPDATE statement_strangers SET bytes = bytes + @more", new { more = batch.StrangersBytesAdded });
        await session.SendEachAsync(
            """
            INSERT INTO equivocations (signer, agent, version, first_id, second_id, found_at) VALUES (@Signer, @Agent, @Version, @first, @second, @now)
            ON CONFLICT (signer, agent, version) DO UPDATE SET first_id = @first, second_id = @second
            """,
            batch.Contradictions.Select(one => (object)new
            {
                one.Key.Signer,
                one.Key.Agent,
                one.Key.Version,
                first = one.Kept.Standing.Id,
                second = one.Kept.Contradiction!.Value.Id,
                now,
            }));
    }

    private sealed record KeptRow(string MergeKey, ContentHash Id, long Hlc, ContentHash Said, long SizeBytes);
}

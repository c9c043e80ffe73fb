using Stoa.Market;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>Statements in <c>statements</c>, with what each signer has in <c>statement_signers</c> and contradictions in <c>equivocations</c>, all in the transaction that adds them.</summary>
/// <param name="database">The cell's.</param>
/// <param name="policy">Who may have how many.</param>
public sealed class SqlStatementStore(Database database, AdmissionPolicy policy) : IStatementStore
{
    /// <summary>How long it can be read which statements went. Who has not looked for so long reads all ids anew.</summary>
    public static TimeSpan RemovalsKept { get; } = TimeSpan.FromDays(1);

    public Task<IReadOnlyList<Outcome<StatementEffect, StatementFault>>> AddAsync(
        IReadOnlyList<Statement> statements, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(session => SqlStatements.AddAsync(session, statements, policy, now), cancellationToken);

    public async Task<Statement?> FindAsync(ContentHash id, CancellationToken cancellationToken) =>
        (await database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<StatementRow>($"SELECT {StatementRow.Columns} FROM statements WHERE id = @id", new { id }), cancellationToken))?.ToStatement();

    public async Task<IReadOnlyList<Statement>> ListByKeyAsync(MergeKey key, CancellationToken cancellationToken) => ToStatements(await database.ReadAsync(
        session => session.QueryAsync<StatementRow>(
            $"SELECT {StatementRow.Columns} FROM statements WHERE merge_key = @key ORDER BY hlc, id", new { key = key.ToString() }),
        cancellationToken));

    public Task<IReadOnlyList<Contradiction>> ListContradictionsAsync(PeerId? signer, KeyedListing? after, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Contradiction>(
            $"""
            SELECT signer, agent AS name, version, first_id AS first, second_id AS second, found_at FROM equivocations
            WHERE {(signer is null ? "TRUE" : "signer = @signer")} AND {(after is null ? "TRUE" : "(signer, agent, version) > (@Publisher, @Name, @version)")}
            -- Of whom was erased here the statements are gone, and with them the proof.
            AND EXISTS (SELECT 1 FROM statements WHERE id = first_id) AND EXISTS (SELECT 1 FROM statements WHERE id = second_id)
            ORDER BY signer, agent, version LIMIT @limit
            """,
            new { signer, after?.Publisher, after?.Name, version = after?.Version?.ToString() ?? "", limit }),
        cancellationToken);

    public Task RaiseStandingAsync(PeerId signer, SignerStanding standing, CancellationToken cancellationToken) =>
        database.WriteAsync(session => SqlStatements.RaiseStandingAsync(session, signer, standing), cancellationToken);

    public Task<int> ForgetOversAsync(DateTimeOffset now, int limit, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async session =>
            {
                var forgotten = await SqlStatements.ForgetOversAsync(session, now, limit);
                await SqlStatements.ForgetRemovalsAsync(session, now - RemovalsKept);
                return forgotten;
            },
            cancellationToken);

    private static List<Statement> ToStatements(IReadOnlyList<StatementRow> rows) => [.. rows.Select(row => row.ToStatement())];
}

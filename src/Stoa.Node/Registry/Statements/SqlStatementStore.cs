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
        await FindAllAsync([id], cancellationToken) is [var statement] ? statement : null;

    public async Task<IReadOnlyList<Statement>> FindAllAsync(IReadOnlyCollection<ContentHash> ids, CancellationToken cancellationToken) => ToStatements(await database.ReadAsync(
        session => session.QueryAsync<StatementRow>($"SELECT {StatementRow.Columns} FROM statements WHERE id IN @ids", new { ids }), cancellationToken));

    public async Task<IReadOnlyList<Statement>> ListByKeyAsync(MergeKey key, CancellationToken cancellationToken) => ToStatements(await database.ReadAsync(
        session => session.QueryAsync<StatementRow>(
            $"SELECT {StatementRow.Columns} FROM statements WHERE merge_key = @key ORDER BY hlc, id", new { key = key.ToString() }),
        cancellationToken));

    public async Task<IReadOnlyList<ArrivedStatement>> ReadAfterAsync(long sequence, int limit, CancellationToken cancellationToken) =>
        [.. (await database.ReadAsync(
            session => session.QueryAsync<StatementRow>(
                $"SELECT {StatementRow.Columns} FROM statements WHERE sequence > @sequence ORDER BY sequence LIMIT @limit", new { sequence, limit }),
            cancellationToken)).Select(row => new ArrivedStatement(row.Sequence, row.ToStatement()))];

    public async Task<IReadOnlyList<StatementName>> ListNamesAsync(ContentHash after, int limit, CancellationToken cancellationToken) =>
        [.. (await database.ReadAsync(
            session => session.QueryAsync<NameRow>("SELECT id, kind, hlc FROM statements WHERE id > @after ORDER BY id LIMIT @limit", new { after, limit }),
            cancellationToken)).Select(row => row.ToName())];

    public Task<IReadOnlyList<Equivocation>> ListEquivocationsAsync(PeerId? signer, KeyedListing? after, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Equivocation>(
            $"""
            SELECT signer, agent, version, first_id AS first, second_id AS second, found_at FROM equivocations
            WHERE {(signer is null ? "TRUE" : "signer = @signer")} AND {(after is null ? "TRUE" : "(signer, agent, version) > (@Publisher, @Name, @version)")}
            -- Of whom was erased here the statements are gone, and with them the proof.
            AND EXISTS (SELECT 1 FROM statements WHERE id = first_id) AND EXISTS (SELECT 1 FROM statements WHERE id = second_id)
            ORDER BY signer, agent, version LIMIT @limit
            """,
            new { signer, after?.Publisher, after?.Name, version = after?.Version?.ToString() ?? "", limit }),
        cancellationToken);

    public async Task<SignerUsage?> FindSignerAsync(PeerId signer, CancellationToken cancellationToken) => (await database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<SignerRow>($"SELECT {SignerRow.Columns} FROM statement_signers WHERE signer = @signer", new { signer }),
        cancellationToken))?.ToUsage();

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

    private sealed record NameRow(ContentHash Id, string Kind, long Hlc)
    {
        public StatementName ToName() => new(
            Id, StatementKinds.TryParse(Kind, out var kind) ? kind : throw new FormatException($"There is no kind of statement \"{Kind}\"."), Primitives.Hlc.FromPacked(Hlc));
    }
}

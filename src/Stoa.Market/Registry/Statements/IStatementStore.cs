using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>A statement with its place in the order in which this cell got them.</summary>
/// <param name="Sequence">Greater than that of all that came before.</param>
/// <param name="Statement">The statement.</param>
public sealed record ArrivedStatement(long Sequence, Statement Statement);

/// <summary>What a reconciliation compares: which statements a cell has.</summary>
/// <param name="Id">The id.</param>
/// <param name="Kind">The kind.</param>
/// <param name="Hlc">The timestamp.</param>
public sealed record StatementName(ContentHash Id, StatementKind Kind, Hlc Hlc);

/// <summary>A signer has contradicted itself: two listings of one version that say different things.</summary>
/// <param name="Signer">Who.</param>
/// <param name="Agent">Of which agent.</param>
/// <param name="Version">Of which version, as it is written.</param>
/// <param name="First">The id of the earlier one.</param>
/// <param name="Second">The id of the other one. Both are kept.</param>
/// <param name="FoundAt">When this cell had both, UTC.</param>
public sealed record Equivocation(PeerId Signer, string Agent, string Version, ContentHash First, ContentHash Second, DateTimeOffset FoundAt)
{
    /// <summary>The version.</summary>
    public KeyedListing Listing => new(Signer, Agent, SemanticVersion.Parse(Version));
}

/// <summary>Keeps the statements of the registry: of each key what <see cref="StatementMerge"/> leaves.</summary>
public interface IStatementStore
{
    /// <summary>Adds statements, as if one after another, in one transaction; readers follow them by <see cref="ReadAfterAsync"/>. Each one's time and quota is checked.</summary>
    /// <param name="statements">Opened. A thousand in one call cost little more than one.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Adds none.</param>
    /// <returns>For each, in order, what became of it, or why it is not taken.</returns>
    Task<IReadOnlyList<Outcome<StatementEffect, StatementFault>>> AddAsync(
        IReadOnlyList<Statement> statements, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>The statement with an id; null when it is not kept here.</summary>
    Task<Statement?> FindAsync(ContentHash id, CancellationToken cancellationToken);

    /// <summary>The statements with some ids, in no order; those that are not kept are left out.</summary>
    Task<IReadOnlyList<Statement>> FindAllAsync(IReadOnlyCollection<ContentHash> ids, CancellationToken cancellationToken);

    /// <summary>What is kept under a key: first what stands, then what contradicts it.</summary>
    Task<IReadOnlyList<Statement>> ListByKeyAsync(MergeKey key, CancellationToken cancellationToken);

    /// <summary>Statements that came after a place, in order, without those that others have taken the place of since.</summary>
    /// <param name="sequence">0 for all.</param>
    /// <param name="limit">The most that are answered.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<IReadOnlyList<ArrivedStatement>> ReadAfterAsync(long sequence, int limit, CancellationToken cancellationToken);

    /// <summary>Which statements there are, by id.</summary>
    /// <param name="after">Only greater ids; the default for all.</param>
    /// <param name="limit">The most that are answered.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<IReadOnlyList<StatementName>> ListNamesAsync(ContentHash after, int limit, CancellationToken cancellationToken);

    /// <summary>Contradictions that were found, by signer, agent and version.</summary>
    /// <param name="signer">Whose; null for everybody's.</param>
    /// <param name="after">Only those behind this version; null for all.</param>
    /// <param name="limit">The most that are answered.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<IReadOnlyList<Equivocation>> ListEquivocationsAsync(PeerId? signer, KeyedListing? after, int limit, CancellationToken cancellationToken);

    /// <summary>What a signer has here; null when it has nothing and nobody vouches for it.</summary>
    Task<SignerUsage?> FindSignerAsync(PeerId signer, CancellationToken cancellationToken);

    /// <summary>Has a signer be known here from now on. What stands higher already stays so.</summary>
    /// <param name="signer">Whom an administrator vouches for, or whose key is this cell's.</param>
    /// <param name="standing">As what.</param>
    /// <param name="cancellationToken">Changes nothing.</param>
    Task RaiseStandingAsync(PeerId signer, SignerStanding standing, CancellationToken cancellationToken);

    /// <summary>Forgets offers that are over (<see cref="Statement.IsOver"/>). All else is needed by merging for ever: what was superseded is gone at once, and withdrawals stay, or what
    /// they withdraw could come back.</summary>
    /// <returns>How many were forgotten; fewer than <paramref name="limit"/> when there are no more.</returns>
    Task<int> ForgetOversAsync(DateTimeOffset now, int limit, CancellationToken cancellationToken);
}

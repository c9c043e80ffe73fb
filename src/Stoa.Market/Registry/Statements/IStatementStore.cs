using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>Keeps the statements of the registry: of each key what <see cref="StatementMerge"/> leaves.</summary>
public interface IStatementStore
{
    /// <summary>Adds statements, as if one after another, in one transaction: whoever follows what comes sees all of them or none. Each one's time and quota is checked.</summary>
    /// <param name="statements">Opened. A thousand in one call cost little more than one.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Adds none.</param>
    /// <returns>For each, in order, what became of it, or why it is not taken.</returns>
    Task<IReadOnlyList<Outcome<StatementEffect, StatementFault>>> AddAsync(
        IReadOnlyList<Statement> statements, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>The statement with an id; null when it is not kept here.</summary>
    Task<Statement?> FindAsync(ContentHash id, CancellationToken cancellationToken);

    /// <summary>What is kept under a key: first what stands, then what contradicts it.</summary>
    Task<IReadOnlyList<Statement>> ListByKeyAsync(MergeKey key, CancellationToken cancellationToken);

    /// <summary>Contradictions that were found, by publisher, name and version.</summary>
    /// <param name="signer">Whose; null for everybody's.</param>
    /// <param name="after">Only those behind this version; null for all.</param>
    /// <param name="limit">The most that are answered.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<IReadOnlyList<Contradiction>> ListContradictionsAsync(PeerId? signer, KeyedListing? after, int limit, CancellationToken cancellationToken);

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

using Stoa.Market.Registry.Replication;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Replication;

/// <summary>How far the coming and going of statements was followed.</summary>
/// <param name="Added">The sequence of the last one that came.</param>
/// <param name="Removed">The sequence of the last one that went.</param>
internal readonly record struct StatementPlace(long Added, long Removed);

/// <summary>What has come and gone behind a place.</summary>
/// <param name="Added">What came, in order; some of it may have gone since.</param>
/// <param name="Removed">What went and has not come back.</param>
/// <param name="Last">Where this ends.</param>
/// <param name="HasMore">Whether there may be more behind it.</param>
internal sealed record StatementChanges(IReadOnlyList<ContentHash> Added, IReadOnlyList<ContentHash> Removed, StatementPlace Last, bool HasMore);

/// <summary>Which statements come and go where they are kept, for those who follow. What goes is noted for <see cref="Registry.Statements.SqlStatementStore.RemovalsKept"/>.</summary>
internal interface IStatementChanges
{
    /// <summary>Raised with the sequence of the last statement that came.</summary>
    Signal Signal { get; }

    /// <summary>The end as it is now.</summary>
    Task<StatementPlace> LastAsync(CancellationToken cancellationToken);

    /// <summary>The ids of all that is kept, in order.</summary>
    /// <param name="after">Only greater ones; the default for all.</param>
    /// <param name="limit">The most that are answered.</param>
    /// <param name="cancellationToken">Stops it.</param>
    Task<IReadOnlyList<ContentHash>> ListIdsAsync(ContentHash after, int limit, CancellationToken cancellationToken);

    /// <summary>What has come and gone.</summary>
    /// <param name="after">Behind which place.</param>
    /// <param name="limit">The most of each that are answered.</param>
    /// <param name="cancellationToken">Stops it.</param>
    Task<StatementChanges> ReadAsync(StatementPlace after, int limit, CancellationToken cancellationToken);

    /// <summary>What this cell's own signers have said, in order.</summary>
    /// <param name="after">The sequence behind which it is looked for.</param>
    /// <param name="last">The sequence up to which it is.</param>
    /// <param name="limit">The most that are answered.</param>
    /// <param name="cancellationToken">Stops it.</param>
    Task<IReadOnlyList<(long Sequence, SignedStatement Statement)>> ListOwnAsync(long after, long last, int limit, CancellationToken cancellationToken);
}

namespace Stoa.Market.Membership;

/// <summary>A sign of life: a number that a node counts up for as long as it works.</summary>
/// <param name="Holder">One start of a node.</param>
/// <param name="Beat">Higher than at the sign before.</param>
public readonly record struct NodeBeat(LeaseHolder Holder, long Beat);

/// <summary>Which nodes of the cell are alive. Tasks that run for a node that is not listed here are taken over.</summary>
/// <remarks>No clock is compared with another's: a node is dead when others saw its number stand still for long enough.</remarks>
public interface INodeStore
{
    /// <summary>Whether other nodes may work on the same database.</summary>
    bool IsShared { get; }

    /// <summary>Counts this node's own number up and lists all nodes; earlier starts of this node are struck off, for two cannot run at once.</summary>
    /// <param name="self">This start. It is listed again if it was struck off.</param>
    /// <param name="report">What the others are told of it.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops the transaction.</param>
    /// <returns>Every node, this one included.</returns>
    Task<IReadOnlyList<ListedNode>> BeatAsync(LeaseHolder self, NodeReport report, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Strikes a node off, unless it has given another sign of life meanwhile.</summary>
    /// <returns>Whether it was struck off by this call.</returns>
    Task<bool> StrikeOffAsync(NodeBeat seen, CancellationToken cancellationToken);

    /// <summary>Breaks the connections of a silent node to the database, and with them the locks that it holds there.</summary>
    Task EndSessionsAsync(LeaseHolder silent, CancellationToken cancellationToken);
}

using Stoa.Primitives;

namespace Stoa.Market.Registry.Replication;

/// <summary>What became of a statement that came from a peer.</summary>
public enum IntakeFate
{
    /// <summary>It is kept now.</summary>
    Taken,

    /// <summary>It was there, or another stands in its place.</summary>
    Known,

    /// <summary>Not taken, for now or for good, through no fault of whoever sent it.</summary>
    Refused,

    /// <summary>What no honest node has: without a good signature, or not in the form of a statement.</summary>
    Forged,
}

/// <summary>What became of statements that came from a peer.</summary>
/// <param name="Taken">They are kept now.</param>
/// <param name="Known">They were there, or others stand in their place.</param>
/// <param name="Refused">Not taken, for now or for good, through no fault of whoever sent them.</param>
/// <param name="Forged">What no honest node has: without a good signature, or not in the form of a statement.</param>
public readonly record struct IntakeReport(int Taken, int Known, int Refused, int Forged)
{
    /// <summary>Two together.</summary>
    public IntakeReport Plus(IntakeReport other) => new(Taken + other.Taken, Known + other.Known, Refused + other.Refused, Forged + other.Forged);
}

/// <summary>Statements that were read.</summary>
/// <param name="Handled">How many of the ids that were asked for have been looked at, from the first on.</param>
/// <param name="Statements">Those of them that are kept, in their order.</param>
public sealed record ReadStatements(int Handled, IReadOnlyList<SignedStatement> Statements);

/// <summary>The statements of a node, as the sessions of a reconciliation see them.</summary>
public interface IReplica
{
    /// <summary>Which there are. It follows what is stored, perhaps a moment later.</summary>
    ReplicaIndex Index { get; }

    /// <summary>Which are not to be asked for.</summary>
    UnwantedStatements Unwanted { get; }

    /// <summary>Reads statements, one at least, until they have more than so many bytes.</summary>
    /// <param name="ids">Which; at least one.</param>
    /// <param name="enoughBytes">After the one that brings their payloads above this, no more are read.</param>
    /// <param name="cancellationToken">Stops it.</param>
    Task<ReadStatements> ReadAsync(IReadOnlyList<ContentHash> ids, int enoughBytes, CancellationToken cancellationToken);

    /// <summary>Checks statements of a peer and keeps those that may be kept. What is not to be asked for again is noted in <see cref="Unwanted"/>.</summary>
    Task<IntakeReport> TakeAsync(IReadOnlyList<SignedStatement> statements, CancellationToken cancellationToken);
}

/// <summary>Messages to and from the other side of a session, in order.</summary>
public interface IMessageChannel
{
    /// <summary>Sends one; waits while the other side does not read.</summary>
    ValueTask SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken);

    /// <summary>Waits for one; null when the other side has ended.</summary>
    /// <exception cref="InvalidDataException">It is longer than <paramref name="maxLength"/>, or none.</exception>
    ValueTask<ReadOnlyMemory<byte>?> ReceiveAsync(int maxLength, CancellationToken cancellationToken);
}

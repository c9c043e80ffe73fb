
namespace Stoa.Network.Muxing;

/// <summary>Carries many streams over one secured connection.</summary>
public interface IMuxer
{
    /// <summary>What multistream-select calls it, such as <c>/yamux/1.0.0</c>.</summary>
    string Protocol { get; }

    /// <summary>Takes over a connection on which both sides have agreed to <see cref="Protocol"/>.</summary>
    /// <param name="secured">Authenticated bytes both ways. It is the connection's from here on, and disposed with it.</param>
    /// <param name="isInitiator">Whether this side dialled.</param>
    IMuxedConnection Start(Stream secured, bool isInitiator);
}

/// <summary>A connection that carries many streams. Disposing tells the other side, and resets the streams that have not ended.</summary>
public interface IMuxedConnection : IAsyncDisposable
{
    /// <summary>Opens a stream. What is written to it goes out at once: nobody waits for the other side to agree.</summary>
    /// <exception cref="IOException">The connection has ended, or is about to, or has as many streams as it may.</exception>
    ValueTask<MuxedStream> OpenStreamAsync(CancellationToken cancellationToken);

    /// <summary>Waits for a stream that the other side opens; null when the connection has ended.</summary>
    ValueTask<MuxedStream?> AcceptStreamAsync(CancellationToken cancellationToken);

    /// <summary>Ends, without fault, when the connection has ended, whoever ended it and why.</summary>
    Task Completion { get; }

    /// <summary>Why it ended, in words; null while it has not.</summary>
    string? EndedBecause { get; }
}

namespace Stoa.Network.Hosting;

/// <summary>Answers a stream that a peer has opened. The stream is disposed when it ends; whatever it throws resets the stream and is counted.</summary>
public delegate Task StreamHandler(PeerStream stream, CancellationToken cancellationToken);

/// <summary>What became of a peer.</summary>
public enum PeerChangeKind
{
    /// <summary>The first connection to it stands.</summary>
    Connected,

    /// <summary>It has said which protocols it speaks and where it is; again whenever that changes.</summary>
    Identified,

    /// <summary>The last connection to it has ended.</summary>
    Disconnected,
}

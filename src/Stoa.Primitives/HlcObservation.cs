namespace Stoa.Primitives;

/// <summary>What became of a remote timestamp that <see cref="HlcClock.Observe"/> was shown.</summary>
public enum HlcObservation
{
    /// <summary>Every later timestamp of this clock is greater than the remote one.</summary>
    Accepted,

    /// <summary>The remote one is further ahead of this machine's clock than the drift allowed; nothing changed.</summary>
    TooFarAhead,
}

namespace Stoa.Network.Negotiation;

/// <summary>Two sides did not agree on a protocol: they have none in common, or one does not speak multistream-select.</summary>
public sealed class NegotiationException : IOException
{
    public NegotiationException(string message, bool isNothingInCommon = false) : base(message) => IsNothingInCommon = isNothingInCommon;

    /// <summary>Whether the other side has none of the protocols; otherwise it broke the rules of asking.</summary>
    public bool IsNothingInCommon { get; }
}

using Stoa.Primitives;

namespace Stoa.Market.PayPerCall;

/// <summary>Where a call is paid, as x402 names networks: channels are the books of one node each.</summary>
public static class PaymentNetwork
{
    /// <summary>The <c>network</c> of payments at a node: <c>stoa:</c> and its peer id.</summary>
    public static string Of(PeerId node) => $"stoa:{node}";
}

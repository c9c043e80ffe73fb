using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Supply;
using Stoa.Node.Signing;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Sales;

/// <summary>A request for an answer of which it is known who pays, and that he has signed it.</summary>
/// <param name="Payee">Who sells.</param>
/// <param name="Channel">Out of which it is paid.</param>
/// <param name="Claim">What its voucher says.</param>
/// <param name="Signature">Of the request, by the payer of the channel.</param>
internal sealed record PayerRequest(User Payee, PayingChannel Channel, Claim Claim, RequestSignature Signature)
{
    /// <summary>What the agent may ask that makes it; null where none does.</summary>
    public ModelAskContent? Ask { get; init; }

    /// <summary>What it may cost at most by the prices that its payer knows; null when he does not say.</summary>
    public Money? Most { get; init; }

    /// <summary>SHA-256 of the payload that says so; null where there is none.</summary>
    public ContentHash? AskHash { get; init; }
}

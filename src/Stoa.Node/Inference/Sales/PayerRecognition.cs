using System.Buffers.Text;
using System.Text;
using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.PayPerCall;
using Stoa.Market.Supply;
using Stoa.Node.Channels;
using Stoa.Node.Http;
using Stoa.Node.PayPerCall;
using Stoa.Node.Signing;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Sales;

/// <summary>Finds out who pays for a request, by its signature and its voucher: the cheapest checks first, and nothing is kept of one that fails.</summary>
/// <param name="channels">Out of which answers are paid.</param>
/// <param name="node">Which is asked.</param>
/// <param name="time">The clock.</param>
public sealed class PayerRecognition(PayingChannels channels, PublicKey node, TimeProvider time)
{
    // Several times as long as one is; it is remembered.
    private const int MaxPaymentLength = 4_096;

    // A voucher says what may be spent, and an ask what for: neither is to be put on another request.
    private static readonly string[] s_bound = [PaymentHeaders.Signature.ToLowerInvariant(), ModelAsk.Header.ToLowerInvariant(), ModelAnswerReceipt.MostHeader.ToLowerInvariant()];

    /// <summary>The channel whose payer has signed a request.</summary>
    /// <param name="context">Of the request, which has a payment.</param>
    /// <param name="payee">Who sells.</param>
    /// <param name="cancellationToken">Gives up.</param>
    internal async Task<Checked<SignedByPayer>> FindChannelAsync(HttpContext context, User payee, CancellationToken cancellationToken)
    {
        if (!RequestSignature.TryRead(context.Request, s_bound, time.GetUtcNow(), out var signature, out var fault))
            return SignatureInvalid(fault);
        if (signature.Digest is null)
            return SignatureInvalid("The signature has to cover content-digest.");
        if (!Id<Channel>.TryParse(signature.Input.KeyId, out var id))
            return SignatureInvalid("The keyid of the signature is the id of the channel that pays: chan_….");
        if (await channels.HoldAsync(id, payee, cancellationToken) is not (var channel, var hold))
            return Till.Unknown(id.ToString(), payee);
        if (FindFault(channel.Channel, signature) is { } refusal)
        {
            hold.Dispose();
            return refusal;
        }

        return new SignedByPayer(channel, signature, hold);
    }

    /// <summary>Why a channel does not pay for a request that says it does; null when it may.</summary>
    private ProblemResult? FindFault(Channel channel, RequestSignature signature)
    {
        if (!signature.IsBy(channel.Payer.Key))
            return SignatureInvalid($"The signature is not one of the payer's key of {channel.Id} over this request.");
        return channel switch
        {
            { State: ChannelState.Closed } => new Refusal<ChannelRefusal>(ChannelRefusal.ChannelClosed, $"{channel.Id} is closed. Open a new one.").ToProblem(),
            { ExpiresAt: var expiry } when expiry <= time.GetUtcNow() => new Refusal<ChannelRefusal>(ChannelRefusal.ChannelExpired, $"{channel.Id} has expired at {expiry:u}. Open a new one.").ToProblem(),
            _ => null,
        };
    }

    /// <summary>What a request is paid by, and what it may ask for.</summary>
    /// <param name="context">Of the request.</param>
    /// <param name="payee">Who sells.</param>
    /// <param name="signed">The channel, whose payer has signed the request.</param>
    internal Checked<PayerRequest> Check(HttpContext context, User payee, SignedByPayer signed)
    {
        if (!FindClaim(context.Request, signed.Channel).TryGet(out var claim, out var unpaid))
            return unpaid;
        var request = new PayerRequest(payee, signed.Channel, claim, signed.Signature);
        if (context.Request.Headers.TryGetValue(ModelAnswerReceipt.MostHeader, out var said))
        {
            if (said is not [{ } price] || !Money.TryParse(price, out var most))
                return PaymentInvalid($"The header {ModelAnswerReceipt.MostHeader} is an amount of US dollars such as 0.0012.");
            request = request with { Most = most };
        }

        if (!context.Request.Headers.TryGetValue(ModelAsk.Header, out var values))
            return request;
        if (values is not [{ Length: > 0 and <= ModelAsk.MaxLength } text] || !Base64.IsValid(text))
            return AskInvalid($"The header {ModelAsk.Header} is base64 of a DSSE envelope, at most {ModelAsk.MaxLength} characters.");
        try
        {
            var envelope = DsseEnvelope.FromJson(Convert.FromBase64String(text));
            return ModelAsk.Open(envelope, node.PeerId, signed.Channel.Channel.Id, time.GetUtcNow()).Match<Checked<PayerRequest>>(
                ask => request with { Ask = ask, AskHash = ContentHash.Of(envelope.Payload) }, refused => AskInvalid(refused.Detail));
        }
        catch (FormatException unreadable)
        {
            return AskInvalid(unreadable.Message);
        }
    }

    /// <summary>The signature, or what it is of, is not as it has to be.</summary>
    internal static ProblemResult SignatureInvalid(string detail) => new Refusal<AnswerRefusal>(AnswerRefusal.SignatureInvalid, detail).ToProblem();

    /// <summary>What the voucher of a request says: the one that came before is not read again.</summary>
    private static Checked<Claim> FindClaim(HttpRequest request, PayingChannel channel)
    {
        if (request.Headers[PaymentHeaders.Signature] is not [{ Length: <= MaxPaymentLength } header])
            return PaymentInvalid($"Send one voucher of the channel as {PaymentHeaders.Signature}, of at most {MaxPaymentLength:N0} characters.");
        var hash = ContentHash.Of(Encoding.UTF8.GetBytes(header));
        if (channel.FindGood(hash) is { } known)
            return known;
        if (!PaymentHeaders.Read(request).TryGet(out var payment, out var unreadable))
            return unreadable.ToProblem();
        if (payment is null)
            return PaymentInvalid($"Send one voucher of the channel as {PaymentHeaders.Signature}.");
        if (payment.Payload.ChannelId != channel.Channel.Id.ToString())
            return new Refusal<ChannelRefusal>(ChannelRefusal.VoucherForOtherChannel, $"The payment is of {payment.Payload.ChannelId}, and the request is signed for {channel.Channel.Id}.").ToProblem();
        if (!payment.Payload.Voucher.ToVoucher().TryGet(out var voucher, out var refusal))
            return refusal.ToProblem();
        // A word saves its payer a signature, which each request has anyway, and may cost who checks it thousands of hashes.
        if (voucher is not Voucher.Signed)
            return PaymentInvalid("Answers are paid by signed vouchers, and not by words of chains.");
        if (!Till.Check(voucher, channel.Channel).TryGet(out var good, out var bad))
            return bad;
        channel.AddGood(hash, good.Claim);
        return good.Claim;
    }

    private static ProblemResult PaymentInvalid(string detail) => new Refusal<CallRefusal>(CallRefusal.PaymentInvalid, detail).ToProblem();

    private static ProblemResult AskInvalid(string detail) => new Refusal<AnswerRefusal>(AnswerRefusal.AskInvalid, detail).ToProblem();
}

/// <summary>A request that the payer of a channel has signed.</summary>
/// <param name="Channel">The channel.</param>
/// <param name="Signature">Of the request.</param>
/// <param name="Hold">Keeps what is known of the channel.</param>
internal sealed record SignedByPayer(PayingChannel Channel, RequestSignature Signature, IDisposable Hold) : IDisposable
{
    public void Dispose() => Hold.Dispose();
}

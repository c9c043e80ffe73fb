using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.PayPerCall;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Channels;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>A payment whose voucher is good.</summary>
/// <param name="Channel">As it was before the voucher is paid.</param>
/// <param name="Claim">What the voucher says.</param>
public sealed record CheckedPayment(Channel Channel, Claim Claim);

/// <summary>Takes payments for calls.</summary>
/// <param name="channels">Out of which they are paid.</param>
/// <param name="agents">What is sold.</param>
/// <param name="users">Who sells it.</param>
/// <param name="node">Where.</param>
/// <param name="options">Whether calls are sold.</param>
/// <param name="time">The clock.</param>
public sealed class Till(SqlChannelStore channels, IAgentStore agents, IUserStore users, PublicKey node, PayPerCallOptions options, TimeProvider time)
{
    /// <summary>Name of the scheme: a voucher of a channel for at most the amount.</summary>
    public const string Scheme = "stoa-channel";

    private const string Asset = "USD";

    /// <summary>Who sells; null when nobody does.</summary>
    public async Task<User?> FindPayeeAsync(CancellationToken cancellationToken) =>
        options.Payee.Length == 0 ? null : await users.FindByHandleAsync(options.Payee, cancellationToken);

    /// <summary>Answers that a call has to be paid for.</summary>
    /// <param name="context">Of the request.</param>
    /// <param name="payee">Who sells it.</param>
    /// <param name="quote">What it costs.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<ProblemResult> DemandAsync(HttpContext context, User payee, Quote quote, CancellationToken cancellationToken)
    {
        var required = await RequireAsync(context, payee, quote, $"{PaymentHeaders.Signature} is missing", cancellationToken);
        return Demand(
            context, required, $"The call costs at most {quote.Hold} USD. Open a channel to {payee.Handle} and send a voucher as {PaymentHeaders.Signature}; the header {PaymentHeaders.Required} says how.");
    }

    /// <summary>Answers that more has to be paid than was.</summary>
    /// <param name="context">Of the request.</param>
    /// <param name="payee">Who sells it.</param>
    /// <param name="quote">What it costs.</param>
    /// <param name="credit">What there is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<ProblemResult> DemandMoreAsync(HttpContext context, User payee, Quote quote, CallCredit credit, CancellationToken cancellationToken)
    {
        var cumulative = credit.Required(quote.Hold);
        var why = $"The call can cost {quote.Hold} USD, and {credit.Left} USD of what the channel has paid are left. A voucher of {cumulative} USD in all is needed.";
        var required = await RequireAsync(context, payee, quote, why, cancellationToken);
        return Demand(context, required with { Accepts = [.. required.Accepts.Select(way => way with { Extra = way.Extra! with { Cumulative = cumulative.ToString() } })] }, why);
    }

    /// <summary>Checks a payment, and takes nothing.</summary>
    public async Task<Checked<CheckedPayment>> CheckAsync(PaymentPayload payment, User payee, CancellationToken cancellationToken)
    {
        if (!Id<Channel>.TryParse(payment.Payload.ChannelId, out var id) || await channels.FindAsync(id, payee.Id, cancellationToken) is not { } channel || channel.Payee.User != payee.Id)
            return new Refusal<ChannelRefusal>(ChannelRefusal.ChannelUnknown, $"No channel {payment.Payload.ChannelId} pays {payee.Handle}.").ToProblem();
        if (!payment.Payload.Voucher.ToVoucher().TryGet(out var voucher, out var refusal))
            return refusal.ToProblem();
        return VoucherCheck.Check(voucher, channel.Terms, channel.Proof as Voucher.Chain).Match<Checked<CheckedPayment>>(
            claim => new CheckedPayment(channel, claim), refused => refused.ToProblem());
    }

    /// <summary>Takes a payment that was checked: the voucher is paid, unless it was before.</summary>
    /// <returns>The channel.</returns>
    public async Task<Checked<Channel>> TakeAsync(CheckedPayment good, CancellationToken cancellationToken)
    {
        // One that is lower than what was settled pays nothing more; what there is of credit decides.
        if (good.Claim.Cumulative <= good.Channel.Settled)
            return good.Channel;
        return (await channels.ActAsync(good.Channel.Id, new ChannelAct.Settle(good.Claim), time.GetUtcNow().ToMilliseconds(), cancellationToken)).Match<Checked<Channel>>(
            change => change.After, refused => refused.Code is ChannelRefusal.VoucherSuperseded ? good.Channel : refused.ToProblem());
    }

    private async Task<PaymentRequired> RequireAsync(HttpContext context, User payee, Quote quote, string error, CancellationToken cancellationToken)
    {
        var manifest = (await agents.FindAsync(quote.Agent, cancellationToken))?.Manifest;
        var request = context.Request;
        return new PaymentRequired(
            PaymentHeaders.Version,
            new PaidResource($"{request.Scheme}://{request.Host}{request.Path}{request.QueryString}", manifest?.Description ?? "", manifest?.Output.MediaType ?? "application/octet-stream"),
            [
                new PaymentRequirements(
                    Scheme, PaymentNetwork.Of(node.PeerId), quote.Hold.ToString(), Asset, payee.Handle, Math.Max(1, options.WaitSeconds), new ChannelRequirements(Convert.ToBase64String(node.ToSpki()))),
            ])
        {
            Error = error,
        };
    }

    private static ProblemResult Demand(HttpContext context, PaymentRequired required, string detail)
    {
        PaymentHeaders.Set(context.Response, PaymentHeaders.Required, required, StoaJson.Default.PaymentRequired);
        return new Refusal<CallRefusal>(CallRefusal.PaymentRequired, detail).ToProblem();
    }
}

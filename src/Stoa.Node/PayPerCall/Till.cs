using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.PayPerCall;
using Stoa.Node.Channels;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>A payment whose voucher is good.</summary>
/// <param name="Channel">As it was before the voucher is paid.</param>
/// <param name="Claim">What the voucher says.</param>
public sealed record CheckedPayment(Channel Channel, Claim Claim);

/// <summary>What is to be paid for.</summary>
/// <param name="Most">What it costs at most.</param>
/// <param name="Description">What it does; empty where nobody says.</param>
/// <param name="MediaType">What it gives.</param>
public sealed record ForSale(Money Most, string Description, string MediaType);

/// <summary>Takes payments for what is sold by the piece: calls of agents, and answers of models.</summary>
/// <param name="channels">Out of which they are paid.</param>
/// <param name="users">Who sells.</param>
/// <param name="node">Where.</param>
/// <param name="options">Whether anything is sold.</param>
/// <param name="time">The clock.</param>
public sealed class Till(SqlChannelStore channels, IUserStore users, PublicKey node, PayPerCallOptions options, TimeProvider time)
{
    /// <summary>Name of the scheme: a voucher of a channel for at most the amount.</summary>
    public const string Scheme = "stoa-channel";

    private const string Asset = "USD";

    // Nothing is sold without looking who sells, and that hardly ever changes.
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(2);

    private Known? _payee;

    /// <summary>Who sells; null when nobody does.</summary>
    public async ValueTask<User?> FindPayeeAsync(CancellationToken cancellationToken)
    {
        if (options.Payee.Length == 0)
            return null;
        if (Volatile.Read(ref _payee) is { } known && time.GetElapsedTime(known.ReadAt) < s_fresh)
            return known.Payee;
        var payee = await users.FindByHandleAsync(options.Payee, cancellationToken);
        Volatile.Write(ref _payee, payee is null ? null : new Known(payee, time.GetTimestamp()));
        return payee;
    }

    /// <summary>Answers that something has to be paid for.</summary>
    /// <param name="context">Of the request.</param>
    /// <param name="payee">Who sells it.</param>
    /// <param name="wanted">What is asked for.</param>
    public ProblemResult Demand(HttpContext context, User payee, ForSale wanted)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(payee);
        ArgumentNullException.ThrowIfNull(wanted);
        var required = Require(context, payee, wanted, $"{PaymentHeaders.Signature} is missing");
        return Demand(
            context, required, $"The call costs at most {wanted.Most} USD. Open a channel to {payee.Handle} and send a voucher as {PaymentHeaders.Signature}; the header {PaymentHeaders.Required} says how.");
    }

    /// <summary>Answers that more has to be paid than was.</summary>
    /// <param name="context">Of the request.</param>
    /// <param name="payee">Who sells it.</param>
    /// <param name="wanted">What is asked for.</param>
    /// <param name="credit">What there is.</param>
    public ProblemResult DemandMore(HttpContext context, User payee, ForSale wanted, CallCredit credit)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(payee);
        ArgumentNullException.ThrowIfNull(wanted);
        var cumulative = credit.Required(wanted.Most);
        var why = $"The call can cost {wanted.Most} USD, and {credit.Left} USD of what the channel has paid are left. A voucher of {cumulative} USD in all is needed.";
        var required = Require(context, payee, wanted, why);
        return Demand(context, required with { Accepts = [.. required.Accepts.Select(way => way with { Extra = way.Extra! with { Cumulative = cumulative.ToString() } })] }, why);
    }

    /// <summary>Checks a payment, and takes nothing.</summary>
    public async Task<Checked<CheckedPayment>> CheckAsync(PaymentPayload payment, User payee, CancellationToken cancellationToken)
    {
        if (!Id<Channel>.TryParse(payment.Payload.ChannelId, out var id) || await channels.FindAsync(id, payee.Id, cancellationToken) is not { } channel || channel.Payee.User != payee.Id)
            return Unknown(payment.Payload.ChannelId, payee);
        if (!payment.Payload.Voucher.ToVoucher().TryGet(out var voucher, out var refusal))
            return refusal.ToProblem();
        return Check(voucher, channel);
    }

    /// <summary>Checks a voucher of a channel that is known, and takes nothing.</summary>
    public static Checked<CheckedPayment> Check(Voucher voucher, Channel channel)
    {
        ArgumentNullException.ThrowIfNull(channel);
        return VoucherCheck.Check(voucher, channel.Terms, channel.Proof as Voucher.Chain).Match<Checked<CheckedPayment>>(
            claim => new CheckedPayment(channel, claim), refused => refused.ToProblem());
    }

    /// <summary>Answers that a channel pays somebody else, or that there is none.</summary>
    public static ProblemResult Unknown(string channel, User payee)
    {
        ArgumentNullException.ThrowIfNull(payee);
        return new Refusal<ChannelRefusal>(ChannelRefusal.ChannelUnknown, $"No channel {channel} pays {payee.Handle}.").ToProblem();
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

    private sealed record Known(User Payee, long ReadAt);

    private PaymentRequired Require(HttpContext context, User payee, ForSale wanted, string error)
    {
        var request = context.Request;
        return new PaymentRequired(
            PaymentHeaders.Version,
            new PaidResource($"{request.Scheme}://{request.Host}{request.Path}{request.QueryString}", wanted.Description, wanted.MediaType),
            [
                new PaymentRequirements(
                    Scheme, PaymentNetwork.Of(node.PeerId), wanted.Most.ToString(), Asset, payee.Handle, Math.Max(1, options.WaitSeconds), new ChannelRequirements(Convert.ToBase64String(node.ToSpki()))),
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

using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.Channels;

/// <summary>Between the channels of the market and those of the wire.</summary>
internal static class ChannelContracts
{
    /// <summary>A channel, as one of its sides sees it.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="viewer">One of its sides.</param>
    /// <param name="statement">Signed by the node; null to leave it out.</param>
    public static ChannelResponse ToContract(this Channel channel, Id<User> viewer, DsseEnvelope? statement)
    {
        var (closing, closed) = (channel.State as ChannelState.Closing, channel.State as ChannelState.Closed);
        return new ChannelResponse(
            channel.Id.ToString(),
            StateOf(channel),
            WordOf(channel.SideOf(viewer)!.Value),
            channel.Payer.Handle,
            channel.Payee.Handle,
            Convert.ToBase64String(channel.Payer.Key.ToSpki()),
            Convert.ToBase64String(channel.Payee.Key.ToSpki()),
            channel.Node.ToString(),
            channel.Deposit.ToString(),
            channel.Settled.ToString(),
            channel.Remaining.ToString(),
            channel.ChallengeWindow.TotalSeconds,
            channel.OpenedAt,
            channel.ExpiresAt,
            closing is null ? null : closing.By is { } by ? WordOf(by) : "expiry",
            closing?.EndsAt,
            closed?.At,
            closed?.Agreed,
            channel.Proof is { } proof ? ToContract(proof) : null,
            channel.Agreement,
            statement);
    }

    /// <summary>What came of a settlement.</summary>
    public static SettlementResponse ToContract(string id, Money paid, int transfers, IEnumerable<(string Channel, Outcome<ChannelChange, ChannelRefusal> Outcome)> results) => new(
        id,
        paid.ToString(),
        transfers,
        [.. results.Select(result => result.Outcome.Match(
            change => new SettledVoucherBody(result.Channel, change.Paid.ToString()),
            refusal => new SettledVoucherBody(result.Channel, Code: Problems.Of(refusal.Code).Code, Detail: refusal.Detail)))]);

    /// <summary>Reads a voucher off the wire.</summary>
    public static Outcome<Voucher, ChannelRefusal> ToVoucher(this VoucherBody body)
    {
        try
        {
            return VoucherJson.Make(body.Envelope, body.Index, body.Word);
        }
        catch (FormatException refusal)
        {
            return new Refusal<ChannelRefusal>(ChannelRefusal.VoucherInvalid, refusal.Message);
        }
    }

    private static VoucherBody ToContract(Voucher voucher) => voucher is Voucher.Chain chain
        ? new VoucherBody(chain.Envelope, chain.Index, chain.Word.ToString())
        : new VoucherBody(voucher.Envelope);

    private static string StateOf(Channel channel) => channel.State switch
    {
        ChannelState.Open => "open",
        ChannelState.Closing => "closing",
        ChannelState.Closed => "closed",
        _ => throw new InvalidOperationException("Every state has a word."),
    };

    private static string WordOf(ChannelSide side) => side is ChannelSide.Payer ? "payer" : "payee";
}

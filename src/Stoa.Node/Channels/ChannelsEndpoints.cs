using System.ComponentModel;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Ledger;
using Stoa.Node.Privacy;
using Stoa.Primitives;

namespace Stoa.Node.Channels;

/// <summary>The outer door of payment channels. One that the caller has no part in is one that does not exist.</summary>
public static class ChannelsEndpoints
{
    // Each voucher of a chain is hashed at most this often; so much is hashed for one request.
    private const long HashesMax = 16 * ChainCommitment.MaxLength;

    public static void MapChannels(this IEndpointRouteBuilder api)
    {
        var channels = api.MapGroup("/channels").WithTags("Channels");
        channels.MapPost("/", OpenAsync)
            .Needs(Permission.WalletSpend)
            .WithName("openChannel").WithSummary("Open a payment channel")
            .WithDescription("Takes a deposit out of your wallet. Out of it you pay the payee by vouchers that you sign on your own machine and send to the payee directly; the payee brings the highest here when it likes.")
            .Idempotent()
            .Produces<ChannelResponse>(StatusCodes.Status201Created)
            .Refuses(IdentityRefusal.UserUnknown)
            .Refuses(ChannelRefusal.ChannelInvalid, ChannelRefusal.ChannelsTooMany, ChannelRefusal.InsufficientFunds);
        channels.MapGet("/", ListAsync)
            .Needs(Permission.WalletRead)
            .WithName("listChannels").WithSummary("List your payment channels, newest first")
            .WithDescription("Those that you pay by and those that you are paid by. Without the signed statements.")
            .Produces<ListResponse<ChannelResponse>>();
        channels.MapGet("/{id}", GetAsync)
            .Needs(Permission.WalletRead)
            .WithName("getChannel").WithSummary("Get a payment channel")
            .WithDescription("With how it stands, signed by this node, and the voucher that the settled amount stands on.")
            .Produces<ChannelResponse>()
            .Refuses(ChannelRefusal.ChannelUnknown);
        channels.MapPut("/{id}/deposit", TopUpAsync)
            .Needs(Permission.WalletSpend)
            .WithName("raiseChannelDeposit").WithSummary("Add to the deposit")
            .WithDescription("Say what it shall be in all: the same request twice moves money once.")
            .Produces<ChannelResponse>()
            .Refuses(
                ChannelRefusal.ChannelUnknown, ChannelRefusal.NotThePayer, ChannelRefusal.DepositNotHigher, ChannelRefusal.ChannelExpired,
                ChannelRefusal.ChannelClosing, ChannelRefusal.ChannelClosed, ChannelRefusal.InsufficientFunds);
        channels.MapPost("/{id}/vouchers", SettleAsync)
            .Needs(Permission.WalletSpend)
            .WithName("settleVoucher").WithSummary("Have a voucher paid, or challenge a closing with it")
            .WithDescription("The payee gets what the voucher says in all, less what is settled. While the channel is closing, a higher voucher wins until the window is over. The same voucher again changes nothing.")
            .Produces<ChannelResponse>()
            .Refuses(ChannelRefusal.ChannelUnknown, ChannelRefusal.ChannelClosed, ChannelRefusal.ChallengeWindowOver)
            .Refuses(VoucherRefusals);
        channels.MapPost("/settlements", SettleManyAsync)
            .Needs(Permission.WalletSpend)
            .WithName("settleVouchers").WithSummary("Have the vouchers of many channels paid")
            .WithDescription("What flows between the same accounts becomes one transfer. Each voucher is refused for itself, and takes no other with it. At most 1,000 vouchers.")
            .Idempotent()
            .Produces<SettlementResponse>();
        channels.MapPost("/{id}/closing", CloseAsync)
            .Needs(Permission.WalletSpend)
            .WithName("closeChannel").WithSummary("Start to close a payment channel")
            .WithDescription("The challenge window begins. Until it is over the payee, or you, may bring a higher voucher; then the rest of the deposit goes back to the payer. With a voucher, that is paid at once. Asked for again the window stays as it is.")
            .Produces<ChannelResponse>(StatusCodes.Status202Accepted)
            .Refuses(ChannelRefusal.ChannelUnknown, ChannelRefusal.ChallengeWindowOver, ChannelRefusal.ChannelClosed)
            .Refuses(VoucherRefusals);
        channels.MapPut("/{id}/agreement", AgreeAsync)
            .Needs(Permission.WalletSpend)
            .WithName("agreeOnChannel").WithSummary("Close a payment channel at once, by agreement")
            .WithDescription("With an amount that both sides have signed: the payee gets it, the rest goes back to the payer, and no window runs.")
            .Produces<ChannelResponse>()
            .Refuses(ChannelRefusal.ChannelUnknown, ChannelRefusal.ChannelClosed, ChannelRefusal.AgreementInvalid, ChannelRefusal.AgreementOutOfRange);
    }

    private static ChannelRefusal[] VoucherRefusals =>
    [
        ChannelRefusal.VoucherInvalid, ChannelRefusal.VoucherForOtherChannel, ChannelRefusal.VoucherSignatureInvalid, ChannelRefusal.ChainWordInvalid,
        ChannelRefusal.VoucherExceedsDeposit, ChannelRefusal.VoucherSuperseded,
    ];

    private static async Task<IResult> OpenAsync(
        Body<OpenChannelRequest> body,
        MadeId made,
        Caller caller,
        IUserStore users,
        ILedgerStore ledger,
        SqlChannelStore store,
        SqlErasureRequests erasures,
        ChannelsOptions options,
        PrivateKey node,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var asked = body.Value;
        var errors = new List<FieldError>();
        var payerKey = ReadKey(asked.PayerKey, "/payerKey", errors);
        var payeeKey = ReadKey(asked.PayeeKey, "/payeeKey", errors);
        var deposit = AmountField.Read(asked.Deposit, "/deposit", errors);
        if (payerKey is null || payeeKey is null || errors.Count > 0)
            return new Refusal<ChannelRefusal>(ChannelRefusal.ChannelInvalid, "Correct what is listed in errors and try again.", errors).ToProblem();
        // A channel with somebody who is to be erased would keep that from being done.
        if (await users.FindByHandleAsync(asked.Payee, cancellationToken) is not { } payee || await erasures.FindAsync(payee.Id, cancellationToken) is not null)
        {
            return new Refusal<IdentityRefusal>(
                IdentityRefusal.UserUnknown, $"No user has the handle '{asked.Payee}'.", [new FieldError("/payee", "No user has this handle.")]).ToProblem();
        }

        var now = Now(time);
        var channel = new Channel(
            made.For<Channel>(),
            node.PublicKey.PeerId,
            new ChannelParty(caller.UserId, caller.Handle, (await ledger.GetWalletAsync(caller.UserId, cancellationToken)).Id, payerKey),
            new ChannelParty(payee.Id, payee.Handle, (await ledger.GetWalletAsync(payee.Id, cancellationToken)).Id, payeeKey),
            default,
            TimeSpan.FromSeconds(asked.ChallengeWindowSeconds ?? options.ChallengeWindowSeconds),
            now,
            DateTimeOffset.FromUnixTimeMilliseconds((asked.ExpiresAt ?? now.AddDays(options.LifetimeDays)).ToUnixTimeMilliseconds()),
            deposit,
            Money.Zero,
            null,
            null,
            new ChannelState.Open());
        return (await store.OpenAsync(channel, options.ToLimits(), options.MaxLivePerPayer, cancellationToken)).Match<IResult>(
            opened => TypedResults.Created($"/api/v1/channels/{opened.Id}", ToContract(opened, caller, node, now)), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] ListQuery query,
        [FromQuery, Description("Only those where you are the payer or the payee; left out for both.")] string? role,
        [FromQuery, Description("Only those that are open, closing or closed; left out for all.")] string? state,
        Caller caller,
        SqlChannelStore store,
        CancellationToken cancellationToken)
    {
        ChannelSide? side = role switch
        {
            null => null,
            "payer" => ChannelSide.Payer,
            "payee" => ChannelSide.Payee,
            _ => throw Refused("The parameter role is one of payer, payee."),
        };
        var wanted = state switch
        {
            null => null,
            "open" => nameof(ChannelState.Open),
            "closing" => nameof(ChannelState.Closing),
            "closed" => nameof(ChannelState.Closed),
            _ => throw Refused("The parameter state is one of open, closing, closed."),
        };
        var page = await store.ListAsync(caller.UserId, side, wanted, query.ToPage(), cancellationToken);
        return TypedResults.Ok(ListQuery.Answer(page, channel => channel.ToContract(caller.UserId, null)));
    }

    private static async Task<IResult> GetAsync(
        Id<Channel> id, Caller caller, SqlChannelStore store, PrivateKey node, TimeProvider time, CancellationToken cancellationToken) =>
        await store.FindAsync(id, caller.UserId, cancellationToken) is { } channel ? TypedResults.Ok(ToContract(channel, caller, node, Now(time))) : Unknown(id).ToProblem();

    private static Task<IResult> TopUpAsync(
        Id<Channel> id, Body<RaiseDepositRequest> body, Caller caller, SqlChannelStore store, PrivateKey node, TimeProvider time, CancellationToken cancellationToken) =>
        ActAsync(
            id,
            channel =>
            {
                if (channel.SideOf(caller.UserId) is not ChannelSide.Payer)
                    return new Refusal<ChannelRefusal>(ChannelRefusal.NotThePayer, $"The deposit of {id} is {channel.Payer.Handle}'s, who alone adds to it.");
                var errors = new List<FieldError>();
                var deposit = AmountField.Read(body.Value.Deposit, "/deposit", errors);
                return errors.Count == 0
                    ? new ChannelAct.TopUp(deposit)
                    : throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: errors);
            },
            caller,
            store,
            node,
            time,
            cancellationToken);

    private static Task<IResult> SettleAsync(
        Id<Channel> id, Body<VoucherBody> body, Caller caller, SqlChannelStore store, PrivateKey node, TimeProvider time, CancellationToken cancellationToken) =>
        ActAsync(id, channel => Check(body.Value, channel).Match<Outcome<ChannelAct, ChannelRefusal>>(claim => new ChannelAct.Settle(claim), refusal => refusal), caller, store, node, time, cancellationToken);

    private static async Task<IResult> SettleManyAsync(
        Body<SettleVouchersRequest> body, MadeId made, Caller caller, SqlChannelStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        var asked = body.Value.Vouchers;
        if (asked.Count is 0 or > NetSettlement.MaxVouchers)
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: [new FieldError("/vouchers", $"1 to {NetSettlement.MaxVouchers} vouchers are settled at once.")]);
        if (asked.Any(voucher => voucher is null))
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: [new FieldError("/vouchers", "Each is a voucher with its channel, none is null.")]);
        if (asked.Sum(voucher => (long)Math.Max(0, voucher.Voucher.Index ?? 0)) > HashesMax)
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: [new FieldError("/vouchers", $"The indexes of all words together are at most {HashesMax}. Send the vouchers in several requests.")]);
        var known = asked.Select(voucher => Id<Channel>.TryParse(voucher.ChannelId, out var id) ? id : default).Where(id => !id.IsEmpty).ToHashSet();
        var channels = (await store.FindAllAsync(known, caller.UserId, cancellationToken)).ToDictionary(channel => channel.Id);
        var acts = new List<(Id<Channel>, ChannelAct)>();
        var results = new List<(string Channel, Outcome<ChannelChange, ChannelRefusal>? Refused)>();
        foreach (var voucher in asked)
        {
            Refusal<ChannelRefusal>? refusal = null;
            if (!Id<Channel>.TryParse(voucher.ChannelId, out var id) || !channels.TryGetValue(id, out var channel))
                refusal = Unknown(voucher.ChannelId);
            else if (Check(voucher.Voucher, channel).TryGet(out var claim, out refusal))
                acts.Add((id, new ChannelAct.Settle(claim)));
            Outcome<ChannelChange, ChannelRefusal>? refused = null;
            if (refusal is not null)
                refused = refusal;
            results.Add((voucher.ChannelId, refused));
        }

        var settled = await store.SettleAsync(made.For<NetSettlement>(), acts, Now(time), cancellationToken);
        var outcomes = new Queue<Outcome<ChannelChange, ChannelRefusal>>(settled.Outcomes);
        return TypedResults.Ok(ChannelContracts.ToContract(
            settled.Id.ToString(), settled.Paid, settled.Transfers, results.Select(result => (result.Channel, result.Refused ?? outcomes.Dequeue()))));
    }

    private static async Task<IResult> CloseAsync(
        Id<Channel> id, Body<CloseChannelRequest> body, Caller caller, SqlChannelStore store, PrivateKey node, TimeProvider time, CancellationToken cancellationToken) =>
        await ActAsync(
            id,
            channel =>
            {
                var side = channel.SideOf(caller.UserId)!.Value;
                return body.Value.Voucher is { } voucher
                    ? Check(voucher, channel).Match<Outcome<ChannelAct, ChannelRefusal>>(claim => new ChannelAct.StartClose(side, claim), refusal => refusal)
                    : new ChannelAct.StartClose(side, null);
            },
            caller,
            store,
            node,
            time,
            cancellationToken,
            StatusCodes.Status202Accepted);

    private static Task<IResult> AgreeAsync(
        Id<Channel> id, Body<AgreeOnChannelRequest> body, Caller caller, SqlChannelStore store, PrivateKey node, TimeProvider time, CancellationToken cancellationToken) =>
        ActAsync(
            id,
            channel => Agreement.Check(body.Value.Envelope, channel.Terms).Match<Outcome<ChannelAct, ChannelRefusal>>(
                agreement => new ChannelAct.CloseTogether(agreement), refusal => refusal),
            caller,
            store,
            node,
            time,
            cancellationToken);

    /// <summary>Signatures are checked before the act begins: the terms that they are checked against never change, and others need not wait for it.</summary>
    private static async Task<IResult> ActAsync(
        Id<Channel> id,
        Func<Channel, Outcome<ChannelAct, ChannelRefusal>> check,
        Caller caller,
        SqlChannelStore store,
        PrivateKey node,
        TimeProvider time,
        CancellationToken cancellationToken,
        int status = StatusCodes.Status200OK)
    {
        if (await store.FindAsync(id, caller.UserId, cancellationToken) is not { } channel)
            return Unknown(id).ToProblem();
        if (!check(channel).TryGet(out var act, out var refusal))
            return refusal.ToProblem();
        return (await store.ActAsync(id, act, Now(time), cancellationToken)).Match<IResult>(
            change => TypedResults.Json(ToContract(change.After, caller, node, Now(time)), statusCode: status), refused => refused.ToProblem());
    }

    private static Outcome<Claim, ChannelRefusal> Check(VoucherBody body, Channel channel) => body.ToVoucher().Match(
        voucher => VoucherCheck.Check(voucher, channel.Terms, channel.Proof as Voucher.Chain), refusal => refusal);

    private static ChannelResponse ToContract(Channel channel, Caller caller, PrivateKey node, DateTimeOffset now) =>
        channel.ToContract(caller.UserId, ChannelStatement.Sign(channel, node, now));

    private static PublicKey? ReadKey(string text, string pointer, List<FieldError> errors)
    {
        try
        {
            return PublicKey.FromSpki(Convert.FromBase64String(text));
        }
        catch (FormatException)
        {
            errors.Add(new FieldError(pointer, "A P-256 public key is expected: base64 of its 91 bytes of SubjectPublicKeyInfo."));
            return null;
        }
    }

    // What is stored is to the millisecond; a statement of it is to be the same.
    private static DateTimeOffset Now(TimeProvider time) => time.GetUtcNow().ToMilliseconds();

    private static Refusal<ChannelRefusal> Unknown(object id) =>
        new(ChannelRefusal.ChannelUnknown, $"You have no part in a channel {id}. List those that you have with GET /api/v1/channels.");

    private static RequestRefusedException Refused(string reason) => new(RequestRefusal.RequestInvalid, errors: [new FieldError("", reason)]);
}

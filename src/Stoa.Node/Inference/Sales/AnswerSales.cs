using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Inference.Limits;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Market.PayPerCall;
using Stoa.Market.Supply;
using Stoa.Node.Http;
using Stoa.Node.Inference.Charging;
using Stoa.Node.Inference.Gateway;
using Stoa.Node.PayPerCall;
using Stoa.Node.Signing;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Sales;

/// <summary>Sells answers of models to whoever pays for them out of a payment channel: each request is signed by the payer, paid for, answered as any other one, and sworn to.</summary>
/// <remarks>
/// What a stranger can cost before he has paid is a signature check, and as often as <see cref="PayPerCallOptions.RefusedAnswersPerMinute"/> says for an address. A payer who does not pay costs two of them and one look into the
/// database a second, has long bodies read a few times, and of whatever ends unpaid as much a minute as <see cref="PayPerCallOptions.UnpaidAnswersPerMinuteOfChannel"/> says.
/// </remarks>
public sealed class AnswerSales
{
    /// <summary>The longest body of a request that is read before anything of it is paid: of one without a payment, to say what it would cost, and of whoever does not pay.</summary>
    public const int MaxUnpaidBytes = 16 << 10;

    private readonly Till _till;
    private readonly PayerRecognition _payers;
    private readonly SoldModels _models;
    private readonly InferenceGateway _gateway;
    private readonly PrivateKey _node;
    private readonly InferenceOptions _inference;
    private readonly PayPerCallOptions _options;
    private readonly TimeProvider _time;
    private readonly GivenUpReceipts _givenUp;
    private readonly SalesParts _parts;
    private readonly MinuteQuotas<string> _refused;
    private readonly HeldBodies _held;
    private readonly MinuteQuotas<Id<Channel>> _ofChannels;
    private readonly MinuteQuotas<Id<Channel>> _unpaid;

    public AnswerSales(
        Till till, PayerRecognition payers, SoldModels models, InferenceGateway gateway, Allowances allowances, RequestNonces nonces, HeldBodies held, GivenUpReceipts givenUp, Database database, PrivateKey node,
        InferenceOptions inference, PayPerCallOptions options, TimeProvider time, ILogger<AnswerSales> logger)
    {
        (_till, _payers, _models, _gateway, _held, _givenUp, _node, _inference, _options, _time) = (till, payers, models, gateway, held, givenUp, node, inference, options, time);
        _parts = new SalesParts(till, allowances, nonces, database, logger);
        _refused = new MinuteQuotas<string>(time);
        _ofChannels = new MinuteQuotas<Id<Channel>>(time);
        _unpaid = new MinuteQuotas<Id<Channel>>(time);
    }

    /// <summary>Answers a request.</summary>
    /// <param name="context">Of the request.</param>
    /// <param name="kind">Which endpoint.</param>
    /// <returns>Why it is not answered; nothing to do when it was.</returns>
    public async Task<IResult> SellAsync(HttpContext context, InferenceKind kind)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (!_options.Models || await _till.FindPayeeAsync(context.RequestAborted) is not { } payee)
            return NotSold();
        // As one that is refused, until it is known to be none.
        var address = RateLimits.KeyOf(context, RateLimit.ModelCalls);
        if (!_refused.TryTake(address, _options.RefusedAnswersPerMinute, 1, out var attempt, out var standing))
            return Limited(context, standing, "Too many requests from this address were not signed by the payer of a channel, or came without a payment");
        SignedByPayer? signed = null;
        try
        {
            if (context.Request.Headers[PaymentHeaders.Signature].Count == 0)
                return await DemandAsync(context, kind, payee);
            if (!(await _payers.FindChannelAsync(context, payee, context.RequestAborted)).TryGet(out signed, out var unknown))
                return unknown;
        }
        finally
        {
            _refused.End(address, attempt, signed is null ? 1 : 0);
        }

        using (signed)
            return await SellAsync(context, kind, payee, signed);
    }

    private async Task<IResult> SellAsync(HttpContext context, InferenceKind kind, User payee, SignedByPayer signed)
    {
        var channel = signed.Channel;
        if (!_ofChannels.TryUse(channel.Channel.Id, _options.AnswersPerMinuteOfChannel, 1, out var standing))
            return Limited(context, standing, $"At most {_options.AnswersPerMinuteOfChannel:N0} answers a minute are sold out of one channel");
        using var place = channel.TryEnter(_options.MaxAnswersOfChannel);
        if (place is null)
        {
            return new Refusal<AnswerRefusal>(
                AnswerRefusal.AnswersTooMany, $"As many requests that {channel.Channel.Id} pays for are under way as may be, {_options.MaxAnswersOfChannel:N0}. Ask again when one has ended.").ToProblem();
        }

        if (!_held.HasRoom(channel.Channel.Payer.User))
            return SoldAnswer.ProblemOf(SoldAnswer.NoRoom());
        // It is known at the end whether it was paid for. Those that are under way are bounded otherwise.
        if (!_unpaid.TryTake(channel.Channel.Id, _options.UnpaidAnswersPerMinuteOfChannel, 1, out var part, out standing))
            return Limited(context, standing, $"At most {_options.UnpaidAnswersPerMinuteOfChannel:N0} requests a minute of one channel may end without anything being paid for them");
        _unpaid.End(channel.Channel.Id, part, 0);
        SoldPayer? payer = null;
        try
        {
            if (!_payers.Check(context, payee, signed).TryGet(out var paid, out var unpaid))
                return unpaid;
            payer = new SoldPayer(paid, context, _parts);
            if (!(await ReadAsync(context, kind, paid, payer)).TryGet(out var asked, out var unread))
                return unread;
            if (await channel.SettleAsync(_till, paid.Claim, context.RequestAborted) is { } unsettled)
                return unsettled;
            await AnswerAsync(context, paid, payer, asked);
            return TypedResults.Empty;
        }
        finally
        {
            if (payer?.Used is null)
                _unpaid.TryUse(channel.Channel.Id, _options.UnpaidAnswersPerMinuteOfChannel, 1, out _);
        }
    }

    /// <summary>Reads a request, if it is the one that was signed, and finds the model that it is for.</summary>
    private async Task<Checked<Asked>> ReadAsync(HttpContext context, InferenceKind kind, PayerRequest paid, SoldPayer payer)
    {
        if (context.Request.ContentLength is null or > MaxUnpaidBytes)
        {
            if (!paid.Channel.Unpaid.MayBringLong(paid.Claim.Cumulative))
            {
                return new Refusal<AnswerRefusal>(
                    AnswerRefusal.AnswersTooMany, $"The last requests of {paid.Channel.Channel.Id} were not paid for. Send a voucher that says what was demanded; until then, or for ten seconds, bodies of more than {MaxUnpaidBytes:N0} bytes are not read.").ToProblem();
            }

            // One that comes again is not read again.
            if (await payer.TakeAsync(context.RequestAborted) is { } replayed)
                return replayed;
        }

        var (body, refusal) = await InferenceEndpoints.ReadBodyAsync(context, paid.Channel.Channel.Payer.User);
        if (body is not { } bytes)
            return SoldAnswer.ProblemOf(refusal!);
        var hash = ContentHash.Of(bytes.Span);
        if (!paid.Signature.Digest!.IsOf(bytes.Span, hash))
            return PayerRecognition.SignatureInvalid("The body is not the one whose Content-Digest was signed. Sign exactly the bytes that you send.");
        return Find(kind, bytes, hash);
    }

    private Checked<Asked> Find(InferenceKind kind, ReadOnlyMemory<byte> body, ContentHash hash)
    {
        if (!InferenceRequest.TryRead(kind, body, out var request, out var fault))
            return RequestRefusal.RequestInvalid.ToProblem(errors: [new FieldError(fault.Parameter is { } name ? $"/{name}" : "", fault.Reason)]);
        return _models.Find(request.Model, kind) is { } model
            ? new Asked(request, model, hash)
            : new Refusal<AnswerRefusal>(AnswerRefusal.ModelNotSold, $"No answers of {request.Model} are sold here. GET /api/v1/model-calls/models lists what is, with the versions that requests have to name.").ToProblem();
    }

    private async Task AnswerAsync(HttpContext context, PayerRequest paid, SoldPayer payer, Asked asked)
    {
        payer.InputTokens = asked.Request.InputTokens;
        using var answer = new SoldAnswer(context, payer, (hash, use) => Sign(paid, asked, hash, use), _held.Open(paid.Channel.Channel.Payer.User));
        // In the line of whoever pays, and apart from what others have asked.
        var call = new InferenceCall(paid.Channel.Channel.Payer.User, payer)
        {
            StaysHere = true,
            Session = InferenceEndpoints.HeaderOf(context, InferenceEndpoints.SessionHeader),
            Region = InferenceEndpoints.HeaderOf(context, InferenceEndpoints.RegionHeader),
        };
        await _gateway.AnswerAsync(call, asked.Request, asked.Model, answer);
        // He has no answer, and so no receipt: what he is charged for all the same, be it nothing, is sworn to where he can look.
        if (payer.IsPaid && !answer.HasBegun && context.RequestAborted.IsCancellationRequested)
            _givenUp.Put(paid.Channel.Channel.Id, paid.Signature.Input.Nonce!, Sign(paid, asked, ContentHash.Of([]), payer.Used ?? new SoldUse(default, Money.Zero)));
        await answer.SendAsync(TimeSpan.FromMilliseconds(_inference.IdleMs), TimeSpan.FromMilliseconds(_inference.MaxAnswerMs));
    }

    private string Sign(PayerRequest paid, Asked asked, ContentHash answer, SoldUse use) => Convert.ToBase64String(ModelAnswerReceipt.Sign(
        new ModelAnswerContent(
            _node.PublicKey, paid.Channel.Channel.Id, asked.Model.Model.Listing, asked.Hash, answer, use.Tokens, use.Price, paid.AskHash, _time.GetUtcNow()),
        _node).ToJson());

    /// <summary>Answers a request without a payment: how much it can cost, and how that is paid.</summary>
    private async Task<ProblemResult> DemandAsync(HttpContext context, InferenceKind kind, User payee)
    {
        var body = await RequestBody.ReadAsync(context.Request, length => length <= MaxUnpaidBytes, context.RequestAborted);
        if (body is not { } bytes)
            return RequestRefusal.PayloadTooLarge.ToProblem($"Of a request without a payment at most {MaxUnpaidBytes:N0} bytes are read. GET /api/v1/model-calls/models has the prices: pay by them.");
        if (!Find(kind, bytes, default).TryGet(out var asked, out var refusal))
            return refusal;
        var most = RequestEstimates.MostOf(asked.Request, asked.Model, _inference);
        var dearest = asked.Model.DearestFor(most, staysHere: true);
        return dearest.TryPriceOf(most)?.Total is { } amount
            ? _till.Demand(context, payee, SoldPayer.ForSaleOf(dearest, amount))
            : new Refusal<AnswerRefusal>(AnswerRefusal.AnswerTooDear, "It may cost more than any request may. Ask for fewer tokens.").ToProblem();
    }

    private static ProblemResult Limited(HttpContext context, QuotaStanding standing, string what)
    {
        var seconds = Math.Max(1, (int)Math.Ceiling((standing.Wait ?? TimeSpan.FromMinutes(1)).TotalSeconds));
        context.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return RequestRefusal.RateLimited.ToProblem($"{what}: wait {seconds} seconds, then go on more slowly.");
    }

    internal static ProblemResult NotSold() => new Refusal<CallRefusal>(
        CallRefusal.CallsNotSold, "This node sells no answers of models. Register and ask them with POST /v1/chat/completions, or ask its operator for PayPerCall:Payee.").ToProblem();

    /// <summary>What is asked, of whom.</summary>
    private sealed record Asked(InferenceRequest Request, ModelFleet Model, ContentHash Hash);
}

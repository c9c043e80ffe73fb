using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Channels;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Market.PayPerCall;
using Stoa.Market.Registry;
using Stoa.Market.Supply;
using Stoa.Market.Tasks.Models;
using Stoa.Node.Http;
using Stoa.Node.Inference.Gateway;
using Stoa.Node.Inference.Replicas;
using Stoa.Node.PayPerCall;
using Stoa.Primitives;
using Stoa.Primitives.HttpSignatures;

namespace Stoa.Node.Supply.Models;

/// <summary>One request to a model at a supplier: paid for, signed, and its answer held against the receipt. Nothing of it tells whose it is.</summary>
/// <remarks>One thread at a time. To be disposed of when it has ended: then it is settled at the tab, whatever has come of it.</remarks>
/// <param name="desk">What it needs.</param>
/// <param name="replica">Where it goes.</param>
/// <param name="most">The most that it costs by the agreed prices.</param>
/// <param name="setAside">What its consumer has set aside.</param>
/// <param name="capability">By what right an agent asks; null where it is none that asks.</param>
internal sealed class SuppliedRequest(SupplierDesk desk, Replica replica, Money most, Money setAside, ModelCapability? capability) : IDisposable
{
    private const int MostRefusalBytes = 64 << 10;
    private const int MostPayments = 3;
    private const int NonceBytes = 18;

    private static readonly byte[] s_receiptPrefix = Encoding.ASCII.GetBytes(ModelAnswerReceipt.CommentPrefix);

    private SupplierTab? _tab;
    private ContentHash _body;
    private ContentHash? _ask;
    private string? _receipt;
    private IncrementalHash? _events;
    private ContentHash? _eventsDigest;
    private Money _paid;
    private Money? _counted;
    private bool _hasBegun;
    private ModelAnswerContent? _told;
    private string? _lie;
    private string? _failure;
    private bool _mayBeCharged;

    /// <summary>Where it goes, at the prices that hold for it.</summary>
    public Replica Replica => replica;

    /// <summary>Whether it is read to its receipt though whoever asked has gone. An agent that is stopped waits for nothing.</summary>
    public bool IsReadToItsEnd => capability is null;

    /// <summary>Sends it, and answers when the head of the answer is there.</summary>
    /// <param name="upstreams">The way there.</param>
    /// <param name="kind">Which endpoint.</param>
    /// <param name="body">JSON.</param>
    /// <param name="isStream">Whether a stream of events is asked for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>One of status 200.</returns>
    /// <exception cref="UpstreamException">It refused, or cannot be paid.</exception>
    public async Task<HttpResponseMessage> SendAsync(Upstreams upstreams, InferenceKind kind, byte[] body, bool isStream, CancellationToken cancellationToken)
    {
        // What its price has become meanwhile its consumer has not agreed to.
        if (most > setAside)
            throw PassOver($"Its price has risen to {most} USD at most, and {setAside} were set aside.");
        var tab = desk.TabOf(replica) ?? throw PassOver("The supplier was removed.");
        if (await tab.ReserveAsync(most, cancellationToken) is { } reason)
            throw PassOver(reason);
        _tab = tab;
        _body = ContentHash.Of(body);
        _events = isStream ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
        var ask = Ask(tab);
        var hasShrunk = false;
        for (var payment = 1; ; payment++)
        {
            HttpResponseMessage answer;
            using (var message = ToMessage(tab, kind, body, isStream, ask))
            {
                try
                {
                    _mayBeCharged = true;
                    answer = await upstreams.SendAsync(message, cancellationToken);
                }
                catch (HttpRequestException unreached) when (unreached.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError)
                {
                    // It has not come there.
                    _mayBeCharged = false;
                    throw;
                }
            }

            if (answer.StatusCode is HttpStatusCode.OK)
            {
                _hasBegun = true;
                _receipt = answer.Headers.TryGetValues(ModelAnswerReceipt.Header, out var values) ? values.FirstOrDefault() : null;
                return answer;
            }

            using (answer)
            {
                _mayBeCharged = false;
                var refusal = await ReadAsync(answer, cancellationToken);
                if (payment < MostPayments && answer.StatusCode is HttpStatusCode.PaymentRequired)
                {
                    await PayAsync(tab, answer, cancellationToken);
                    continue;
                }

                if (refusal.Code == EnumWord.Of(ChannelRefusal.VoucherExceedsDeposit) && !hasShrunk && payment < MostPayments && await tab.ShrinkAsync(cancellationToken))
                {
                    hasShrunk = true;
                    continue;
                }

                throw FailureOf(tab, answer, refusal);
            }
        }
    }

    /// <summary>Takes an event of a streamed answer.</summary>
    /// <returns>What it is.</returns>
    public SuppliedEvent TakeEvent(ReadOnlySpan<byte> @event)
    {
        if (_events is not { } hash)
            return SuppliedEvent.OfAnswer;
        if (_eventsDigest is not null)
        {
            // The receipt swears to nothing that comes after it.
            if (EventLines.TryFindData(@event, out var range) && @event[range].SequenceEqual("[DONE]"u8))
                return SuppliedEvent.OfAnswer;
            NoteLie(AnswerFault.ReceiptTooEarly, "It went on after its receipt.");
            return SuppliedEvent.BeyondReceipt;
        }

        if (!@event.StartsWith(s_receiptPrefix))
        {
            hash.AppendData(@event);
            return SuppliedEvent.OfAnswer;
        }

        _receipt = Encoding.ASCII.GetString(@event[s_receiptPrefix.Length..]).TrimEnd();
        _eventsDigest = ContentHash.FromBytes(hash.GetHashAndReset());
        return SuppliedEvent.Receipt;
    }

    /// <summary>What came is not to be believed, whatever its receipt says.</summary>
    public void NoteLie(AnswerFault fault, string detail)
    {
        _lie = $"{fault}: {detail}";
        desk.Logger.LogWarning("The supplier {Node} has lied of an answer of {Model} ({Fault}): {Reason}", _tab?.Supplier.Node, replica.UpstreamModel, fault, detail);
    }

    /// <summary>Holds an answer that is whole against its receipt.</summary>
    /// <param name="whole">Its bytes; empty for a stream, whose events were taken.</param>
    /// <param name="claims">What it says of itself, and what was counted.</param>
    /// <param name="inputTokens">Of the request, as they were counted here.</param>
    /// <param name="mostOutput">The most that it may have written.</param>
    /// <returns>What was charged for it; null when that is not to be believed.</returns>
    public ModelAnswerContent? Judge(ReadOnlySpan<byte> whole, in AnswerClaims claims, long inputTokens, long mostOutput)
    {
        var tab = _tab!;
        if (_lie is not null)
            return null;
        // A stream without a receipt is of no digest: the check finds that there is none.
        var digest = _events is null ? ContentHash.Of(whole) : _eventsDigest ?? ContentHash.Of(whole);
        var came = new CountedAnswer(digest, new TokenUsage(inputTokens, claims.Counted), claims.Input, claims.Output, mostOutput);
        var ordered = new OrderedAnswer(tab.Supplier.Node, tab.Supplier.Channel, ListingName.Parse(replica.UpstreamModel), _body, _ask, replica.Priced, most);
        if (ModelAnswerCheck.Check(_receipt, ordered, came).TryGet(out var told, out var fault))
            return _told = told;
        NoteLie(fault.Code, fault.Detail);
        return null;
    }

    /// <summary>So much its consumer has paid.</summary>
    public void NotePaid(Money price) => _paid = price;

    /// <summary>It came to nothing through the supplier's fault, or that of the way there.</summary>
    /// <param name="failure">What happened.</param>
    /// <param name="counted">What that costs which had come of the answer by then.</param>
    public void NoteFailure(UpstreamException failure, Money counted)
    {
        if (failure.ClientFault is not null || failure.IsBusy)
            return;
        _failure = ReplicaCheck.Cut(failure.Said.Length > 0 ? $"{failure.Message} It said: {failure.Said}" : failure.Message);
        // What it broke off itself it has not written. One that stands still may write on.
        if (_hasBegun && failure.Kind is not UpstreamFailureKind.TooSlow)
            _counted = counted;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _events?.Dispose();
        _events = null;
        if (_tab is not { } tab)
            return;
        _tab = null;
        if (_told is { } told)
        {
            var end = _failure is null ? CallOutcome.Done : CallOutcome.Failed;
            tab.Settle(most, told.Price, told.Price, end, _failure);
            desk.Telemetry.Called(end);
            return;
        }

        CallOutcome? outcome = _lie is not null ? CallOutcome.Lied : _failure is not null ? CallOutcome.Failed : null;
        var charged = !_mayBeCharged ? Money.Zero : _lie is not null ? _paid : _counted ?? most;
        tab.Settle(most, _paid, charged, outcome, _lie ?? _failure);
        if (outcome is { } ended)
            desk.Telemetry.Called(ended);
    }

    private HttpRequestMessage ToMessage(SupplierTab tab, InferenceKind kind, byte[] body, bool isStream, string? ask)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, replica.AddressOf(kind)) { Content = new ByteArrayContent(body) };
        message.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        if (isStream)
            message.Headers.TryAddWithoutValidation("Accept", "text/event-stream");
        List<string> components = ["@method", "@path", "@query", ContentDigest.FieldName, "payment-signature", "stoa-max-price"];
        message.Headers.TryAddWithoutValidation(ModelAnswerReceipt.MostHeader, most.ToString());
        message.Headers.TryAddWithoutValidation(RequestSigner.DigestHeader, ContentDigest.Of(_body));
        message.Headers.TryAddWithoutValidation(PaymentHeaders.Signature, tab.PaymentOf());
        if (ask is not null)
        {
            message.Headers.TryAddWithoutValidation(ModelAsk.Header, ask);
            components.Add("stoa-ask");
        }

        RequestSigner.Sign(message, components, tab.Key, tab.Supplier.Channel.ToString(), desk.Time.GetUtcNow(), Convert.ToBase64String(RandomNumberGenerator.GetBytes(NonceBytes)));
        return message;
    }

    /// <summary>Makes the right of an agent's attempt out to the supplier: for this model alone, and for what this request costs.</summary>
    private string? Ask(SupplierTab tab)
    {
        if (capability is null)
            return null;
        var envelope = ModelAsk.Sign(
            new ModelAskContent(
                desk.Node.PublicKey, tab.Supplier.Node, tab.Supplier.Channel, capability.Agent, capability.Task, capability.Attempt, [ListingName.Parse(replica.UpstreamModel)], most, capability.ExpiresAt),
            desk.Node);
        _ask = ContentHash.Of(envelope.Payload);
        return Convert.ToBase64String(envelope.ToJson());
    }

    /// <summary>Promises what is asked for, if it is no more than was agreed on.</summary>
    private async Task PayAsync(SupplierTab tab, HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        if (ReadRequired(answer) is not { } required || required.Network != PaymentNetwork.Of(tab.Supplier.Node))
            throw new UpstreamException(UpstreamFailureKind.Malformed, "It wants to be paid, and does not say how.");
        if (!Money.TryParse(required.Amount, out var amount) || amount > most)
        {
            desk.AskSoon(replica);
            throw new UpstreamException(UpstreamFailureKind.Refused, $"It asks for {ReplicaCheck.Cut(required.Amount)} USD, and by its list the request costs {most} at most.");
        }

        if (required.Extra?.Cumulative is not { } text || !Money.TryParse(text, out var cumulative))
            throw new UpstreamException(UpstreamFailureKind.Malformed, "It does not say what a voucher has to say in all.");
        if (!await tab.RaiseAsync(cumulative, most, cancellationToken))
        {
            const string Reason = "It asks for a voucher of more than this cell's books and its own may differ by";
            tab.Block($"{Reason}: {cumulative} USD in all.");
            throw new UpstreamException(UpstreamFailureKind.Refused, $"{Reason}.");
        }
    }

    private UpstreamException FailureOf(SupplierTab tab, HttpResponseMessage answer, Refused refusal)
    {
        var (status, said) = ((int)answer.StatusCode, ReplicaCheck.Cut(refusal.Detail));
        if (IsOfChannel(refusal.Code) || answer.StatusCode is HttpStatusCode.PaymentRequired)
        {
            tab.Block($"Its channel pays no more: {said}");
            return new UpstreamException(UpstreamFailureKind.Refused, "The channel that it is paid out of pays no more.") { Said = said, IsBusy = true };
        }

        var isBusy = answer.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable;
        if (isBusy)
            tab.Rest(answer.Headers.RetryAfter is not { } after ? null : after.Delta ?? (after.Date - desk.Time.GetUtcNow()));
        // What it sells, or for how much, may have changed.
        if (answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Forbidden)
            desk.AskSoon(replica);
        var isFault = answer.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.UnprocessableEntity && refusal.Code != EnumWord.Of(CallRefusal.PaymentInvalid);
        return new UpstreamException(UpstreamFailureKind.Refused, $"It answered {status}.")
        {
            Said = said,
            IsBusy = isBusy,
            ClientFault = isFault
                ? new OpenAiError(status, "invalid_request_error", "refused_by_model", said.Length > 0 ? said : $"The node that serves the model answered {status} and said nothing of why.")
                : null,
        };
    }

    private static bool IsOfChannel(string code) => Enum.GetValues<ChannelRefusal>().Any(refusal => EnumWord.Of(refusal) == code);

    private static UpstreamException PassOver(string reason) => new(UpstreamFailureKind.Refused, $"The supplier is passed over: {reason}") { IsBusy = true };

    private static PaymentRequirements? ReadRequired(HttpResponseMessage answer)
    {
        if (!answer.Headers.TryGetValues(PaymentHeaders.Required, out var values) || values.FirstOrDefault() is not { } text || !Base64.IsValid(text))
            return null;
        try
        {
            return JsonSerializer.Deserialize(Convert.FromBase64String(text), StoaJson.Default.PaymentRequired)?.Accepts?.FirstOrDefault(way => way.Scheme == Till.Scheme);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static async Task<Refused> ReadAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        using var buffer = new GrowingBuffer(MostRefusalBytes);
        await using (var stream = await answer.Content.ReadAsStreamAsync(cancellationToken))
            await buffer.FillAsync(stream, MostRefusalBytes, cancellationToken);
        try
        {
            return JsonSerializer.Deserialize(buffer.Span, StoaJson.Default.Problem) is { } problem ? new Refused(problem.Code ?? "", problem.Detail ?? "") : new Refused("", "");
        }
        catch (JsonException)
        {
            return new Refused("", "");
        }
    }

    /// <param name="Code">The refusal's name.</param>
    /// <param name="Detail">In its words.</param>
    private readonly record struct Refused(string Code, string Detail);
}

/// <summary>What an event of a stream is that a supplier sends.</summary>
internal enum SuppliedEvent
{
    /// <summary>A part of the answer, or its end.</summary>
    OfAnswer,

    /// <summary>The receipt, which is no part of the answer.</summary>
    Receipt,

    /// <summary>Something that came after the receipt, which nobody is given.</summary>
    BeyondReceipt,
}

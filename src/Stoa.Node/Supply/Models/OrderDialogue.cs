using System.Buffers.Text;
using System.Net;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Channels;
using Stoa.Market.PayPerCall;
using Stoa.Market.Supply;
using Stoa.Node.Http;
using Stoa.Node.Inference.Gateway;
using Stoa.Node.Inference.Replicas;
using Stoa.Node.PayPerCall;
using Stoa.Primitives;

namespace Stoa.Node.Supply.Models;

/// <summary>Sends an order to a supplier until it is taken or refused: what is asked for (402) is promised, as far as it was agreed on.</summary>
/// <param name="desk">What it needs.</param>
/// <param name="tab">Pays.</param>
/// <param name="order">Is sent.</param>
internal sealed class OrderDialogue(SupplierDesk desk, SupplierTab tab, SupplierOrder order)
{
    private const int MostRefusalBytes = 64 << 10;
    private const int MostPayments = 3;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(20);

    /// <summary>Whether it has come there, as far as is known, and was not refused: then it may be charged.</summary>
    public bool MayBeCharged { get; private set; }

    /// <summary>Whether an answer has begun.</summary>
    public bool IsTaken { get; private set; }

    /// <summary>Sends it, and answers when the head of the answer is there.</summary>
    /// <param name="upstreams">The way there.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>One of status 200.</returns>
    /// <exception cref="UpstreamException">It refused, or cannot be paid.</exception>
    public async Task<HttpResponseMessage> SendAsync(Upstreams upstreams, CancellationToken cancellationToken)
    {
        var hasShrunk = false;
        for (var payment = 1; ; payment++)
        {
            var answer = await SendOnceAsync(upstreams, cancellationToken);
            if (answer.StatusCode is HttpStatusCode.OK)
            {
                IsTaken = true;
                return answer;
            }

            using (answer)
            {
                MayBeCharged = false;
                var refusal = await ReadAsync(answer, cancellationToken);
                if (payment < MostPayments && answer.StatusCode is HttpStatusCode.PaymentRequired)
                {
                    await PayAsync(answer, cancellationToken);
                    continue;
                }

                if (refusal.Code == EnumWord.Of(ChannelRefusal.VoucherExceedsDeposit) && !hasShrunk && payment < MostPayments && await tab.ShrinkAsync(cancellationToken))
                {
                    hasShrunk = true;
                    continue;
                }

                throw FailureOf(answer, refusal);
            }
        }
    }

    /// <summary>Asks what is charged for the order, which was given up before its answer. Whoever has given it up waits for that no longer than a moment.</summary>
    /// <param name="upstreams">The way there.</param>
    /// <param name="inputTokens">Of the request, as they were counted here.</param>
    /// <returns>What the supplier swears to, if that is to be believed; null where it says nothing.</returns>
    public async Task<ModelAnswerContent?> FindGivenUpAsync(Upstreams upstreams, long inputTokens)
    {
        using var patience = new CancellationTokenSource(s_patience);
        try
        {
            // It learns by the connection that nobody waits any more, and that takes its time.
            for (var pause = s_firstPause; ; pause += pause)
            {
                await Task.Delay(pause, patience.Token);
                using var message = new HttpRequestMessage(HttpMethod.Get, new Uri(tab.Supplier.Address, $"/api/v1/model-calls/receipts/{tab.Supplier.Channel}/{order.Nonce}"));
                using var answer = await upstreams.SendAsync(message, patience.Token);
                if (answer.IsSuccessStatusCode)
                {
                    var receipt = answer.Headers.TryGetValues(ModelAnswerReceipt.Header, out var values) ? values.FirstOrDefault() : null;
                    return ModelAnswerCheck.CheckGivenUp(receipt, order.Expected, inputTokens).TryGet(out var told, out _) ? told : null;
                }
            }
        }
        catch (Exception unknown) when (unknown is OperationCanceledException or HttpRequestException or IOException)
        {
            // Then it is in doubt.
            return null;
        }
    }

    private async Task<HttpResponseMessage> SendOnceAsync(Upstreams upstreams, CancellationToken cancellationToken)
    {
        using var message = order.Sign(desk.Time.GetUtcNow());
        try
        {
            MayBeCharged = true;
            return await upstreams.SendAsync(message, cancellationToken);
        }
        catch (HttpRequestException unreached) when (unreached.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError)
        {
            // It has not come there.
            MayBeCharged = false;
            throw;
        }
    }

    /// <summary>Promises what is asked for, if it is no more than was agreed on.</summary>
    private async Task PayAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        if (ReadRequired(answer) is not { } required || required.Network != PaymentNetwork.Of(tab.Supplier.Node))
            throw new UpstreamException(UpstreamFailureKind.Malformed, "It wants to be paid, and does not say how.");
        if (!Money.TryParse(required.Amount, out var amount) || amount < Money.Zero || amount > order.Most)
        {
            desk.AskSoon(order.Replica);
            throw new UpstreamException(UpstreamFailureKind.Refused, $"It asks for {ReplicaCheck.Cut(required.Amount)} USD, and by its list the request costs {order.Most} at most.");
        }

        if (required.Extra?.Cumulative is not { } text || !Money.TryParse(text, out var cumulative) || cumulative < Money.Zero)
            throw new UpstreamException(UpstreamFailureKind.Malformed, "It does not say what a voucher has to say in all.");
        if (!await tab.RaiseAsync(cumulative, order.Most, cancellationToken))
        {
            const string Reason = "It asks for a voucher of more than this cell's books and its own may differ by";
            tab.Block($"{Reason}: {cumulative} USD in all.");
            throw new UpstreamException(UpstreamFailureKind.Refused, $"{Reason}.");
        }
    }

    private UpstreamException FailureOf(HttpResponseMessage answer, Refused refusal)
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
            desk.AskSoon(order.Replica);
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

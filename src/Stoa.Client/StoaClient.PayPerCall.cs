using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Client;

/// <summary>Makes the voucher that a call is paid by.</summary>
/// <param name="required">What is asked for; <see cref="ChannelRequirements.Cumulative"/> is what the voucher has to say in all, and null at the first time.</param>
/// <param name="cancellationToken">Gives up.</param>
public delegate Task<ChannelVoucherBody> PayForCall(PaymentRequirements required, CancellationToken cancellationToken);

public sealed partial class StoaClient
{
    private const string PaymentSignature = "PAYMENT-SIGNATURE";
    private const int MaxPayments = 3;
    private const string InputRequired = "inputRequired";
    private const string CallUnderWay = "callUnderWay";

    /// <summary>The header that lowers the limits of a call: <c>fuel=…, memoryBytes=…, timeoutMs=…, outputBytes=…, logBytes=…</c>.</summary>
    public const string LimitsHeader = "Stoa-Limits";

    /// <summary>The header that fixes what is chance otherwise: <c>seed=…, clockMs=…</c>.</summary>
    public const string WorldHeader = "Stoa-World";

    /// <summary>The header that announces an input above <see cref="MaxInlineInputBytes"/>: <c>digest=sha256:…, bytes=…</c>.</summary>
    public const string InputHeader = "Stoa-Input";

    /// <summary><c>POST /api/v1/calls/{publisher}/{agent}</c>: calls an agent and pays for it out of a payment channel. No API key is needed.</summary>
    /// <param name="agent">Without a version: the newest.</param>
    /// <param name="input">As long as the node takes one.</param>
    /// <param name="parameters">Of the agent; null for none.</param>
    /// <param name="pay">Asked for a voucher, and asked again when more is needed than it says.</param>
    /// <param name="output">Where the result goes.</param>
    /// <param name="cancellationToken">Stops waiting; what was paid for goes on.</param>
    /// <returns>What was charged.</returns>
    /// <exception cref="StoaException">The call was refused, or failed and cost nothing.</exception>
    public async Task<PaymentOutcome> CallAgentAsync(
        AgentReference agent, CallInput input, IReadOnlyDictionary<string, string>? parameters, PayForCall pay, Stream output, CancellationToken cancellationToken = default)
    {
        var version = agent.Version is null ? "" : "@" + agent.Version;
        var path = $"calls/{Uri.EscapeDataString(agent.Publisher)}/{Uri.EscapeDataString(agent.Name)}{version}";
        return (await CallAsync(path, input, parameters, limits: null, NewIdempotencyKey(), pay, (body, stop) => body.CopyToAsync(output, stop), world: null, begun: null, cancellationToken)).Payment;
    }

    /// <summary><c>POST /api/v1/program-calls/{digest}</c>: has a program run that agents of the node have, and pays for it out of a payment channel.</summary>
    /// <param name="program">Its digest.</param>
    /// <param name="input">As long as the node takes one.</param>
    /// <param name="parameters">Of the agent.</param>
    /// <param name="limits">The most that it may use.</param>
    /// <param name="idempotencyKey">The same call with the same key is one call, whenever it is made again.</param>
    /// <param name="pay">Asked for a voucher, and asked again when more is needed than it says.</param>
    /// <param name="read">Reads the output.</param>
    /// <param name="world">Fixes what is chance otherwise; null to have it drawn.</param>
    /// <param name="begun">Told the call's id and its payment when it takes longer than a second, to follow it by <see cref="WatchCallAsync"/>; null for nobody.</param>
    /// <param name="cancellationToken">Stops waiting; what was paid for goes on.</param>
    /// <exception cref="StoaException">The call was refused, or failed and cost nothing.</exception>
    public Task<ProgramCallOutcome> CallProgramAsync(
        string program, CallInput input, IReadOnlyDictionary<string, string> parameters, AgentLimitsBody limits, string idempotencyKey, PayForCall pay,
        Func<Stream, CancellationToken, Task> read, CallWorld? world = null, Action<string, PaymentPayload>? begun = null, CancellationToken cancellationToken = default) =>
        CallAsync(ProgramPath(program), input, parameters, limits, idempotencyKey, pay, read, world, begun, cancellationToken);

    /// <summary><c>GET /api/v1/calls/{id}/events</c>: what happens to a call, from its beginning to its end, with measured progress between. It is not taken up again when it breaks.</summary>
    /// <param name="id">Of the call.</param>
    /// <param name="payment">Any of the same channel.</param>
    /// <param name="cancellationToken">Ends the stream; the call goes on.</param>
    public async IAsyncEnumerable<CloudEvent> WatchCallAsync(string id, PaymentPayload payment, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var call = new Call(HttpMethod.Get, $"calls/{Uri.EscapeDataString(id)}/events")
        {
            Prepare = request =>
            {
                request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
                request.Headers.Add(PaymentSignature, ToHeader(payment));
            },
        };
        using var response = await SendAsync(call, cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        await using var guarded = new IdleTimeoutStream(body, Options.EventIdleTimeout, Options.TimeProvider);
        await foreach (var told in SseParser.Create(guarded, (_, data) => JsonSerializer.Deserialize(data, StoaJson.Default.CloudEvent)).EnumerateAsync(cancellationToken))
        {
            if (told.Data is not { } happened)
                continue;
            yield return happened;
            if (IsEnd(happened))
                yield break;
        }
    }

    /// <summary><c>DELETE /api/v1/program-calls/{digest}</c>: stops a call that was made with a key.</summary>
    /// <param name="program">Its digest.</param>
    /// <param name="idempotencyKey">That it was made with.</param>
    /// <param name="network">Of the node: <c>stoa:</c> and its peer id.</param>
    /// <param name="voucher">Any of the same channel.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StoaException">There is no such call, or it has ended.</exception>
    public Task<PaidCallResponse> CancelProgramCallAsync(
        string program, string idempotencyKey, string network, ChannelVoucherBody voucher, CancellationToken cancellationToken = default)
    {
        var payment = new PaymentPayload(2, new PaymentRequirements("stoa-channel", network, "0", "USD", "", 1), voucher);
        return SendAsync(
            new Call(HttpMethod.Delete, ProgramPath(program), null, idempotencyKey) { Prepare = request => request.Headers.Add(PaymentSignature, ToHeader(payment)) },
            StoaJson.Default.PaidCallResponse,
            cancellationToken);
    }

    /// <summary><c>GET /api/v1/program-calls/{digest}/quote</c>: what a call can cost at most.</summary>
    public Task<ProgramQuoteResponse> QuoteProgramAsync(string program, long inputBytes, AgentLimitsBody limits, CancellationToken cancellationToken = default) => GetAsync(
        $"{ProgramPath(program)}/quote" + Query(
            ("inputBytes", Text(inputBytes)), ("fuel", Text(limits.Fuel)), ("memoryBytes", Text(limits.MemoryBytes)), ("timeoutMs", Text(limits.TimeoutMs)),
            ("outputBytes", Text(limits.OutputBytes)), ("logBytes", Text(limits.LogBytes))),
        StoaJson.Default.ProgramQuoteResponse,
        cancellationToken);

    /// <summary><c>GET /api/v1/calls/{id}/receipt</c>: the receipt of a call that has ended well.</summary>
    /// <param name="id">Of the call.</param>
    /// <param name="payment">Any of the same channel.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<DsseEnvelope> GetCallReceiptAsync(string id, PaymentPayload payment, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Get, $"calls/{Uri.EscapeDataString(id)}/receipt") { Prepare = request => request.Headers.Add(PaymentSignature, ToHeader(payment)) },
        StoaJson.Default.DsseEnvelope,
        cancellationToken);

    /// <summary><c>GET /api/v1/model-calls/models</c>: the models whose answers the node sells, and for how much. No API key is needed.</summary>
    /// <exception cref="StoaException">It sells none.</exception>
    public Task<SoldModelsResponse> ListSoldModelsAsync(CancellationToken cancellationToken = default) =>
        GetAsync("model-calls/models", StoaJson.Default.SoldModelsResponse, cancellationToken);

    private async Task<ProgramCallOutcome> CallAsync(
        string callPath, CallInput input, IReadOnlyDictionary<string, string>? parameters, AgentLimitsBody? limits, string idempotencyKey, PayForCall pay,
        Func<Stream, CancellationToken, Task> read, CallWorld? world, Action<string, PaymentPayload>? begun, CancellationToken cancellationToken)
    {
        var query = Query([.. (parameters ?? new Dictionary<string, string>()).Select(parameter => (parameter.Key, (string?)parameter.Value))]);
        var (method, path, key, id, payment) = (HttpMethod.Post, callPath + query, idempotencyKey, (string?)null, (PaymentPayload?)null);
        // What is long is sent when the node has said that it wants it: then it is paid for, and not there from an earlier time.
        var isWanted = !input.IsLong;
        for (var payments = 0; ;)
        {
            var call = new Call(method, path, method == HttpMethod.Post && isWanted ? input.ToBody : null, method == HttpMethod.Post ? key : null)
            {
                Prepare = request =>
                {
                    if (payment is not null)
                        request.Headers.Add(PaymentSignature, ToHeader(payment));
                    if (input.IsLong && request.Method == HttpMethod.Post)
                    {
                        request.Headers.Add(InputHeader, string.Create(CultureInfo.InvariantCulture, $"digest={input.Digest}, bytes={input.SizeBytes}"));
                        // A refusal comes before the bytes are sent rather than after.
                        request.Headers.ExpectContinue = isWanted ? true : null;
                    }

                    if (limits is not null && request.Method == HttpMethod.Post)
                        request.Headers.Add(LimitsHeader, ToHeader(limits));
                    // Who wants to follow it learns early what it is called.
                    if (begun is not null && request.Method == HttpMethod.Post)
                        request.Headers.Add("Prefer", "wait=1");
                    if (world is not null && request.Method == HttpMethod.Post)
                        request.Headers.Add(WorldHeader, string.Create(CultureInfo.InvariantCulture, $"seed={world.Seed}, clockMs={world.ClockMs}"));
                },
            };
            using var response = await SendOnceAsync(call, cancellationToken);
            if (response.StatusCode == HttpStatusCode.PaymentRequired && payments++ < MaxPayments && ReadHeader(response, "PAYMENT-REQUIRED") is { } required)
            {
                var way = JsonSerializer.Deserialize(required, StoaJson.Default.PaymentRequired)?.Accepts.FirstOrDefault(accepted => accepted.Scheme == "stoa-channel")
                    ?? throw new StoaException(Unreadable(response, "it asks for no payment out of a channel"));
                payment = new PaymentPayload(2, way, await pay(way, cancellationToken));
            }
            else if (response.StatusCode == HttpStatusCode.Accepted)
            {
                var later = await JsonSerializer.DeserializeAsync(await response.Content.ReadAsStreamAsync(cancellationToken), StoaJson.Default.PaidCallResponse, cancellationToken);
                // A node holds the line for a while; one that does not is not asked without a pause.
                if (method == HttpMethod.Get)
                    await PauseAsync(attempt: 1, asked: null, cancellationToken);
                if (method == HttpMethod.Post && payment is not null)
                    begun?.Invoke(later!.Id, payment);
                id = later!.Id;
                (method, path) = (HttpMethod.Get, $"calls/{Uri.EscapeDataString(id)}");
            }
            else if (response.IsSuccessStatusCode && payment is not null)
            {
                var place = response.Content.Headers.ContentLocation?.OriginalString;
                await read(await response.Content.ReadAsStreamAsync(cancellationToken), cancellationToken);
                var outcome = JsonSerializer.Deserialize(ReadHeader(response, "PAYMENT-RESPONSE") ?? "null"u8.ToArray(), StoaJson.Default.PaymentOutcome)
                    ?? throw new StoaException(Unreadable(response, "it does not say what was charged"));
                return new ProgramCallOutcome(outcome, id ?? place?[(place.LastIndexOf('/') + 1)..] ?? "", payment);
            }
            else
            {
                var problem = await ReadProblemAsync(response, cancellationToken);
                // An earlier request, of which only the connection broke, makes the call still: for a while, and then it is known or free.
                if (problem.Code == CallUnderWay && RetryAfter(response) is { } asked && asked <= Options.MaxRetryDelay)
                {
                    await PauseAsync(attempt: 1, asked, cancellationToken);
                    continue;
                }

                if (isWanted || problem.Code != InputRequired)
                    throw new StoaException(problem);
                isWanted = true;
            }
        }
    }

    private static string ProgramPath(string program) => $"program-calls/{Uri.EscapeDataString(program)}";

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string ToHeader(AgentLimitsBody limits) => string.Create(
        CultureInfo.InvariantCulture,
        $"fuel={limits.Fuel}, memoryBytes={limits.MemoryBytes}, timeoutMs={limits.TimeoutMs}, outputBytes={limits.OutputBytes}, logBytes={limits.LogBytes}");

    private static string ToHeader(PaymentPayload payment) => Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(payment, StoaJson.Default.PaymentPayload));

    private static byte[]? ReadHeader(HttpResponseMessage response, string name)
    {
        try
        {
            return response.Headers.TryGetValues(name, out var values) && values.FirstOrDefault() is { } text ? Convert.FromBase64String(text) : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }
}

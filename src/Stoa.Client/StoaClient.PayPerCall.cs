using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Stoa.Client.Contracts;

namespace Stoa.Client;

/// <summary>Makes the voucher that a call is paid by.</summary>
/// <param name="required">What is asked for; <see cref="ChannelRequirements.Cumulative"/> is what the voucher has to say in all, and null at the first time.</param>
/// <param name="cancellationToken">Gives up.</param>
public delegate Task<ChannelVoucherBody> PayForCall(PaymentRequirements required, CancellationToken cancellationToken);

public sealed partial class StoaClient
{
    private const string PaymentSignature = "PAYMENT-SIGNATURE";
    private const int MaxPayments = 3;

    /// <summary><c>POST /api/v1/calls/{publisher}/{agent}</c>: calls an agent and pays for it out of a payment channel. No API key is needed.</summary>
    /// <param name="agent">Without a version: the newest.</param>
    /// <param name="input">At most <see cref="MaxInlineInputBytes"/>.</param>
    /// <param name="parameters">Of the agent; null for none.</param>
    /// <param name="pay">Asked for a voucher, and asked again when more is needed than it says.</param>
    /// <param name="output">Where the result goes.</param>
    /// <param name="cancellationToken">Stops waiting; what was paid for goes on.</param>
    /// <returns>What was charged.</returns>
    /// <exception cref="StoaException">The call was refused, or failed and cost nothing.</exception>
    public async Task<PaymentOutcome> CallAgentAsync(
        AgentReference agent, ReadOnlyMemory<byte> input, IReadOnlyDictionary<string, string>? parameters, PayForCall pay, Stream output, CancellationToken cancellationToken = default)
    {
        var query = Query([.. (parameters ?? new Dictionary<string, string>()).Select(parameter => (parameter.Key, (string?)parameter.Value))]);
        var version = agent.Version is null ? "" : "@" + agent.Version;
        var path = $"calls/{Uri.EscapeDataString(agent.Publisher)}/{Uri.EscapeDataString(agent.Name)}{version}{query}";
        var (method, key, payment) = (HttpMethod.Post, NewIdempotencyKey(), (string?)null);
        for (var payments = 0; ;)
        {
            var call = new Call(method, path, method == HttpMethod.Post ? Body : null, method == HttpMethod.Post ? key : null)
            {
                Prepare = request =>
                {
                    if (payment is not null)
                        request.Headers.Add(PaymentSignature, payment);
                },
            };
            using var response = await SendOnceAsync(call, cancellationToken);
            if (response.StatusCode == HttpStatusCode.PaymentRequired && payments++ < MaxPayments && ReadHeader(response, "PAYMENT-REQUIRED") is { } required)
            {
                var way = JsonSerializer.Deserialize(required, StoaJson.Default.PaymentRequired)?.Accepts.FirstOrDefault(accepted => accepted.Scheme == "stoa-channel")
                    ?? throw new StoaException(Unreadable(response, "it asks for no payment out of a channel"));
                payment = Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(
                    new PaymentPayload(2, way, await pay(way, cancellationToken)), StoaJson.Default.PaymentPayload));
            }
            else if (response.StatusCode == HttpStatusCode.Accepted)
            {
                var later = await JsonSerializer.DeserializeAsync(await response.Content.ReadAsStreamAsync(cancellationToken), StoaJson.Default.PaidCallResponse, cancellationToken);
                (method, path) = (HttpMethod.Get, $"calls/{Uri.EscapeDataString(later!.Id)}");
            }
            else if (response.IsSuccessStatusCode)
            {
                await response.Content.CopyToAsync(output, cancellationToken);
                return JsonSerializer.Deserialize(ReadHeader(response, "PAYMENT-RESPONSE") ?? "null"u8.ToArray(), StoaJson.Default.PaymentOutcome)
                    ?? throw new StoaException(Unreadable(response, "it does not say what was charged"));
            }
            else
            {
                throw new StoaException(await ReadProblemAsync(response, cancellationToken));
            }
        }

        HttpContent Body() => new ReadOnlyMemoryContent(input) { Headers = { ContentType = new MediaTypeHeaderValue("application/octet-stream") } };
    }

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

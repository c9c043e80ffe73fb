using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Channels;
using Stoa.Market.Supply;
using Stoa.Node.PayPerCall;
using Stoa.Primitives;
using Stoa.Primitives.HttpSignatures;

namespace Stoa.Node.Tests.Inference.Sales;

/// <summary>Somebody without an account who pays for answers out of a channel, as whoever knows the protocol alone does.</summary>
internal sealed class AnswerBuyer(Uri address, ChannelResponse channel, PrivateKey key) : IDisposable
{
    private const string Path = "/api/v1/model-calls/";

    private readonly HttpClient _http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 256 }) { BaseAddress = address, Timeout = TimeSpan.FromMinutes(3) };

    public ChannelResponse Channel => channel;

    public Id<Channel> ChannelId => Id<Channel>.Parse(channel.Id);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>A voucher of the channel, as the header of a payment.</summary>
    public string Pay(Money cumulative, PrivateKey? by = null, Id<Channel>? of = null)
    {
        var voucher = new VoucherPayload(of ?? ChannelId, PeerId.Parse(channel.Node), cumulative).Sign(by ?? key).Envelope;
        var payment = new PaymentPayload(PaymentHeaders.Version, new PaymentRequirements(Till.Scheme, $"stoa:{channel.Node}", "0", "USD", "", 1), new ChannelVoucherBody((of ?? ChannelId).ToString(), new VoucherBody(voucher)));
        return Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(payment, StoaJson.Default.PaymentPayload));
    }

    /// <summary>A request that is in order, before it is signed.</summary>
    public AnswerOrder Order(object body, Money cumulative, string endpoint = "chat/completions") => new()
    {
        Address = address,
        Path = Path + endpoint,
        Body = JsonSerializer.SerializeToUtf8Bytes(body),
        Payment = Pay(cumulative),
        KeyId = channel.Id,
        Key = key,
    };

    /// <summary>Asks, with a voucher.</summary>
    public Task<HttpResponseMessage> AskAsync(object body, Money cumulative, string endpoint = "chat/completions") => SendAsync(Order(body, cumulative, endpoint).Sign());

    /// <summary>Sends a request, of which only the head of the answer is read.</summary>
    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken? cancellationToken = null) =>
        _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken ?? Stop);

    /// <summary>Asks without a payment.</summary>
    public Task<HttpResponseMessage> AskForPriceAsync(object body, string endpoint = "chat/completions") =>
        _http.PostAsync(new Uri(Path + endpoint, UriKind.Relative), new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body)), Stop);

    /// <summary>What an answer is refused with.</summary>
    public static async Task<(HttpStatusCode Status, string Code)> RefusalAsync(HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync(Stop);
        answer.Content.Headers.ContentType?.MediaType.ShouldBe("application/problem+json", text);
        return (answer.StatusCode, JsonNode.Parse(text)!["code"]!.GetValue<string>());
    }

    /// <summary>What is demanded by an answer 402.</summary>
    public static PaymentRequirements Demanded(HttpResponseMessage answer)
    {
        answer.StatusCode.ShouldBe(HttpStatusCode.PaymentRequired);
        var header = answer.Headers.GetValues(PaymentHeaders.Required).ShouldHaveSingleItem();
        return JsonSerializer.Deserialize(Convert.FromBase64String(header), StoaJson.Default.PaymentRequired)!.Accepts.ShouldHaveSingleItem();
    }

    /// <summary>The answer of a model that is whole, and its receipt, which has to hold.</summary>
    public async Task<(JsonNode Answer, ModelAnswerContent Receipt)> ReadAsync(HttpResponseMessage answer)
    {
        var body = await answer.Content.ReadAsByteArrayAsync(Stop);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, Encoding.UTF8.GetString(body));
        var receipt = Open(answer.Headers.GetValues(ModelAnswerReceipt.Header).ShouldHaveSingleItem());
        receipt.Answer.ShouldBe(ContentHash.Of(body));
        return (JsonNode.Parse(body)!, receipt);
    }

    /// <summary>The events of an answer that is a stream, and its receipt, which has to hold.</summary>
    public async Task<(List<string> Events, ModelAnswerContent Receipt)> ReadEventsAsync(HttpResponseMessage answer)
    {
        var body = await answer.Content.ReadAsByteArrayAsync(Stop);
        var text = Encoding.UTF8.GetString(body);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        var at = text.IndexOf(ModelAnswerReceipt.CommentPrefix, StringComparison.Ordinal);
        at.ShouldBeGreaterThan(0, text);
        var parts = text[at..].Split("\n\n");
        parts.Length.ShouldBe(3, text);
        (parts[1], parts[2]).ShouldBe(("data: [DONE]", ""));
        var receipt = Open(parts[0][ModelAnswerReceipt.CommentPrefix.Length..]);
        receipt.Answer.ShouldBe(ContentHash.Of(body.AsSpan(0, at)));
        return ([.. text[..at].Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(one => one["data: ".Length..])], receipt);
    }

    public void Dispose() => _http.Dispose();

    private ModelAnswerContent Open(string receipt)
    {
        var content = ModelAnswerReceipt.Open(DsseEnvelope.FromJson(Convert.FromBase64String(receipt)), PeerId.Parse(channel.Node)).Value;
        content.Channel.ShouldBe(ChannelId);
        return content;
    }
}

/// <summary>A request before it is signed, and what may be changed of it: before, or after.</summary>
internal sealed class AnswerOrder
{
    /// <summary>Of the node.</summary>
    public required Uri Address { get; init; }

    public required string Path { get; init; }

    public required byte[] Body { get; init; }

    public required string? Payment { get; set; }

    public required string KeyId { get; set; }

    public required PrivateKey Key { get; set; }

    public string? Ask { get; set; }

    public DateTimeOffset Created { get; set; } = TimeProvider.System.GetUtcNow();

    public string Nonce { get; set; } = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));

    public List<string> Covered { get; set; } = ["@method", "@path", "@query", "content-digest", "payment-signature", "stoa-ask"];

    /// <summary>The request as it is sent.</summary>
    /// <param name="change">Changes it once it is signed.</param>
    public HttpRequestMessage Sign(Action<HttpRequestMessage>? change = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Address, Path)) { Content = new ByteArrayContent(Body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add(RequestSigner.DigestHeader, ContentDigest.Of(Body));
        if (Payment is not null)
            request.Headers.Add(PaymentHeaders.Signature, Payment);
        if (Ask is not null)
            request.Headers.Add(ModelAsk.Header, Ask);
        RequestSigner.Sign(request, [.. Covered.Where(name => name != "stoa-ask" || Ask is not null)], Key, KeyId, Created, Nonce);
        change?.Invoke(request);
        return request;
    }
}

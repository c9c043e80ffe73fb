using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.PayPerCall;

namespace Stoa.Node.PayPerCall;

/// <summary>The headers of x402 version 2 over HTTP: base64 of JSON.</summary>
internal static class PaymentHeaders
{
    public const string Required = "PAYMENT-REQUIRED";
    public const string Signature = "PAYMENT-SIGNATURE";
    public const string Response = "PAYMENT-RESPONSE";
    public const int Version = 2;

    private const int LengthMax = 12_000;

    /// <summary>Sets one of them.</summary>
    public static void Set<T>(HttpResponse response, string name, T value, JsonTypeInfo<T> type) =>
        response.Headers[name] = Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(value, type));

    /// <summary>The payment of a request; null when there is none.</summary>
    public static Outcome<PaymentPayload?, CallRefusal> Read(HttpRequest request)
    {
        if (request.Headers[Signature] is not [{ Length: > 0 } text])
            return (PaymentPayload?)null;
        if (text.Length > LengthMax || !Base64.IsValid(text))
            return Refuse($"The header {Signature} is base64 of JSON, at most {LengthMax} characters.");
        try
        {
            return JsonSerializer.Deserialize(Convert.FromBase64String(text), StoaJson.Default.PaymentPayload) is { Payload.Voucher.Envelope: not null } payment
                ? payment.X402Version == Version ? payment : Refuse($"The payment is of x402 version {payment.X402Version}; {Version} is expected.")
                : Refuse($"The header {Signature} is without a voucher.");
        }
        catch (JsonException other)
        {
            return Refuse($"The header {Signature} is no payment: {other.Message}");
        }
    }

    private static Refusal<CallRefusal> Refuse(string detail) => new(CallRefusal.PaymentInvalid, detail);
}

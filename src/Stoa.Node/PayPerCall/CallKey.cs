using System.Security.Cryptography;
using System.Text;
using Stoa.Client.Contracts;
using Stoa.Market.Tasks;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>Names a call within its channel, so that the same request again is the same call.</summary>
internal static class CallKey
{
    /// <summary>By what its client says; else by what was asked for and how it was paid for.</summary>
    /// <param name="request">That may have an <c>Idempotency-Key</c>.</param>
    /// <param name="asked">As it came: whatever is published meanwhile, it names the same.</param>
    /// <param name="payment">Of the call.</param>
    public static string Of(HttpRequest request, TaskRequest asked, PaymentPayload payment)
    {
        if (IdempotencyKeyHeader.Read(request) is { } given)
            return Of(payment, given);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.ASCII.GetBytes($"{payment.Payload.ChannelId} {asked.Hash()} {payment.Payload.Voucher.Index} "));
        hash.AppendData(payment.Payload.Voucher.Envelope.Payload);
        return $"call:{ContentHash.FromBytes(hash.GetHashAndReset())}";
    }

    /// <summary>By what its client says.</summary>
    public static string Of(PaymentPayload payment, string given) => $"call:{ContentHash.Of(Encoding.ASCII.GetBytes(payment.Payload.ChannelId + ' ' + given))}";
}

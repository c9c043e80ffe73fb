using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Stoa.Market.Webhooks;

/// <summary>The key that a webhook and its receiver share, and the signature that it makes.</summary>
/// <remarks>The scheme is Standard Webhooks (symmetric, <c>v1</c>): HMAC-SHA256 over <c>{id}.{timestamp}.{body}</c>, in base64.
/// Printed, it shows nothing.</remarks>
public sealed class WebhookSecret(ReadOnlyMemory<byte> bytes)
{
    private const string Scheme = "whsec_";
    private const int SizeBytes = 32;

    /// <summary>The key itself, 32 bytes.</summary>
    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    /// <summary>As its owner gets it, once: <c>whsec_</c> and base64.</summary>
    public string Text => Scheme + Convert.ToBase64String(Bytes.Span);

    /// <summary>Makes a new one.</summary>
    /// <param name="random">Chance that nobody can foretell.</param>
    public static WebhookSecret Create(Random random)
    {
        var bytes = new byte[SizeBytes];
        random.NextBytes(bytes);
        return new WebhookSecret(bytes);
    }

    /// <summary>The value of <c>webhook-signature</c>.</summary>
    /// <param name="id">The value of <c>webhook-id</c>.</param>
    /// <param name="unixSeconds">The value of <c>webhook-timestamp</c>.</param>
    /// <param name="body">The bytes that are sent.</param>
    public string Sign(string id, long unixSeconds, ReadOnlySpan<byte> body)
    {
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Bytes.Span);
        mac.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{unixSeconds}.")));
        mac.AppendData(body);
        return "v1," + Convert.ToBase64String(mac.GetHashAndReset());
    }

    /// <inheritdoc/>
    public override string ToString() => Scheme + "…";
}

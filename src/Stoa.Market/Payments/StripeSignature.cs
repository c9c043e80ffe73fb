using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Stoa.Market.Payments;

/// <summary>What a look at a signature found.</summary>
public enum SignatureVerdict
{
    /// <summary>One of the secrets made it, and it is fresh.</summary>
    Valid,

    /// <summary>The header is missing or not of its form.</summary>
    HeaderInvalid,

    /// <summary>It was made too long ago, or in the future: an old request that somebody sends again, or a clock that is wrong.</summary>
    OutOfTolerance,

    /// <summary>None of the secrets made it.</summary>
    NoMatch,
}

/// <summary>The signature of Stripe's webhooks.</summary>
/// <remarks>
/// The header <c>Stripe-Signature</c> is <c>t=UNIX-SECONDS,v1=HEX[,v1=HEX…]</c>; a <c>v1</c> is HMAC-SHA256, keyed with the text of the secret, over the text of
/// <c>t</c>, a point and the bytes of the body. Other schemes than <c>v1</c> are passed over. While a secret is being rolled, Stripe signs with both, and here
/// either of two may be right.
/// </remarks>
public static class StripeSignature
{
    /// <summary>How far the time of a signature may be from now.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    private const int MaxHeaderLength = 4_096;
    private const int MaxSignatures = 16;
    private const int MaxTimestampLength = 12;

    /// <summary>Checks a signature. How long it takes says nothing of the secrets.</summary>
    /// <param name="header">The value of the header; null when there is none.</param>
    /// <param name="body">The bytes of the request, as they came.</param>
    /// <param name="secrets">Each of which may have signed.</param>
    /// <param name="now">UTC.</param>
    public static SignatureVerdict Check(string? header, ReadOnlySpan<byte> body, IReadOnlyList<string> secrets, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(secrets);
        if (header is null || !TryRead(header, out var timestamp, out var signatures))
            return SignatureVerdict.HeaderInvalid;
        var matches = false;
        foreach (var secret in secrets)
        {
            var expected = Compute(secret, timestamp, body);
            foreach (var signature in signatures)
                matches |= CryptographicOperations.FixedTimeEquals(signature, expected);
        }

        if (!matches)
            return SignatureVerdict.NoMatch;
        var seconds = long.Parse(timestamp, CultureInfo.InvariantCulture);
        return Math.Abs(now.ToUnixTimeSeconds() - seconds) <= (long)Tolerance.TotalSeconds ? SignatureVerdict.Valid : SignatureVerdict.OutOfTolerance;
    }

    private static byte[] Compute(string secret, string timestamp, ReadOnlySpan<byte> body)
    {
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret));
        mac.AppendData(Encoding.UTF8.GetBytes(timestamp));
        mac.AppendData("."u8);
        mac.AppendData(body);
        return mac.GetHashAndReset();
    }

    private static bool TryRead(string header, out string timestamp, out List<byte[]> signatures)
    {
        (timestamp, signatures) = ("", []);
        if (header.Length > MaxHeaderLength)
            return false;
        foreach (var part in header.Split(','))
        {
            var at = part.IndexOf('=', StringComparison.Ordinal);
            if (at < 0)
                return false;
            var (name, value) = (part[..at].Trim(), part[(at + 1)..].Trim());
            if (name == "t")
            {
                // The one that is signed is the one that is looked at: two of them would leave a choice.
                if (timestamp.Length > 0 || value.Length is 0 or > MaxTimestampLength || value.AsSpan().ContainsAnyExceptInRange('0', '9'))
                    return false;
                timestamp = value;
            }
            else if (name == "v1")
            {
                if (signatures.Count == MaxSignatures || value.Length != 2 * SHA256.HashSizeInBytes || !value.All(char.IsAsciiHexDigit))
                    return false;
                signatures.Add(Convert.FromHexString(value));
            }
        }

        return timestamp.Length > 0 && signatures.Count > 0;
    }
}

using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Stoa.Primitives;

namespace Stoa.Market.Identity.SecondFactor;

/// <summary>Time-based one-time passwords, RFC 6238, as authenticator programs make them: HMAC-SHA1, six digits, thirty seconds.</summary>
public static class Totp
{
    /// <summary>Length of a secret in bytes, as RFC 4226 section 4 recommends.</summary>
    public const int SecretBytes = 20;

    /// <summary>Digits of a code.</summary>
    public const int Digits = 6;

    /// <summary>How long a code stands, in seconds.</summary>
    public const int StepSeconds = 30;

    // A clock that is half a minute off is common, and so is somebody who types for as long.
    private const int StepsAround = 1;

    /// <summary>Number of the step that an instant is in.</summary>
    public static long StepOf(DateTimeOffset now) => now.ToUnixTimeSeconds() / StepSeconds;

    /// <summary>The code of a step.</summary>
    /// <param name="secret">The shared secret.</param>
    /// <param name="step">See <see cref="StepOf"/>.</param>
    /// <param name="digits">6 to 8; authenticators show 6, the test vectors of the RFC have 8.</param>
    public static string Compute(ReadOnlySpan<byte> secret, long step, int digits = Digits)
    {
        Span<byte> counter = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(counter, step);
        Span<byte> hash = stackalloc byte[HMACSHA1.HashSizeInBytes];
        // SHA-1 is what authenticators have; its collisions are of no use against HMAC.
#pragma warning disable CA5350
        HMACSHA1.HashData(secret, counter, hash);
#pragma warning restore CA5350
        var number = BinaryPrimitives.ReadInt32BigEndian(hash[(hash[^1] & 0xf)..]) & 0x7fff_ffff;
        var modulus = (int)Math.Pow(10, digits);
        return (number % modulus).ToString(CultureInfo.InvariantCulture).PadLeft(digits, '0');
    }

    /// <summary>The step that a code belongs to, of those around now and after the last that was used; null when it belongs to none.</summary>
    /// <remarks>Every step is compared in whole, so the time it takes tells nothing.</remarks>
    public static long? Match(ReadOnlySpan<byte> secret, string code, DateTimeOffset now, long lastStep)
    {
        long? found = null;
        var typed = Encoding.UTF8.GetBytes(code);
        var current = StepOf(now);
        for (var step = current - StepsAround; step <= current + StepsAround; step++)
        {
            var same = CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Compute(secret, step)), typed);
            if (same && step > lastStep)
                found = step;
        }

        return found;
    }

    /// <summary>A secret as authenticators take it: base32 in capitals.</summary>
    public static string Write(ReadOnlySpan<byte> secret) => Base32.Encode(secret).ToUpperInvariant();

    /// <summary>The secret as a link that authenticators read from a QR code.</summary>
    public static string ToUri(ReadOnlySpan<byte> secret, string issuer, string account) =>
        $"otpauth://totp/{Uri.EscapeDataString(issuer)}:{Uri.EscapeDataString(account)}?secret={Write(secret)}&issuer={Uri.EscapeDataString(issuer)}"
        + $"&algorithm=SHA1&digits={Digits}&period={StepSeconds}";
}

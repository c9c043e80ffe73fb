using System.Globalization;
using System.Text;

namespace Stoa.Primitives;

/// <summary>What a DSSE signature is over.</summary>
/// <remarks>The DSSE protocol 1.0.0, github.com/secure-systems-lab/dsse.</remarks>
public static class Dsse
{
    // A lone surrogate has no UTF-8: replacing it would give two types the same bytes.
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Joins type and payload so that no other pair gives the same bytes: <c>DSSEv1 LEN(type) type LEN(payload) payload</c>.</summary>
    /// <exception cref="ArgumentException">The type is not well-formed Unicode.</exception>
    public static byte[] PreAuthenticationEncoding(string payloadType, ReadOnlySpan<byte> payload)
    {
        ArgumentNullException.ThrowIfNull(payloadType);
        var typeLength = s_strictUtf8.GetByteCount(payloadType);
        var head = string.Create(CultureInfo.InvariantCulture, $"DSSEv1 {typeLength} {payloadType} {payload.Length} ");
        return [.. s_strictUtf8.GetBytes(head), .. payload];
    }
}

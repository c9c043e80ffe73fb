using System.Globalization;
using System.Text;

namespace Stoa.Primitives;

/// <summary>What a DSSE signature is over.</summary>
/// <remarks>The DSSE protocol 1.0.0, github.com/secure-systems-lab/dsse.</remarks>
public static class Dsse
{
    /// <summary>Joins type and payload so that no other pair gives the same bytes: <c>DSSEv1 LEN(type) type LEN(payload) payload</c>.</summary>
    public static byte[] PreAuthenticationEncoding(string payloadType, ReadOnlySpan<byte> payload)
    {
        ArgumentNullException.ThrowIfNull(payloadType);
        var typeLength = Encoding.UTF8.GetByteCount(payloadType);
        var head = string.Create(CultureInfo.InvariantCulture, $"DSSEv1 {typeLength} {payloadType} {payload.Length} ");
        return [.. Encoding.UTF8.GetBytes(head), .. payload];
    }
}

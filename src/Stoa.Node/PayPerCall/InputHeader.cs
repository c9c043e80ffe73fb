using System.Globalization;
using Stoa.Client;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>The header that announces an input above 1 MiB: <c>digest=sha256:…, bytes=5000000</c>, a dictionary in the manner of RFC 8941.</summary>
internal static class InputHeader
{
    private const int LengthMax = 256;

    /// <summary>Reads it; without one the input comes with the request, and is null.</summary>
    public static bool TryRead(HttpRequest request, out RequestedInput.Announced? input)
    {
        input = null;
        var text = request.Headers[StoaClient.InputHeader].ToString();
        if (text.Length == 0)
            return true;
        if (text.Length > LengthMax)
            return false;
        (ContentHash? Digest, long? Bytes) said = default;
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var sign = part.IndexOf('=', StringComparison.Ordinal);
            if (sign < 0)
                return false;
            if (part[..sign] == "digest" && said.Digest is null && ContentHash.TryParse(part[(sign + 1)..], null, out var digest))
                said.Digest = digest;
            else if (part[..sign] == "bytes" && said.Bytes is null && long.TryParse(part.AsSpan(sign + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes))
                said.Bytes = bytes;
            else
                return false;
        }

        // What is shorter comes with the request: of an empty body nobody knows whether it is an announcement.
        if (said is not ({ } content, { } size) || size <= TaskInput.MaxInlineBytes)
            return false;
        input = new RequestedInput.Announced(content, size);
        return true;
    }
}

using Stoa.Client;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>The header that announces an input above 1 MiB: <c>digest=sha256:…, bytes=5000000</c>.</summary>
internal static class InputHeader
{
    /// <summary>Reads it; without one the input comes with the request, and is null.</summary>
    public static bool TryRead(HttpRequest request, out RequestedInput.Announced? input)
    {
        input = null;
        if (StructuredHeader.Read(request, StoaClient.InputHeader) is not { } header)
            return false;
        if (header.Count == 0)
            return true;
        // What is shorter comes with the request: of an empty body nobody knows whether it is an announcement.
        if (header.Count != 2 || !ContentHash.TryParse(header.Find("digest"), null, out var digest) || header.FindInteger("bytes") is not (> TaskInput.MaxInlineBytes and var bytes))
            return false;
        input = new RequestedInput.Announced(digest, bytes);
        return true;
    }
}

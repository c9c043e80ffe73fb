using Stoa.Client;
using Stoa.Market.Tasks;

namespace Stoa.Node.PayPerCall;

/// <summary>The header that fixes what is chance otherwise: <c>seed=42, clockMs=1764000000000</c>.</summary>
internal static class WorldHeader
{
    /// <summary>Reads it; without one it is drawn.</summary>
    public static bool TryRead(HttpRequest request, out TaskWorld? world)
    {
        world = null;
        if (StructuredHeader.Read(request, StoaClient.WorldHeader) is not { } header)
            return false;
        if (header.Count == 0)
            return true;
        if (header.Count != 2 || header.FindInteger("seed") is not { } seed || header.FindInteger("clockMs") is not (>= 0 and <= TaskWorld.MaxClockMs and var clockMs))
            return false;
        world = new TaskWorld(seed, clockMs);
        return true;
    }
}

using System.Globalization;
using Stoa.Client;
using Stoa.Market.Tasks;

namespace Stoa.Node.PayPerCall;

/// <summary>The header that fixes what is chance otherwise: <c>seed=42, clockMs=1764000000000</c>, a dictionary of integers in the manner of RFC 8941.</summary>
internal static class WorldHeader
{
    private const int LengthMax = 128;

    /// <summary>Reads it; without one it is drawn.</summary>
    public static bool TryRead(HttpRequest request, out TaskWorld? world)
    {
        world = null;
        var text = request.Headers[StoaClient.WorldHeader].ToString();
        if (text.Length == 0)
            return true;
        if (text.Length > LengthMax)
            return false;
        long? seed = null, clockMs = null;
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var sign = part.IndexOf('=', StringComparison.Ordinal);
            if (sign < 0 || !long.TryParse(part.AsSpan(sign + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
                return false;
            if (part[..sign] == "seed" && seed is null)
                seed = value;
            else if (part[..sign] == "clockMs" && clockMs is null && value is >= 0 and <= TaskWorld.MaxClockMs)
                clockMs = value;
            else
                return false;
        }

        if (seed is not { } s || clockMs is not { } ms)
            return false;
        world = new TaskWorld(s, ms);
        return true;
    }
}

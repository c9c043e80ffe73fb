using System.Globalization;
using Stoa.Client;
using Stoa.Market.Tasks;

namespace Stoa.Node.PayPerCall;

/// <summary>The header that lowers the limits of a call: <c>fuel=1000000, timeoutMs=5000</c>, a dictionary of integers in the manner of RFC 8941.</summary>
internal static class LimitsHeader
{
    private const int LengthMax = 256;

    /// <summary>Reads it; without one the limits are the agent's.</summary>
    public static bool TryRead(HttpRequest request, out RequestedLimits limits)
    {
        limits = RequestedLimits.None;
        var text = request.Headers[StoaClient.LimitsHeader].ToString();
        if (text.Length > LengthMax)
            return false;
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var sign = part.IndexOf('=', StringComparison.Ordinal);
            if (sign < 0 || !long.TryParse(part.AsSpan(sign + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var value) || With(limits, part[..sign], value) is not { } next)
                return false;
            limits = next;
        }

        return true;
    }

    private static RequestedLimits? With(RequestedLimits limits, string name, long value) => name switch
    {
        "fuel" => limits with { Fuel = value },
        "memoryBytes" => limits with { MemoryBytes = value },
        "timeoutMs" => limits with { TimeoutMs = value },
        "outputBytes" => limits with { OutputBytes = value },
        "logBytes" => limits with { LogBytes = value },
        _ => null,
    };
}

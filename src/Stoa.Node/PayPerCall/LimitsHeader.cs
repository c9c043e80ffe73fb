using Stoa.Client;
using Stoa.Market.Tasks;

namespace Stoa.Node.PayPerCall;

/// <summary>The header that lowers the limits of a call: <c>fuel=1000000, timeoutMs=5000</c>.</summary>
internal static class LimitsHeader
{
    /// <summary>Reads it; without one the limits are the agent's.</summary>
    public static bool TryRead(HttpRequest request, out RequestedLimits limits)
    {
        limits = RequestedLimits.None;
        if (StructuredHeader.Read(request, StoaClient.LimitsHeader) is not { } header)
            return false;
        foreach (var name in header.Names)
        {
            if (header.FindInteger(name) is not (>= 0 and var value) || With(limits, name, value) is not { } next)
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

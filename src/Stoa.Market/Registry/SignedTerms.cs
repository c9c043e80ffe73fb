using System.Text.Json;
using static Stoa.Market.SignedJson;

namespace Stoa.Market.Registry;

/// <summary>How limits, rates and factors are written in signed records.</summary>
internal static class SignedTerms
{
    /// <summary>The member <c>limits</c>.</summary>
    public static void WriteLimits(Utf8JsonWriter json, AgentLimits limits)
    {
        json.WriteStartObject("limits");
        json.WriteNumber("fuel", limits.Fuel);
        json.WriteNumber("memoryBytes", limits.MemoryBytes);
        json.WriteNumber("timeoutMs", limits.TimeoutMs);
        json.WriteNumber("outputBytes", limits.OutputBytes);
        json.WriteNumber("logBytes", limits.LogBytes);
        json.WriteEndObject();
    }

    /// <summary>Reads the member <c>limits</c>.</summary>
    public static AgentLimits ReadLimits(JsonElement parent)
    {
        var limits = parent.GetProperty("limits");
        return new AgentLimits(
            Number(limits, "fuel"), Number(limits, "memoryBytes"), Number(limits, "timeoutMs"), Number(limits, "outputBytes"), Number(limits, "logBytes"));
    }

    /// <summary>The members of rates, into an object that is open.</summary>
    public static void WriteRates(Utf8JsonWriter json, AgentPrice rates)
    {
        json.WriteString("base", rates.Base.ToString());
        json.WriteString("perMegabyte", rates.PerMegabyte.ToString());
        json.WriteString("perGigafuel", rates.PerGigafuel.ToString());
        json.WriteString("perGigabyteSecond", rates.PerGigabyteSecond.ToString());
    }

    /// <summary>Reads what <see cref="WriteRates"/> wrote.</summary>
    public static AgentPrice ReadRates(JsonElement rates) => new(
        Amount(rates, "base"), Amount(rates, "perMegabyte"), Amount(rates, "perGigafuel"), Amount(rates, "perGigabyteSecond"));

    /// <summary>The members of factors, only when they say something: a reader of before they were there has none to reckon with.</summary>
    public static void WriteFactor(Utf8JsonWriter json, PriceFactor factor)
    {
        if (factor == PriceFactor.One)
            return;
        json.WriteNumber("tierPermille", factor.Tier);
        json.WriteNumber("demandPermille", factor.Demand);
        if (factor.Volume != PriceFactors.One)
            json.WriteNumber("volumePermille", factor.Volume);
    }

    /// <summary>Reads what <see cref="WriteFactor"/> wrote; it may be out of range.</summary>
    public static PriceFactor ReadFactor(JsonElement rates)
    {
        var factor = rates.TryGetProperty("tierPermille", out var tier)
            ? new PriceFactor(tier.GetInt32(), rates.GetProperty("demandPermille").GetInt32())
            : PriceFactor.One;
        return rates.TryGetProperty("volumePermille", out var volume) ? factor with { Volume = volume.GetInt32() } : factor;
    }
}

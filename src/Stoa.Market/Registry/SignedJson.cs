using System.Globalization;
using System.Text.Json;
using Stoa.Primitives;

namespace Stoa.Market.Registry;

/// <summary>The parts that signed records have in common: how limits, rates, factors and instants are written in all of them.</summary>
internal static class SignedJson
{
    private const string InstantFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <summary>UTC, to the millisecond.</summary>
    public static string Text(DateTimeOffset instant) => instant.UtcDateTime.ToString(InstantFormat, CultureInfo.InvariantCulture);

    /// <exception cref="FormatException">The member is null, or no instant.</exception>
    public static DateTimeOffset Instant(JsonElement element, string name) =>
        DateTimeOffset.ParseExact(Text(element, name), InstantFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    /// <exception cref="FormatException">The member is null.</exception>
    public static string Text(JsonElement element, string name) =>
        element.GetProperty(name).GetString() ?? throw new FormatException($"\"{name}\" is null.");

    /// <exception cref="FormatException">The member is negative.</exception>
    public static long Number(JsonElement element, string name) => element.GetProperty(name).GetInt64() is var number && number >= 0
        ? number
        : throw new FormatException($"\"{name}\" is negative.");

    /// <summary>Dollars as a decimal string.</summary>
    /// <exception cref="FormatException">The member is null, no amount, or negative.</exception>
    public static Money Amount(JsonElement element, string name) => Money.Parse(Text(element, name)) is var amount && amount >= Money.Zero
        ? amount
        : throw new FormatException($"\"{name}\" is negative.");

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
    }

    /// <summary>Reads what <see cref="WriteFactor"/> wrote; it may be out of range.</summary>
    public static PriceFactor ReadFactor(JsonElement rates) => rates.TryGetProperty("tierPermille", out var tier)
        ? new PriceFactor(tier.GetInt32(), rates.GetProperty("demandPermille").GetInt32())
        : PriceFactor.One;
}

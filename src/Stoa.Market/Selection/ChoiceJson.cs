using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Selection;

/// <summary>A choice as it is kept and shown.</summary>
public static class ChoiceJson
{
    /// <summary>Members: <c>at</c>, <c>chosen</c>, <c>isExploring</c>, <c>candidateCount</c>, <c>unfit</c>, <c>weights</c>, <c>regionWeight</c> where regions are preferred, <c>typical</c>, <c>candidates</c>.</summary>
    public static string Write(Choice choice)
    {
        var buffer = new ArrayBufferWriter<byte>(4_096);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("at", choice.At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            json.WriteString("chosen", choice.Chosen?.Agent.Listing.ToString());
            json.WriteBoolean("isExploring", choice.IsExploring);
            json.WriteNumber("candidateCount", choice.CandidateCount);
            json.WriteStartObject("unfit");
            foreach (var (reason, count) in choice.UnfitCounts.OrderBy(entry => entry.Key))
                json.WriteNumber(EnumWord.Of(reason), count);
            json.WriteEndObject();
            WriteParts(json, "weights", choice.Weights.Quality, choice.Weights.Price, choice.Weights.Speed, choice.Weights.Availability);
            if (choice.RegionWeight is { } regionWeight)
                WriteNumber(json, "regionWeight", regionWeight);
            json.WriteStartObject("typical");
            WriteNumber(json, "price", choice.Typical.Price);
            WriteNumber(json, "failure", choice.Typical.Failure);
            WriteNumber(json, "seconds", choice.Typical.Seconds);
            WriteNumber(json, "unavailability", choice.Typical.Unavailability);
            json.WriteEndObject();
            json.WriteStartArray("candidates");
            foreach (var candidate in choice.Candidates)
                WriteCandidate(json, candidate);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void WriteCandidate(Utf8JsonWriter json, Candidate candidate)
    {
        json.WriteStartObject();
        json.WriteString("agent", candidate.Agent.Listing.ToString());
        json.WriteString("standing", EnumWord.Of(candidate.Standing));
        WriteNumber(json, "score", candidate.Score);
        WriteParts(json, "parts", candidate.Quality, candidate.Price, candidate.Speed, candidate.Availability);
        WriteNumber(json, "reputation", candidate.Reputation);
        WriteNumber(json, "evidence", candidate.Evidence);
        json.WriteString("expectedPrice", candidate.ExpectedPrice.ToString());
        json.WriteString("priceAtLimits", candidate.PriceAtLimits.ToString());
        WriteNumber(json, "expectedSeconds", candidate.ExpectedSeconds);
        json.WriteNumber("load", candidate.Load);
        if (candidate.Supplier is { } supplier)
            json.WriteString("supplier", supplier);
        if (candidate.Region is { } region)
            WriteNumber(json, "region", region);
        if (candidate.Factor != PriceFactor.One)
            WriteNumber(json, "priceFactor", candidate.Factor.Value);
        json.WriteEndObject();
    }

    private static void WriteParts(Utf8JsonWriter json, string name, double quality, double price, double speed, double availability)
    {
        json.WriteStartObject(name);
        WriteNumber(json, "quality", quality);
        WriteNumber(json, "price", price);
        WriteNumber(json, "speed", speed);
        WriteNumber(json, "availability", availability);
        json.WriteEndObject();
    }

    // Nine digits say all that single precision knows.
    private static void WriteNumber(Utf8JsonWriter json, string name, double value) => json.WriteNumber(name, Math.Round(value, 9));
}

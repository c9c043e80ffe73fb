using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Stoa.Market.Auctions;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Tasks.Models;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;
using static Stoa.Market.Registry.SignedTerms;
using static Stoa.Market.SignedJson;

namespace Stoa.Market.Tasks;

/// <summary>The payload of a signed receipt: compact UTF-8 JSON with its members in one fixed order.</summary>
/// <remarks>
/// <code>
/// { "id", "taskId", "consumerId", "agent", "artifactDigest", "programDigest", "parameters": [{ "name", "value" }],
///   "limits": { "fuel", "memoryBytes", "timeoutMs", "outputBytes", "logBytes" }, "seed", "clockMs", "inputDigest", "outputDigest",
///   "usage": { "fuel", "peakMemoryBytes", "inputBytes", "outputBytes", "durationMs" }, "price",
///   "shares": { "creator", "node", "platform" }, "royalties": [{ "to", "agent", "amount" }],
///   "calls": [{ "number", "parent", "agent", "programDigest", "limits", "inputDigest", "outputDigest", "usage", "failure", "pricing", "price", "shares", "royalties" }],
///   "modelRequests": see <see cref="ReceiptModelsJson"/>,
///   "pricing": { "base", "perMegabyte", "perGigafuel", "perGigabyteSecond", "inputBytes", "tierPermille", "demandPermille", "volumePermille" },
///   "auction": { "id", "awardDigest" }, "sealedTo", "node", "nodeKey", "finishedAt" }
/// </code>
/// <c>seed</c> is a decimal string, since not every language's numbers hold 64 bits; all other numbers are below 2⁵³ or
/// sizes. <c>node</c> is the peer id of <c>nodeKey</c>, the base64 of its SubjectPublicKeyInfo. Money is decimal strings in US
/// dollars. A reader ignores members that it does not know; the signature is over the exact bytes, so the order
/// only helps those who compare.
/// </remarks>
public static class ReceiptJson
{
    /// <summary>The bytes that are signed.</summary>
    public static byte[] Write(Receipt receipt)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("id", receipt.Id.ToString());
            json.WriteString("taskId", receipt.TaskId.ToString());
            json.WriteString("consumerId", receipt.ConsumerId.ToString());
            json.WriteString("agent", receipt.Agent.ToString());
            json.WriteString("artifactDigest", receipt.ArtifactDigest.ToString());
            json.WriteString("programDigest", receipt.ProgramDigest.ToString());
            WriteParameters(json, receipt.Parameters);
            WriteLimits(json, receipt.Limits);
            json.WriteString("seed", receipt.Seed.ToString(CultureInfo.InvariantCulture));
            json.WriteNumber("clockMs", receipt.ClockMs);
            json.WriteString("inputDigest", receipt.InputDigest.ToString());
            json.WriteString("outputDigest", receipt.OutputDigest.ToString());
            WriteUsage(json, receipt.Usage);
            json.WriteString("price", receipt.Price.ToString());
            WriteShares(json, receipt.Shares);
            WriteRoyalties(json, receipt.Royalties);
            WriteCalls(json, receipt.Calls);
            ReceiptModelsJson.Write(json, receipt.ModelRequests);
            WritePricing(json, receipt.Pricing);
            WriteAuction(json, receipt.Auction);
            if (receipt.SealedTo is { } sealedTo)
                json.WriteString("sealedTo", sealedTo.ToString());
            json.WriteSigner(receipt.NodeKey);
            json.WriteString("finishedAt", Text(receipt.FinishedAt));
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a payload.</summary>
    /// <param name="utf8Json">The payload of the envelope.</param>
    /// <param name="node">The peer id that the payload states beside the key.</param>
    /// <exception cref="FormatException">It is anything else; the message says what is missing.</exception>
    public static Receipt Read(ReadOnlyMemory<byte> utf8Json, out PeerId node) => NodeRecord.Read(
        utf8Json,
        "a receipt",
        (root, key) => new Receipt(
            Id<Receipt>.Parse(Text(root, "id")),
            Id<AgentTask>.Parse(Text(root, "taskId")),
            Id<User>.Parse(Text(root, "consumerId")),
            ListingName.Parse(Text(root, "agent")),
            ContentHash.Parse(Text(root, "artifactDigest")),
            ContentHash.Parse(Text(root, "programDigest")),
            [.. root.GetProperty("parameters").EnumerateArray().Select(item => new TaskParameter(Text(item, "name"), Text(item, "value")))],
            ReadLimits(root),
            long.Parse(Text(root, "seed"), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture),
            Number(root, "clockMs"),
            ContentHash.Parse(Text(root, "inputDigest")),
            ContentHash.Parse(Text(root, "outputDigest")),
            ReadUsage(root),
            Money.Parse(Text(root, "price")),
            ReadShares(root),
            key,
            Instant(root, "finishedAt"),
            root.TryGetProperty("pricing", out var pricing) ? ReadPricing(pricing) : null)
        {
            Auction = root.TryGetProperty("auction", out var auction)
                ? new ReceiptAuction(Id<Auction>.Parse(Text(auction, "id")), ContentHash.Parse(Text(auction, "awardDigest")))
                : null,
            SealedTo = root.TryGetProperty("sealedTo", out var sealedTo) ? SealingKeyId.Parse(sealedTo.GetString() ?? "") : null,
            Royalties = ReadRoyalties(root),
            Calls = root.TryGetProperty("calls", out var calls) ? [.. calls.EnumerateArray().Select(ReadCall)] : [],
            ModelRequests = ReceiptModelsJson.Read(root),
        },
        out node);

    private static void WriteParameters(Utf8JsonWriter json, IReadOnlyList<TaskParameter> parameters)
    {
        json.WriteStartArray("parameters");
        foreach (var parameter in parameters)
        {
            json.WriteStartObject();
            json.WriteString("name", parameter.Name);
            json.WriteString("value", parameter.Value);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteUsage(Utf8JsonWriter json, Usage usage)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("fuel", usage.Fuel);
        json.WriteNumber("peakMemoryBytes", usage.PeakMemoryBytes);
        json.WriteNumber("inputBytes", usage.InputBytes);
        json.WriteNumber("outputBytes", usage.OutputBytes);
        json.WriteNumber("durationMs", usage.DurationMs);
        json.WriteEndObject();
    }

    private static Usage ReadUsage(JsonElement parent)
    {
        var usage = parent.GetProperty("usage");
        return new Usage(
            Number(usage, "fuel"), Number(usage, "peakMemoryBytes"), Number(usage, "inputBytes"), Number(usage, "outputBytes"), Number(usage, "durationMs"));
    }

    internal static void WriteShares(Utf8JsonWriter json, Shares shares)
    {
        json.WriteStartObject("shares");
        json.WriteString("creator", shares.Creator.ToString());
        json.WriteString("node", shares.Node.ToString());
        json.WriteString("platform", shares.Platform.ToString());
        json.WriteEndObject();
    }

    internal static Shares ReadShares(JsonElement parent)
    {
        var shares = parent.GetProperty("shares");
        return new Shares(Money.Parse(Text(shares, "creator")), Money.Parse(Text(shares, "node")), Money.Parse(Text(shares, "platform")));
    }

    private static void WriteCalls(Utf8JsonWriter json, IReadOnlyList<ReceiptCall> calls)
    {
        if (calls.Count == 0)
            return;
        json.WriteStartArray("calls");
        foreach (var call in calls)
        {
            json.WriteStartObject();
            json.WriteNumber("number", call.Number);
            if (call.Parent is { } parent)
                json.WriteNumber("parent", parent);
            json.WriteString("agent", call.Agent.ToString());
            json.WriteString("programDigest", call.ProgramDigest.ToString());
            WriteLimits(json, call.Limits);
            json.WriteString("inputDigest", call.InputDigest.ToString());
            if (call.OutputDigest is { } output)
                json.WriteString("outputDigest", output.ToString());
            WriteUsage(json, call.Usage);
            if (call.Failure is { } failure)
                json.WriteString("failure", failure);
            WritePricing(json, call.Pricing);
            json.WriteString("price", call.Price.ToString());
            WriteShares(json, call.Shares);
            WriteRoyalties(json, call.Royalties);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static ReceiptCall ReadCall(JsonElement call) => new(
        call.GetProperty("number").GetInt32(),
        call.TryGetProperty("parent", out var parent) ? parent.GetInt32() : null,
        ListingName.Parse(Text(call, "agent")),
        ContentHash.Parse(Text(call, "programDigest")),
        ReadLimits(call),
        ContentHash.Parse(Text(call, "inputDigest")),
        call.TryGetProperty("outputDigest", out _) ? ContentHash.Parse(Text(call, "outputDigest")) : null,
        ReadUsage(call),
        call.TryGetProperty("failure", out _) ? Text(call, "failure") : null,
        ReadPricing(call.GetProperty("pricing")),
        Money.Parse(Text(call, "price")),
        ReadShares(call),
        ReadRoyalties(call));

    internal static IReadOnlyList<ReceiptRoyalty> ReadRoyalties(JsonElement parent) => parent.TryGetProperty("royalties", out var royalties)
        ? [.. royalties.EnumerateArray().Select(part => new ReceiptRoyalty(Text(part, "to"), ListingName.Parse(Text(part, "agent")), Amount(part, "amount")))]
        : [];

    internal static void WriteRoyalties(Utf8JsonWriter json, IReadOnlyList<ReceiptRoyalty> royalties)
    {
        if (royalties.Count == 0)
            return;
        json.WriteStartArray("royalties");
        foreach (var part in royalties)
        {
            json.WriteStartObject();
            json.WriteString("to", part.To);
            json.WriteString("agent", part.Agent.ToString());
            json.WriteString("amount", part.Amount.ToString());
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WritePricing(Utf8JsonWriter json, ReceiptPricing? pricing)
    {
        if (pricing is null)
            return;
        json.WriteStartObject("pricing");
        WriteRates(json, pricing.Rates);
        json.WriteNumber("inputBytes", pricing.InputBytes);
        WriteFactor(json, pricing.Factor);
        json.WriteEndObject();
    }

    private static void WriteAuction(Utf8JsonWriter json, ReceiptAuction? auction)
    {
        if (auction is null)
            return;
        json.WriteStartObject("auction");
        json.WriteString("id", auction.Id.ToString());
        json.WriteString("awardDigest", auction.AwardDigest.ToString());
        json.WriteEndObject();
    }

    private static ReceiptPricing ReadPricing(JsonElement pricing) => new(ReadRates(pricing), Number(pricing, "inputBytes")) { Factor = ReadFactor(pricing) };
}

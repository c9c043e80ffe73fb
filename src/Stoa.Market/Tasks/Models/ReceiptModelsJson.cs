using System.Text.Json;
using Stoa.Market.Inference;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;
using static Stoa.Market.SignedJson;

namespace Stoa.Market.Tasks.Models;

/// <summary>The member <c>modelRequests</c> of a receipt; left out when no model was asked.</summary>
/// <remarks>
/// <code>
/// [{ "number", "call", "asked", "endpoint", "requestDigest", "answerDigest", "failure",
///    "used": { "model", "listingPrice": { "perMillionInputTokens", "perMillionOutputTokens" }, "servingPrice": { … },
///              "suppliedBy": "Qm…", "suppliedPrice": { … }, "inputTokens", "outputTokens" },
///    "price", "shares", "royalties" }]
/// </code>
/// </remarks>
internal static class ReceiptModelsJson
{
    public const string Member = "modelRequests";

    public static void Write(Utf8JsonWriter json, IReadOnlyList<ReceiptModelRequest> requests)
    {
        if (requests.Count == 0)
            return;
        json.WriteStartArray(Member);
        foreach (var request in requests)
        {
            json.WriteStartObject();
            json.WriteNumber("number", request.Number);
            if (request.Call is { } call)
                json.WriteNumber("call", call);
            json.WriteString("asked", request.Asked);
            json.WriteString("endpoint", request.Endpoint);
            json.WriteString("requestDigest", request.RequestDigest.ToString());
            json.WriteString("answerDigest", request.AnswerDigest.ToString());
            if (request.Failure is { } failure)
                json.WriteString("failure", failure);
            WriteUse(json, request.Used);
            json.WriteString("price", request.Price.ToString());
            ReceiptJson.WriteShares(json, request.Shares);
            ReceiptJson.WriteRoyalties(json, request.Royalties);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    public static IReadOnlyList<ReceiptModelRequest> Read(JsonElement receipt) => receipt.TryGetProperty(Member, out var requests)
        ? [.. requests.EnumerateArray().Select(ReadRequest)]
        : [];

    private static ReceiptModelRequest ReadRequest(JsonElement request) => new(
        request.GetProperty("number").GetInt32(),
        request.TryGetProperty("call", out var call) ? call.GetInt32() : null,
        Text(request, "asked"),
        Text(request, "endpoint"),
        ContentHash.Parse(Text(request, "requestDigest")),
        ContentHash.Parse(Text(request, "answerDigest")),
        request.TryGetProperty("failure", out _) ? Text(request, "failure") : null,
        request.TryGetProperty("used", out var used)
            ? new ReceiptModelUse(
                ListingName.Parse(Text(used, "model")), ReadPrice(used, "listingPrice"), ReadPrice(used, "servingPrice"), new TokenUsage(Number(used, "inputTokens"), Number(used, "outputTokens")))
            {
                Supplied = used.TryGetProperty("suppliedBy", out _)
                    ? new SuppliedPrice(PeerId.Parse(Text(used, "suppliedBy")), ReadPrice(used, "suppliedPrice") ?? throw new FormatException("A supplier has a price."))
                    : null,
            }
            : null,
        Money.Parse(Text(request, "price")),
        ReceiptJson.ReadShares(request),
        ReceiptJson.ReadRoyalties(request));

    private static void WriteUse(Utf8JsonWriter json, ReceiptModelUse? used)
    {
        if (used is null)
            return;
        json.WriteStartObject("used");
        json.WriteString("model", used.Model.ToString());
        WritePrice(json, "listingPrice", used.ListingPrice);
        WritePrice(json, "servingPrice", used.ServingPrice);
        if (used.Supplied is { } supplied)
        {
            json.WriteString("suppliedBy", supplied.Node.ToString());
            WritePrice(json, "suppliedPrice", supplied.Price);
        }

        json.WriteNumber("inputTokens", used.Tokens.InputTokens);
        json.WriteNumber("outputTokens", used.Tokens.OutputTokens);
        json.WriteEndObject();
    }

    private static void WritePrice(Utf8JsonWriter json, string name, ModelPrice? price)
    {
        if (price is null)
            return;
        json.WriteStartObject(name);
        json.WriteString("perMillionInputTokens", price.PerMillionInputTokens.ToString());
        json.WriteString("perMillionOutputTokens", price.PerMillionOutputTokens.ToString());
        json.WriteEndObject();
    }

    private static ModelPrice? ReadPrice(JsonElement used, string name) => used.TryGetProperty(name, out var price)
        ? new ModelPrice(Money.Parse(Text(price, "perMillionInputTokens")), Money.Parse(Text(price, "perMillionOutputTokens")))
        : null;
}

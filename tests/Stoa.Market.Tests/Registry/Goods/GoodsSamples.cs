using System.Text;
using System.Text.Json.Nodes;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Goods;

/// <summary>Manifests to test with: one of each kind, with all that it may say.</summary>
internal static class GoodsSamples
{
    public static readonly ContentHash Content = ContentHash.Of("content"u8);

    public static IReadOnlyList<ListingKind> Kinds { get; } = [ListingKind.Model, ListingKind.Template, ListingKind.Bundle, ListingKind.Dataset];

    public static string Json(ListingKind kind, string version = "1.0.0") =>
        $$"""
        { "kind": "{{kind.ToString().ToLowerInvariant()}}", "name": "small-thing", "version": "{{version}}", "description": "A small thing.", "tags": ["English"], "category": "language", "license": "Apache-2.0 OR MIT",
          {{Own(kind)}} }
        """;

    public static GoodsManifest Read(string json) => GoodsReader.Read(Encoding.UTF8.GetBytes(json)).Value;

    /// <summary>What is wrong with a manifest once something in it was changed.</summary>
    public static IReadOnlyList<string> Faults(ListingKind kind, Action<JsonObject> change)
    {
        var root = JsonNode.Parse(Json(kind))!.AsObject();
        change(root);
        return [.. GoodsReader.Read(Encoding.UTF8.GetBytes(root.ToJsonString())).Refusal?.Errors.Select(error => error.Pointer) ?? []];
    }

    private static string Own(ListingKind kind) => kind switch
    {
        ListingKind.Model =>
            $$"""
            "framework": "gguf", "architecture": "llama", "quantisation": "Q4_K_M", "contextLength": 8192, "parameterCount": 1100048384,
            "weights": { "digest": "{{Content}}", "bytes": 7 }, "capabilities": ["chat", "text.summary"],
            "price": { "perMillionInputTokens": "0.04", "perMillionOutputTokens": "0.08" }, "requires": [{ "listing": "stoa/base-model", "range": "^1.0.0" }]
            """,
        ListingKind.Dataset =>
            $$"""
            "formats": ["text/csv", "parquet"], "records": 1000, "content": { "digest": "{{Content}}", "bytes": 7 }
            """,
        ListingKind.Template =>
            $$"""
            "parameters": { "type": "object", "required": ["topic"], "properties": { "topic": { "type": "string" } } }, "content": { "digest": "{{Content}}", "bytes": 7 },
            "requires": [{ "listing": "stoa/text-summary" }]
            """,
        _ =>
            """
            "listings": [{ "listing": "stoa/image-resize", "range": "1.x" }, { "listing": "stoa/base-model" }]
            """,
    };
}

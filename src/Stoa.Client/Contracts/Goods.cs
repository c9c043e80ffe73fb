using System.Text.Json;

namespace Stoa.Client.Contracts;

/// <summary>What is said of a model.</summary>
/// <param name="Framework">The form of its weights, such as <c>gguf</c>, <c>safetensors</c> or <c>onnx</c>.</param>
/// <param name="Architecture">Such as <c>llama</c>.</param>
/// <param name="Quantisation">How its weights are rounded, such as <c>Q4_K_M</c>.</param>
/// <param name="ContextLength">The most tokens that it sees at once.</param>
/// <param name="ParameterCount">How many numbers it has learnt.</param>
/// <param name="PerMillionInputTokens">Decimal string in US dollars.</param>
/// <param name="PerMillionOutputTokens">Decimal string in US dollars.</param>
public sealed record ModelBody(
    string Framework,
    string? Architecture = null,
    string? Quantisation = null,
    long? ContextLength = null,
    long? ParameterCount = null,
    string? PerMillionInputTokens = null,
    string? PerMillionOutputTokens = null);

/// <summary>What is said of a dataset.</summary>
/// <param name="Formats">Such as <c>text/csv</c> or <c>parquet</c>.</param>
/// <param name="Records">How many.</param>
public sealed record DatasetBody(IReadOnlyList<string> Formats, long Records);

/// <summary>What is said of a template.</summary>
/// <param name="Parameters">JSON Schema of what it is filled in with.</param>
public sealed record ListedTemplateBody(JsonElement Parameters);

/// <summary>Another listing that is needed, or belongs to a bundle.</summary>
/// <param name="Listing"><c>publisher/name</c>.</param>
/// <param name="Range">Which versions will do, such as <c>^1.2.0</c>; all when it is left out.</param>
public sealed record ListingDemandBody(string Listing, string? Range = null);

/// <summary>The bytes that goods consist of.</summary>
/// <param name="Digest">Of the bytes, <c>sha256:…</c>: content of the publisher, as <c>POST /api/v1/blobs</c> answers it.</param>
/// <param name="Bytes">How many.</param>
public sealed record GoodsContentBody(string Digest, long Bytes);

/// <summary>What using a model costs where somebody serves it.</summary>
/// <param name="PerMillionInputTokens">Decimal string in US dollars.</param>
/// <param name="PerMillionOutputTokens">Decimal string in US dollars.</param>
public sealed record ModelPriceBody(string PerMillionInputTokens, string PerMillionOutputTokens);

/// <summary>The manifest of a model, a template, a bundle or a dataset. The schemas at <c>/schemas/listing-{kind}.v1.json</c> say what belongs to which kind.</summary>
/// <param name="Kind"><c>model</c>, <c>template</c>, <c>bundle</c> or <c>dataset</c>.</param>
/// <param name="Name">2 to 64 characters of <c>a-z 0-9 -</c>, starting with a letter.</param>
/// <param name="Version">Semantic version; once published it never changes.</param>
/// <param name="Description">One or two sentences, at most 1,000 characters.</param>
/// <param name="Tags">Free words for search, at most 32.</param>
/// <param name="Category">The shelf that it stands on: 2 to 32 characters of <c>a-z 0-9 -</c>, starting with a letter.</param>
/// <param name="License">A licence expression of SPDX such as <c>MIT</c>, at most 128 characters.</param>
/// <param name="Framework">Of a model: the form of its weights, such as <c>gguf</c>.</param>
/// <param name="Architecture">Of a model, such as <c>llama</c>.</param>
/// <param name="Quantisation">Of a model: how its weights are rounded, such as <c>Q4_K_M</c>.</param>
/// <param name="ContextLength">Of a model: the most tokens that it sees at once.</param>
/// <param name="ParameterCount">Of a model: how many numbers it has learnt.</param>
/// <param name="Weights">Of a model: the file.</param>
/// <param name="Capabilities">Of a model: dotted lower-case names such as <c>chat</c> or <c>embeddings</c>, 1 to 32.</param>
/// <param name="Price">Of a model: what using it costs.</param>
/// <param name="Formats">Of a dataset: such as <c>text/csv</c> or <c>parquet</c>, 1 to 8.</param>
/// <param name="Records">Of a dataset: how many.</param>
/// <param name="Content">Of a dataset or a template: the file.</param>
/// <param name="Parameters">Of a template: JSON Schema of what it is filled in with.</param>
/// <param name="Requires">Of a model or a template: other listings that it needs, at most 64.</param>
/// <param name="Listings">Of a bundle: what belongs together, 1 to 64.</param>
public sealed record GoodsManifestBody(
    string Kind,
    string Name,
    string Version,
    string Description,
    IReadOnlyList<string>? Tags = null,
    string? Category = null,
    string? License = null,
    string? Framework = null,
    string? Architecture = null,
    string? Quantisation = null,
    long? ContextLength = null,
    long? ParameterCount = null,
    GoodsContentBody? Weights = null,
    IReadOnlyList<string>? Capabilities = null,
    ModelPriceBody? Price = null,
    IReadOnlyList<string>? Formats = null,
    long? Records = null,
    GoodsContentBody? Content = null,
    JsonElement? Parameters = null,
    IReadOnlyList<ListingDemandBody>? Requires = null,
    IReadOnlyList<ListingDemandBody>? Listings = null);

using Stoa.Primitives;

namespace Stoa.Market.Registry.Goods;

/// <summary>What is listed beside agents and is no program that a node runs: a model, a template, a bundle or a dataset.</summary>
/// <param name="Name">As that of an agent: 2 to 64 characters of <c>a-z 0-9 -</c>, starting with a letter.</param>
/// <param name="Version">Semantic version 2.0; once published it never changes.</param>
/// <param name="Description">One or two sentences, at most 1,000 characters.</param>
/// <param name="Tags">Free words for search, at most 32.</param>
/// <param name="Category">One word for the shelf that it stands on; null for none.</param>
/// <param name="License">An <see cref="SpdxExpression"/>; null when nothing is said, and then nothing is granted.</param>
/// <param name="Details">What is said of its kind alone.</param>
public sealed record GoodsManifest(
    string Name,
    SemanticVersion Version,
    string Description,
    IReadOnlyList<string> Tags,
    string? Category,
    string? License,
    GoodsDetails Details)
{
    /// <summary>What it is: none is an agent.</summary>
    public ListingKind Kind => Details.Kind;
}

/// <summary>Bytes that belong to a listing.</summary>
/// <param name="Digest">Of the bytes.</param>
/// <param name="Bytes">How many.</param>
public sealed record GoodsContent(ContentHash Digest, long Bytes);

/// <summary>Another listing that is needed.</summary>
/// <param name="Listing">Without a version, its publisher by handle or by key.</param>
/// <param name="Range">Which versions will do.</param>
public sealed record ListingDemand(ListingName Listing, SemanticRange Range)
{
    /// <summary><c>publisher/name@range</c>.</summary>
    public override string ToString() => $"{Listing}@{Range}";
}

/// <summary>What is said of goods of one kind alone.</summary>
public abstract record GoodsDetails
{
    private protected GoodsDetails()
    {
    }

    /// <summary>The kind.</summary>
    public abstract ListingKind Kind { get; }

    /// <summary>The bytes that it consists of; null where it has none of its own.</summary>
    public abstract GoodsContent? Content { get; }

    /// <summary>Other listings that it needs, or consists of.</summary>
    public abstract IReadOnlyList<ListingDemand> Requires { get; }
}

/// <summary>A trained model.</summary>
/// <param name="Framework">The form of its weights, such as <c>gguf</c>, <c>safetensors</c> or <c>onnx</c>; <c>wasm</c> where it is a program.</param>
/// <param name="Architecture">Such as <c>llama</c>; null when it is not said.</param>
/// <param name="Quantisation">How its weights are rounded, such as <c>Q4_K_M</c>; null when they are not.</param>
/// <param name="ContextLength">The most tokens that it sees at once; null for models that see none.</param>
/// <param name="ParameterCount">How many numbers it has learnt; null when it is not said.</param>
/// <param name="Weights">The file.</param>
/// <param name="Capabilities">Dotted lower-case names such as <c>chat</c> or <c>embeddings</c>, 1 to 32 of them.</param>
/// <param name="Price">What using it costs where somebody serves it; null when its publisher asks for nothing.</param>
/// <param name="Requires">Other listings that it needs, such as the model that it adapts.</param>
public sealed record ModelDetails(
    string Framework,
    string? Architecture,
    string? Quantisation,
    long? ContextLength,
    long? ParameterCount,
    GoodsContent Weights,
    IReadOnlyList<string> Capabilities,
    ModelPrice? Price,
    IReadOnlyList<ListingDemand> Requires) : GoodsDetails
{
    /// <inheritdoc/>
    public override ListingKind Kind => ListingKind.Model;

    /// <inheritdoc/>
    public override GoodsContent Content => Weights;

    /// <inheritdoc/>
    public override IReadOnlyList<ListingDemand> Requires { get; } = Requires;
}

/// <summary>What using a model costs.</summary>
/// <param name="PerMillionInputTokens">For what it reads.</param>
/// <param name="PerMillionOutputTokens">For what it writes.</param>
public sealed record ModelPrice(Money PerMillionInputTokens, Money PerMillionOutputTokens);

/// <summary>A dataset.</summary>
/// <param name="Formats">Media types or names of its files' forms, such as <c>text/csv</c> or <c>parquet</c>, 1 to 8 of them.</param>
/// <param name="Records">How many records.</param>
/// <param name="Content">The file; of several an archive.</param>
public sealed record DatasetDetails(IReadOnlyList<string> Formats, long Records, GoodsContent Content) : GoodsDetails
{
    /// <inheritdoc/>
    public override ListingKind Kind => ListingKind.Dataset;

    /// <inheritdoc/>
    public override GoodsContent Content { get; } = Content;

    /// <inheritdoc/>
    public override IReadOnlyList<ListingDemand> Requires => [];
}

/// <summary>A template.</summary>
/// <param name="Parameters">JSON Schema, as JSON text, of what it is filled in with; by the same rules as the schema of an agent's input.</param>
/// <param name="Content">The text that has the blanks.</param>
/// <param name="Requires">Other listings that it needs, such as the agents that it gives work to.</param>
public sealed record TemplateDetails(string Parameters, GoodsContent Content, IReadOnlyList<ListingDemand> Requires) : GoodsDetails
{
    /// <inheritdoc/>
    public override ListingKind Kind => ListingKind.Template;

    /// <inheritdoc/>
    public override GoodsContent Content { get; } = Content;

    /// <inheritdoc/>
    public override IReadOnlyList<ListingDemand> Requires { get; } = Requires;
}

/// <summary>A bundle.</summary>
/// <param name="Listings">What belongs together, 1 to 64 listings of any kind.</param>
public sealed record BundleDetails(IReadOnlyList<ListingDemand> Listings) : GoodsDetails
{
    /// <inheritdoc/>
    public override ListingKind Kind => ListingKind.Bundle;

    /// <inheritdoc/>
    public override GoodsContent? Content => null;

    /// <inheritdoc/>
    public override IReadOnlyList<ListingDemand> Requires => Listings;
}

using Stoa.Market.Registry.Goods;
using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Discovery;

/// <summary>What an index knows of a listing, an agent or other: its newest version that is offered.</summary>
/// <param name="Key">Which.</param>
/// <param name="Description">What it says it does.</param>
/// <param name="Capabilities">Dotted names such as <c>image.resize</c>.</param>
/// <param name="Tags">Free words.</param>
/// <param name="Input">Media type of what it reads; null of what is no agent.</param>
/// <param name="Output">Media type of what it writes; null of what is no agent.</param>
/// <param name="Price">Per task, before whatever depends on the task; of a model per million tokens that it reads; null of what has no price.</param>
/// <param name="ProgramBytes">Size of the program, or of what else it consists of; 0 of what consists of nothing of its own.</param>
/// <param name="StatedAt">When the version was published, as the publisher says, in milliseconds of Unix time.</param>
/// <param name="Standing">What consumers made of it.</param>
public sealed record ListingDocument(
    ListingKey Key,
    string Description,
    IReadOnlyList<string> Capabilities,
    IReadOnlyList<string> Tags,
    string? Input,
    string? Output,
    Money? Price,
    long ProgramBytes,
    long StatedAt,
    ListingStanding Standing)
{
    /// <summary>What it is.</summary>
    public ListingKind Kind { get; init; }

    /// <summary>The shelf that it stands on; null for none.</summary>
    public string? Category { get; init; }

    /// <summary>An <see cref="SpdxExpression"/>; null when nothing is said.</summary>
    public string? License { get; init; }

    /// <summary>Of a model, the form of its weights.</summary>
    public string? Framework { get; init; }

    /// <summary>Of a model.</summary>
    public string? Architecture { get; init; }

    /// <summary>Of a model, how its weights are rounded.</summary>
    public string? Quantisation { get; init; }

    /// <summary>Of a model, the most tokens that it sees at once; 0 when nothing is said.</summary>
    public int ContextLength { get; init; }

    /// <summary>Of the bytes that it consists of; null where there are none.</summary>
    public ContentHash? Content { get; init; }

    /// <summary>What a statement says of what it lists.</summary>
    /// <param name="statement">A listing.</param>
    /// <param name="standing">What consumers made of it.</param>
    public static ListingDocument Of(Statement statement, ListingStanding standing)
    {
        ArgumentNullException.ThrowIfNull(statement);
        return statement.Content switch
        {
            AgentListing agent => Of(statement, agent, standing),
            GoodsStatement goods => Of(statement, goods.Manifest, standing),
            var other => throw new ArgumentException($"A listing is expected, and no {other.Kind.Word()}.", nameof(statement)),
        };
    }

    private static ListingDocument Of(Statement statement, GoodsManifest manifest, ListingStanding standing)
    {
        var model = manifest.Details as ModelDetails;
        return new ListingDocument(
            new ListingKey(statement.SignerId, manifest.Name),
            manifest.Description,
            model?.Capabilities ?? [],
            manifest.Tags,
            Input: null,
            Output: null,
            model?.Price?.PerMillionInputTokens,
            manifest.Details.Content?.Bytes ?? 0,
            statement.Hlc.UnixTimeMs,
            standing)
        {
            Kind = manifest.Kind,
            Category = manifest.Category,
            License = manifest.License,
            Framework = model?.Framework,
            Architecture = model?.Architecture,
            Quantisation = model?.Quantisation,
            ContextLength = (int)(model?.ContextLength ?? 0),
            Content = manifest.Details.Content?.Digest,
        };
    }

    private static ListingDocument Of(Statement statement, AgentListing listing, ListingStanding standing)
    {
        var manifest = listing.Manifest;
        return new ListingDocument(
            new ListingKey(statement.SignerId, manifest.Name),
            manifest.Description,
            manifest.Capabilities,
            manifest.Tags,
            manifest.Input.MediaType,
            manifest.Output.MediaType,
            manifest.Price.Base,
            listing.ProgramBytes,
            statement.Hlc.UnixTimeMs,
            standing)
        {
            Category = manifest.Category,
            License = manifest.License,
            Content = listing.ProgramDigest,
        };
    }
}

/// <summary>What consumers made of an agent, in all of its versions. The default value is that of one that nobody had anything to do with.</summary>
/// <param name="Succeeded">Tasks that it did well.</param>
/// <param name="Reviews">How many there are.</param>
/// <param name="Stars">Their sum.</param>
public readonly record struct ListingStanding(long Succeeded, int Reviews, long Stars)
{
    // As many reviews of so many stars are put beside those that there are: one voice alone says little.
    private const int AssumedReviews = 5;
    private const int AssumedStars = 3;
    private const int Hundredths = 100;
    private const int Thousandths = 1_000;

    /// <summary>The mean in hundredths of a star, rounded down; 0 when there is no review.</summary>
    public int AverageHundredths => Reviews == 0 ? 0 : (int)(Stars * Hundredths / Reviews);

    /// <summary>What agents are put in order by, in thousandths of a star: the mean of the reviews and of five more that give three stars.</summary>
    public int Rank => (int)((Stars + (AssumedReviews * AssumedStars)) * Thousandths / ((long)Reviews + AssumedReviews));
}

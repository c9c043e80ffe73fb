using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Discovery;

/// <summary>What an index knows of an agent: its newest version that is offered.</summary>
/// <param name="Key">Which agent.</param>
/// <param name="Description">What it says it does.</param>
/// <param name="Capabilities">Dotted names such as <c>image.resize</c>.</param>
/// <param name="Tags">Free words.</param>
/// <param name="Input">Media type of what it reads.</param>
/// <param name="Output">Media type of what it writes.</param>
/// <param name="Price">Per task, before whatever depends on the task.</param>
/// <param name="ProgramBytes">Size of the program.</param>
/// <param name="StatedAt">When the version was published, as the publisher says, in milliseconds of Unix time.</param>
/// <param name="Standing">What consumers made of it.</param>
public sealed record ListingDocument(
    ListingKey Key,
    string Description,
    IReadOnlyList<string> Capabilities,
    IReadOnlyList<string> Tags,
    string Input,
    string Output,
    Money Price,
    long ProgramBytes,
    long StatedAt,
    ListingStanding Standing)
{
    /// <summary>What a statement says of an agent.</summary>
    /// <param name="statement">A listing.</param>
    /// <param name="standing">What consumers made of the agent.</param>
    public static ListingDocument Of(Statement statement, ListingStanding standing)
    {
        ArgumentNullException.ThrowIfNull(statement);
        var listing = (ListingStatement)statement.Content;
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
            standing);
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

using Stoa.Client.Contracts;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>A publisher as the catalogue knows it.</summary>
/// <param name="Key">The key.</param>
/// <param name="DisplayName">Of its profile.</param>
/// <param name="Handle">What its profile claims.</param>
/// <param name="OwnHandle">Of the user of this cell whose key it is; null of others.</param>
internal sealed record PublisherRef(PeerId Key, string? DisplayName, string? Handle, string? OwnHandle)
{
    public ListingPublisherBody ToContract() => new(Key.ToString(), OwnHandle is not null, OwnHandle ?? Handle, DisplayName);
}

/// <summary>The wire form of the network's catalogue.</summary>
internal static class ListingContracts
{
    public static ListingResponse ToResponse(Statement statement, PublisherRef publisher, Statement? deprecation)
    {
        var listing = (ListingStatement)statement.Content;
        var manifest = ManifestBody.Of(listing.Manifest);
        return new ListingResponse(
            new KeyedListing(publisher.Key, manifest.Name, listing.Manifest.Version).ToString(),
            publisher.ToContract(),
            manifest.Name,
            manifest.Version,
            manifest.Description,
            manifest.Capabilities,
            manifest.Tags!,
            manifest.Input,
            manifest.Output,
            manifest.Price,
            listing.ArtifactDigest.ToString(),
            listing.ProgramDigest.ToString(),
            listing.ProgramBytes,
            TimeOf(statement),
            statement.Id.ToString(),
            ToContract(deprecation));
    }

    /// <param name="publisher">Who publishes it.</param>
    /// <param name="name">Of the agent.</param>
    /// <param name="statements">All about the agent, by timestamp and id.</param>
    /// <param name="nodesOf">Who has a program at hand.</param>
    public static ListingDetailsResponse ToDetails(PublisherRef publisher, string name, IReadOnlyList<Statement> statements, Func<ContentHash, IEnumerable<PeerId>> nodesOf)
    {
        var byKey = statements.ToLookup(statement => statement.Key);
        var versions = byKey
            .Where(key => key.Key.Kind is StatementKind.Listing)
            .Select(key => (Version: ((ListingStatement)key.First().Content).Manifest.Version, Statements: key.ToList()))
            .OrderByDescending(version => version.Version)
            .Select(version => ToVersion(version.Statements, byKey, nodesOf))
            .ToList();
        var newest = versions.Where(version => version.State == Offered).Select(version => SemanticVersion.Parse(version.Version))
            .OrderByDescending(version => version.PreRelease.Length == 0).ThenByDescending(version => version).FirstOrDefault()?.ToString();
        var described = statements.First(statement => statement.Key is { Kind: StatementKind.Listing } key && key.Version == (newest ?? versions[0].Version));
        return new ListingDetailsResponse(
            new KeyedListing(publisher.Key, name, null).ToString(),
            publisher.ToContract(),
            name,
            ((ListingStatement)described.Content).Manifest.Description,
            versions,
            newest,
            ToContract(byKey[new MergeKey(StatementKind.Deprecation, publisher.Key, name, null)].SingleOrDefault()));
    }

    private const string Offered = "offered";

    private static ListingVersionBody ToVersion(List<Statement> listings, ILookup<MergeKey, Statement> byKey, Func<ContentHash, IEnumerable<PeerId>> nodesOf)
    {
        var (statement, listing) = (listings[0], (ListingStatement)listings[0].Content);
        var withdrawal = ToWithdrawal(byKey[statement.Key with { Kind = StatementKind.Withdrawal }].SingleOrDefault());
        return new ListingVersionBody(
            listing.Manifest.Version.ToString(),
            listings.Count > 1 ? "contradicted" : withdrawal is not null ? "withdrawn" : Offered,
            listing.ArtifactDigest.ToString(),
            listing.ProgramDigest.ToString(),
            listing.ProgramBytes,
            TimeOf(statement),
            statement.Id.ToString(),
            [.. nodesOf(listing.ProgramDigest).Select(node => node.ToString())],
            withdrawal,
            ToContract(byKey[statement.Key with { Kind = StatementKind.Deprecation }].SingleOrDefault()),
            listings.Count > 1 ? listings[1].Id.ToString() : null);
    }

    private static ListingWithdrawalBody? ToWithdrawal(Statement? statement) => statement?.Content is WithdrawalStatement { IsWithdrawn: true } withdrawal
        ? new ListingWithdrawalBody(statement.Id.ToString(), TimeOf(statement), withdrawal.Reason)
        : null;

    private static ListingDeprecationBody? ToContract(Statement? statement) => statement?.Content is DeprecationStatement { IsDeprecated: true } deprecation
        ? new ListingDeprecationBody(statement.Id.ToString(), TimeOf(statement), deprecation.Instead?.ToString(), deprecation.Reason)
        : null;

    private static DateTimeOffset TimeOf(Statement statement) => DateTimeOffset.FromUnixTimeMilliseconds(Math.Min(statement.Hlc.UnixTimeMs, DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()));
}

using System.Text.Json;
using Stoa.Client.Contracts;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>A publisher as the catalogue knows it.</summary>
/// <param name="Key">The key.</param>
/// <param name="DisplayName">Of its profile.</param>
/// <param name="Handle">What its profile claims.</param>
/// <param name="OwnHandle">Of the user of this cell whose key it is; null of others.</param>
/// <param name="Contradictions">Of how many versions it has signed two listings that say different things.</param>
internal sealed record PublisherRef(PeerId Key, string? DisplayName, string? Handle, string? OwnHandle, long Contradictions)
{
    public ListingPublisherBody ToContract() => new(Key.ToString(), OwnHandle is not null, OwnHandle ?? Handle, DisplayName, Contradictions == 0 ? null : Contradictions);
}

/// <summary>The wire form of the network's catalogue.</summary>
internal static class ListingContracts
{
    public static ListingResponse ToResponse(Statement statement, PublisherRef publisher, Statement? deprecation)
    {
        var listed = (ListingStatement)statement.Content;
        var response = new ListingResponse(
            new KeyedListing(publisher.Key, listed.Name, listed.Version).ToString(),
            publisher.ToContract(),
            listed.Name,
            listed.Version.ToString(),
            listed.Description,
            Capabilities: [],
            Tags: [],
            TimeOf(statement),
            statement.Id.ToString(),
            EnumWord.Of(listed.Listed),
            Deprecation: ToContract(deprecation));
        return listed switch
        {
            AgentListing agent => WithAgent(response, agent),
            GoodsStatement goods => WithGoods(response, goods.Manifest),
            _ => throw new ArgumentException("An agent or goods are expected.", nameof(statement)),
        };
    }

    private static ListingResponse WithAgent(ListingResponse response, AgentListing agent)
    {
        var manifest = ManifestBody.Of(agent.Manifest);
        return response with
        {
            Capabilities = manifest.Capabilities,
            Tags = manifest.Tags!,
            Category = manifest.Category,
            License = manifest.License,
            Input = manifest.Input,
            Output = manifest.Output,
            Price = manifest.Price,
            ArtifactDigest = agent.ArtifactDigest.ToString(),
            ProgramDigest = agent.ProgramDigest.ToString(),
            ProgramBytes = agent.ProgramBytes,
            Models = manifest.Models,
        };
    }

    private static ListingResponse WithGoods(ListingResponse response, GoodsManifest manifest)
    {
        response = response with
        {
            Tags = manifest.Tags,
            Category = manifest.Category,
            License = manifest.License,
            Content = ToContract(manifest.Details.Content),
            Requires = manifest.Details.Requires.Count == 0 ? null : [.. manifest.Details.Requires.Select(demand => new ListingDemandBody(demand.Listing.ToString(), demand.Range.ToString()))],
        };
        return manifest.Details switch
        {
            ModelDetails model => response with
            {
                Capabilities = model.Capabilities,
                Model = new ModelBody(
                    model.Framework, model.Architecture, model.Quantisation, model.ContextLength, model.ParameterCount, model.Price?.PerMillionInputTokens.ToString(), model.Price?.PerMillionOutputTokens.ToString()),
            },
            DatasetDetails dataset => response with { Dataset = new DatasetBody(dataset.Formats, dataset.Records) },
            TemplateDetails template => response with { Template = new ListedTemplateBody(ReadSchema(template.Parameters)) },
            _ => response,
        };
    }

    public static BlobResponse? ToContract(GoodsContent? content) => content is null ? null : new BlobResponse(content.Digest.ToString(), content.Bytes);

    private static JsonElement ReadSchema(string text)
    {
        using var schema = JsonDocument.Parse(text);
        return schema.RootElement.Clone();
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
            .Select(key => (Version: ((ListingStatement)key.First().Content).Version, Statements: key.ToList()))
            .OrderByDescending(version => version.Version)
            .Select(version => ToVersion(version.Statements, byKey, nodesOf))
            .ToList();
        var newest = versions.Where(version => version.State == s_offered).Select(version => SemanticVersion.Parse(version.Version))
            .OrderByDescending(version => version.PreRelease.Length == 0).ThenByDescending(version => version).FirstOrDefault()?.ToString();
        var described = statements.First(statement => statement.Key is { Kind: StatementKind.Listing } key && key.Version == (newest ?? versions[0].Version));
        return new ListingDetailsResponse(
            new KeyedListing(publisher.Key, name, null).ToString(),
            publisher.ToContract(),
            name,
            ((ListingStatement)described.Content).Description,
            versions,
            newest,
            ToContract(byKey[new MergeKey(StatementKind.Deprecation, publisher.Key, name, null)].SingleOrDefault()),
            EnumWord.Of(((ListingStatement)described.Content).Listed));
    }

    private static readonly string s_offered = EnumWord.Of(VersionState.Offered);

    private static ListingVersionBody ToVersion(List<Statement> listings, ILookup<MergeKey, Statement> byKey, Func<ContentHash, IEnumerable<PeerId>> nodesOf)
    {
        var (statement, listing) = (listings[0], (ListingStatement)listings[0].Content);
        var agent = listing as AgentListing;
        var withdrawal = ToWithdrawal(byKey[statement.Key with { Kind = StatementKind.Withdrawal }].SingleOrDefault());
        return new ListingVersionBody(
            listing.Version.ToString(),
            EnumWord.Of(VersionStates.Of(listings.Count, withdrawal is not null)),
            TimeOf(statement),
            statement.Id.ToString(),
            listing.ContentDigest is { } content ? [.. nodesOf(content).Select(node => node.ToString())] : [],
            agent?.ArtifactDigest.ToString(),
            agent?.ProgramDigest.ToString(),
            agent?.ProgramBytes,
            ToContract((listing as GoodsStatement)?.Manifest.Details.Content),
            withdrawal,
            ToContract(byKey[statement.Key with { Kind = StatementKind.Deprecation }].SingleOrDefault()),
            listings.Count > 1 ? listings[1].Id.ToString() : null,
            listing.ManifestDigest.ToString());
    }

    private static ListingWithdrawalBody? ToWithdrawal(Statement? statement) => statement?.Content is WithdrawalStatement { IsWithdrawn: true } withdrawal
        ? new ListingWithdrawalBody(statement.Id.ToString(), TimeOf(statement), withdrawal.Reason)
        : null;

    private static ListingDeprecationBody? ToContract(Statement? statement) => statement?.Content is DeprecationStatement { IsDeprecated: true } deprecation
        ? new ListingDeprecationBody(statement.Id.ToString(), TimeOf(statement), deprecation.Instead?.ToString(), deprecation.Reason)
        : null;

    private static DateTimeOffset TimeOf(Statement statement) => DateTimeOffset.FromUnixTimeMilliseconds(Math.Min(statement.Hlc.UnixTimeMs, DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()));
}

using System.Text.Json;
using Stoa.Client.Contracts;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Node.Registry;

/// <summary>The wire form of manifests and versions.</summary>
internal static class ManifestBody
{
    public static AgentManifestBody Of(AgentManifest manifest) => new(
        manifest.Name,
        manifest.Version.ToString(),
        manifest.Description,
        manifest.Capabilities,
        manifest.Program,
        Port(manifest.Input),
        Port(manifest.Output),
        Limits(manifest.Limits),
        Price(manifest.Price, manifest.Factors),
        manifest.Tags,
        [.. manifest.Parameters.Select(Parameter)],
        manifest.Permissions,
        Royalties(manifest),
        Uses(manifest),
        manifest.Category,
        manifest.License,
        Models(manifest),
        Asks(manifest));

    public static AgentResponse Of(PublishedVersion published) => Of(published.Version) with
    {
        Withdrawal = published.Withdrawal is { } withdrawal ? new WithdrawalBody(withdrawal.At, withdrawal.Reason) : null,
    };

    public static AgentResponse Of(AgentVersion version)
    {
        var manifest = Of(version.Manifest);
        return new AgentResponse(
            version.Id.ToString(),
            version.Listing.ToString(),
            version.Publisher,
            manifest.Name,
            manifest.Version,
            manifest.Description,
            manifest.Capabilities,
            manifest.Tags!,
            manifest.Input,
            manifest.Output,
            manifest.Parameters!,
            manifest.Limits,
            manifest.Price,
            version.ArtifactDigest.ToString(),
            version.ProgramDigest.ToString(),
            version.ProgramBytes,
            version.PublishedAt,
            manifest.Royalties,
            manifest.Uses,
            version.Manifest.IsAlone ? null : version.Manifest.MostForCalls.ToString(),
            Category: manifest.Category,
            License: manifest.License,
            Models: manifest.Models,
            Asks: manifest.Asks);
    }

    public static AgentLimitsBody Limits(AgentLimits limits) =>
        new(limits.Fuel, limits.MemoryBytes, limits.TimeoutMs, limits.OutputBytes, limits.LogBytes);

    private static IReadOnlyList<RoyaltyBody>? Royalties(AgentManifest manifest) => manifest.Royalties.Count == 0
        ? null
        : [.. manifest.Royalties.Select(term => new RoyaltyBody(term.Permille / (decimal)RoyaltyTerm.Whole, term.To, term.Agent?.ToString()))];

    private static IReadOnlyList<AgentUseBody>? Uses(AgentManifest manifest) => manifest.Uses.Count == 0
        ? null
        : [.. manifest.Uses.Select(use => new AgentUseBody(
            use.Agent.ToString(),
            use.MaxCalls,
            use.MaxPrice.ToString(),
            use.MaxInputBytes == AgentUse.DefaultInputBytes ? null : use.MaxInputBytes,
            use.Limits == UseLimits.None
                ? null
                : new TaskLimitsBody(use.Limits.Fuel, use.Limits.MemoryBytes, use.Limits.TimeoutMs, use.Limits.OutputBytes, use.Limits.LogBytes),
            use.Range?.ToString()))];

    private static IReadOnlyList<AgentModelBody>? Models(AgentManifest manifest) => manifest.Models.Count == 0
        ? null
        : [.. manifest.Models.Select(model => new AgentModelBody(
            model.Model.Listing.ToString(), model.Model.Range == SemanticRange.Any ? null : model.Model.Range.ToString(), model.IsPreferred ? true : null))];

    private static IReadOnlyList<AgentAskBody>? Asks(AgentManifest manifest) => manifest.Asks.Count == 0
        ? null
        : [.. manifest.Asks.Select(Ask)];

    private static AgentAskBody Ask(AgentAsk ask)
    {
        var terms = new AgentAskBody(
            ask.MaxRequests,
            ask.MaxPrice.ToString(),
            MaxRequestBytes: ask.MaxRequestBytes == AgentAsk.DefaultBytes ? null : ask.MaxRequestBytes,
            MaxAnswerBytes: ask.MaxAnswerBytes == AgentAsk.DefaultBytes ? null : ask.MaxAnswerBytes);
        if (ask.IsRoute)
            return terms with { Route = ask.Model };
        if (!ask.Model.Contains('/', StringComparison.Ordinal))
            return terms with { Auto = ask.Model.Split(':') is [_, var capabilities] ? capabilities.Split(',') : [] };
        return ask.Model.IndexOf('@', StringComparison.Ordinal) is >= 0 and var at ? terms with { Listing = ask.Model[..at], Range = ask.Model[(at + 1)..] } : terms with { Listing = ask.Model };
    }

    private static AgentPortBody Port(AgentPort port)
    {
        if (port.Schema is null)
            return new AgentPortBody(port.MediaType);
        using var schema = JsonDocument.Parse(port.Schema);
        return new AgentPortBody(port.MediaType, schema.RootElement.Clone());
    }

    private static AgentParameterBody Parameter(AgentParameter parameter) => new(
        parameter.Name,
        parameter.Description,
        parameter.Type.ToString().ToLowerInvariant(),
        parameter.Default,
        parameter.Values.Count > 0 ? parameter.Values : null);

    private static AgentPriceBody Price(AgentPrice price, PriceFactors factors) => new(
        price.Base.ToString(),
        price.PerMegabyte.ToString(),
        price.PerGigafuel.ToString(),
        price.PerGigabyteSecond == Money.Zero ? null : price.PerGigabyteSecond.ToString(),
        factors with { Demand = null, Volume = null } == PriceFactors.None ? null : new PriceTiersBody(Tier(factors.Background), Tier(factors.High), Tier(factors.Urgent)),
        factors.Demand is { } demand ? new PriceDemandBody(Number(demand.Most), demand.Capacity, demand.From == 0 ? null : Number(demand.From)) : null,
        factors.Volume is { } volume ? [.. volume.Tiers.Select(tier => new PriceVolumeBody(tier.From, Number(tier.Factor)))] : null);

    private static decimal? Tier(int factor) => factor == PriceFactors.One ? null : Number(factor);

    private static decimal Number(int factor) => factor / (decimal)PriceFactors.One;
}

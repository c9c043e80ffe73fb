using System.Text.Json;
using System.Text.Json.Serialization;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Node.Registry;

/// <summary>The column <c>agent_versions.royalties</c>.</summary>
internal static class RoyaltyJson
{
    public static string? Write(IReadOnlyList<Royalty> royalties) => royalties.Count == 0
        ? null
        : JsonSerializer.Serialize(
            [.. royalties.Select(royalty => new StoredRoyalty(royalty.Permille, royalty.Payee.ToString(), royalty.Handle, royalty.Source?.ToString()))],
            StoredRoyaltyJson.Default.StoredRoyaltyArray);

    public static IReadOnlyList<Royalty> Read(string? json) => json is null
        ? []
        : [.. JsonSerializer.Deserialize(json, StoredRoyaltyJson.Default.StoredRoyaltyArray)!.Select(stored => stored.ToRoyalty())];
}

/// <summary>One of them.</summary>
internal sealed record StoredRoyalty(int Permille, string Payee, string Handle, string? Source)
{
    public Royalty ToRoyalty() => new(
        Permille,
        Id<User>.Parse(Payee),
        Handle,
        Source is null ? null : Id<AgentVersion>.Parse(Source));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredRoyalty[]))]
internal sealed partial class StoredRoyaltyJson : JsonSerializerContext;

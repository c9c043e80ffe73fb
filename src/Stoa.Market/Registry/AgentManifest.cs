using Stoa.Primitives;

namespace Stoa.Market.Registry;

/// <summary>What an agent is, what it may use and what it costs: the content of <c>agent.json</c>.</summary>
/// <param name="Name">2 to 64 characters of <c>a-z 0-9 -</c>, starting with a letter.</param>
/// <param name="Version">Semantic version 2.0; once published it never changes.</param>
/// <param name="Description">One or two sentences, at most 1,000 characters.</param>
/// <param name="Capabilities">Dotted lower-case names such as <c>image.resize</c>, 1 to 32 of them.</param>
/// <param name="Tags">Free words for search, at most 32.</param>
/// <param name="Program">File name of the program beside the manifest.</param>
/// <param name="Input">What it reads from stdin.</param>
/// <param name="Output">What it writes to stdout.</param>
/// <param name="Parameters">Named settings of a task, passed as <c>--name value</c>.</param>
/// <param name="Limits">The most that a task may use; a task may ask for less.</param>
/// <param name="Permissions">Operations of the <c>stoa</c> import module that it needs; this version grants none, so it must be empty.</param>
/// <param name="Price">What a task costs.</param>
public sealed record AgentManifest(
    string Name,
    SemanticVersion Version,
    string Description,
    IReadOnlyList<string> Capabilities,
    IReadOnlyList<string> Tags,
    string Program,
    AgentPort Input,
    AgentPort Output,
    IReadOnlyList<AgentParameter> Parameters,
    AgentLimits Limits,
    IReadOnlyList<string> Permissions,
    AgentPrice Price)
{
    /// <summary>What the price is multiplied by; none unless the manifest says so.</summary>
    public PriceFactors Factors { get; init; } = PriceFactors.None;

    /// <summary>What of its creator's share goes to others; nothing unless the manifest says so.</summary>
    public IReadOnlyList<RoyaltyTerm> Royalties { get; init; } = [];

    /// <summary>What it may call while it works; nothing unless the manifest says so.</summary>
    public IReadOnlyList<AgentUse> Uses { get; init; } = [];

    /// <summary>The models that it may ask while it works; none unless the manifest says so.</summary>
    public IReadOnlyList<AgentAsk> Asks { get; init; } = [];

    /// <summary>The models that it needs beside it; none unless the manifest says so.</summary>
    public IReadOnlyList<AgentModel> Models { get; init; } = [];

    /// <summary>One word for the shelf that it stands on, 2 to 32 characters of <c>a-z 0-9 -</c>; null unless the manifest says it.</summary>
    public string? Category { get; init; }

    /// <summary>An <see cref="SpdxExpression"/>; null unless the manifest says it.</summary>
    public string? License { get; init; }

    /// <summary>Whether what it writes follows from its input alone, wherever it runs: it calls nobody and asks no model.</summary>
    public bool IsAlone => Uses.Count == 0 && Asks.Count == 0;

    /// <summary>The most that its calls, at all levels, and its requests to models cost in one task.</summary>
    public Money MostForCalls => Uses.Aggregate(Money.Zero, (sum, use) => sum + use.MaxPrice) + Asks.Aggregate(Money.Zero, (sum, ask) => sum + ask.MaxPrice);
}

/// <summary>One side of an agent.</summary>
/// <param name="MediaType">For example <c>image/png</c>.</param>
/// <param name="Schema">JSON Schema as JSON text when the media type is <c>application/json</c>; null when anything goes.</param>
public sealed record AgentPort(string MediaType, string? Schema);

/// <summary>A named setting of a task.</summary>
/// <param name="Name">1 to 64 characters of <c>a-z 0-9 -</c>.</param>
/// <param name="Description">For people.</param>
/// <param name="Type">How the text is checked.</param>
/// <param name="Default">What the agent does when it is not given; for people.</param>
/// <param name="Values">The allowed texts of a <see cref="AgentParameterType.Choice"/>.</param>
public sealed record AgentParameter(
    string Name, string Description, AgentParameterType Type, string? Default, IReadOnlyList<string> Values);

/// <summary>How the text of a parameter is checked.</summary>
public enum AgentParameterType
{
    String,
    Integer,
    Number,
    Boolean,
    Choice,
}

/// <summary>The most that one execution may use.</summary>
/// <param name="Fuel">Instructions, by the engine's schedule.</param>
/// <param name="MemoryBytes">Linear memory.</param>
/// <param name="TimeoutMs">Wall time of one attempt.</param>
/// <param name="OutputBytes">Standard output.</param>
/// <param name="LogBytes">Standard error; more is cut off, not refused.</param>
public sealed record AgentLimits(long Fuel, long MemoryBytes, long TimeoutMs, long OutputBytes, long LogBytes);

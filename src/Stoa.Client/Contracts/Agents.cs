using System.Text.Json;

namespace Stoa.Client.Contracts;

/// <summary>A published version of an agent.</summary>
public sealed record AgentResponse(
    string Id,
    string Listing,
    string Publisher,
    string Name,
    string Version,
    string Description,
    IReadOnlyList<string> Capabilities,
    IReadOnlyList<string> Tags,
    AgentPortBody Input,
    AgentPortBody Output,
    IReadOnlyList<AgentParameterBody> Parameters,
    AgentLimitsBody Limits,
    AgentPriceBody Price,
    string ArtifactDigest,
    string ProgramDigest,
    long ProgramBytes,
    DateTimeOffset PublishedAt);

/// <summary><c>agent.json</c>: the manifest that is uploaded beside the program (multipart parts <c>manifest</c> and <c>program</c>).</summary>
public sealed record AgentManifestBody(
    string Name,
    string Version,
    string Description,
    IReadOnlyList<string> Capabilities,
    string Program,
    AgentPortBody Input,
    AgentPortBody Output,
    AgentLimitsBody Limits,
    AgentPriceBody Price,
    IReadOnlyList<string>? Tags = null,
    IReadOnlyList<AgentParameterBody>? Parameters = null,
    IReadOnlyList<string>? Permissions = null);

/// <summary>One side of an agent.</summary>
public sealed record AgentPortBody(string MediaType, JsonElement? Schema = null);

/// <summary>A named setting of a task.</summary>
/// <param name="Name">Passed to the program as <c>--name value</c>.</param>
/// <param name="Description">For people.</param>
/// <param name="Type"><c>string</c>, <c>integer</c>, <c>number</c>, <c>boolean</c> or <c>choice</c>.</param>
/// <param name="Default">What the agent does without it.</param>
/// <param name="Values">The choices.</param>
public sealed record AgentParameterBody(
    string Name, string Description, string Type, string? Default = null, IReadOnlyList<string>? Values = null);

/// <summary>The most that one attempt may use.</summary>
public sealed record AgentLimitsBody(long Fuel, long MemoryBytes, long TimeoutMs, long OutputBytes, long LogBytes);

/// <summary>Price in US dollars, as decimal strings: base + perMegabyte × input MB + perGigafuel × Gfuel.</summary>
public sealed record AgentPriceBody(string Base, string PerMegabyte, string PerGigafuel);

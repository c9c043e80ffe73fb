using System.Text.Json;

namespace Stoa.Client.Contracts;

/// <summary>A published version of an agent. It never changes.</summary>
/// <param name="Id">TypeID with prefix <c>agent</c>.</param>
/// <param name="Listing">Full name, <c>publisher/name@version</c>.</param>
/// <param name="Publisher">Handle of who published it and earns from it.</param>
/// <param name="Name">Name of the agent.</param>
/// <param name="Version">Semantic version.</param>
/// <param name="Description">What it does, in a sentence or two.</param>
/// <param name="Capabilities">Dotted names such as <c>image.resize</c>.</param>
/// <param name="Tags">Free words.</param>
/// <param name="Input">What it reads.</param>
/// <param name="Output">What it writes.</param>
/// <param name="Parameters">Named settings of a task.</param>
/// <param name="Limits">The most that a task may use.</param>
/// <param name="Price">What a task costs.</param>
/// <param name="ArtifactDigest">Of the OCI artifact.</param>
/// <param name="ProgramDigest">Of the WebAssembly program.</param>
/// <param name="ProgramBytes">Size of the program.</param>
/// <param name="PublishedAt">When it was published.</param>
/// <param name="Royalties">What of the creator's share goes to others than the publisher.</param>
/// <param name="Uses">Which other agents it calls while it works, and on which terms.</param>
/// <param name="MaxPriceOfCalls">The most that all its calls and its requests to models cost in one task: a part of what a task holds. Null when it makes none.</param>
/// <param name="Withdrawal">That its publisher offers it no more; null while it is offered.</param>
/// <param name="Category">The shelf that it stands on.</param>
/// <param name="License">A licence expression of SPDX.</param>
/// <param name="Models">Which models it needs beside it.</param>
/// <param name="Asks">Which models it asks while it works, and on which terms.</param>
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
    DateTimeOffset PublishedAt,
    IReadOnlyList<RoyaltyBody>? Royalties = null,
    IReadOnlyList<AgentUseBody>? Uses = null,
    string? MaxPriceOfCalls = null,
    WithdrawalBody? Withdrawal = null,
    string? Category = null,
    string? License = null,
    IReadOnlyList<AgentModelBody>? Models = null,
    IReadOnlyList<AgentAskBody>? Asks = null);

/// <summary>That a version is offered no more: no new task gets it, and those that have it run to their ends.</summary>
/// <param name="At">Since when.</param>
/// <param name="Reason">In the words of its publisher.</param>
public sealed record WithdrawalBody(DateTimeOffset At, string? Reason = null);

/// <summary>Why an agent, or a version of it, is offered no more.</summary>
/// <param name="Reason">For everybody to read: one line of at most 500 characters. May be left out.</param>
public sealed record WithdrawAgentRequest(string? Reason = null);

/// <summary>What of an agent is offered after some of its versions were withdrawn or reinstated.</summary>
/// <param name="Agent"><c>publisher/name</c>.</param>
/// <param name="Versions">Those that are withdrawn, or offered again, by this; lowest first.</param>
/// <param name="Newest">The version that a task gets which names none; left out when none is offered.</param>
public sealed record AgentOfferResponse(string Agent, IReadOnlyList<string> Versions, string? Newest = null);

/// <summary><c>agent.json</c>: the manifest that is uploaded beside the program (multipart parts <c>manifest</c> and <c>program</c>).</summary>
/// <param name="Name">2 to 64 characters of <c>a-z 0-9 -</c>, starting with a letter.</param>
/// <param name="Version">Semantic version; once published it never changes.</param>
/// <param name="Description">One or two sentences, at most 1,000 characters.</param>
/// <param name="Capabilities">Dotted lower-case names such as <c>image.resize</c>, 1 to 32.</param>
/// <param name="Program">File name of the program beside the manifest.</param>
/// <param name="Input">What it reads from stdin.</param>
/// <param name="Output">What it writes to stdout.</param>
/// <param name="Limits">The most that a task may use.</param>
/// <param name="Price">What a task costs.</param>
/// <param name="Tags">Free words for search, at most 32.</param>
/// <param name="Parameters">Named settings of a task.</param>
/// <param name="Permissions">Operations of the <c>stoa</c> import module that it needs; this version grants none.</param>
/// <param name="Royalties">What of the creator's share goes to others, at most 16.</param>
/// <param name="Uses">Which other agents it may call while it works, at most 16.</param>
/// <param name="Category">The shelf that it stands on: 2 to 32 characters of <c>a-z 0-9 -</c>, starting with a letter.</param>
/// <param name="License">A licence expression of SPDX such as <c>MIT</c> or <c>Apache-2.0 OR MIT</c>, at most 128 characters.</param>
/// <param name="Models">Which models it needs beside it, 1 to 16; left out when it needs none.</param>
/// <param name="Asks">Which models it may ask while it works, at most 16.</param>
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
    IReadOnlyList<string>? Permissions = null,
    IReadOnlyList<RoyaltyBody>? Royalties = null,
    IReadOnlyList<AgentUseBody>? Uses = null,
    string? Category = null,
    string? License = null,
    IReadOnlyList<AgentModelBody>? Models = null,
    IReadOnlyList<AgentAskBody>? Asks = null);

/// <summary>A model that an agent may ask while it works. One of <c>listing</c>, <c>auto</c> and <c>route</c> says which.</summary>
/// <param name="MaxRequests">How often, 1 to 64, for each time that the agent runs.</param>
/// <param name="MaxPrice">US dollars that all these requests cost at most together: a part of what a task holds.</param>
/// <param name="Listing">A model's listing without a version, <c>publisher/name</c>.</param>
/// <param name="Range">Which versions of the listing will do; every release when it is left out.</param>
/// <param name="Auto">What the model has to be able to do, such as <c>chat</c>; empty for any that fits the request.</param>
/// <param name="Route">A route: what it stands for is up to whoever pays, or to the node.</param>
/// <param name="MaxRequestBytes">The longest request, up to 16 MiB; 256 KiB when it is left out.</param>
/// <param name="MaxAnswerBytes">The longest answer, likewise.</param>
public sealed record AgentAskBody(
    int MaxRequests,
    string MaxPrice,
    string? Listing = null,
    string? Range = null,
    IReadOnlyList<string>? Auto = null,
    string? Route = null,
    long? MaxRequestBytes = null,
    long? MaxAnswerBytes = null);

/// <summary>A model that an agent needs beside it. The node does not load it: resolution finds the version for whoever runs the agent.</summary>
/// <param name="Listing">A listing of the kind <c>model</c> without a version, <c>publisher/name</c>; the publisher by its key or, where it is of the same cell, its handle.</param>
/// <param name="Range">Which versions will do, such as <c>^1.2.0</c>; every release when it is left out.</param>
/// <param name="Preferred">The agent also does without it: it is taken where it fits with all else. Left out: false.</param>
public sealed record AgentModelBody(string Listing, string? Range = null, bool? Preferred = null);

/// <summary>An agent that another one may call, and on which terms.</summary>
/// <param name="Agent">A published version, <c>publisher/name@version</c>.</param>
/// <param name="MaxCalls">How often one task may call it, 1 to 64.</param>
/// <param name="MaxPrice">The most that these calls of one task cost together, with whatever they call; decimal string in US dollars.</param>
/// <param name="MaxInputBytes">The longest input of a call, up to 256 MiB; 1 MiB when left out.</param>
/// <param name="Limits">What a call may use; each member that is left out takes the called agent's.</param>
/// <param name="Range">Which versions would have done when it was published, such as <c>^1.2.0</c>; it takes the version in <paramref name="Agent"/>, which alone is called. Left out when none was named.</param>
public sealed record AgentUseBody(string Agent, int MaxCalls, string MaxPrice, long? MaxInputBytes = null, TaskLimitsBody? Limits = null, string? Range = null);

/// <summary>What of a creator's share goes to a person, or to those who made another agent: one of <paramref name="To"/> and <paramref name="Agent"/> is given.</summary>
/// <param name="Share">0.001 to 1, with at most three decimals; those of a manifest are no more than 1 in all.</param>
/// <param name="To">Handle of a person.</param>
/// <param name="Agent">A version of an agent that this one is built on, <c>publisher/name@version</c>. Its own royalties apply to this part.</param>
public sealed record RoyaltyBody(decimal Share, string? To = null, string? Agent = null);

/// <summary>One side of an agent.</summary>
/// <param name="MediaType">For example <c>image/png</c>.</param>
/// <param name="Schema">JSON Schema, when the media type is <c>application/json</c>.</param>
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
/// <param name="Fuel">Instructions, by the engine's schedule.</param>
/// <param name="MemoryBytes">Linear memory.</param>
/// <param name="TimeoutMs">Wall time.</param>
/// <param name="OutputBytes">Standard output.</param>
/// <param name="LogBytes">Standard error; more is cut off, not refused.</param>
public sealed record AgentLimitsBody(long Fuel, long MemoryBytes, long TimeoutMs, long OutputBytes, long LogBytes);

/// <summary>Price in US dollars, as decimal strings: base + perMegabyte × input MB + perGigafuel × Gfuel + perGigabyteSecond × GB·s.</summary>
/// <param name="Base">Per task.</param>
/// <param name="PerMegabyte">Per 1,000,000 bytes of input.</param>
/// <param name="PerGigafuel">Per 1,000,000,000 units of fuel burnt.</param>
/// <param name="PerGigabyteSecond">Per 1,000,000,000 bytes of memory held for a second; nothing when it is left out.</param>
/// <param name="Tiers">What the sum is multiplied by for tasks that are not of normal priority; nothing when it is left out.</param>
/// <param name="Demand">What the sum is multiplied by when the agent has much to do; nothing when it is left out.</param>
/// <param name="Volume">What the sum is multiplied by for a consumer who has had the agent do much in the calendar month of UTC: 1 to 8 tiers, each of which begins later and costs less than the
/// one before; nothing when it is left out.</param>
public sealed record AgentPriceBody(
    string Base,
    string PerMegabyte,
    string PerGigafuel,
    string? PerGigabyteSecond = null,
    PriceTiersBody? Tiers = null,
    PriceDemandBody? Demand = null,
    IReadOnlyList<PriceVolumeBody>? Volume = null);

/// <summary>Factors by a task's priority, each from 0.5 to 10 with at most three decimals; 1 where one is left out, and for normal priority.</summary>
/// <param name="Background">For background tasks.</param>
/// <param name="High">For tasks of high priority.</param>
/// <param name="Urgent">For urgent tasks.</param>
public sealed record PriceTiersBody(decimal? Background = null, decimal? High = null, decimal? Urgent = null);

/// <summary>A factor that rises in a straight line from 1 to a greatest with the tasks of the agent that are due or run, each consumer's up to half of the capacity.</summary>
/// <param name="Max">When as many as the capacity are due or run: from 1 to 10 with at most three decimals.</param>
/// <param name="Capacity">How many the agent can do at a time, 1 to 10,000.</param>
/// <param name="From">The share of the capacity up to which it is 1: from 0 to 0.999; 0 when it is left out.</param>
public sealed record PriceDemandBody(decimal Max, int Capacity, decimal? From = null);

/// <summary>A factor for a consumer who has paid for so many tasks of the agent in the month.</summary>
/// <param name="From">How many tasks, 1 to 1,000,000,000.</param>
/// <param name="Factor">From 0.1 to 0.999 with at most three decimals.</param>
public sealed record PriceVolumeBody(long From, decimal Factor);

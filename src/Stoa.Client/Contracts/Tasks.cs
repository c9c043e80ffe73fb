using System.Text.Json;

namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/tasks</c>.</summary>
/// <param name="Agent"><c>publisher/name[@version]</c>; left out when a requirement is given.</param>
/// <param name="Input">What the agent reads.</param>
/// <param name="Parameters">Named settings that the agent declares.</param>
/// <param name="Limits">Less than the agent's own limits, to hold and risk less; null for the agent's.</param>
/// <param name="MaxPrice">Refuse when the hold would be above this; decimal string in US dollars.</param>
/// <param name="Priority"><c>background</c>, <c>normal</c> (when left out), <c>high</c> or <c>urgent</c>: among the consumer's own tasks.</param>
/// <param name="DueAt">Not before this instant, at most 366 days ahead; at once when left out or past.</param>
/// <param name="Requirement">What must be done, in place of who does it: the node chooses the agent.</param>
/// <param name="Auction">With a requirement: those who can do it bid for it, and <c>maxPrice</c> is the reserve.</param>
/// <param name="Regions">It runs only at a node that stands in one of these, such as <c>eu-central</c>, 1 to 8; at any node when left out.</param>
/// <param name="Redundancy">With an agent by name: several executors run it, this cell and other operators' nodes, and enough of them have to agree. One runs it when left out.</param>
/// <param name="PreferredRegions">Better a node that stands in one of these, 1 to 8, where other operators' nodes may run it: it weighs a twentieth of the score, and as much as a second of time to answer. No matter when left out.</param>
public sealed record SubmitTaskRequest(
    string? Agent = null,
    TaskInputBody? Input = null,
    IReadOnlyDictionary<string, string>? Parameters = null,
    TaskLimitsBody? Limits = null,
    string? MaxPrice = null,
    string? Priority = null,
    DateTimeOffset? DueAt = null,
    RequirementBody? Requirement = null,
    AuctionTermsBody? Auction = null,
    IReadOnlyList<string>? Regions = null,
    RedundancyBody? Redundancy = null,
    IReadOnlyList<string>? PreferredRegions = null);

/// <summary>How often a task is run, each time by another executor, and how many of these have to give the same output.</summary>
/// <param name="Runs">2 to 7.</param>
/// <param name="Agree">More than half of them; just more than half when left out.</param>
public sealed record RedundancyBody(int Runs, int? Agree = null);

/// <summary>One of the runs of a task that several executors ran. <c>GET /api/v1/tasks/{id}/runs</c>.</summary>
/// <param name="Node">Peer id of the node that ran it.</param>
/// <param name="Standing"><c>agreed</c>, <c>contradicted</c> (enough others agree on another output), <c>disputed</c> (outputs differ, and too few agree), <c>unconfirmed</c> (too few answered) or <c>failed</c>.</param>
/// <param name="Digest">SHA-256 of what it gave; null when it failed.</param>
/// <param name="Price">What its receipt says. The task costs the sum of those that agreed.</param>
/// <param name="Receipt">As it was signed; null when it failed.</param>
/// <param name="Detail">How it failed.</param>
public sealed record TaskRunBody(string Node, string Standing, string? Digest, string Price, Stoa.Primitives.DsseEnvelope? Receipt = null, string? Detail = null);

/// <summary>What must be done, in place of who does it; <c>maxPrice</c> is the budget.</summary>
/// <param name="Capabilities">Dotted names such as <c>image.resize</c>, 1 to 8: the agent has all of them.</param>
/// <param name="DeadlineMs">It must be done so many milliseconds from the submission: a task that is not, waiting or running, fails then as <c>deadlinePassed</c> and costs nothing. No hurry when left out.</param>
/// <param name="MinReputation">The least chance of success, from 0 to 1, that must be believed of the agent.</param>
/// <param name="Weights">What matters how much; 0.4 quality, 0.3 price, 0.2 speed, 0.1 availability when left out.</param>
/// <param name="Explore">Whether it may be given to an agent of which little is known; true when left out.</param>
/// <param name="Scope"><c>cellFirst</c> (when left out): an agent of the network is taken only when none of the cell fits. <c>cell</c>: none is. <c>network</c>: both are compared.</param>
public sealed record RequirementBody(
    IReadOnlyList<string> Capabilities,
    long? DeadlineMs = null,
    double? MinReputation = null,
    WeightsBody? Weights = null,
    bool? Explore = null,
    string? Scope = null);

/// <summary>Proportions, whatever their sum; one that is left out is 0.</summary>
/// <param name="Quality">Few failures.</param>
/// <param name="Price">Cheap.</param>
/// <param name="Speed">Fast.</param>
/// <param name="Availability">There when wanted.</param>
public sealed record WeightsBody(double Quality = 0, double Price = 0, double Speed = 0, double Availability = 0);

/// <summary><c>GET /api/v1/tasks/{id}/selection</c>: why who has the task.</summary>
/// <param name="TaskId">The task.</param>
/// <param name="Requirement">As asked for.</param>
/// <param name="DeadlineAt">When it must be done.</param>
/// <param name="Tried">Agents that failed it.</param>
/// <param name="Choices">Every choice that was made for it, in order.</param>
/// <param name="Auction">The auction that decides in place of the scores; null for a task that was not put out to bids.</param>
/// <param name="Winner">Who has the task by that auction; null while bids are taken, and when nobody made one that could win.</param>
public sealed record SelectionResponse(
    string TaskId,
    RequirementBody Requirement,
    DateTimeOffset? DeadlineAt,
    IReadOnlyList<string> Tried,
    IReadOnlyList<ChoiceBody> Choices,
    TaskAuctionBody? Auction = null,
    string? Winner = null);

/// <summary>One choice, with its reasons.</summary>
/// <param name="At">When it was made.</param>
/// <param name="Chosen">Who got the task; of a task that was put out to bids whoever the scores would have chosen.</param>
/// <param name="IsExploring">The choice was made to learn about somebody.</param>
/// <param name="CandidateCount">How many agents could do it.</param>
/// <param name="Unfit">How many could not, by the first reason: <c>tried</c>, <c>suspended</c>, <c>memory</c>, <c>budget</c>, <c>deadline</c>,
/// <c>reputation</c>, <c>capabilities</c> or <c>input</c>.</param>
/// <param name="Weights">What mattered how much.</param>
/// <param name="Typical">The medians that candidates are compared with.</param>
/// <param name="Candidates">The best of them, by score.</param>
/// <param name="RegionWeight">What it mattered where candidates stand, beside the weights, which share the rest; null where no regions are preferred.</param>
public sealed record ChoiceBody(
    DateTimeOffset At,
    string Chosen,
    bool IsExploring,
    int CandidateCount,
    IReadOnlyDictionary<string, int> Unfit,
    WeightsBody Weights,
    TypicalBody Typical,
    IReadOnlyList<CandidateBody> Candidates,
    double? RegionWeight = null);

/// <summary>The medians of the candidates.</summary>
/// <param name="Price">Expected, in dollars.</param>
/// <param name="Failure">Believed chance to fail.</param>
/// <param name="Seconds">Expected wall time.</param>
/// <param name="Unavailability">Believed chance that it cannot be had.</param>
public sealed record TypicalBody(double Price, double Failure, double Seconds, double Unavailability);

/// <summary>A candidate with all that decided about it.</summary>
/// <param name="Agent">Full name of the version.</param>
/// <param name="Standing"><c>chosen</c>, <c>lowerScore</c>, <c>load</c> (as good, but passed by between equals) or <c>passedOverToExplore</c>; of a task that was put out to bids
/// <c>invited</c> to bid, or <c>won</c>.</param>
/// <param name="Score">The parts by their weights.</param>
/// <param name="Parts">Each from 0 to 1; 0.5 is typical of the candidates.</param>
/// <param name="Reputation">The believed chance of success at a task of this price.</param>
/// <param name="Evidence">Weight of the receipts behind it.</param>
/// <param name="ExpectedPrice">By what its runs used so far.</param>
/// <param name="PriceAtLimits">The most that it can cost.</param>
/// <param name="ExpectedSeconds">By its runs so far.</param>
/// <param name="Load">Tasks that it ran just then, at all nodes of the cell.</param>
/// <param name="PriceFactor">What both prices were multiplied by, for priority, demand and volume; null when that was 1.</param>
/// <param name="Supplier">Peer id of the other operator's node that would run it; null of an agent of the cell.</param>
/// <param name="Region">1 for who stands in a preferred region, 0 for who does not; of an agent of the cell the share of the cell's nodes that do. Null where none is preferred.</param>
public sealed record CandidateBody(
    string Agent,
    string Standing,
    double Score,
    WeightsBody Parts,
    double Reputation,
    double Evidence,
    string ExpectedPrice,
    string PriceAtLimits,
    double ExpectedSeconds,
    int Load,
    double? PriceFactor = null,
    string? Supplier = null,
    double? Region = null);

/// <summary>The input: exactly one of the members.</summary>
/// <param name="Text">UTF-8 text, at most 1 MiB.</param>
/// <param name="Json">A JSON value, sent to the agent as it is, at most 1 MiB.</param>
/// <param name="Base64">Bytes, at most 1 MiB.</param>
/// <param name="Digest">An uploaded blob.</param>
/// <param name="Sealed">With base64 or digest: the bytes are sealed to the node's key, and the output is to be sealed in answer. In the clear when left out.</param>
public sealed record TaskInputBody(string? Text = null, JsonElement? Json = null, string? Base64 = null, string? Digest = null, bool? Sealed = null);

/// <summary>Limits of a task; each null member takes the agent's.</summary>
/// <param name="Fuel">Instructions, by the engine's schedule.</param>
/// <param name="MemoryBytes">Linear memory.</param>
/// <param name="TimeoutMs">Wall time of one attempt.</param>
/// <param name="OutputBytes">Standard output.</param>
/// <param name="LogBytes">Standard error; more is cut off, not refused.</param>
public sealed record TaskLimitsBody(
    long? Fuel = null, long? MemoryBytes = null, long? TimeoutMs = null, long? OutputBytes = null, long? LogBytes = null);

/// <summary>A task. <c>GET /api/v1/tasks/{id}</c>.</summary>
/// <param name="Id">TypeID with prefix <c>task</c>.</param>
/// <param name="Agent">Full name of the version that does it.</param>
/// <param name="State"><c>queued</c>, <c>running</c>, <c>succeeded</c>, <c>failed</c> or <c>cancelled</c>.</param>
/// <param name="InputDigest">What it reads.</param>
/// <param name="InputBytes">Size of the input.</param>
/// <param name="Parameters">As given.</param>
/// <param name="Limits">In force.</param>
/// <param name="Hold">Held for it.</param>
/// <param name="Attempts">Executions that ended by themselves.</param>
/// <param name="CreatedAt">Submitted.</param>
/// <param name="DueAt">While queued: not before.</param>
/// <param name="StartedAt">While running: when this attempt began.</param>
/// <param name="CancelRequestedAt">When its consumer asked to stop it.</param>
/// <param name="FinishedAt">When it ended.</param>
/// <param name="Result">Of a success.</param>
/// <param name="Failure">Of a failure.</param>
/// <param name="Priority"><c>background</c>, <c>normal</c>, <c>high</c> or <c>urgent</c>.</param>
/// <param name="BatchId">The batch that it was submitted with.</param>
/// <param name="ReplayOf">The failed task that it does again.</param>
/// <param name="ScheduleId">The schedule that submitted it.</param>
/// <param name="Auction">Its auction. While that is open, <c>agent</c> is the best candidate at posted prices, who need not win.</param>
/// <param name="Regions">It runs only at a node that stands in one of these.</param>
/// <param name="Redundancy">How many executors run it, and how many have to agree; null for one.</param>
/// <param name="SealedTo">Id of the key that its input is sealed to: its output is sealed too, and there is no log and no progress. Null for a task in the clear.</param>
/// <param name="Charged">What a task costs that has failed or was cancelled: what models have answered for it, or runs that nobody contradicts. Null when that is nothing.</param>
public sealed record TaskResponse(
    string Id,
    string Agent,
    string State,
    string InputDigest,
    long InputBytes,
    IReadOnlyDictionary<string, string> Parameters,
    AgentLimitsBody Limits,
    string Hold,
    int Attempts,
    DateTimeOffset CreatedAt,
    DateTimeOffset? DueAt = null,
    DateTimeOffset? StartedAt = null,
    DateTimeOffset? CancelRequestedAt = null,
    DateTimeOffset? FinishedAt = null,
    TaskResultBody? Result = null,
    TaskFailureBody? Failure = null,
    string? Priority = null,
    string? BatchId = null,
    string? ReplayOf = null,
    string? ScheduleId = null,
    TaskAuctionBody? Auction = null,
    IReadOnlyList<string>? Regions = null,
    string? SealedTo = null,
    RedundancyBody? Redundancy = null,
    string? Charged = null);

/// <summary>What a task produced; the bytes are at <c>GET /api/v1/tasks/{id}/result</c>.</summary>
/// <param name="Digest">SHA-256 of the output; of a sealed task of the sealed one.</param>
/// <param name="SizeBytes">Its size, sealed where it is.</param>
/// <param name="MediaType">From the manifest.</param>
/// <param name="Usage">Measured.</param>
/// <param name="Price">Charged.</param>
/// <param name="ReceiptId">The signed receipt, at <c>GET /api/v1/tasks/{id}/receipt</c>.</param>
/// <param name="Calls">The other agents that were called for it, in the order in which they began; the price has theirs in it, the usage has not. Null when none was.</param>
/// <param name="Supplied">The other operator's node that ran it and signed the receipt; null when it ran here.</param>
/// <param name="Models">The requests to models that were made for it; the price has theirs in it. Null when none was.</param>
public sealed record TaskResultBody(
    string Digest, long SizeBytes, string MediaType, UsageBody Usage, string Price, string ReceiptId, IReadOnlyList<TaskCallBody>? Calls = null, SuppliedBody? Supplied = null,
    IReadOnlyList<TaskModelRequestBody>? Models = null);

/// <summary>Another operator's node that ran a task.</summary>
/// <param name="Node">Its peer id.</param>
/// <param name="TaskId">Id of the task there, which the receipt names.</param>
public sealed record SuppliedBody(string Node, string TaskId);

/// <summary>A call of another agent, with who earned what by it.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Agent">Full name of the version.</param>
/// <param name="Price">What it cost, without the calls that it made; nothing when it failed, or a call that it was made for.</param>
/// <param name="Usage">Measured.</param>
/// <param name="Creators">Who earned by it, each in US dollars; the rest of the price is the node's and the platform's.</param>
/// <param name="Parent">The number of the call that made it; null for the task's own agent.</param>
/// <param name="Failure">How it failed, in camelCase; null when it did not.</param>
public sealed record TaskCallBody(
    int Number, string Agent, string Price, UsageBody Usage, IReadOnlyList<CreatorPartBody> Creators, int? Parent = null, string? Failure = null);

/// <summary>A request to a model, with who earned what by it.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Asked">What it named as its model.</param>
/// <param name="Price">What it cost; nothing when there was no answer, or it was made for a call that failed.</param>
/// <param name="InputTokens">Read by the model.</param>
/// <param name="OutputTokens">Written by it.</param>
/// <param name="Creators">Who earned by it, each in US dollars; the rest of the price is the node's and the platform's.</param>
/// <param name="Model">Full name of the version that answered; null when none did.</param>
/// <param name="Call">The number of the call that made it; null for the task's own agent.</param>
/// <param name="Failure">Why there was no answer, by the code of OpenAI's API; null when there was one.</param>
public sealed record TaskModelRequestBody(
    int Number, string Asked, string Price, long InputTokens, long OutputTokens, IReadOnlyList<CreatorPartBody> Creators, string? Model = null, int? Call = null, string? Failure = null);

/// <summary>What one gets of a creator's share.</summary>
/// <param name="To">Handle.</param>
/// <param name="Agent">For which version.</param>
/// <param name="Amount">Decimal string in US dollars.</param>
public sealed record CreatorPartBody(string To, string Agent, string Amount);

/// <summary>What the sandbox measured.</summary>
/// <param name="Fuel">Units burnt.</param>
/// <param name="PeakMemoryBytes">Linear memory at its largest.</param>
/// <param name="InputBytes">Read from stdin.</param>
/// <param name="OutputBytes">Written to stdout.</param>
/// <param name="DurationMs">Wall time in the sandbox.</param>
public sealed record UsageBody(long Fuel, long PeakMemoryBytes, long InputBytes, long OutputBytes, long DurationMs);

/// <summary>Why a task failed. What it costs all the same, if it does, is <see cref="TaskResponse.Charged"/>.</summary>
/// <param name="Code">The failure's name in camelCase.</param>
/// <param name="Detail">What happened and what to do next.</param>
/// <param name="Log">The end of what the agent wrote to stderr; never of a sealed task.</param>
/// <param name="Usage">Of the last attempt; null when it never ran.</param>
public sealed record TaskFailureBody(string Code, string Detail, string? Log = null, UsageBody? Usage = null);

/// <summary><c>POST /api/v1/tasks/quote</c>: what a submission would hold, without making a task.</summary>
/// <param name="Agent">Full name.</param>
/// <param name="Hold">The most that it can cost: the price at the task's limits, and of a requirement that of the dearest of the three best agents.</param>
/// <param name="Base">Part per task.</param>
/// <param name="Input">Part for the input's size.</param>
/// <param name="Fuel">Part for the fuel limit; what is not burnt is released.</param>
/// <param name="Memory">Part for the memory limit over the time limit; what is not held is released.</param>
/// <param name="Least">The least that it can cost: of the cheapest of the best agents, when it burns and holds nothing.</param>
/// <param name="Candidates">How many agents could do it.</param>
/// <param name="Factors">What the sum of the four parts is multiplied by; null when that is 1. It is fixed when the task is submitted.</param>
/// <param name="Calls">The most that the other agents cost which it calls, and the models which it asks; a part of the hold, and not multiplied. Null when it does neither.</param>
public sealed record QuoteResponse(
    string Agent, string Hold, string Base, string Input, string Fuel, string Memory, string Least, int Candidates, QuoteFactorsBody? Factors = null,
    string? Calls = null);

/// <summary>What a price is multiplied by.</summary>
/// <param name="Tier">By the task's priority.</param>
/// <param name="Demand">By what the agent has to do just now.</param>
/// <param name="Volume">By what the consumer has had it do in this month.</param>
public sealed record QuoteFactorsBody(decimal Tier, decimal Demand, decimal Volume = 1);

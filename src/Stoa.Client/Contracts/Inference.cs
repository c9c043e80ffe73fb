namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/replicas</c>.</summary>
/// <param name="Model">The version that it serves: publisher/name@version.</param>
/// <param name="Address">Of the server's OpenAI API with its version, such as http://127.0.0.1:8080/v1.</param>
/// <param name="UpstreamModel">What the model is called there; left out for the only one that the server has.</param>
/// <param name="ApiKey">That the server wants; it is kept sealed, and never shown.</param>
/// <param name="Region">Where it is, such as eu-central.</param>
/// <param name="Weight">Its part of the requests beside others, 1 to 1,000; 100 when left out.</param>
/// <param name="MaxRequests">So many requests at once are sent there at most, 1 to 10,000; 64 when left out.</param>
/// <param name="ServingPrice">What is taken for serving it, besides the price of the listing.</param>
/// <param name="SkipCheck">Whether it is registered without being asked first; upstreamModel is needed then.</param>
public sealed record AddReplicaRequest(
    string Model,
    string Address,
    string? UpstreamModel = null,
    string? ApiKey = null,
    string? Region = null,
    int? Weight = null,
    int? MaxRequests = null,
    ModelPriceBody? ServingPrice = null,
    bool? SkipCheck = null);

/// <summary><c>PATCH /api/v1/replicas/{id}</c>: what is left out stays.</summary>
/// <param name="Address">As for adding. A key does not go with it to another server: say it again.</param>
/// <param name="UpstreamModel">As for adding.</param>
/// <param name="ApiKey">Empty for none.</param>
/// <param name="Region">Empty when it is not to be said any more.</param>
/// <param name="Weight">As for adding.</param>
/// <param name="MaxRequests">As for adding.</param>
/// <param name="ServingPrice">Of zeros for nothing.</param>
/// <param name="SkipCheck">Whether the server is not asked when address, name or key change.</param>
public sealed record UpdateReplicaRequest(
    string? Address = null,
    string? UpstreamModel = null,
    string? ApiKey = null,
    string? Region = null,
    int? Weight = null,
    int? MaxRequests = null,
    ModelPriceBody? ServingPrice = null,
    bool? SkipCheck = null);

/// <summary>A server that has a model.</summary>
/// <param name="Id">TypeID with prefix <c>repl</c>.</param>
/// <param name="Model">The version that it serves.</param>
/// <param name="Address">Of its OpenAI API; empty while a model that the node runs itself has not run yet.</param>
/// <param name="UpstreamModel">What the model is called there.</param>
/// <param name="HasApiKey">Whether it is asked with a key.</param>
/// <param name="Weight">Its part of the requests beside others.</param>
/// <param name="MaxRequests">So many requests at once are sent there at most.</param>
/// <param name="IsDraining">Whether it gets no more requests, and ends those that it has.</param>
/// <param name="Capabilities">Of the model, by its listing.</param>
/// <param name="AddedAt">When it was added.</param>
/// <param name="Region">Where it is.</param>
/// <param name="ContextLength">The most tokens that the model sees at once, by its listing.</param>
/// <param name="ListingPrice">What the model's publisher takes, by its listing.</param>
/// <param name="ServingPrice">What is taken for serving it.</param>
/// <param name="Figures">What the node that answers has measured since it started; another node of the cell measures its own.</param>
/// <param name="Local">Left out unless the node that answers runs the model itself. Another node of the cell does not know of it.</param>
/// <param name="Supplier">Left out unless it stands at another operator's node, of which answers are bought.</param>
public sealed record ReplicaResponse(
    string Id,
    string Model,
    string Address,
    string UpstreamModel,
    bool HasApiKey,
    int Weight,
    int MaxRequests,
    bool IsDraining,
    IReadOnlyList<string> Capabilities,
    DateTimeOffset AddedAt,
    string? Region = null,
    long? ContextLength = null,
    ModelPriceBody? ListingPrice = null,
    ModelPriceBody? ServingPrice = null,
    ReplicaFiguresBody? Figures = null,
    LocalReplicaBody? Local = null,
    SuppliedReplicaBody? Supplier = null);

/// <summary>A model at another operator's node.</summary>
/// <param name="Id">Of the supplier.</param>
/// <param name="Node">Its peer id.</param>
/// <param name="Price">All that it takes for a million tokens.</param>
/// <param name="Reason">Why it is asked nothing now; left out when it is.</param>
public sealed record SuppliedReplicaBody(string Id, string Node, ModelPriceBody Price, string? Reason = null);

/// <summary>A model that a node runs itself.</summary>
/// <param name="State">loading, running, restarting or refused.</param>
/// <param name="File">That was loaded.</param>
/// <param name="Starts">How often its process was started since the node was.</param>
/// <param name="Reason">Why it does not run, and what to do.</param>
/// <param name="ProcessId">Of the process that has it.</param>
public sealed record LocalReplicaBody(string State, string File, int Starts, string? Reason = null, int? ProcessId = null);

/// <summary>How a replica is doing.</summary>
/// <param name="Health">well, starting, suspended, silent or draining.</param>
/// <param name="OutstandingRequests">Under way.</param>
/// <param name="OutstandingTokens">That these may come to.</param>
/// <param name="Served">Requests that came to a good end.</param>
/// <param name="Failed">Requests that failed through its fault.</param>
/// <param name="Corrected">Answers that said that more was used than can be.</param>
/// <param name="FirstTokenMs">Moving average of the time until it begins to answer; left out before the first answer.</param>
/// <param name="TokensPerSecond">Moving average of how fast it writes one answer; left out before the first.</param>
public sealed record ReplicaFiguresBody(
    string Health, int OutstandingRequests, long OutstandingTokens, long Served, long Failed, long Corrected, double? FirstTokenMs = null, double? TokensPerSecond = null);

/// <summary><c>PUT /api/v1/routes/{name}</c>.</summary>
/// <param name="Targets">1 to 8 models among which requests are shared out by weight.</param>
/// <param name="Alternatives">Up to 8 models that are tried, in this order, when none of the targets answers.</param>
/// <param name="IsForAll">Whether it is for everybody's requests; administrators only.</param>
public sealed record SetRouteRequest(IReadOnlyList<RouteTargetBody> Targets, IReadOnlyList<string>? Alternatives = null, bool? IsForAll = null);

/// <summary>A model that a route gives a part of its requests.</summary>
/// <param name="Model">publisher/name, publisher/name@range, auto, or auto:capability.</param>
/// <param name="Weight">1 to 10,000; 1 when left out.</param>
public sealed record RouteTargetBody(string Model, int? Weight = null);

/// <summary>A name that stands for models.</summary>
/// <param name="Name">What requests name; publisher/name for that of a listing.</param>
/// <param name="Targets">Among which requests are shared out.</param>
/// <param name="Alternatives">That are tried when none of these answers.</param>
/// <param name="IsForAll">Whether it is for everybody's requests.</param>
public sealed record RouteResponse(string Name, IReadOnlyList<RouteTargetBody> Targets, IReadOnlyList<string> Alternatives, bool IsForAll);

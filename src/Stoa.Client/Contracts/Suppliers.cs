namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/suppliers</c>.</summary>
/// <param name="Address">Where the node answers over HTTP, such as https://node.example.org.</param>
/// <param name="ChannelId">The payment channel that was opened there.</param>
/// <param name="PayerKey">The private key of the channel's payer: PKCS #8 of a P-256 key as PEM. It is kept sealed, and never shown.</param>
/// <param name="Signed">The highest voucher that was signed with it before, in US dollars; null for none.</param>
public sealed record AddSupplierRequest(string Address, string ChannelId, string PayerKey, string? Signed = null);

/// <summary>Another operator's node that runs tasks for this one, and answers with its models.</summary>
/// <param name="Id">TypeID with prefix <c>supp</c>.</param>
/// <param name="Node">Its peer id.</param>
/// <param name="Address">Where it answers over HTTP.</param>
/// <param name="ChannelId">Out of which it is paid.</param>
/// <param name="Signed">The highest voucher that was signed for it, in US dollars.</param>
/// <param name="Spent">What of that was charged for what was done.</param>
/// <param name="Reserved">What of that calls under way can cost.</param>
/// <param name="Credit">What of that is left there for further calls, by the books of this node.</param>
/// <param name="Successes">Calls that it did.</param>
/// <param name="Failures">Calls that it did not answer, or refused.</param>
/// <param name="Declines">Calls in which the agent failed there.</param>
/// <param name="Lies">Calls whose answers were not to be believed.</param>
/// <param name="Reliability">What these come to when suppliers are chosen, above 0 and at most 1.</param>
/// <param name="AddedAt">When it was added.</param>
/// <param name="LatencyMs">How long it takes to say a price; null before it was asked.</param>
/// <param name="LastFailure">What happened when it last failed or lied.</param>
/// <param name="LastFailedAt">When that was.</param>
/// <param name="Checks">Calls that were done again elsewhere and compared.</param>
/// <param name="Disagreements">Calls whose answers another executor's contradicts, where nobody could say which is right.</param>
/// <param name="Region">Where it says in its offer that it stands; null when it does not, or offers nothing now.</param>
/// <param name="Models">What the node that answers knows of the models that it sells; null before they were asked for, and in lists.</param>
/// <param name="Beyond">How much more than by the books of this node it has said that requests to models need.</param>
/// <param name="Doubtful">What it may have charged for requests to models of which nothing is known: those that were given up, or were under way when a node died.</param>
public sealed record SupplierResponse(
    string Id,
    string Node,
    string Address,
    string ChannelId,
    string Signed,
    string Spent,
    string Reserved,
    string Credit,
    long Successes,
    long Failures,
    long Declines,
    long Lies,
    double Reliability,
    DateTimeOffset AddedAt,
    double? LatencyMs = null,
    string? LastFailure = null,
    DateTimeOffset? LastFailedAt = null,
    long Checks = 0,
    long Disagreements = 0,
    string? Region = null,
    SupplierModelsBody? Models = null,
    string? Beyond = null,
    string? Doubtful = null);

/// <summary>What is known of the models that a supplier sells.</summary>
/// <param name="Listed">How many its list has.</param>
/// <param name="Items">Those of them that the network's catalogue has, with the same weights, and whose publishers are not of this cell.</param>
/// <param name="ReadAt">When its list was last read; left out before the first time.</param>
/// <param name="Reason">Why none of them is asked now, or only one at a time; left out when they are.</param>
public sealed record SupplierModelsBody(int Listed, IReadOnlyList<SupplierModelBody> Items, DateTimeOffset? ReadAt = null, string? Reason = null);

/// <summary>A model that a supplier sells.</summary>
/// <param name="Model">As requests name it here: by its publisher's key.</param>
/// <param name="NameThere">As the supplier names it.</param>
/// <param name="ReplicaId">Of the replica that stands for it at the node that answers.</param>
/// <param name="Price">All that a million tokens cost.</param>
/// <param name="Region">Where it is answered.</param>
/// <param name="TokensPerSecond">How fast it writes one answer, as the supplier says.</param>
public sealed record SupplierModelBody(string Model, string NameThere, string ReplicaId, ModelPriceBody Price, string? Region = null, double? TokensPerSecond = null);

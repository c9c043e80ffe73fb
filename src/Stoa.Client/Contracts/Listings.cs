using Stoa.Primitives;

namespace Stoa.Client.Contracts;

/// <summary>Who publishes an agent in the network: a key, and a name beside it.</summary>
/// <param name="Key">The key's peer id: who the publisher is.</param>
/// <param name="Verified">The node knows that the handle is that of the key, since it keeps the key for its user. Otherwise handle and display name are claims.</param>
/// <param name="Handle">A handle or a DNS name.</param>
/// <param name="DisplayName">For people; others may have the same.</param>
/// <param name="Contradictions">Of how many versions the key has signed two that say different things, as far as the node knows: <c>GET /api/v1/contradictions</c>. Left out when there is none.</param>
public sealed record ListingPublisherBody(string Key, bool Verified, string? Handle = null, string? DisplayName = null, long? Contradictions = null);

/// <summary>That a publisher has signed two listings of one version that say different things.</summary>
/// <param name="Listing">The version by the publisher's key, <c>key/name@version</c>.</param>
/// <param name="Publisher">Who has signed both.</param>
/// <param name="Name">Name of the listing.</param>
/// <param name="Version">Semantic version.</param>
/// <param name="StatementIds">The two statements: <c>GET /api/v1/statements/{id}</c>.</param>
/// <param name="FoundAt">Since when the node has both.</param>
public sealed record ContradictionBody(string Listing, ListingPublisherBody Publisher, string Name, string Version, IReadOnlyList<string> StatementIds, DateTimeOffset FoundAt);

/// <summary>The proof that a publisher has contradicted itself.</summary>
/// <param name="Listing">The version by the publisher's key, <c>key/name@version</c>.</param>
/// <param name="Statements">Two listings of it, as they were signed.</param>
public sealed record ContradictionProofResponse(string Listing, IReadOnlyList<DsseEnvelope> Statements);

/// <summary>That an agent or a version should not be used any more.</summary>
/// <param name="StatementId">The publisher's statement.</param>
/// <param name="StatedAt">When it was made, as the publisher says.</param>
/// <param name="Instead">What to use: <c>key/name</c> or <c>key/name@version</c>.</param>
/// <param name="Reason">For people.</param>
public sealed record ListingDeprecationBody(string StatementId, DateTimeOffset StatedAt, string? Instead = null, string? Reason = null);

/// <summary>That a version is withdrawn.</summary>
/// <param name="StatementId">The publisher's statement.</param>
/// <param name="StatedAt">When it was made, as the publisher says.</param>
/// <param name="Reason">For people.</param>
public sealed record ListingWithdrawalBody(string StatementId, DateTimeOffset StatedAt, string? Reason = null);

/// <summary>An agent, a model, a template, a bundle or a dataset of the network: the newest version that is offered.</summary>
/// <param name="Listing">Full name by the publisher's key, <c>key/name@version</c>: it means the same on every node.</param>
/// <param name="Publisher">Who publishes it.</param>
/// <param name="Name">Its name.</param>
/// <param name="Version">Semantic version.</param>
/// <param name="Description">What it is or does.</param>
/// <param name="Capabilities">Dotted names such as <c>image.resize</c>.</param>
/// <param name="Tags">Free words.</param>
/// <param name="StatedAt">When it was published, as the publisher says.</param>
/// <param name="StatementId">The publisher's statement: <c>GET /api/v1/statements/{id}</c>.</param>
/// <param name="Kind"><c>agent</c>, <c>model</c>, <c>template</c>, <c>bundle</c> or <c>dataset</c>.</param>
/// <param name="Category">The shelf that it stands on.</param>
/// <param name="License">A licence expression of SPDX.</param>
/// <param name="Input">What an agent reads.</param>
/// <param name="Output">What an agent writes.</param>
/// <param name="Price">What a task of an agent costs; nodes may multiply it.</param>
/// <param name="ArtifactDigest">Of an agent's OCI artifact.</param>
/// <param name="ProgramDigest">Of an agent's WebAssembly program.</param>
/// <param name="ProgramBytes">Size of an agent's program.</param>
/// <param name="Content">The bytes that a model, a template or a dataset consists of.</param>
/// <param name="Model">Of a model.</param>
/// <param name="Dataset">Of a dataset.</param>
/// <param name="Template">Of a template.</param>
/// <param name="Requires">Other listings that it needs; of a bundle those that it consists of.</param>
/// <param name="Deprecation">The publisher has a better one.</param>
/// <param name="Standing">What consumers of the node's cell made of it, in all of its versions; left out when nobody there has had to do with it.</param>
/// <param name="Models">Models that an agent needs beside it.</param>
public sealed record ListingResponse(
    string Listing,
    ListingPublisherBody Publisher,
    string Name,
    string Version,
    string Description,
    IReadOnlyList<string> Capabilities,
    IReadOnlyList<string> Tags,
    DateTimeOffset StatedAt,
    string StatementId,
    string Kind = "agent",
    string? Category = null,
    string? License = null,
    AgentPortBody? Input = null,
    AgentPortBody? Output = null,
    AgentPriceBody? Price = null,
    string? ArtifactDigest = null,
    string? ProgramDigest = null,
    long? ProgramBytes = null,
    BlobResponse? Content = null,
    ModelBody? Model = null,
    DatasetBody? Dataset = null,
    ListedTemplateBody? Template = null,
    IReadOnlyList<ListingDemandBody>? Requires = null,
    ListingDeprecationBody? Deprecation = null,
    ListingStandingBody? Standing = null,
    IReadOnlyList<AgentModelBody>? Models = null);

/// <summary>A listing that is like another one.</summary>
/// <param name="Likeness">How much of what marks the other one it shares, 0.01 to 1.</param>
/// <param name="Listing">The listing.</param>
public sealed record SimilarListingBody(decimal Likeness, ListingResponse Listing);

/// <summary>What consumers of a cell made of an agent.</summary>
/// <param name="Tasks">Tasks that it did well.</param>
/// <param name="Reviews">How many there are.</param>
/// <param name="Rating">Their mean, 1 to 5; left out when there is none.</param>
public sealed record ListingStandingBody(long Tasks, int Reviews, decimal? Rating = null);

/// <summary>What a consumer says of an agent of the network.</summary>
/// <param name="Reviewer">The key that signed it, as its peer id.</param>
/// <param name="Version">The version that did the task.</param>
/// <param name="Stars">1 to 5.</param>
/// <param name="Node">Peer id of the node that gives its word that the reviewer has a receipt.</param>
/// <param name="Counts">The node is of this cell, or is believed here: the review counts in the standing.</param>
/// <param name="StatedAt">When it was written, as the reviewer says.</param>
/// <param name="StatementId">The reviewer's statement: <c>GET /api/v1/statements/{id}</c>.</param>
/// <param name="Verified">The handle is that of the key, which this node keeps for its user; otherwise it is a claim.</param>
/// <param name="Handle">Of the reviewer, where there is one.</param>
/// <param name="Text">What it says in words.</param>
public sealed record ListingReviewBody(
    string Reviewer, string Version, int Stars, string Node, bool Counts, DateTimeOffset StatedAt, string StatementId, bool Verified, string? Handle = null, string? Text = null);

/// <summary>How many findings have a value.</summary>
/// <param name="Value">The value.</param>
/// <param name="Count">How many.</param>
public sealed record FacetCountBody(string Value, long Count);

/// <summary>A page of a search.</summary>
/// <param name="Items">The newest version of each agent that was found, in the order that was asked for.</param>
/// <param name="Total">How many were found, on all pages.</param>
/// <param name="Facets">Of each facet that was asked for the ten most frequent values.</param>
/// <param name="FacetsEstimated">So much was found that the counts were taken of a sample.</param>
/// <param name="IsIncomplete">The node has started a moment ago, and more may be found soon.</param>
/// <param name="NextCursor">Opaque; left out on the last page.</param>
/// <param name="Meaning">Of a node that has an embedding model and blends in what means the same: <c>used</c>; or <c>late</c> or <c>failed</c>, and then the words alone were looked for. Left out when no model was to be asked.</param>
public sealed record ListingSearchResponse(
    IReadOnlyList<ListingResponse> Items,
    long Total,
    IReadOnlyDictionary<string, IReadOnlyList<FacetCountBody>>? Facets = null,
    bool? FacetsEstimated = null,
    bool? IsIncomplete = null,
    string? NextCursor = null,
    string? Meaning = null);

/// <summary>A version of a listing of the network.</summary>
/// <param name="Version">Semantic version.</param>
/// <param name="State"><c>offered</c>, <c>withdrawn</c>, or <c>contradicted</c>: the publisher has signed two that say different things, and neither is to be trusted.</param>
/// <param name="StatedAt">When it was published, as the publisher says.</param>
/// <param name="StatementId">The publisher's statement.</param>
/// <param name="Nodes">Peer ids of nodes that offer it, at most fifty.</param>
/// <param name="ArtifactDigest">Of an agent's OCI artifact.</param>
/// <param name="ProgramDigest">Of an agent's WebAssembly program.</param>
/// <param name="ProgramBytes">Size of an agent's program.</param>
/// <param name="Content">The bytes that a model, a template or a dataset consists of.</param>
/// <param name="Withdrawal">That it is withdrawn.</param>
/// <param name="Deprecation">That this version is deprecated.</param>
/// <param name="ContradictionId">The other statement about this version: <c>GET /api/v1/contradictions</c>.</param>
/// <param name="ManifestDigest">SHA-256 of the manifest's text.</param>
/// <param name="Sellers">Those of <paramref name="Nodes"/> that say that they sell answers of a model, the cheapest first; left out when none does.</param>
public sealed record ListingVersionBody(
    string Version,
    string State,
    DateTimeOffset StatedAt,
    string StatementId,
    IReadOnlyList<string> Nodes,
    string? ArtifactDigest = null,
    string? ProgramDigest = null,
    long? ProgramBytes = null,
    BlobResponse? Content = null,
    ListingWithdrawalBody? Withdrawal = null,
    ListingDeprecationBody? Deprecation = null,
    string? ContradictionId = null,
    string? ManifestDigest = null,
    IReadOnlyList<ModelSellerBody>? Sellers = null);

/// <summary>A node that says in its offer that it sells answers of a model.</summary>
/// <param name="Node">Its peer id.</param>
/// <param name="InputPrice">All that a million tokens cost that the model reads, in US dollars as a decimal string.</param>
/// <param name="OutputPrice">And a million that it writes.</param>
/// <param name="ContextLength">The most tokens that it sees at once there; left out when it is not said.</param>
/// <param name="TokensPerSecond">How fast one answer is written there, as the node has measured it, to two digits; left out when it has not.</param>
/// <param name="Region">Where the node says that it stands.</param>
public sealed record ModelSellerBody(string Node, string InputPrice, string OutputPrice, long? ContextLength = null, long? TokensPerSecond = null, string? Region = null);

/// <summary>A listing of the network with all its versions.</summary>
/// <param name="Listing">Its name by the publisher's key, <c>key/name</c>.</param>
/// <param name="Publisher">Who publishes it.</param>
/// <param name="Name">Its name.</param>
/// <param name="Description">What the newest version is or does.</param>
/// <param name="Versions">Newest precedence first.</param>
/// <param name="Newest">The newest version that is offered, releases before pre-releases; left out when none is.</param>
/// <param name="Deprecation">That it is deprecated, with all its versions.</param>
/// <param name="Kind">What the newest version is: <c>agent</c>, <c>model</c>, <c>template</c>, <c>bundle</c> or <c>dataset</c>.</param>
/// <param name="MovedTo">Where it goes on, as both publishers say: <c>key/name</c>.</param>
/// <param name="MovedFrom">What it goes on from, as both publishers say.</param>
public sealed record ListingDetailsResponse(
    string Listing,
    ListingPublisherBody Publisher,
    string Name,
    string Description,
    IReadOnlyList<ListingVersionBody> Versions,
    string? Newest = null,
    ListingDeprecationBody? Deprecation = null,
    string Kind = "agent",
    string? MovedTo = null,
    string? MovedFrom = null);

/// <summary><c>PUT /api/v1/listings/{publisher}/{name}/deprecation</c>.</summary>
/// <param name="Reason">One line, for everybody to read.</param>
/// <param name="Instead">What to use: PUBLISHER/NAME or PUBLISHER/NAME@VERSION, the publisher by its key or handle.</param>
public sealed record DeprecateListingRequest(string? Reason = null, string? Instead = null);

/// <summary><c>PUT /api/v1/listings/{publisher}/{name}/transfer</c>: what is left out stays as it was said.</summary>
/// <param name="To">Where the listing goes on: PUBLISHER/NAME, the publisher by its key or handle.</param>
/// <param name="From">What it goes on from.</param>
public sealed record TransferListingRequest(string? To = null, string? From = null);

/// <summary><c>POST /api/v1/listings</c>: what became of a statement.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Signer">Peer id of the key that signed it.</param>
/// <param name="Kind">Its kind, such as <c>listing</c>.</param>
/// <param name="Effect"><c>added</c>; <c>replaced</c> when it took the place of another; <c>contradicted</c> when its signer has said something else before; <c>known</c> when it was there; <c>superseded</c> when something later is there.</param>
public sealed record AddedStatementResponse(string Id, string Signer, string Kind, string Effect);

/// <summary>A version that fits together with the others.</summary>
/// <param name="Listing">Full name by the publisher's key, <c>key/name@version</c>.</param>
/// <param name="Name">As whoever needs it has written it, <c>publisher/name</c>.</param>
/// <param name="Version">Semantic version.</param>
/// <param name="StatementId">The publisher's statement.</param>
/// <param name="NeededBy">What cannot do without it, <c>publisher/name@version</c>; empty for what was only asked for, or is only preferred.</param>
/// <param name="Kind"><c>agent</c>, <c>model</c>, <c>template</c>, <c>bundle</c> or <c>dataset</c>.</param>
/// <param name="PreferredBy">What could do without it; left out when nothing could.</param>
/// <param name="ManifestDigest">SHA-256 of the manifest's text; lock files of the format 1 have none.</param>
/// <param name="ArtifactDigest">Of an agent's OCI artifact.</param>
/// <param name="ProgramDigest">Of an agent's WebAssembly program.</param>
/// <param name="Content">The bytes that a model, a template or a dataset consists of.</param>
public sealed record ResolvedListingBody(
    string Listing,
    string Name,
    string Version,
    string StatementId,
    IReadOnlyList<string> NeededBy,
    string Kind = "agent",
    IReadOnlyList<string>? PreferredBy = null,
    string? ManifestDigest = null,
    string? ArtifactDigest = null,
    string? ProgramDigest = null,
    BlobResponse? Content = null);

/// <summary>Something preferred that does not fit with the rest.</summary>
/// <param name="Name">As it is preferred, <c>publisher/name@range</c>.</param>
/// <param name="PreferredBy">What could do without it, <c>publisher/name@version</c>.</param>
/// <param name="Reason">Why it was left out, in a sentence.</param>
public sealed record LeftOutBody(string Name, string PreferredBy, string Reason);

/// <summary>Versions that fit together.</summary>
/// <param name="Versions">By their names.</param>
/// <param name="LeftOut">What is preferred and does not fit; left out when all does.</param>
public sealed record ResolutionResponse(IReadOnlyList<ResolvedListingBody> Versions, IReadOnlyList<LeftOutBody>? LeftOut = null);

/// <summary>The file <c>stoa.lock</c>: what was asked for, and what came of it, to be had again.</summary>
/// <param name="Format">2; 1 has agents alone, without the digests of their manifests.</param>
/// <param name="Asked">Listings with the ranges that were asked for, <c>publisher/name@range</c>.</param>
/// <param name="Versions">What came of it.</param>
public sealed record ListingLock(int Format, IReadOnlyList<string> Asked, IReadOnlyList<ResolvedListingBody> Versions);

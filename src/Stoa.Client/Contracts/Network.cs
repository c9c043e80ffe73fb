namespace Stoa.Client.Contracts;

/// <summary><c>GET /api/v1/network</c>: what this node's part in the network is.</summary>
/// <param name="PeerId">libp2p peer id of its key.</param>
/// <param name="IsOn">Whether it takes part.</param>
/// <param name="Addresses">Multiaddrs at which other nodes can reach it, with its peer id.</param>
/// <param name="Protocols">What it speaks.</param>
/// <param name="Peers">How many peers it is connected to.</param>
public sealed record NetworkResponse(string PeerId, bool IsOn, IReadOnlyList<string> Addresses, IReadOnlyList<string> Protocols, int Peers);

/// <summary>One of <c>GET /api/v1/network/peers</c>: a peer that the node is connected to.</summary>
/// <param name="PeerId">Who.</param>
/// <param name="Address">Multiaddr at which it is seen, without its peer id.</param>
/// <param name="Direction"><c>out</c> when this node dialled it, <c>in</c> when it came.</param>
/// <param name="Security">What protects the connection, such as <c>/tls/1.0.0</c>.</param>
/// <param name="AgentVersion">Its program, in its own words; this and what follows is left out until it has said who it is.</param>
/// <param name="Protocols">What it speaks.</param>
/// <param name="Addresses">Multiaddrs at which it can be reached, in its own words.</param>
public sealed record PeerResponse(
    string PeerId,
    string Address,
    string Direction,
    string Security,
    string? AgentVersion = null,
    IReadOnlyList<string>? Protocols = null,
    IReadOnlyList<string>? Addresses = null);

/// <summary><c>GET /api/v1/network/peers/{peer}</c>: where a peer is.</summary>
/// <param name="PeerId">Who.</param>
/// <param name="Addresses">Multiaddrs at which it can be reached.</param>
/// <param name="IsConnected">Whether the node is connected to it.</param>
public sealed record FoundPeerResponse(string PeerId, IReadOnlyList<string> Addresses, bool IsConnected);

/// <summary><c>POST /api/v1/network/pings</c>: whom to ping.</summary>
/// <param name="Peer">A multiaddr, or the peer id of a node that is known.</param>
/// <param name="Count">How often, 1 to 20; 3 when left out.</param>
public sealed record PingRequest(string Peer, int? Count = null);

/// <summary>How far away a peer is.</summary>
/// <param name="PeerId">Who answered.</param>
/// <param name="Address">Multiaddr at which it is seen.</param>
/// <param name="TimesMs">The way there and back, in milliseconds, one after another.</param>
public sealed record PingResponse(string PeerId, string Address, IReadOnlyList<double> TimesMs);

/// <summary>One of <c>GET /api/v1/network/offers</c>: what a node says that it offers.</summary>
/// <param name="Node">Peer id of its key, which has signed it.</param>
/// <param name="IsThisNode">Whether it is the node that answers.</param>
/// <param name="Addresses">Multiaddrs where it is reached.</param>
/// <param name="Workers">How many tasks it runs at once.</param>
/// <param name="MemoryBytes">Memory for tasks.</param>
/// <param name="PriceFactorPermille">Reserved for a factor on posted rates, in parts per thousand: nodes say 1,000.</param>
/// <param name="Programs">Digests of the programs of agents that it has at hand.</param>
/// <param name="SaidAt">When it said so, UTC.</param>
/// <param name="ExpiresAt">Until when it holds, UTC.</param>
/// <param name="Statement">Id of the statement: <c>GET /api/v1/statements/{id}</c>.</param>
/// <param name="Region">Where it stands; left out when it does not say.</param>
/// <param name="Split">How it shares out prices; left out when it does not say.</param>
/// <param name="Receipts">How many receipts it has given, as it says; left out when it does not.</param>
/// <param name="Models">Digests of the files of models that it has at hand; left out when there are none.</param>
/// <param name="Sells">Models whose answers it sells; left out when there are none.</param>
/// <param name="Runs">What runs of programs cost there; left out when it says nothing of that.</param>
public sealed record OfferResponse(
    string Node,
    bool IsThisNode,
    IReadOnlyList<string> Addresses,
    long Workers,
    long MemoryBytes,
    int PriceFactorPermille,
    IReadOnlyList<string> Programs,
    DateTimeOffset SaidAt,
    DateTimeOffset ExpiresAt,
    string Statement,
    string? Region = null,
    SplitBody? Split = null,
    ReceiptSummaryBody? Receipts = null,
    IReadOnlyList<string>? Models = null,
    IReadOnlyList<OfferedModelBody>? Sells = null,
    IReadOnlyList<PostedRunBody>? Runs = null);

/// <summary>A model whose answers a node says that it sells.</summary>
/// <param name="Model">The version, by its publisher's key.</param>
/// <param name="InputPrice">All that a million tokens cost that it reads, in US dollars as a decimal string.</param>
/// <param name="OutputPrice">And a million that it writes.</param>
/// <param name="ContextLength">The most tokens that it sees at once there; left out when it is not said.</param>
/// <param name="TokensPerSecond">How fast one answer is written there, as the node has measured it, to two digits; left out when it has not.</param>
public sealed record OfferedModelBody(string Model, string InputPrice, string OutputPrice, long? ContextLength = null, long? TokensPerSecond = null);

/// <summary>What runs of a program cost at a node, as it says, in US dollars as decimal strings: at normal priority and without demand, which a quote may be above.</summary>
/// <param name="Program">Digest of the program.</param>
/// <param name="Base">Of a run.</param>
/// <param name="PerMegabyte">And of 1,000,000 bytes of input.</param>
/// <param name="PerGigafuel">And of 1,000,000,000 units of fuel.</param>
/// <param name="PerGigabyteSecond">And of 1,000,000,000 bytes of memory held for a second.</param>
public sealed record PostedRunBody(string Program, string Base, string PerMegabyte, string PerGigafuel, string PerGigabyteSecond);

/// <summary>How a node shares out prices: whole percents that sum to 100.</summary>
/// <param name="CreatorPercent">To the agent's creators.</param>
/// <param name="NodePercent">To the node.</param>
/// <param name="PlatformPercent">To the platform.</param>
public sealed record SplitBody(int CreatorPercent, int NodePercent, int PlatformPercent);

/// <summary>How many receipts a node says to have given.</summary>
/// <param name="From">From when on, UTC.</param>
/// <param name="To">Until when, UTC.</param>
/// <param name="Count">Of all agents that it names.</param>
/// <param name="Agents">How many agents that are; at most 512 are named.</param>
public sealed record ReceiptSummaryBody(DateTimeOffset From, DateTimeOffset To, long Count, int Agents);

/// <summary>Who says something in the registry of the network: a publisher, a reviewer, a node.</summary>
/// <param name="Key">The peer id of the key.</param>
/// <param name="Standing">What is known of it here: <c>stranger</c>, <c>vouched</c>, <c>believed</c> (a node whose word for receipts counts), <c>own</c> (of this cell) or <c>forgotten</c> (a person who was erased here).</param>
/// <param name="Statements">How many statements of it are kept.</param>
/// <param name="Bytes">Their payloads together.</param>
/// <param name="IsOwnHandle">The handle is that of a user of this cell; otherwise it is a claim.</param>
/// <param name="Handle">Of the profile, where there is one.</param>
/// <param name="Contradictions">Of how many versions it has signed two listings that say different things; left out when there is none.</param>
public sealed record SignerResponse(string Key, string Standing, long Statements, long Bytes, bool IsOwnHandle, string? Handle = null, long? Contradictions = null);

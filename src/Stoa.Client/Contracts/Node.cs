namespace Stoa.Client.Contracts;

/// <summary><c>GET /api/v1/node</c>: who this node is.</summary>
/// <param name="PeerId">libp2p peer id of its key.</param>
/// <param name="PublicKey">Base64 of the SubjectPublicKeyInfo, to verify its receipts.</param>
/// <param name="Version">Of the software.</param>
/// <param name="Storage"><c>sqlite</c> or <c>postgres</c>.</param>
/// <param name="Workers">How many tasks run at once.</param>
/// <param name="CreatorPercent">Of a captured price.</param>
/// <param name="NodePercent">Of a captured price.</param>
/// <param name="PlatformPercent">Of a captured price.</param>
/// <param name="Region">Where it stands; left out when it does not say.</param>
/// <param name="Payments">Whether money comes in and goes out by Stripe: <c>off</c>, <c>test</c> (no real money) or <c>live</c>; left out by a node too old to tell it.</param>
/// <param name="Prices">Of storage and transfer; left out by a node that takes nothing for them.</param>
public sealed record NodeResponse(
    string PeerId,
    string PublicKey,
    string Version,
    string Storage,
    int Workers,
    int CreatorPercent,
    int NodePercent,
    int PlatformPercent,
    string? Region = null,
    string? Payments = null,
    UsagePricesBody? Prices = null);

/// <summary>One of <c>GET /api/v1/nodes</c>: a node of the cell that is alive.</summary>
/// <param name="PeerId">libp2p peer id of its key.</param>
/// <param name="StartedAt">By its own clock.</param>
/// <param name="SeenAt">When it gave its last sign of life, by its own clock.</param>
/// <param name="Version">Of its software; this and what follows is left out by a node too old to tell it.</param>
/// <param name="Region">Where it stands; left out when it does not say.</param>
/// <param name="Capacity">What it has for tasks.</param>
/// <param name="Load">What of that is in use.</param>
public sealed record ListedNodeResponse(
    string PeerId,
    DateTimeOffset StartedAt,
    DateTimeOffset SeenAt,
    string? Version = null,
    string? Region = null,
    NodeCapacityBody? Capacity = null,
    NodeLoadBody? Load = null);

/// <summary>What a node has for tasks.</summary>
/// <param name="Workers">How many run at once.</param>
/// <param name="MemoryBytes">What their memory limits may sum to.</param>
public sealed record NodeCapacityBody(int Workers, long MemoryBytes);

/// <summary>What of a node's capacity is in use.</summary>
/// <param name="BusyWorkers">Workers that run a task.</param>
/// <param name="BusyMemoryBytes">The sum of the memory limits of the tasks that run, or wait for a thread; never above the capacity.</param>
/// <param name="HeldTasks">Tasks that it has: those that run, and those that wait for a worker or for their end to be written.</param>
/// <param name="ClaimedTasks">How many tasks it has taken since it started.</param>
public sealed record NodeLoadBody(int BusyWorkers, long BusyMemoryBytes, int HeldTasks, long ClaimedTasks);

/// <summary>A stored blob. <c>PUT /api/v1/blobs/{digest}</c>, <c>POST /api/v1/blobs</c>.</summary>
/// <param name="Digest">SHA-256 of its bytes, <c>sha256:…</c>.</param>
/// <param name="SizeBytes">Their number.</param>
public sealed record BlobResponse(string Digest, long SizeBytes);

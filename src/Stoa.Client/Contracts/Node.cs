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
public sealed record NodeResponse(
    string PeerId,
    string PublicKey,
    string Version,
    string Storage,
    int Workers,
    int CreatorPercent,
    int NodePercent,
    int PlatformPercent);

/// <summary>A stored blob. <c>PUT /api/v1/blobs/{digest}</c>, <c>POST /api/v1/blobs</c>.</summary>
/// <param name="Digest">SHA-256 of its bytes, <c>sha256:…</c>.</param>
/// <param name="SizeBytes">Their number.</param>
public sealed record BlobResponse(string Digest, long SizeBytes);

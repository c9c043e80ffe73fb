using Stoa.Primitives;

namespace Stoa.Client.Contracts;

/// <summary><c>GET /api/v1/sealing-key</c>: what inputs are sealed to.</summary>
/// <param name="KeyId">The first 8 bytes of SHA-256 of the public key, as 16 hex digits.</param>
/// <param name="PublicKey">Base64 of the uncompressed point of P-256.</param>
/// <param name="Suite">The algorithms of HPKE, by their names in RFC 9180.</param>
/// <param name="Account">Id of the account that is acted for: the seal of an input is bound to it.</param>
/// <param name="Envelope">A DSSE envelope, signed by the node, that holds the key.</param>
public sealed record SealingKeyResponse(string KeyId, string PublicKey, string Suite, string Account, DsseEnvelope Envelope);

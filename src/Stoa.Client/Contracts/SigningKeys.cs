using Stoa.Primitives;

namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/signing-keys</c>: registers a public key whose holder may sign requests in your name.</summary>
/// <param name="Name">What you call it.</param>
/// <param name="PublicKey">P-256: base64 of the 91 bytes of its DER SubjectPublicKeyInfo.</param>
/// <param name="Proof">A DSSE envelope of type <c>application/vnd.stoa.signing-key.v1+json</c> with the payload <c>{ "user": "user_…" }</c> of your id, signed by the key.</param>
public sealed record RegisterSigningKeyRequest(string Name, string PublicKey, DsseEnvelope Proof);

/// <summary>A key by which requests are signed.</summary>
/// <param name="Id">What signatures name it by: <c>keyid</c>. TypeID with prefix <c>skey</c>.</param>
/// <param name="Name">What you call it.</param>
/// <param name="PublicKey">P-256: base64 of its DER SubjectPublicKeyInfo.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record SigningKeyResponse(string Id, string Name, string PublicKey, DateTimeOffset CreatedAt);

using Stoa.Market.Signing;
using Stoa.Node.Audit;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Signing;

/// <summary>Recognises the caller by the signature of the request (RFC 9421): method, path, query, body, organisation, idempotency key, time and nonce are those that the holder of a registered key has signed.</summary>
public sealed class SignedRequests(SqlSigningKeyStore keys, RequestNonces nonces, Credentials credentials, TimeProvider time)
{
    // Of one that is unknown and one that does not verify the same is said, so that nobody learns which keys there are.
    private const string Wrong = "The signature is not one of a registered signing key over this request.";

    /// <summary>Finds out who has signed a request, if anybody has.</summary>
    /// <returns>What is wrong with the signature; null when nothing is, or there is none.</returns>
    public async ValueTask<string?> RecogniseAsync(HttpContext context)
    {
        if (!RequestSignature.IsThere(context.Request))
            return null;
        if (!RequestSignature.TryRead(context.Request, [], time.GetUtcNow(), out var signature, out var fault))
            return fault;
        if (!Id<SigningKey>.TryParse(signature.Input.KeyId, out var id)
            || await keys.FindAsync(id, context.RequestAborted) is not { RevokedAt: null } key
            || !signature.IsBy(key.PublicKey))
        {
            return Wrong;
        }

        if (!await nonces.TakeAsync(id, signature.Input.Nonce!, signature.Created, context.RequestAborted))
            return "A request with this nonce was taken before: sign each request anew.";
        if (await credentials.FindCallerAsync(key.UserId, context.RequestAborted) is not { } caller)
            return Wrong;
        if (signature.Digest is { } digest)
        {
            var body = new DigestCheckedStream(context.Request.Body, digest, context.Request.ContentLength);
            context.Response.RegisterForDispose(body);
            context.Request.Body = body;
        }

        caller.Attach(context.Features);
        context.Features.Set<Recognition>(new BySigningKey(id, keys, credentials));
        context.Features.Set(new AuditNote(null, $"signature {id}"));
        return null;
    }

    /// <summary>A caller by a signed request: he is recognised as long as the key is in force.</summary>
    private sealed class BySigningKey(Id<SigningKey> id, SqlSigningKeyStore keys, Credentials credentials) : Recognition
    {
        public override async Task<Caller?> AgainAsync(CancellationToken cancellationToken) =>
            await keys.FindAsync(id, cancellationToken) is { RevokedAt: null } key ? await credentials.FindCallerAsync(key.UserId, cancellationToken) : null;
    }
}

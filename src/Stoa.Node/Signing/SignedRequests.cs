using Microsoft.AspNetCore.Http.Features;
using Stoa.Market.Signing;
using Stoa.Node.Audit;
using Stoa.Node.Identity;
using Stoa.Primitives;
using Stoa.Primitives.HttpSignatures;

namespace Stoa.Node.Signing;

/// <summary>Recognises the caller by the signature of the request (RFC 9421): method, path, query, body, organisation, idempotency key, time and nonce are those that the holder of a registered key has signed.</summary>
public sealed class SignedRequests(SqlSigningKeyStore keys, RequestNonces nonces, Credentials credentials, TimeProvider time)
{
    private const string SignatureField = "Signature";
    private const string InputField = "Signature-Input";
    private const string Scheme = "Signature";

    // Of one that is unknown and one that does not verify the same is said, so that nobody learns which keys there are.
    private const string Wrong = "The signature is not one of a registered signing key over this request.";

    /// <summary>Finds out who has signed a request, if anybody has.</summary>
    /// <returns>What is wrong with the signature; null when nothing is, or there is none.</returns>
    public async ValueTask<string?> RecogniseAsync(HttpContext context)
    {
        var headers = context.Request.Headers;
        if (headers[SignatureField].Count == 0 && headers[InputField].Count == 0)
            return null;
        SignatureInput input;
        byte[] signature;
        ContentDigest? digest;
        byte[] signed;
        var hasBody = context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? true;
        try
        {
            (input, signature) = Read(Joined(headers[InputField]), Joined(headers[SignatureField]));
            if (SignedRequestRules.Check(input, hasBody, field => headers.ContainsKey(field), time.GetUtcNow()) is { } fault)
                return fault;
            digest = input.Components.Contains(ContentDigest.FieldName) ? ContentDigest.Read(Joined(headers[ContentDigest.FieldName])) : null;
            signed = input.ToBase(name => ValueOf(context.Request, name));
        }
        catch (FormatException unreadable)
        {
            return $"The signature of the request cannot be read. {unreadable.Message}";
        }

        if (!Id<SigningKey>.TryParse(input.KeyId, out var id)
            || await keys.FindAsync(id, context.RequestAborted) is not { RevokedAt: null } key
            || !key.PublicKey.VerifyFixed(signed, signature))
        {
            return Wrong;
        }

        if (!await nonces.TakeAsync(id, input.Nonce!, DateTimeOffset.FromUnixTimeSeconds(input.Created!.Value), context.RequestAborted))
            return "A request with this nonce was taken before: sign each request anew.";
        if (await credentials.FindCallerAsync(key.UserId, context.RequestAborted) is not { } caller)
            return Wrong;
        if (digest is not null)
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

    /// <summary>The one signature of a request, and what it says of itself.</summary>
    /// <exception cref="FormatException">There is none, or there are several.</exception>
    private static (SignatureInput Input, byte[] Signature) Read(string input, string signature)
    {
        var inputs = StructuredFields.ReadDictionary(input);
        var signatures = StructuredFields.ReadDictionary(signature);
        if (inputs is not [var (label, said)] || signatures is not [var (signedLabel, bytes)] || label != signedLabel)
            throw new FormatException("Send one signature, with the same label in Signature and Signature-Input.");
        return (SignatureInput.Read(said), bytes.Value as byte[] ?? throw new FormatException("Signature holds bytes in base64 between colons."));
    }

    private static string? ValueOf(HttpRequest request, string name) => name switch
    {
        "@method" => request.Method,
        "@authority" => request.Host.Value?.ToLowerInvariant(),
        "@scheme" => request.Scheme,
        "@target-uri" => $"{request.Scheme}://{request.Host.Value}{RawTarget(request)}",
        "@request-target" => RawTarget(request),
        "@path" => RawTarget(request).Split('?', 2)[0],
        // Of a request without one the query is a lone question mark (RFC 9421, section 2.2.7).
        "@query" => RawTarget(request).Split('?', 2) is [_, var query] ? "?" + query : "?",
        ['@', ..] => null,
        _ => request.Headers[name] is { Count: > 0 } values ? Joined(values) : null,
    };

    /// <summary>Path and query as they came over the wire; what the framework gives as the path is decoded.</summary>
    private static string RawTarget(HttpRequest request) => request.HttpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;

    /// <summary>A caller by a signed request: he is recognised as long as the key is in force.</summary>
    private sealed class BySigningKey(Id<SigningKey> id, SqlSigningKeyStore keys, Credentials credentials) : Recognition
    {
        public override async Task<Caller?> AgainAsync(CancellationToken cancellationToken) =>
            await keys.FindAsync(id, cancellationToken) is { RevokedAt: null } key ? await credentials.FindCallerAsync(key.UserId, cancellationToken) : null;
    }

    private static string Joined(Microsoft.Extensions.Primitives.StringValues lines) => string.Join(", ", lines.Select(line => line?.Trim()));
}

using System.Security.Cryptography;
using Stoa.Client.Contracts;
using Stoa.Primitives;
using Stoa.Primitives.HttpSignatures;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    private const int NonceBytes = 18;

    // A body whose hash is not known beforehand is held for as long as it is hashed and sent.
    private const long MaxSignedBodyBytes = 256 << 20;

    /// <summary><c>POST /api/v1/signing-keys</c>: whoever has the private half stands for you by signing requests.</summary>
    public Task<SigningKeyResponse> RegisterSigningKeyAsync(RegisterSigningKeyRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("signing-keys", request, StoaJson.Default.RegisterSigningKeyRequest, StoaJson.Default.SigningKeyResponse, cancellationToken);

    /// <summary><c>GET /api/v1/signing-keys</c>, all pages.</summary>
    public IAsyncEnumerable<SigningKeyResponse> ListSigningKeysAsync(CancellationToken cancellationToken = default) =>
        ListAsync("signing-keys", StoaJson.Default.ListResponseSigningKeyResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/signing-keys/{id}</c>: what it signs is refused from now on.</summary>
    public async Task RevokeSigningKeyAsync(string id, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(new Call(HttpMethod.Delete, $"signing-keys/{Uri.EscapeDataString(id)}"), cancellationToken);
    }

    /// <summary>Signs a request (RFC 9421): method, path, query, body, organisation, idempotency key, time, and a nonce of its own, so that it can be sent once.</summary>
    private async Task SignAsync(HttpRequestMessage request, RequestSigningKey key, ContentHash? bodyHash, CancellationToken cancellationToken)
    {
        var components = new List<string> { "@method", "@path", "@query" };
        if (request.Content is { } content)
        {
            var digest = bodyHash is { } known ? ContentDigest.Of(known) : await DigestAsync(content, cancellationToken);
            request.Headers.TryAddWithoutValidation(RequestSigner.DigestHeader, digest);
            components.Add(ContentDigest.FieldName);
            if (content.Headers.ContentType is not null)
                components.Add("content-type");
        }

        if (request.Headers.Contains(IdempotencyKeyHeader))
            components.Add(IdempotencyKeyHeader.ToLowerInvariant());
        if (Options.Organisation is { Length: > 0 } organisation)
        {
            // That of all requests would be added after it was signed.
            request.Headers.Add(OrganisationHeader, organisation);
            components.Add(OrganisationHeader.ToLowerInvariant());
        }

        var nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(NonceBytes));
        RequestSigner.Sign(request, components, key.PrivateKey, key.Id, Options.TimeProvider.GetUtcNow(), nonce);
    }

    private static async Task<string> DigestAsync(HttpContent content, CancellationToken cancellationToken)
    {
        try
        {
            await content.LoadIntoBufferAsync(MaxSignedBodyBytes, cancellationToken);
        }
        catch (HttpRequestException tooLong)
        {
            throw new InvalidOperationException(
                $"A body of more than {MaxSignedBodyBytes >> 20} MiB whose digest is not known cannot be signed: upload it from a stream that can be sought.", tooLong);
        }

        await using var body = await content.ReadAsStreamAsync(cancellationToken);
        return ContentDigest.Of(await ContentHash.OfAsync(body, cancellationToken));
    }
}

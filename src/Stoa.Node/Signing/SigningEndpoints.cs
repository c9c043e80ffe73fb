using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Signing;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Signing;

/// <summary>Signing keys over HTTP. One that belongs to somebody else is one that does not exist.</summary>
public static class SigningEndpoints
{
    public static void MapSigning(this IEndpointRouteBuilder api)
    {
        api.MapPost("/signing-keys", RegisterAsync)
            .Needs(Permission.AccountManage)
            .WithName("registerSigningKey").WithTags("Identity").WithSummary("Register a key that signs requests")
            .WithDescription("Whoever has the private half of this P-256 key stands for you by signing requests (RFC 9421) from now on: docs/signed-requests.md. The proof shows that you have it.")
            .Idempotent()
            .Produces<SigningKeyResponse>(StatusCodes.Status201Created)
            .Refuses(SigningKeyRefusal.SigningKeyInvalid, SigningKeyRefusal.SigningKeyTaken, SigningKeyRefusal.SigningKeysTooMany, SigningKeyRefusal.CredentialTooNarrow);
        api.MapGet("/signing-keys", ListAsync)
            .Needs(Permission.AccountManage)
            .WithName("listSigningKeys").WithTags("Identity").WithSummary("List signing keys")
            .WithDescription("Your keys that were not revoked, newest first.")
            .Produces<ListResponse<SigningKeyResponse>>();
        api.MapDelete("/signing-keys/{id}", RevokeAsync)
            .Needs(Permission.AccountManage)
            .WithName("revokeSigningKey").WithTags("Identity").WithSummary("Revoke a signing key")
            .WithDescription("What it signs is refused from now on, on all nodes of the cell. It cannot be registered again.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(SigningKeyRefusal.SigningKeyUnknown);
    }

    private static async Task<IResult> RegisterAsync(
        Body<RegisterSigningKeyRequest> body, MadeId id, Caller caller, SqlSigningKeyStore keys, TimeProvider time, CancellationToken cancellationToken)
    {
        if (caller.Key is { } used && (used.SpendPerDay is not null || used.CallsPerMinute is not null || used.TokensPerMinute is not null || caller.Rights != Rights.OfPerson(caller.Role)))
        {
            return new Refusal<SigningKeyRefusal>(
                SigningKeyRefusal.CredentialTooNarrow, $"The API key {used.Prefix} has bounds, and a signature would have none. Sign in with the password, or use a key without bounds.").ToProblem();
        }

        var (name, encoded, proof) = body.Value;
        var errors = new List<FieldError>();
        if (SigningKey.CheckName(name) is { } badName)
            errors.Add(badName);
        var publicKey = Read(encoded);
        if (publicKey is null)
            errors.Add(new FieldError("/publicKey", "Base64 of a P-256 public key is expected: 91 bytes of DER SubjectPublicKeyInfo, as openssl ec -pubout -outform DER writes it."));
        else if (SigningKeyProof.Check(proof, publicKey, caller.UserId) is { } badProof)
            errors.Add(new FieldError("/proof", badProof));
        if (publicKey is null || errors.Count > 0)
            return new Refusal<SigningKeyRefusal>(SigningKeyRefusal.SigningKeyInvalid, "Correct what is listed and try again.", errors).ToProblem();
        var added = await keys.AddAsync(new SigningKey(id.For<SigningKey>(), caller.UserId, name, publicKey, time.GetUtcNow(), null), cancellationToken);
        return added.Match<IResult>(
            key => TypedResults.Created($"/api/v1/signing-keys/{key.Id}", ToContract(key)),
            refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] ListQuery query, Caller caller, SqlSigningKeyStore keys, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await keys.ListAsync(caller.UserId, query.ToPage(), cancellationToken), ToContract));

    private static async Task<IResult> RevokeAsync(
        Id<SigningKey> id, Caller caller, SqlSigningKeyStore keys, TimeProvider time, CancellationToken cancellationToken) =>
        await keys.RevokeAsync(id, caller.UserId, time.GetUtcNow(), cancellationToken)
            ? TypedResults.NoContent()
            : new Refusal<SigningKeyRefusal>(
                SigningKeyRefusal.SigningKeyUnknown, $"You have no signing key {id} in force. List them to see which there are.").ToProblem();

    private static PublicKey? Read(string encoded)
    {
        try
        {
            return PublicKey.FromSpki(Convert.FromBase64String(encoded));
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static SigningKeyResponse ToContract(SigningKey key) =>
        new(key.Id.ToString(), key.Name, Convert.ToBase64String(key.PublicKey.ToSpki()), key.CreatedAt);
}

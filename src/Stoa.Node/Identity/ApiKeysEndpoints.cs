using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Node.Http;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>API keys over HTTP: those of the account that is acted for.</summary>
/// <remarks>In an organisation everybody sees and revokes the keys that he made himself, and administrators those of all.</remarks>
public static class ApiKeysEndpoints
{
    public static void MapApiKeys(this IEndpointRouteBuilder api)
    {
        api.MapPost("/api-keys", CreateAsync)
            .Needs(Permission.KeysManage)
            .WithName("createApiKey").WithTags("Identity").WithSummary("Make an API key")
            .WithDescription("The secret is in this answer and never again: only its SHA-256 is kept. A key may at most what its maker may at the time of each call, and less by its scopes. With a spending limit it cannot do what spends past it: schedules, payment channels, other keys.")
            .Idempotent()
            .Produces<ApiKeyResponse>(StatusCodes.Status201Created)
            .Refuses(IdentityRefusal.ApiKeyInvalid, IdentityRefusal.ApiKeysTooMany);
        api.MapGet("/api-keys", ListAsync)
            .Needs(Permission.KeysManage)
            .WithName("listApiKeys").WithTags("Identity").WithSummary("List API keys")
            .WithDescription("Your keys that were not revoked, newest first, without their secrets, with what each may, when it was last used and, where it has a spending limit, what was spent with it today.")
            .Produces<ListResponse<ApiKeyResponse>>();
        api.MapDelete("/api-keys/{id}", RevokeAsync)
            .Needs(Permission.KeysManage)
            .WithName("revokeApiKey").WithTags("Identity").WithSummary("Revoke an API key")
            .WithDescription("The key opens nothing any more, from now on.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(IdentityRefusal.ApiKeyUnknown);
    }

    private static async Task<IResult> CreateAsync(
        Body<CreateApiKeyRequest> body, MadeId id, Caller caller, ApiKeys keys, CancellationToken cancellationToken)
    {
        var made = await keys.CreateAsync(id.For<ApiKey>(), caller.ToKeyMaker(), Read(body.Value), cancellationToken);
        return made.Match<IResult>(
            key => TypedResults.Created($"/api/v1/api-keys/{key.Key.Id}", ToContract(key.Key, null, null) with { Secret = key.Secret.Text }),
            refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] ListQuery query, Caller caller, IUserStore store, KeyUses uses, Database database, TimeProvider time, CancellationToken cancellationToken)
    {
        var page = await store.ListKeysAsync(caller.UserId, OnlyOf(caller), query.ToPage(), cancellationToken);
        var day = SpendingAllowance.DayOf(time.GetUtcNow());
        var spent = new Dictionary<Id<ApiKey>, Money>();
        foreach (var key in page.Items.Where(key => key.SpendPerDay is not null))
            spent[key.Id] = await database.WriteAsync(session => SqlKeySpending.FindSpentAsync(session, key.Id, day), cancellationToken);
        return TypedResults.Ok(ListQuery.Answer(
            page, key => ToContract(key, uses.Find(key.Id) ?? key.LastUsedAt, spent.TryGetValue(key.Id, out var amount) ? amount : null)));
    }

    private static async Task<IResult> RevokeAsync(
        Id<ApiKey> id, Caller caller, ApiKeys keys, Credentials credentials, CancellationToken cancellationToken)
    {
        var revoked = await keys.RevokeAsync(id, caller.UserId, OnlyOf(caller), cancellationToken);
        if (!revoked.TryGet(out var key, out var refusal))
            return refusal.ToProblem();
        credentials.Revoke(key);
        return TypedResults.NoContent();
    }

    /// <summary>Whose keys the caller disposes of; null for all of the account.</summary>
    private static Id<User>? OnlyOf(Caller caller) =>
        caller.OrganisationRole is null || caller.Rights.Contains(Permission.OrganisationManage) ? null : caller.ActorId;

    /// <exception cref="RequestRefusedException">Texts in it do not have their form; every reason is listed.</exception>
    private static RequestedKey Read(CreateApiKeyRequest body)
    {
        var errors = new List<FieldError>();
        PermissionSet? scopes = null;
        if (body.Scopes is { } words)
        {
            var set = default(PermissionSet);
            for (var index = 0; index < words.Count; index++)
            {
                if (words[index] is { } word && PermissionSet.TryParseWord(word, out var permission))
                    set = new PermissionSet(set.Bits | PermissionSet.Of(permission).Bits);
                else
                    errors.Add(new FieldError($"/scopes/{index}", $"One of these is expected: {PermissionSet.All}."));
            }

            scopes = set;
        }

        Money? perDay = null;
        if (body.SpendPerDay is { } text)
        {
            if (Money.TryParse(text, out var amount))
                perDay = amount;
            else
                errors.Add(new FieldError("/spendPerDay", "An amount in US dollars such as 2.50 is expected, with at most nine decimals."));
        }

        return errors.Count == 0
            ? new RequestedKey(body.Name, body.ExpiresAt, scopes, body.CallsPerMinute, perDay, body.TokensPerMinute)
            : throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: errors);
    }

    private static ApiKeyResponse ToContract(ApiKey key, DateTimeOffset? lastUsedAt, Money? spent) => new(
        key.Id.ToString(),
        key.Name,
        key.Prefix,
        key.CreatedAt,
        key.ExpiresAt,
        Secret: null,
        key.Scopes is { } scopes ? [.. scopes.Permissions.Select(PermissionSet.WordOf)] : null,
        key.CallsPerMinute,
        key.SpendPerDay?.ToString(),
        spent?.ToString(),
        lastUsedAt,
        key.TokensPerMinute);
}

using Stoa.Primitives;

namespace Stoa.Market.Identity;

/// <summary>A key together with its secret: there once, when it is made.</summary>
public sealed record NewApiKey(ApiKey Key, ApiKeySecret Secret);

/// <summary>Makes, finds and revokes API keys.</summary>
public sealed class ApiKeys(IUserStore store, TimeProvider time, Random random)
{
    /// <summary>Keys in force that one user may have.</summary>
    public const int KeysMax = 100;

    /// <summary>Most characters of a key's name.</summary>
    public const int NameLengthMax = 100;

    /// <summary>Makes a key.</summary>
    /// <param name="id">Of the new key; the same id again gives that key a new secret.</param>
    /// <param name="user">Whom it stands for.</param>
    /// <param name="name">What the owner calls it, 1 to 100 characters.</param>
    /// <param name="expiresAt">In the future, or null for never.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>The key, or <see cref="IdentityRefusal.ApiKeyInvalid"/> or <see cref="IdentityRefusal.ApiKeysTooMany"/>.</returns>
    public async Task<Outcome<NewApiKey, IdentityRefusal>> CreateAsync(
        Id<ApiKey> id, Id<User> user, string name, DateTimeOffset? expiresAt, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var errors = Check(name, expiresAt, now).ToArray();
        if (errors.Length > 0)
            return new Refusal<IdentityRefusal>(IdentityRefusal.ApiKeyInvalid, "Correct what is listed and try again.", errors);

        var secret = ApiKeySecret.Create(random);
        var key = new ApiKey(id, user, name, secret.Prefix, secret.Hash, now, expiresAt, null);
        var stored = await store.PutKeyAsync(key, KeysMax, cancellationToken);
        return stored.Match<Outcome<NewApiKey, IdentityRefusal>>(accepted => new NewApiKey(accepted, secret), refused => refused);
    }

    /// <summary>The key with this secret; null when there is none.</summary>
    public Task<ApiKey?> FindAsync(ApiKeySecret secret, CancellationToken cancellationToken) =>
        store.FindKeyAsync(secret.Hash, cancellationToken);

    /// <summary>Takes a key out of force.</summary>
    /// <returns>The key, or <see cref="IdentityRefusal.ApiKeyUnknown"/>.</returns>
    public async Task<Outcome<ApiKey, IdentityRefusal>> RevokeAsync(Id<ApiKey> id, Id<User> user, CancellationToken cancellationToken)
    {
        var revoked = await store.RevokeKeyAsync(id, user, time.GetUtcNow(), cancellationToken);
        return revoked is not null
            ? revoked
            : new Refusal<IdentityRefusal>(IdentityRefusal.ApiKeyUnknown, $"You have no API key {id} in force. List them to see which there are.");
    }

    private static IEnumerable<FieldError> Check(string name, DateTimeOffset? expiresAt, DateTimeOffset now)
    {
        if (name.Length is 0 or > NameLengthMax || name.Any(char.IsControl))
            yield return new("/name", $"A name has 1 to {NameLengthMax} characters, none of them a control character.");
        if (expiresAt <= now)
            yield return new("/expiresAt", "A key expires in the future: leave the member out for a key that does not expire.");
    }
}

using Stoa.Primitives;

namespace Stoa.Market.Identity;

/// <summary>What a new key shall be like.</summary>
/// <param name="Name">What the owner calls it, 1 to 100 characters.</param>
/// <param name="ExpiresAt">In the future, or null for never.</param>
/// <param name="Scopes">What it may; null for all that its maker may, now and later.</param>
/// <param name="CallsPerMinute">1 to 1,000,000; null for no limit of its own.</param>
/// <param name="SpendPerDay">Null for no limit of its own.</param>
/// <param name="TokensPerMinute">1 to 1,000,000,000, of requests to models; null for no limit of its own.</param>
public sealed record RequestedKey(
    string Name, DateTimeOffset? ExpiresAt = null, PermissionSet? Scopes = null, int? CallsPerMinute = null, Money? SpendPerDay = null, int? TokensPerMinute = null);

/// <summary>Who makes a key, and for which account.</summary>
/// <param name="Account">Whom the key stands for.</param>
/// <param name="Person">The person who makes it.</param>
/// <param name="Rights">What the maker may there, by the credential that is used.</param>
/// <param name="By">The key that another one is made with; null for a session.</param>
public sealed record KeyMaker(Id<User> Account, Id<User> Person, PermissionSet Rights, ApiKey? By = null);

/// <summary>A key together with its secret: there once, when it is made.</summary>
public sealed record NewApiKey(ApiKey Key, ApiKeySecret Secret);

/// <summary>Makes, finds and revokes API keys.</summary>
public sealed class ApiKeys(IUserStore store, TimeProvider time, Random random)
{
    /// <summary>Keys in force that one user may have.</summary>
    public const int KeysMax = 100;

    /// <summary>Most characters of a key's name.</summary>
    public const int NameLengthMax = 100;

    /// <summary>Most calls a minute that a key can be limited to: above that, a limit is none.</summary>
    public const int CallsPerMinuteMax = 1_000_000;

    /// <summary>Makes a key. It never may more than what it is made with.</summary>
    /// <param name="id">Of the new key; the same id again gives that key a new secret.</param>
    /// <param name="maker">Who makes it.</param>
    /// <param name="asked">What it shall be like.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>The key, or <see cref="IdentityRefusal.ApiKeyInvalid"/> or <see cref="IdentityRefusal.ApiKeysTooMany"/>.</returns>
    public async Task<Outcome<NewApiKey, IdentityRefusal>> CreateAsync(
        Id<ApiKey> id, KeyMaker maker, RequestedKey asked, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var errors = Check(asked, maker, now).ToArray();
        if (errors.Length > 0)
            return new Refusal<IdentityRefusal>(IdentityRefusal.ApiKeyInvalid, "Correct what is listed and try again.", errors);

        var secret = ApiKeySecret.Create(random);
        var key = new ApiKey(id, maker.Account, asked.Name, secret.Prefix, secret.Hash, now, asked.ExpiresAt ?? maker.By?.ExpiresAt, null)
        {
            MakerId = maker.Person,
            // Of a key that has scopes itself the new one has these, not all that the person may.
            Scopes = asked.Scopes ?? (maker.By?.Scopes is null ? null : maker.Rights),
            CallsPerMinute = asked.CallsPerMinute ?? maker.By?.CallsPerMinute,
            SpendPerDay = asked.SpendPerDay,
            TokensPerMinute = asked.TokensPerMinute ?? maker.By?.TokensPerMinute,
        };
        var stored = await store.PutKeyAsync(key, KeysMax, cancellationToken);
        return stored.Match<Outcome<NewApiKey, IdentityRefusal>>(accepted => new NewApiKey(accepted, secret), refused => refused);
    }

    /// <summary>The key with this secret; null when there is none.</summary>
    public Task<ApiKey?> FindAsync(ApiKeySecret secret, CancellationToken cancellationToken) =>
        store.FindKeyAsync(secret.Hash, cancellationToken);

    /// <summary>Takes a key out of force.</summary>
    /// <param name="id">The key.</param>
    /// <param name="user">The account that it belongs to.</param>
    /// <param name="maker">Only if this person made it; null for whoever did.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>The key, or <see cref="IdentityRefusal.ApiKeyUnknown"/>.</returns>
    public async Task<Outcome<ApiKey, IdentityRefusal>> RevokeAsync(Id<ApiKey> id, Id<User> user, Id<User>? maker, CancellationToken cancellationToken)
    {
        var revoked = await store.RevokeKeyAsync(id, user, maker, time.GetUtcNow(), cancellationToken);
        return revoked is not null
            ? revoked
            : new Refusal<IdentityRefusal>(IdentityRefusal.ApiKeyUnknown, $"You have no API key {id} in force. List them to see which there are.");
    }

    private static IEnumerable<FieldError> Check(RequestedKey asked, KeyMaker maker, DateTimeOffset now)
    {
        if (asked.Name.Length is 0 or > NameLengthMax || asked.Name.Any(char.IsControl))
            yield return new("/name", $"A name has 1 to {NameLengthMax} characters, none of them a control character.");
        if (asked.ExpiresAt <= now)
            yield return new("/expiresAt", "A key expires in the future: leave the member out for a key that does not expire.");
        if (asked.ExpiresAt > maker.By?.ExpiresAt)
            yield return new("/expiresAt", $"A key that is made with a key does not outlive it: at most {maker.By?.ExpiresAt:O}.");
        if (asked.Scopes is { Count: 0 })
            yield return new("/scopes", "A key without any scope is of no use: name one, or leave the member out for all that you may.");
        if (asked.Scopes is { } scopes && !scopes.IsWithin(maker.Rights))
            yield return new("/scopes", $"You may not do this yourself here: {scopes.Without(maker.Rights)}. Ask for what you may: {maker.Rights}.");
        if (asked.CallsPerMinute is < 1 or > CallsPerMinuteMax)
            yield return new("/callsPerMinute", $"A whole number from 1 to {CallsPerMinuteMax} is expected.");
        if (asked.CallsPerMinute > maker.By?.CallsPerMinute)
            yield return new("/callsPerMinute", $"A key that is made with a key has no higher limit: at most {maker.By?.CallsPerMinute}.");
        foreach (var error in ModelLimits.CheckTokens(asked.TokensPerMinute))
            yield return error;
        if (asked.TokensPerMinute > maker.By?.TokensPerMinute)
            yield return new("/tokensPerMinute", $"A key that is made with a key has no higher limit: at most {maker.By?.TokensPerMinute}.");
        if (asked.SpendPerDay < Money.Zero)
            yield return new("/spendPerDay", "An amount in US dollars such as 2.50 is expected, zero or more.");
        if (asked is { SpendPerDay: not null, Scopes: { } wide } && wide.And(Rights.PastSpendingLimits) is { Count: > 0 } past)
            yield return new("/scopes", $"A key with a spending limit cannot have these, which spend past it: {past}.");
    }
}

using System.Collections.Concurrent;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>Finds out whom a credential stands for. Answers are kept for seconds, so that not every request costs a query.</summary>
/// <remarks>A key that is revoked through this node is refused by it at once; another node of the cell follows when its own answer has aged.</remarks>
public sealed class Credentials(ApiKeys keys, IUserStore users, Sessions sessions, IdentityOptions options, TimeProvider time)
{
    private const int AnswersMax = 10_000;

    private readonly ConcurrentDictionary<ContentHash, (ApiKey Key, DateTimeOffset Until)> keysBySecret = new();
    private readonly ConcurrentDictionary<Id<User>, (Caller Caller, DateTimeOffset Until)> callers = new();

    /// <summary>The caller behind a bearer token: an API key when it begins like one, the token of a session otherwise. Null: it is worth nothing.</summary>
    public async Task<Caller?> FindAsync(string token, CancellationToken cancellationToken)
    {
        var user = token.StartsWith(ApiKeySecret.Scheme, StringComparison.Ordinal)
            ? await FindByKeyAsync(token, cancellationToken)
            : await sessions.ReadAsync(token);
        return user is { } id ? await FindCallerAsync(id, cancellationToken) : null;
    }

    /// <summary>Takes note that a key was revoked.</summary>
    public void Revoke(ApiKey revoked) => keysBySecret[revoked.SecretHash] = (revoked, Remember(time.GetUtcNow()));

    private async Task<Id<User>?> FindByKeyAsync(string token, CancellationToken cancellationToken)
    {
        if (!ApiKeySecret.TryParse(token, out var secret))
            return null;
        var now = time.GetUtcNow();
        var hash = secret.Hash;
        if (!keysBySecret.TryGetValue(hash, out var known) || IsStale(known.Until, now))
        {
            var found = await keys.FindAsync(secret, cancellationToken);
            // Only keys that exist are kept: guesses must not fill the memory.
            if (found is null)
                return null;
            MakeRoom(keysBySecret);
            // A key that was revoked while it was being looked up stays revoked.
            var fresh = (Key: found, Until: Remember(now));
            known = keysBySecret.AddOrUpdate(hash, fresh, (_, old) => old.Key.RevokedAt is null || IsStale(old.Until, now) ? fresh : old);
        }

        return known.Key.IsInForce(now) ? known.Key.UserId : null;
    }

    internal async Task<Caller?> FindCallerAsync(Id<User> id, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (callers.TryGetValue(id, out var known) && !IsStale(known.Until, now))
            return known.Caller;
        if (await users.GetAsync(id, cancellationToken) is not { } user)
            return null;
        var caller = new Caller(user.Id, user.Handle, user.Role);
        MakeRoom(callers);
        callers[id] = (caller, Remember(now));
        return caller;
    }

    /// <summary>Whether an answer has aged; one of later than it could be is of before the clock was set back.</summary>
    private bool IsStale(DateTimeOffset until, DateTimeOffset now) => until <= now || until > Remember(now);

    private DateTimeOffset Remember(DateTimeOffset now) => now.AddSeconds(options.CredentialCacheSeconds);

    // Answers live for seconds, so starting afresh costs little and needs no bookkeeping.
    private static void MakeRoom<TKey, TValue>(ConcurrentDictionary<TKey, TValue> answers)
        where TKey : notnull
    {
        if (answers.Count >= AnswersMax)
            answers.Clear();
    }
}

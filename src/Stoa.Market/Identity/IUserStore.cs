using Stoa.Primitives;

namespace Stoa.Market.Identity;

/// <summary>A user with what proves a password; null when the user has none and signs in by API key only.</summary>
public sealed record StoredUser(User User, string? PasswordHash);

/// <summary>Keeps users and their API keys. Every method is one transaction.</summary>
public interface IUserStore
{
    /// <summary>Adds a user together with an empty wallet. The same id again answers the stored user and writes nothing.</summary>
    /// <returns>The user, or <see cref="IdentityRefusal.HandleTaken"/> or <see cref="IdentityRefusal.EmailTaken"/>.</returns>
    Task<Outcome<User, IdentityRefusal>> AddAsync(StoredUser user, CancellationToken cancellationToken);

    Task<User?> GetAsync(Id<User> id, CancellationToken cancellationToken);

    Task<User?> FindByHandleAsync(string handle, CancellationToken cancellationToken);

    /// <summary>The user with that handle or that email.</summary>
    Task<StoredUser?> FindByLoginAsync(string login, CancellationToken cancellationToken);

    /// <summary>Keeps another hash of a password in place of a certain one.</summary>
    /// <returns>False when the user's hash is another one by now: then nothing is written.</returns>
    Task<bool> ReplacePasswordHashAsync(Id<User> id, string? present, string hash, CancellationToken cancellationToken);

    /// <summary>Adds a key, or replaces the secret of the key with the same id.</summary>
    /// <returns>The key, or <see cref="IdentityRefusal.ApiKeysTooMany"/> when the user has <paramref name="most"/> keys in force already.</returns>
    Task<Outcome<ApiKey, IdentityRefusal>> PutKeyAsync(ApiKey key, int most, CancellationToken cancellationToken);

    /// <summary>The key whose secret has that hash, whether in force or not.</summary>
    Task<ApiKey?> FindKeyAsync(ContentHash secretHash, CancellationToken cancellationToken);

    /// <summary>An account's keys that were not revoked, newest first.</summary>
    /// <param name="user">The account.</param>
    /// <param name="maker">Only those that this person made; null for all.</param>
    /// <param name="page">Which part.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<Page<ApiKey>> ListKeysAsync(Id<User> user, Id<User>? maker, PageRequest page, CancellationToken cancellationToken);

    /// <summary>Revokes a key; null when the account has no such key in force.</summary>
    /// <param name="id">The key.</param>
    /// <param name="user">The account.</param>
    /// <param name="maker">Only if this person made it; null for whoever did.</param>
    /// <param name="at">UTC.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    Task<ApiKey?> RevokeKeyAsync(Id<ApiKey> id, Id<User> user, Id<User>? maker, DateTimeOffset at, CancellationToken cancellationToken);

    /// <summary>Notes when keys were last used; never an earlier instant than is noted.</summary>
    Task NoteKeyUsesAsync(IReadOnlyCollection<(Id<ApiKey> Key, DateTimeOffset At)> uses, CancellationToken cancellationToken);
}

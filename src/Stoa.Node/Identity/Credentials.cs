using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>Finds out whom a credential stands for. Answers are kept for seconds, so that not every request costs a query.</summary>
/// <remarks>
/// A key that is revoked, or a role that is taken away, through this node is refused by it at once; another node of the cell follows when its
/// own answer has aged.
/// </remarks>
public sealed class Credentials(
    ApiKeys keys, IUserStore users, SqlOrganisationStore organisations, Sessions sessions, KeyUses uses, IdentityOptions options, TimeProvider time)
{
    private readonly RecentAnswers<ContentHash, ApiKey> _keysBySecret = new(options, time);
    private readonly RecentAnswers<Id<User>, (Caller Caller, UserKind Kind)> _callers = new(options, time);
    private readonly RecentAnswers<(string Organisation, Id<User> Member), JoinedOrganisation> _memberships = new(options, time);
    private readonly Lock _membershipsChange = new();
    private long _membershipsEpoch;

    /// <summary>The caller behind a bearer token: an API key when it begins like one, the token of a session otherwise. Null: it is worth nothing.</summary>
    public async Task<Caller?> FindAsync(string token, CancellationToken cancellationToken)
    {
        if (token.StartsWith(ApiKeySecret.Scheme, StringComparison.Ordinal))
            return await FindKeyAsync(token, cancellationToken) is { } key ? await FindCallerAsync(key, cancellationToken) : null;
        return await sessions.ReadAsync(token) is { } id ? await FindCallerAsync(id, cancellationToken) : null;
    }

    /// <summary>A user as a caller with all the rights of the own account.</summary>
    internal async Task<Caller?> FindCallerAsync(Id<User> id, CancellationToken cancellationToken) =>
        (await FindAccountAsync(id, cancellationToken))?.Caller;

    /// <summary>The same person acting for an organisation.</summary>
    /// <param name="caller">The person by his own credential, or a key of that organisation.</param>
    /// <param name="organisation">Its handle.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <returns>Null when the person does not belong to it, or the key belongs to another account.</returns>
    public async Task<Caller?> ActForAsync(Caller caller, string organisation, CancellationToken cancellationToken)
    {
        if (caller.OrganisationRole is not null)
            return caller.Handle == organisation ? caller : null;
        if (!Market.Names.IsHandle(organisation) || await FindMembershipAsync(organisation, caller.ActorId, cancellationToken) is not { } membership)
            return null;
        var rights = Rights.OfMember(membership.Role);
        return new Caller(membership.Organisation.Id, membership.Organisation.Handle, UserRole.Member)
        {
            ActorId = caller.ActorId,
            ActorHandle = caller.ActorHandle,
            OrganisationRole = membership.Role,
            ModelLimits = membership.Organisation.ModelLimits,
            Rights = caller.Key is { } key ? Rights.OfKey(key, rights, ofOrganisation: false) : rights,
            Key = caller.Key,
        };
    }

    /// <summary>Takes note that a key was revoked.</summary>
    public void Revoke(ApiKey revoked) => _keysBySecret.Set(revoked.SecretHash, revoked);

    /// <summary>Forgets all that is remembered: much has changed at once, as when a person asks to be erased.</summary>
    public void Forget()
    {
        lock (_membershipsChange)
        {
            _membershipsEpoch++;
            _memberships.Clear();
        }

        _keysBySecret.Clear();
        _callers.Clear();
    }

    /// <summary>Takes note that it has changed who belongs to an organisation, or as what.</summary>
    public void ForgetMembers(string organisation)
    {
        lock (_membershipsChange)
        {
            // An answer that is being looked up now may be of before the change: it is used once and not kept.
            _membershipsEpoch++;
            foreach (var known in _memberships.Keys.Where(one => one.Organisation == organisation).ToList())
                _memberships.Forget(known);
        }
    }

    private async Task<ApiKey?> FindKeyAsync(string token, CancellationToken cancellationToken)
    {
        if (!ApiKeySecret.TryParse(token, out var secret))
            return null;
        var hash = secret.Hash;
        if (!_keysBySecret.TryGet(hash, out var known))
        {
            var found = await keys.FindAsync(secret, cancellationToken);
            // Only keys that exist are kept: guesses must not fill the memory.
            if (found is null)
                return null;
            // A key that was revoked while it was being looked up stays revoked.
            known = _keysBySecret.Keep(hash, found, isFinal: key => key.RevokedAt is not null);
        }

        var now = time.GetUtcNow();
        if (!known.IsInForce(now))
            return null;
        uses.Note(known.Id, now);
        return known;
    }

    private async Task<Caller?> FindCallerAsync(ApiKey key, CancellationToken cancellationToken)
    {
        if (await FindAccountAsync(key.UserId, cancellationToken) is not { } account)
            return null;
        if (account.Kind is UserKind.Person)
            return account.Caller with { Key = key, Rights = Rights.OfKey(key, account.Caller.Rights, ofOrganisation: false) };
        // Whoever has left an organisation leaves it the keys, but none that works.
        if (await FindMembershipAsync(account.Caller.Handle, key.ActorId, cancellationToken) is not { } membership
            || await FindAccountAsync(key.ActorId, cancellationToken) is not { } maker)
        {
            return null;
        }

        return account.Caller with
        {
            ActorId = key.ActorId,
            ActorHandle = maker.Caller.Handle,
            OrganisationRole = membership.Role,
            ModelLimits = membership.Organisation.ModelLimits,
            Key = key,
            Rights = Rights.OfKey(key, Rights.OfMember(membership.Role), ofOrganisation: true),
        };
    }

    private async Task<(Caller Caller, UserKind Kind)?> FindAccountAsync(Id<User> id, CancellationToken cancellationToken)
    {
        if (_callers.TryGet(id, out var known))
            return known;
        if (await users.GetAsync(id, cancellationToken) is not { } user)
            return null;
        var caller = new Caller(user.Id, user.Handle, user.Role);
        _callers.Set(id, (caller, user.Kind));
        return (caller, user.Kind);
    }

    private async Task<JoinedOrganisation?> FindMembershipAsync(string organisation, Id<User> member, CancellationToken cancellationToken)
    {
        var key = (organisation, member);
        if (_memberships.TryGet(key, out var known))
            return known;
        var epoch = Interlocked.Read(ref _membershipsEpoch);
        if (await organisations.FindMembershipAsync(organisation, member, cancellationToken) is not { } membership)
            return null;
        lock (_membershipsChange)
        {
            if (epoch == _membershipsEpoch)
                _memberships.Set(key, membership);
        }

        return membership;
    }
}

using System.Collections.Concurrent;
using System.Security.Claims;
using System.Text;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Identity.SignIn;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>What opens the door after a sign-in, or after a refresh.</summary>
/// <param name="Session">The session.</param>
/// <param name="AccessToken">A JWT, sent with each request.</param>
/// <param name="AccessEndsAt">When it ends.</param>
/// <param name="RefreshToken">Gives the next pair.</param>
/// <param name="RefreshEndsAt">When the session is over unless it is refreshed before.</param>
public sealed record SessionTokens(Session Session, string AccessToken, DateTimeOffset AccessEndsAt, RefreshToken RefreshToken, DateTimeOffset RefreshEndsAt);

/// <summary>Whom an access token stands for, and by which session.</summary>
public sealed record AccessToken(Id<User> User, Id<Session> Session, DateTimeOffset EndsAt);

/// <summary>Opens sessions, refreshes and ends them, and makes and reads their access tokens: JWT signed with ES256.</summary>
/// <remarks>
/// A token that was found good is remembered until it ends, so that its signature is checked once. Whether its session is in force is remembered for
/// as long as other credentials are: one that is ended here is refused here at once, and by another node of the cell when its own answer has aged.
/// </remarks>
public sealed class Sessions(SqlSessionStore store, SigningKeys keys, IdentityOptions options, IdSource ids, Random random, TimeProvider time)
{
    private const string Issuer = "stoa";
    private const string TokenType = "at+jwt";
    private const string SessionClaim = "sid";
    private const int TokensMax = 10_000;

    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false, SetDefaultTimesOnTokenCreation = false };
    private readonly ConcurrentDictionary<ContentHash, AccessToken> _tokens = new();
    private readonly RecentAnswers<Id<Session>, bool> _sessions = new(options, time);

    /// <summary>Opens a session for a user who has shown who they are.</summary>
    /// <param name="user">Who signs in.</param>
    /// <param name="device">What the client says of itself.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <param name="longest">When it is over at the latest, where that is sooner than the limits of all; null for these.</param>
    public async Task<SessionTokens> OpenAsync(Id<User> user, string? device, CancellationToken cancellationToken, TimeSpan? longest = null)
    {
        var key = new byte[RefreshToken.KeyBytes];
        random.NextBytes(key);
        var session = Session.Begin(ids.Next<Session>(), user, device, time.GetUtcNow(), longest);
        NoteEnded(await store.AddAsync(session, key, SessionRules.SessionsMax, cancellationToken));
        return await MakeAsync(session, RefreshToken.Create(session.Id, session.Generation, key), cancellationToken);
    }

    /// <summary>Gives the next pair of tokens for a refresh token.</summary>
    /// <returns>The tokens; <see cref="AccountRefusal.RefreshTokenInvalid"/>, <see cref="AccountRefusal.RefreshTokenReused"/> or <see cref="AccountRefusal.SessionEnded"/>.</returns>
    public async Task<Outcome<SessionTokens, AccountRefusal>> RefreshAsync(string text, CancellationToken cancellationToken)
    {
        if (!RefreshToken.TryParse(text, out var token))
            return new Refusal<AccountRefusal>(AccountRefusal.RefreshTokenInvalid, "A refresh token is expected: stoar_ and 64 characters, as it came with the session.");
        var (outcome, ended) = await store.RefreshAsync(token, time.GetUtcNow(), cancellationToken);
        if (ended is { } id)
            NoteEnded([id]);
        return outcome.TryGet(out var refreshed, out var refusal) ? await MakeAsync(refreshed.Session, refreshed.Next, cancellationToken) : refusal;
    }

    /// <summary>Whom an access token stands for; null when it is not ours, was changed, has ended, or its session was ended.</summary>
    public async Task<Id<User>?> ReadAsync(string token) => (await ReadTokenAsync(token, CancellationToken.None))?.User;

    /// <summary>As <see cref="ReadAsync"/>, with the session.</summary>
    public async Task<AccessToken?> ReadTokenAsync(string token, CancellationToken cancellationToken)
    {
        // A digest as the key: looking it up tells nothing of how much of a guess was right.
        var hash = ContentHash.Of(Encoding.UTF8.GetBytes(token));
        if (!_tokens.TryGetValue(hash, out var access))
        {
            if (await VerifyAsync(token, cancellationToken) is not { } verified)
                return null;
            // To read one again costs a signature check: starting afresh needs no bookkeeping.
            if (_tokens.Count >= TokensMax)
                _tokens.Clear();
            _tokens[hash] = access = verified;
        }

        if (access.EndsAt <= time.GetUtcNow())
        {
            _tokens.TryRemove(hash, out _);
            return null;
        }

        return await IsInForceAsync(access.Session, cancellationToken) ? access : null;
    }

    /// <summary>Whether a session is in force, whatever the age of its access tokens.</summary>
    public Task<bool> IsStandingAsync(Id<Session> session, CancellationToken cancellationToken) => IsInForceAsync(session, cancellationToken);

    /// <summary>Ends one session of a user.</summary>
    /// <returns>False when there is none of that id in force.</returns>
    public async Task<bool> EndAsync(Id<Session> id, Id<User> user, CancellationToken cancellationToken)
    {
        var ended = await store.EndAsync(id, user, SessionEnd.SignedOut, time.GetUtcNow(), cancellationToken);
        if (ended)
            NoteEnded([id]);
        return ended;
    }

    /// <summary>Ends all sessions of a user.</summary>
    public async Task EndAllAsync(Id<User> user, CancellationToken cancellationToken) =>
        NoteEnded(await store.EndAllAsync(user, null, SessionEnd.SignedOut, time.GetUtcNow(), cancellationToken));

    /// <summary>A user's open sessions, newest sign-in first.</summary>
    public Task<Page<Session>> ListAsync(Id<User> user, PageRequest page, CancellationToken cancellationToken) =>
        store.ListAsync(user, time.GetUtcNow(), page, cancellationToken);

    /// <summary>When a session is over unless it is refreshed before.</summary>
    public DateTimeOffset EndOf(Session session) => SessionRules.EndsAt(session, options.SessionLimits);

    /// <summary>Takes note of sessions that were ended, so that this node refuses their tokens from now on.</summary>
    public void NoteEnded(IEnumerable<Id<Session>> ended)
    {
        foreach (var id in ended)
            _sessions.Set(id, false);
    }

    private async Task<SessionTokens> MakeAsync(Session session, RefreshToken refresh, CancellationToken cancellationToken)
    {
        // The times of a JWT are whole seconds.
        var now = DateTimeOffset.FromUnixTimeSeconds(time.GetUtcNow().ToUnixTimeSeconds());
        var (byAge, bySession) = (now.AddMinutes(options.AccessTokenMinutes), EndOf(session));
        var endsAt = byAge < bySession ? byAge : bySession;
        var token = _handler.CreateToken(new SecurityTokenDescriptor
        {
            TokenType = TokenType,
            Issuer = Issuer,
            Audience = Issuer,
            Subject = new ClaimsIdentity([new Claim(JwtRegisteredClaimNames.Sub, session.UserId.ToString()), new Claim(SessionClaim, session.Id.ToString())]),
            IssuedAt = now.UtcDateTime,
            NotBefore = now.UtcDateTime,
            Expires = endsAt.UtcDateTime,
            SigningCredentials = await keys.GetSignerAsync(cancellationToken),
        });
        return new SessionTokens(session, token, endsAt, refresh, bySession);
    }

    private async Task<AccessToken?> VerifyAsync(string token, CancellationToken cancellationToken)
    {
        if (!_handler.CanReadToken(token) || Parse(token) is not { } jwt || string.IsNullOrEmpty(jwt.Kid)
            || await keys.FindAsync(jwt.Kid, cancellationToken) is not { } key)
        {
            return null;
        }

        var result = await _handler.ValidateTokenAsync(jwt, new TokenValidationParameters
        {
            IssuerSigningKey = key,
            // Without the list a token could choose its own algorithm.
            ValidAlgorithms = [SecurityAlgorithms.EcdsaSha256],
            ValidTypes = [TokenType],
            ValidIssuer = Issuer,
            ValidAudience = Issuer,
            RequireSignedTokens = true,
            RequireExpirationTime = true,
            // Only this cell has the keys: a token from the future is one of another node, or the clock was set back.
            LifetimeValidator = (_, expires, _, _) => time.GetUtcNow().UtcDateTime < expires,
        });
        return result.IsValid
            && Id<User>.TryParse(jwt.Subject, out var user)
            && jwt.TryGetPayloadValue<string>(SessionClaim, out var sid)
            && Id<Session>.TryParse(sid, out var session)
                ? new AccessToken(user, session, jwt.ValidTo)
                : null;
    }

    private JsonWebToken? Parse(string token)
    {
        try
        {
            return _handler.ReadJsonWebToken(token);
        }
        catch (Exception malformed) when (malformed is ArgumentException or FormatException or SecurityTokenException)
        {
            return null;
        }
    }

    private async Task<bool> IsInForceAsync(Id<Session> id, CancellationToken cancellationToken)
    {
        if (_sessions.TryGet(id, out var inForce))
            return inForce;
        // A session that was ended while it was being looked up stays ended.
        return _sessions.Keep(id, await store.IsInForceAsync(id, time.GetUtcNow(), cancellationToken), isFinal: known => !known);
    }
}

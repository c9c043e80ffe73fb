namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/users</c>: opens an account.</summary>
/// <param name="Handle">2 to 39 characters of <c>a-z 0-9 -</c>; the publisher part of your listings, and unique.</param>
/// <param name="Email">Unique, too.</param>
/// <param name="Password">12 to 128 characters, at least 5 different ones, without the handle or the email in it.</param>
public sealed record RegisterRequest(string Handle, string Email, string Password);

/// <summary><c>POST /api/v1/sessions</c>: signs in.</summary>
/// <param name="Login">Handle or email.</param>
/// <param name="Password">The password.</param>
/// <param name="Code">Six digits of the authenticator, or a recovery code, where the account has a second factor.</param>
public sealed record LoginRequest(string Login, string Password, string? Code = null);

/// <summary>A session: send <c>Authorization: Bearer</c> with the token, and refresh it before it ends.</summary>
/// <param name="Token">The access token, a JWT: stands for the user for minutes.</param>
/// <param name="ExpiresAt">When the access token ends.</param>
/// <param name="User">Whom it stands for.</param>
/// <param name="SessionId">TypeID with prefix <c>sess</c>.</param>
/// <param name="RefreshToken">Gives the next pair of tokens, once. Keep it as you would keep a password.</param>
/// <param name="RefreshExpiresAt">When the session is over unless it is refreshed before.</param>
public sealed record SessionResponse(
    string Token, DateTimeOffset ExpiresAt, UserResponse User, string SessionId, string RefreshToken, DateTimeOffset RefreshExpiresAt);

/// <summary>A user as its owner sees it. <c>GET /api/v1/users/me</c>.</summary>
/// <param name="Id">TypeID with prefix <c>user</c>.</param>
/// <param name="Handle">The publisher part of listings.</param>
/// <param name="Email">Lower case; empty of an organisation.</param>
/// <param name="Role"><c>member</c> or <c>admin</c>.</param>
/// <param name="CreatedAt">When the account was opened.</param>
/// <param name="Actor">Handle of the person who acts, where an organisation is acted for; absent for oneself.</param>
public sealed record UserResponse(string Id, string Handle, string Email, string Role, DateTimeOffset CreatedAt, string? Actor = null);

/// <summary><c>POST /api/v1/api-keys</c>.</summary>
/// <param name="Name">What you call it, 1 to 100 characters.</param>
/// <param name="ExpiresAt">In the future; null for a key that does not expire.</param>
/// <param name="Scopes">What it may, such as <c>tasks:submit</c>; null for all that you may. docs/permissions.md lists the words.</param>
/// <param name="CallsPerMinute">1 to 1,000,000; null for no limit of its own.</param>
/// <param name="SpendPerDay">The most that may be spent with it in a day of UTC, in US dollars; null for no limit of its own.</param>
/// <param name="TokensPerMinute">1 to 1,000,000,000, of requests to models; null for no limit of its own.</param>
public sealed record CreateApiKeyRequest(
    string Name, DateTimeOffset? ExpiresAt = null, IReadOnlyList<string>? Scopes = null, int? CallsPerMinute = null, string? SpendPerDay = null, int? TokensPerMinute = null);

/// <summary>An API key. The secret is there only in the answer that made it.</summary>
/// <param name="Id">TypeID with prefix <c>key</c>; revokes it.</param>
/// <param name="Name">What you call it.</param>
/// <param name="Prefix">First characters of the secret, to recognise it.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">Null: never.</param>
/// <param name="Secret">Send it as <c>Authorization: Bearer</c>.</param>
/// <param name="Scopes">What it may, as long as its maker may; null for all that its maker may.</param>
/// <param name="CallsPerMinute">Null: no limit of its own.</param>
/// <param name="SpendPerDay">In US dollars; null: no limit of its own.</param>
/// <param name="SpentToday">What was spent with it since midnight in UTC and what is held now, in US dollars; null where it has no limit.</param>
/// <param name="LastUsedAt">When it was last used, to a minute or so; null: not that it is known.</param>
/// <param name="TokensPerMinute">Of requests to models; null: no limit of its own.</param>
public sealed record ApiKeyResponse(
    string Id,
    string Name,
    string Prefix,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ExpiresAt = null,
    string? Secret = null,
    IReadOnlyList<string>? Scopes = null,
    int? CallsPerMinute = null,
    string? SpendPerDay = null,
    string? SpentToday = null,
    DateTimeOffset? LastUsedAt = null,
    int? TokensPerMinute = null);

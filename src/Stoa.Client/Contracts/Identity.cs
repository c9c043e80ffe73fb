namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/users</c>: opens an account.</summary>
public sealed record RegisterRequest(string Handle, string Email, string Password);

/// <summary><c>POST /api/v1/sessions</c>: signs in.</summary>
/// <param name="Login">Handle or email.</param>
/// <param name="Password">The password.</param>
public sealed record LoginRequest(string Login, string Password);

/// <summary>A session: send <c>Authorization: Bearer</c> with the token.</summary>
public sealed record SessionResponse(string Token, DateTimeOffset ExpiresAt, UserResponse User);

/// <summary>A user as its owner sees it. <c>GET /api/v1/users/me</c>.</summary>
public sealed record UserResponse(string Id, string Handle, string Email, string Role, DateTimeOffset CreatedAt);

/// <summary><c>POST /api/v1/api-keys</c>.</summary>
public sealed record CreateApiKeyRequest(string Name, DateTimeOffset? ExpiresAt = null);

/// <summary>An API key. The secret is there only in the answer that made it.</summary>
public sealed record ApiKeyResponse(
    string Id, string Name, string Prefix, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, string? Secret = null);

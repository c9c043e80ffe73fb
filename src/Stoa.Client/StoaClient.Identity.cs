using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/users</c>: opens an account.</summary>
    public Task<UserResponse> RegisterAsync(RegisterRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("users", request, StoaJson.Default.RegisterRequest, StoaJson.Default.UserResponse, cancellationToken);

    /// <summary><c>POST /api/v1/sessions</c>: signs in. The token goes into <see cref="StoaClientOptions.ApiKey"/> of another client, or, kept fresh, into <see cref="StoaClientOptions.TokenSource"/>.</summary>
    public Task<SessionResponse> LoginAsync(LoginRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("sessions", request, StoaJson.Default.LoginRequest, StoaJson.Default.SessionResponse, cancellationToken);

    /// <summary><c>GET /api/v1/users/me</c>: whom the key belongs to.</summary>
    public Task<UserResponse> GetMeAsync(CancellationToken cancellationToken = default) =>
        GetAsync("users/me", StoaJson.Default.UserResponse, cancellationToken);

    /// <summary><c>POST /api/v1/api-keys</c>. The secret is in this answer and never again.</summary>
    public Task<ApiKeyResponse> CreateApiKeyAsync(CreateApiKeyRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("api-keys", request, StoaJson.Default.CreateApiKeyRequest, StoaJson.Default.ApiKeyResponse, cancellationToken);

    /// <summary><c>GET /api/v1/api-keys</c>, all pages.</summary>
    public IAsyncEnumerable<ApiKeyResponse> ListApiKeysAsync(CancellationToken cancellationToken = default) =>
        ListAsync("api-keys", StoaJson.Default.ListResponseApiKeyResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/api-keys/{id}</c>: the key is worth nothing from now on.</summary>
    public async Task RevokeApiKeyAsync(string id, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(
            new Call(HttpMethod.Delete, $"api-keys/{Uri.EscapeDataString(id)}"), cancellationToken);
    }
}

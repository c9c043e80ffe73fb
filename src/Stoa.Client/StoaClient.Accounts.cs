using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/sessions/refresh</c>: the next pair of tokens. When the answer is lost, the same token gives it once more, for half a minute.</summary>
    public Task<SessionResponse> RefreshSessionAsync(RefreshSessionRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("sessions/refresh", request, StoaJson.Default.RefreshSessionRequest, StoaJson.Default.SessionResponse, cancellationToken);

    /// <summary><c>GET /api/v1/sessions</c>: the sign-ins that are open, all pages.</summary>
    public IAsyncEnumerable<ListedSessionResponse> ListSessionsAsync(CancellationToken cancellationToken = default) =>
        ListAsync("sessions", StoaJson.Default.ListResponseListedSessionResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/sessions/{id}</c>: signs out of one, whose tokens are worth nothing from now on.</summary>
    public Task EndSessionAsync(string id, CancellationToken cancellationToken = default) =>
        DoAsync(new Call(HttpMethod.Delete, $"sessions/{Uri.EscapeDataString(id)}"), cancellationToken);

    /// <summary><c>DELETE /api/v1/sessions</c>: signs out everywhere, here too. API keys stay.</summary>
    public Task EndAllSessionsAsync(CancellationToken cancellationToken = default) =>
        DoAsync(new Call(HttpMethod.Delete, "sessions"), cancellationToken);

    /// <summary><c>GET /api/v1/users/me/security</c>: what proves who the caller is.</summary>
    public Task<AccountSecurityResponse> GetAccountSecurityAsync(CancellationToken cancellationToken = default) =>
        GetAsync("users/me/security", StoaJson.Default.AccountSecurityResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/users/me/password</c>: changes the password, and ends all sessions but the caller's.</summary>
    public Task ChangePasswordAsync(ChangePasswordRequest request, CancellationToken cancellationToken = default) => DoAsync(
        Once(HttpMethod.Put, "users/me/password", () => JsonBody(request, StoaJson.Default.ChangePasswordRequest)), cancellationToken);

    /// <summary><c>POST /api/v1/email-verifications/letters</c>: has a code sent to the address. Whether there is such an account is not told.</summary>
    public Task SendVerificationCodeAsync(SendCodeRequest request, CancellationToken cancellationToken = default) => DoAsync(
        Call.Making("email-verifications/letters", () => JsonBody(request, StoaJson.Default.SendCodeRequest)), cancellationToken);

    /// <summary><c>POST /api/v1/email-verifications</c>: gives the code of the letter.</summary>
    public Task VerifyEmailAsync(VerifyEmailRequest request, CancellationToken cancellationToken = default) => DoAsync(
        Once(HttpMethod.Post, "email-verifications", () => JsonBody(request, StoaJson.Default.VerifyEmailRequest)), cancellationToken);

    /// <summary><c>POST /api/v1/password-resets/letters</c>: has a code sent for a forgotten password. Whether there is such an account is not told.</summary>
    public Task SendPasswordResetCodeAsync(SendCodeRequest request, CancellationToken cancellationToken = default) => DoAsync(
        Call.Making("password-resets/letters", () => JsonBody(request, StoaJson.Default.SendCodeRequest)), cancellationToken);

    /// <summary><c>POST /api/v1/password-resets</c>: sets a forgotten password anew, and ends all sessions.</summary>
    public Task ResetPasswordAsync(ResetPasswordRequest request, CancellationToken cancellationToken = default) => DoAsync(
        Once(HttpMethod.Post, "password-resets", () => JsonBody(request, StoaJson.Default.ResetPasswordRequest)), cancellationToken);

    /// <summary><c>POST /api/v1/password-resets/codes</c>, for administrators: a code by which a user sets a forgotten password anew. The one before is worth nothing any more.</summary>
    public Task<PasswordResetCodeResponse> MakePasswordResetCodeAsync(MakePasswordResetCodeRequest request, CancellationToken cancellationToken = default) => SendAsync(
        Once(HttpMethod.Post, "password-resets/codes", () => JsonBody(request, StoaJson.Default.MakePasswordResetCodeRequest)), StoaJson.Default.PasswordResetCodeResponse, cancellationToken);

    /// <summary><c>POST /api/v1/users/me/totp</c>: a secret for an authenticator, which <see cref="ConfirmTotpAsync"/> puts in force.</summary>
    public Task<TotpResponse> BeginTotpAsync(BeginTotpRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("users/me/totp", request, StoaJson.Default.BeginTotpRequest, StoaJson.Default.TotpResponse, cancellationToken);

    /// <summary><c>POST /api/v1/users/me/totp/confirmation</c>: a first code; from now on sign-ins need one. Answers recovery codes, this once.</summary>
    public Task<RecoveryCodesResponse> ConfirmTotpAsync(TotpCodeRequest request, CancellationToken cancellationToken = default) => SendAsync(
        Once(HttpMethod.Post, "users/me/totp/confirmation", () => JsonBody(request, StoaJson.Default.TotpCodeRequest)), StoaJson.Default.RecoveryCodesResponse, cancellationToken);

    /// <summary><c>POST /api/v1/users/me/totp/recovery-codes</c>: new recovery codes in place of the old.</summary>
    public Task<RecoveryCodesResponse> RenewRecoveryCodesAsync(TotpCodeRequest request, CancellationToken cancellationToken = default) => SendAsync(
        Once(HttpMethod.Post, "users/me/totp/recovery-codes", () => JsonBody(request, StoaJson.Default.TotpCodeRequest)), StoaJson.Default.RecoveryCodesResponse, cancellationToken);

    /// <summary><c>POST /api/v1/users/me/totp/removal</c>: does without a second factor from now on.</summary>
    public Task RemoveTotpAsync(RemoveTotpRequest request, CancellationToken cancellationToken = default) => DoAsync(
        Once(HttpMethod.Post, "users/me/totp/removal", () => JsonBody(request, StoaJson.Default.RemoveTotpRequest)), cancellationToken);

    /// <summary><c>POST /api/v1/users/{handle}/totp/removal</c>, for administrators: removes a second factor that its owner has lost, and ends all of the owner's sessions.</summary>
    public Task RemoveUserTotpAsync(string handle, CancellationToken cancellationToken = default) =>
        DoAsync(new Call(HttpMethod.Post, $"users/{Uri.EscapeDataString(handle)}/totp/removal"), cancellationToken);

    /// <summary><c>GET /api/v1/users/me/erasure</c>: what would be in the way of being erased.</summary>
    public Task<ErasureResponse> GetErasureAsync(CancellationToken cancellationToken = default) =>
        GetAsync("users/me/erasure", StoaJson.Default.ErasureResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/users/me/erasure</c>: has all that is stored about the caller erased. All sessions and keys end with the answer.</summary>
    public Task<ErasureResponse> RequestErasureAsync(RequestErasureRequest request, CancellationToken cancellationToken = default) => SendAsync(
        Once(HttpMethod.Put, "users/me/erasure", () => JsonBody(request, StoaJson.Default.RequestErasureRequest)), StoaJson.Default.ErasureResponse, cancellationToken);

    /// <summary><c>POST /api/v1/erasure-cancellations</c>: undoes an erasure that has not begun. Needs what signing in needs.</summary>
    public Task CancelErasureAsync(CancelErasureRequest request, CancellationToken cancellationToken = default) => DoAsync(
        Once(HttpMethod.Post, "erasure-cancellations", () => JsonBody(request, StoaJson.Default.CancelErasureRequest)), cancellationToken);

    /// <summary><c>GET /.well-known/jwks.json</c>: the public keys that access tokens of this node are checked with.</summary>
    public Task<KeySetResponse> GetSigningKeysAsync(CancellationToken cancellationToken = default) =>
        GetAsync("/.well-known/jwks.json", StoaJson.Default.KeySetResponse, cancellationToken);

    /// <summary>A call that does not do the same when it comes again: a code or a password is used up by the first.</summary>
    private static Call Once(HttpMethod method, string path, Func<HttpContent> body) => new(method, path, body) { IsBodyRepeatable = false };

    private async Task DoAsync(Call call, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(call, cancellationToken);
    }
}

namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/sessions/refresh</c>: gives the next pair of tokens.</summary>
/// <param name="RefreshToken">The newest of the session. Each is good once: the answer has the next.</param>
public sealed record RefreshSessionRequest(string RefreshToken);

/// <summary>A sign-in that is still open.</summary>
/// <param name="Id">TypeID with prefix <c>sess</c>.</param>
/// <param name="Device">What the client said of itself: its User-Agent.</param>
/// <param name="CreatedAt">When the user signed in.</param>
/// <param name="UsedAt">When it was last refreshed.</param>
/// <param name="ExpiresAt">When it is over unless it is refreshed before.</param>
/// <param name="IsCurrent">Whether this request came by it.</param>
public sealed record ListedSessionResponse(string Id, string Device, DateTimeOffset CreatedAt, DateTimeOffset UsedAt, DateTimeOffset ExpiresAt, bool IsCurrent);

/// <summary><c>PUT /api/v1/users/me/password</c>: changes the password and ends all other sessions.</summary>
/// <param name="NewPassword">12 to 128 characters, at least 5 different ones, without the handle or the email in it.</param>
/// <param name="CurrentPassword">The present one; left out for an account that has none yet.</param>
public sealed record ChangePasswordRequest(string NewPassword, string? CurrentPassword = null);

/// <summary><c>POST /api/v1/email-verifications/letters</c> and <c>POST /api/v1/password-resets/letters</c>: has a code sent to an account's address.</summary>
/// <param name="Email">The address of the account.</param>
public sealed record SendCodeRequest(string Email);

/// <summary><c>POST /api/v1/email-verifications</c>: shows that the address is yours.</summary>
/// <param name="Email">The address of the account.</param>
/// <param name="Code">The one of the newest letter; capitals, hyphens and blanks make no difference.</param>
public sealed record VerifyEmailRequest(string Email, string Code);

/// <summary><c>POST /api/v1/password-resets</c>: sets a forgotten password anew and ends all sessions.</summary>
/// <param name="Email">The address of the account.</param>
/// <param name="Code">The one of the newest letter, or of an administrator; capitals, hyphens and blanks make no difference.</param>
/// <param name="NewPassword">12 to 128 characters, at least 5 different ones, without the handle or the email in it.</param>
public sealed record ResetPasswordRequest(string Email, string Code, string NewPassword);

/// <summary><c>POST /api/v1/password-resets/codes</c>: makes a code by which a user sets a forgotten password anew.</summary>
/// <param name="Login">Handle or address of the user.</param>
public sealed record MakePasswordResetCodeRequest(string Login);

/// <summary>A code for a forgotten password, to be handed over to its owner. It is shown this once, and good once.</summary>
/// <param name="Handle">Whose it is.</param>
/// <param name="Email">The address that is given with it.</param>
/// <param name="Code">For <c>POST /api/v1/password-resets</c>.</param>
/// <param name="ExpiresAt">Until when it is good, unless five wrong ones come before.</param>
/// <param name="HasSecondFactor">Whether signing in will need a code of an authenticator as before.</param>
public sealed record PasswordResetCodeResponse(string Handle, string Email, string Code, DateTimeOffset ExpiresAt, bool HasSecondFactor);

/// <summary>What proves who you are. <c>GET /api/v1/users/me/security</c>.</summary>
/// <param name="SendsEmail">Whether this node sends e-mail. Where it sends none, accounts count as verified, and a forgotten password is set anew with a code of an administrator.</param>
/// <param name="EmailVerifiedAt">When a code that was sent to the address came back; null when none has.</param>
/// <param name="HasPassword">False for an account that has API keys only.</param>
/// <param name="PasswordChangedAt">Null when it is the one of the registration.</param>
/// <param name="TotpEnabledAt">Since when an authenticator is asked for; null when none is.</param>
/// <param name="RecoveryCodesLeft">Recovery codes that were not used.</param>
public sealed record AccountSecurityResponse(
    bool SendsEmail, DateTimeOffset? EmailVerifiedAt, bool HasPassword, DateTimeOffset? PasswordChangedAt, DateTimeOffset? TotpEnabledAt, long RecoveryCodesLeft);

/// <summary><c>POST /api/v1/users/me/totp</c>: begins to enrol an authenticator.</summary>
/// <param name="Password">The password of the account; left out for one that has none.</param>
public sealed record BeginTotpRequest(string? Password = null);

/// <summary>A secret for an authenticator. It is shown this once, and asked for once a first code of it has come.</summary>
/// <param name="Secret">Base32, for typing it in.</param>
/// <param name="Uri">The same as a link, for a QR code: SHA-1, 6 digits, 30 seconds.</param>
public sealed record TotpResponse(string Secret, string Uri);

/// <summary><c>POST /api/v1/users/me/totp/confirmation</c> and <c>/recovery-codes</c>.</summary>
/// <param name="Code">Six digits of the authenticator; for new recovery codes, one of the old will do, too.</param>
public sealed record TotpCodeRequest(string Code);

/// <summary><c>POST /api/v1/users/me/totp/removal</c>.</summary>
/// <param name="Code">Six digits of the authenticator, or a recovery code.</param>
/// <param name="Password">The password of the account; left out for one that has none.</param>
public sealed record RemoveTotpRequest(string Code, string? Password = null);

/// <summary>Codes that open the door once each when the authenticator is lost. They are shown this once.</summary>
/// <param name="Codes">Keep them where the authenticator is not. The ones from before are worth nothing any more.</param>
public sealed record RecoveryCodesResponse(IReadOnlyList<string> Codes);

/// <summary>The public keys that access tokens are checked with: a JWK Set, RFC 7517. <c>GET /.well-known/jwks.json</c>.</summary>
/// <param name="Keys">The one that signs now, the next one shortly before, and those whose tokens have not ended.</param>
public sealed record KeySetResponse(IReadOnlyList<KeyBody> Keys);

/// <summary>A public key on P-256.</summary>
/// <param name="Kty">Always <c>EC</c>.</param>
/// <param name="Crv">Always <c>P-256</c>.</param>
/// <param name="X">Base64url.</param>
/// <param name="Y">Base64url.</param>
/// <param name="Kid">The thumbprint of RFC 7638; a token's header names it.</param>
/// <param name="Use">Always <c>sig</c>.</param>
/// <param name="Alg">Always <c>ES256</c>.</param>
public sealed record KeyBody(string Kty, string Crv, string X, string Y, string Kid, string Use, string Alg);

/// <summary><c>PUT /api/v1/users/me/erasure</c>: has all that is stored about you erased.</summary>
/// <param name="Password">The password of the account.</param>
/// <param name="Code">Six digits of the authenticator, or a recovery code; left out for an account without a second factor.</param>
/// <param name="Forfeit">True to give up to the platform what is in the wallet; otherwise that is in the way.</param>
public sealed record RequestErasureRequest(string? Password = null, string? Code = null, bool? Forfeit = null);

/// <summary><c>POST /api/v1/erasure-cancellations</c>: undoes an erasure that has not begun, by a password or by a sign-in at an identity provider.</summary>
/// <param name="Login">Handle or email.</param>
/// <param name="Password">The password of the account.</param>
/// <param name="Code">Six digits of the authenticator, or a recovery code; left out for an account without a second factor.</param>
/// <param name="SignOnCode">In place of login and password: as the browser brought it or shows it after a sign-in at the provider of an organisation.</param>
/// <param name="Verifier">With <paramref name="SignOnCode"/>: 43 to 128 characters, of the challenge that the sign-in was begun with (RFC 7636).</param>
public sealed record CancelErasureRequest(
    string? Login = null, string? Password = null, string? Code = null, string? SignOnCode = null, string? Verifier = null);

/// <summary>An erasure, asked for or not.</summary>
/// <param name="GraceDays">For how many days one can be undone at this node.</param>
/// <param name="RequestedAt">When it was asked for; left out when it was not.</param>
/// <param name="ErasesAt">When it is done: until then it can be undone.</param>
/// <param name="Obstacles">What is in its way; empty when nothing is.</param>
public sealed record ErasureResponse(
    int GraceDays, DateTimeOffset? RequestedAt = null, DateTimeOffset? ErasesAt = null, IReadOnlyList<ProblemError>? Obstacles = null);

using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Identity.SecondFactor;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Mail;

namespace Stoa.Node.Identity;

/// <summary>Passwords, addresses and second factors over HTTP.</summary>
public static class AccountEndpoints
{
    // What authenticators show beside the account.
    private const string Issuer = "Stoa";

    public static void MapAccounts(this IEndpointRouteBuilder api)
    {
        api.MapGet("/users/me/security", GetSecurityAsync)
            .Needs(Permission.AccountManage)
            .WithName("getAccountSecurity").WithTags("Identity").WithSummary("See what proves who you are")
            .WithDescription("Whether your address is verified, since when your password stands, and whether there is a second factor.")
            .Produces<AccountSecurityResponse>();
        api.MapPut("/users/me/password", ChangePasswordAsync)
            .Needs(Permission.AccountManage)
            .WithName("changePassword").WithTags("Identity").WithSummary("Change the password")
            .WithDescription("Needs the present one, and ends all sessions but the one by whose token the request comes. API keys stay in force.")
            .LimitedBy(RateLimit.SignIn)
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(AccountRefusal.PasswordWrong, AccountRefusal.PasswordInvalid, AccountRefusal.PasswordByProvider);
        MapLetters(api);
        MapTotp(api);
        MapAdministration(api);
    }

    private static void MapLetters(IEndpointRouteBuilder api)
    {
        api.MapPost("/email-verifications/letters", SendVerification)
            .WithName("sendVerificationCode").WithTags("Identity").WithSummary("Have a code sent to verify an address")
            .WithDescription("Answers the same whether there is such an account or not. A newer letter makes the code of the one before worthless; there is a minute between two of them.")
            .OpenToAll()
            .LimitedBy(RateLimit.SignIn)
            .Produces(StatusCodes.Status202Accepted)
            .Refuses(AccountRefusal.MailOff);
        api.MapPost("/email-verifications", VerifyEmailAsync)
            .WithName("verifyEmail").WithTags("Identity").WithSummary("Verify an address")
            .WithDescription("Takes the code of the newest letter, within a day and five tries. Before that, an account that was opened where the node sends e-mail cannot sign in.")
            .OpenToAll()
            .LimitedBy(RateLimit.SignIn)
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(AccountRefusal.MailedCodeWrong, AccountRefusal.MailOff);
        api.MapPost("/password-resets/letters", SendPasswordReset)
            .WithName("sendPasswordResetCode").WithTags("Identity").WithSummary("Have a code sent for a forgotten password")
            .WithDescription("Answers the same whether there is such an account or not. A newer letter makes the code of the one before worthless; there is a minute between two of them.")
            .OpenToAll()
            .LimitedBy(RateLimit.SignIn)
            .Produces(StatusCodes.Status202Accepted)
            .Refuses(AccountRefusal.MailOff);
        api.MapPost("/password-resets", ResetPasswordAsync)
            .WithName("resetPassword").WithTags("Identity").WithSummary("Set a forgotten password anew")
            .WithDescription("Takes the code of the newest letter, within half an hour and five tries, or one that an administrator has made, within an hour, and ends all sessions. A second factor stays: signing in needs its code as before.")
            .OpenToAll()
            .LimitedBy(RateLimit.SignIn)
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(AccountRefusal.MailedCodeWrong, AccountRefusal.PasswordInvalid);
    }

    private static void MapTotp(IEndpointRouteBuilder api)
    {
        api.MapPost("/users/me/totp", BeginTotpAsync)
            .Needs(Permission.AccountManage)
            .WithName("beginTotp").WithTags("Identity").WithSummary("Begin to enrol an authenticator")
            .WithDescription("Answers a secret for it, this once. Nothing asks for its codes until a first one has come.")
            .LimitedBy(RateLimit.SignIn)
            .Produces<TotpResponse>(StatusCodes.Status201Created)
            .Refuses(AccountRefusal.PasswordByProvider, AccountRefusal.PasswordWrong, AccountRefusal.SecondFactorEnabled);
        api.MapPost("/users/me/totp/confirmation", ConfirmTotpAsync)
            .Needs(Permission.AccountManage)
            .WithName("confirmTotp").WithTags("Identity").WithSummary("Put the authenticator in force")
            .WithDescription("Takes a first code of it. From now on signing in needs one. Answers ten recovery codes, which open the door once each when the authenticator is lost; they are shown this once.")
            .LimitedBy(RateLimit.SignIn)
            .Produces<RecoveryCodesResponse>()
            .Refuses(AccountRefusal.SecondFactorWrong, AccountRefusal.SecondFactorLocked, AccountRefusal.SecondFactorMissing, AccountRefusal.SecondFactorEnabled);
        api.MapPost("/users/me/totp/recovery-codes", RenewRecoveryCodesAsync)
            .Needs(Permission.AccountManage)
            .WithName("renewRecoveryCodes").WithTags("Identity").WithSummary("Make new recovery codes")
            .WithDescription("Takes a code of the authenticator or a recovery code. The recovery codes from before are worth nothing any more.")
            .LimitedBy(RateLimit.SignIn)
            .Produces<RecoveryCodesResponse>()
            .Refuses(AccountRefusal.SecondFactorWrong, AccountRefusal.SecondFactorLocked, AccountRefusal.SecondFactorMissing);
        api.MapPost("/users/me/totp/removal", RemoveTotpAsync)
            .Needs(Permission.AccountManage)
            .WithName("removeTotp").WithTags("Identity").WithSummary("Do without a second factor")
            .WithDescription("Needs the password and a code of the authenticator, or a recovery code.")
            .LimitedBy(RateLimit.SignIn)
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(
                AccountRefusal.PasswordWrong, AccountRefusal.SecondFactorWrong, AccountRefusal.SecondFactorLocked, AccountRefusal.SecondFactorMissing);
    }

    private static void MapAdministration(IEndpointRouteBuilder api)
    {
        api.MapPost("/users/{handle}/totp/removal", TakeTotpAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("removeUserTotp").WithTags("Identity").WithSummary("Remove a user's lost second factor")
            .WithDescription("For administrators, once they are sure that it is the owner who asks. All sessions of the user end, and the user gets a letter where the node sends e-mail. Not of an administrator: theirs is removed with a code of it or a recovery code alone.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(IdentityRefusal.UserUnknown)
            .Refuses(AccountRefusal.SecondFactorMissing, AccountRefusal.AdministratorProtected);
        api.MapPost("/password-resets/codes", MakeResetCodeAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("makePasswordResetCode").WithTags("Identity").WithSummary("Make a code for a user's forgotten password")
            .WithDescription("For administrators, once they are sure that it is the owner who asks: the way where the node sends no e-mail. The code is shown this once; the owner gives it with POST /password-resets, within an hour and five tries, which ends all sessions. A second factor stays. A newer code makes the one before worthless. The user gets a letter where the node sends e-mail. Not for an administrator.")
            .Produces<PasswordResetCodeResponse>()
            .Refuses(IdentityRefusal.UserUnknown)
            .Refuses(AccountRefusal.PasswordByProvider, AccountRefusal.AdministratorProtected);
    }

    private static async Task<IResult> MakeResetCodeAsync(
        Body<MakePasswordResetCodeRequest> body, Accounts accounts, HttpContext context, CancellationToken cancellationToken)
    {
        if (await accounts.MakeResetCodeAsync(body.Value.Login, cancellationToken) is not { } outcome)
            return new Refusal<IdentityRefusal>(IdentityRefusal.UserUnknown, "No person has this handle or address.").ToProblem();
        if (!outcome.TryGet(out var made, out var refusal))
            return refusal.ToProblem();
        context.ActedBy(made.User.Id);
        var (security, _) = await accounts.GetSecurityAsync(made.User.Id, cancellationToken);
        return TypedResults.Ok(new PasswordResetCodeResponse(made.User.Handle, made.User.Email, made.Code.Text, made.ExpiresAt, security.TotpEnabledAt is not null));
    }

    private static async Task<IResult> TakeTotpAsync(string handle, IUserStore users, Accounts accounts, HttpContext context, CancellationToken cancellationToken)
    {
        if (await users.FindByHandleAsync(handle, cancellationToken) is not { Kind: UserKind.Person } user)
            return new Refusal<IdentityRefusal>(IdentityRefusal.UserUnknown, $"No person has the handle '{handle}'.").ToProblem();
        context.ActedBy(user.Id);
        return Done(await accounts.TakeTotpAsync(user, cancellationToken));
    }

    private static async Task<IResult> GetSecurityAsync(Caller caller, Accounts accounts, Mailer mailer, CancellationToken cancellationToken)
    {
        var (security, hasPassword) = await accounts.GetSecurityAsync(caller.ActorId, cancellationToken);
        return TypedResults.Ok(new AccountSecurityResponse(
            mailer.IsOn, security.VerifiedAt, hasPassword, security.PasswordChangedAt, security.TotpEnabledAt, security.RecoveryCodesLeft));
    }

    private static async Task<IResult> ChangePasswordAsync(
        Body<ChangePasswordRequest> body, Caller caller, CurrentSession? current, Accounts accounts, RateLimits limits, HttpContext context,
        CancellationToken cancellationToken)
    {
        // Whoever has found a signed-in machine must not guess the password there, either.
        if (limits.Refuse(context, RateLimit.SignInOfOneLogin, caller.Handle) is { } tooOften)
            return tooOften;
        var (next, present) = body.Value;
        return Done(await accounts.ChangePasswordAsync(caller.ActorId, present, next, current?.Id, cancellationToken));
    }

    private static IResult SendVerification(Body<SendCodeRequest> body, AccountLetters letters, Mailer mailer, RateLimits limits, HttpContext context) =>
        Send(MailedCodePurpose.Verification, body.Value.Email, letters, mailer, limits, context);

    private static IResult SendPasswordReset(Body<SendCodeRequest> body, AccountLetters letters, Mailer mailer, RateLimits limits, HttpContext context) =>
        Send(MailedCodePurpose.PasswordReset, body.Value.Email, letters, mailer, limits, context);

    private static IResult Send(MailedCodePurpose purpose, string email, AccountLetters letters, Mailer mailer, RateLimits limits, HttpContext context)
    {
        if (!mailer.IsOn)
            return Accounts.MailOff().ToProblem();
        if (limits.Refuse(context, RateLimit.SignInOfOneLogin, SessionEndpoints.Counted(email)) is { } tooOften)
            return tooOften;
        letters.Send(purpose, email);
        return TypedResults.StatusCode(StatusCodes.Status202Accepted);
    }

    private static async Task<IResult> VerifyEmailAsync(
        Body<VerifyEmailRequest> body, Accounts accounts, RateLimits limits, HttpContext context, CancellationToken cancellationToken)
    {
        var (email, code) = body.Value;
        return limits.Refuse(context, RateLimit.SignInOfOneLogin, SessionEndpoints.Counted(email))
            ?? Done(await accounts.VerifyEmailAsync(email, code, cancellationToken));
    }

    private static async Task<IResult> ResetPasswordAsync(
        Body<ResetPasswordRequest> body, Accounts accounts, RateLimits limits, HttpContext context, CancellationToken cancellationToken)
    {
        var (email, code, next) = body.Value;
        return limits.Refuse(context, RateLimit.SignInOfOneLogin, SessionEndpoints.Counted(email))
            ?? Done(await accounts.ResetPasswordAsync(email, code, next, cancellationToken));
    }

    private static async Task<IResult> BeginTotpAsync(
        Body<BeginTotpRequest> body, Caller caller, Accounts accounts, RateLimits limits, HttpContext context, CancellationToken cancellationToken)
    {
        if (limits.Refuse(context, RateLimit.SignInOfOneLogin, caller.Handle) is { } tooOften)
            return tooOften;
        var begun = await accounts.BeginTotpAsync(caller.ActorId, body.Value.Password, cancellationToken);
        return begun.Match<IResult>(
            made => TypedResults.Created("/api/v1/users/me/security", new TotpResponse(Totp.Write(made.Secret), Totp.ToUri(made.Secret, Issuer, made.User.Handle))),
            refusal => refusal.ToProblem());
    }

    private static Task<IResult> ConfirmTotpAsync(Body<TotpCodeRequest> body, Caller caller, Accounts accounts, CancellationToken cancellationToken) =>
        MakeCodesAsync(body.Value.Code, SecondFactorAct.Enable, caller, accounts, cancellationToken);

    private static Task<IResult> RenewRecoveryCodesAsync(Body<TotpCodeRequest> body, Caller caller, Accounts accounts, CancellationToken cancellationToken) =>
        MakeCodesAsync(body.Value.Code, SecondFactorAct.None, caller, accounts, cancellationToken);

    private static async Task<IResult> MakeCodesAsync(string code, SecondFactorAct upon, Caller caller, Accounts accounts, CancellationToken cancellationToken)
    {
        var made = await accounts.MakeRecoveryCodesAsync(caller.ActorId, code, upon, cancellationToken);
        return made.Match<IResult>(codes => TypedResults.Ok(new RecoveryCodesResponse(codes)), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> RemoveTotpAsync(
        Body<RemoveTotpRequest> body, Caller caller, Accounts accounts, RateLimits limits, HttpContext context, CancellationToken cancellationToken)
    {
        if (limits.Refuse(context, RateLimit.SignInOfOneLogin, caller.Handle) is { } tooOften)
            return tooOften;
        var (code, password) = body.Value;
        return Done(await accounts.RemoveTotpAsync(caller.ActorId, password, code, cancellationToken));
    }

    private static IResult Done(Refusal<AccountRefusal>? refusal) => refusal is null ? TypedResults.NoContent() : refusal.ToProblem();
}

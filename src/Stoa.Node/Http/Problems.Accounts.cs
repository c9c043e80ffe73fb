using Stoa.Market.Identity;

// Values without a name cannot occur; a name without a row is CS8509, which stays an error.
#pragma warning disable CS8524

namespace Stoa.Node.Http;

public static partial class Problems
{
    public static ProblemKind Of(AccountRefusal refusal) => refusal switch
    {
        AccountRefusal.CredentialsWrong => Of(IdentityRefusal.CredentialsWrong),
        AccountRefusal.EmailUnverified => Row(refusal, 403, "Address not verified",
            "The password is right, but the code that was sent to the address of the account has not come back yet.",
            "Give the code of the newest letter with POST /api/v1/email-verifications; have another letter sent with POST /api/v1/email-verifications/letters."),
        AccountRefusal.SecondFactorNeeded => Row(refusal, 401, "Second factor needed",
            "The password is right, and the account has a second factor.",
            "Sign in again with the six digits that the authenticator shows now, or with a recovery code."),
        AccountRefusal.SecondFactorWrong => Row(refusal, 401, "Code wrong",
            "The code is not the one of the authenticator now, was used before, or is no recovery code that is left. Each opens once.",
            "Wait for the next code of the authenticator, and see that the clocks of both machines are right; or give a recovery code."),
        AccountRefusal.SecondFactorLocked => Row(refusal, 429, "Too many wrong codes",
            "Five wrong codes came in a row: none is looked at for five minutes, and for twice as long after each further one, up to an hour.",
            "Wait as long as the detail says, then give a right code.", TimeSpan.FromMinutes(5)),
        AccountRefusal.SecondFactorEnabled => Row(refusal, 409, "There is a second factor",
            "The account has an authenticator already.",
            "Disable that one first with POST /api/v1/users/me/totp/removal."),
        AccountRefusal.SecondFactorMissing => Row(refusal, 409, "No second factor",
            "The account has no authenticator, or its enrolment was not begun.",
            "Begin with POST /api/v1/users/me/totp."),
        AccountRefusal.RefreshTokenInvalid => Row(refusal, 401, "Not a refresh token",
            "The text is not a refresh token of a session of this cell.",
            "Send the refresh token as it came with the session, or sign in again with POST /api/v1/sessions."),
        AccountRefusal.RefreshTokenReused => Row(refusal, 401, "Refresh token used before",
            "Each refresh token is good once. This one came again after its successor was made, so two have it: its session was ended.",
            "Sign in again with POST /api/v1/sessions, and change the password if the other one was not you."),
        AccountRefusal.SessionEnded => Row(refusal, 401, "Session is over",
            "The session was not used for too long, reached its greatest age, or was ended.",
            "Sign in again with POST /api/v1/sessions."),
        AccountRefusal.SessionUnknown => Row(refusal, 404, "No such session",
            "There is no such session in force, or it belongs to somebody else.",
            "List yours with GET /api/v1/sessions."),
        AccountRefusal.PasswordWrong => Row(refusal, 403, "Present password wrong",
            "The act needs the present password of the account, and another one, or none, was given.",
            "Give the present password; if it is forgotten, have a code sent with POST /api/v1/password-resets/letters."),
        AccountRefusal.PasswordInvalid => Row(refusal, 422, "Password breaks the rules",
            "The new password is not as it must be.",
            "Correct what is listed in errors and try again."),
        AccountRefusal.PasswordByProvider => Row(refusal, 409, "Signs in by a provider",
            "The account was made by the identity provider of an organisation and signs in by that alone: it has neither password nor second factor here.",
            "Change them at the provider."),
        AccountRefusal.MailedCodeWrong => Row(refusal, 422, "Code of the letter wrong",
            "The code is not the one of the newest letter to this address, or of an administrator, has ended, or was tried too often.",
            "Look at it again, or have another one made."),
        AccountRefusal.MailOff => Row(refusal, 409, "No e-mail here",
            "This node sends no e-mail: its accounts count as verified, and a forgotten password is not set anew by letter.",
            "Ask the operator of the node for a code (POST /api/v1/password-resets/codes), and give it with POST /api/v1/password-resets."),
        AccountRefusal.ErasurePending => Row(refusal, 403, "Account is to be erased",
            "The password is right, and its owner has asked for the account to be erased: until then nothing is possible but to undo that.",
            "Undo it with POST /api/v1/erasure-cancellations, then sign in; or leave it as it is."),
        AccountRefusal.ErasureBlocked => Row(refusal, 409, "Something is in the way of the erasure",
            "The account has money, or something that is under way, or is what others depend on. Every reason is listed.",
            "End what is listed in errors, then ask again. Money in the wallet can be given up with forfeit."),
        AccountRefusal.ErasureUnknown => Row(refusal, 404, "No erasure to undo",
            "Nobody has asked for this account to be erased, or the erasure has begun and cannot be undone any more.",
            "There is no erasure of this account that could be undone. If it is still there, sign in with POST /api/v1/sessions."),
        AccountRefusal.AdministratorProtected => Row(refusal, 409, "An administrator's account",
            "Second factor and password of an administrator of the node are not lifted by way of administration: who takes over one of them would have them all.",
            "The administrator removes the factor with a code of the authenticator or a recovery code (POST /api/v1/users/me/totp/removal), and changes the password with the present one (PUT /api/v1/users/me/password)."),
    };

    public static ProblemResult ToProblem(this Market.Refusal<AccountRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    /// <summary>A refusal of which the table says all.</summary>
    public static ProblemResult ToProblem(this AccountRefusal refusal) => new(Of(refusal), Of(refusal).Remedy, []);
}

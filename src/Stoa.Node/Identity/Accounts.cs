using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Identity.SecondFactor;
using Stoa.Market.Identity.SignIn;
using Stoa.Node.Mail;
using Stoa.Node.Privacy;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>A user who has signed in, and what opens the door from now on.</summary>
public sealed record SignedIn(User User, SessionTokens Tokens);

/// <summary>Lets people in by password and second factor, and lets them change both.</summary>
public sealed class Accounts(
    Users users, IUserStore store, SqlAccountStore security, SqlErasureRequests erasures, IPasswordHasher passwords, Sessions sessions, Mailer mailer, LetterBox letters,
    Random random, TimeProvider time)
{
    private const string WrongCode =
        "The code is not the one of the newest letter to this address, or of an administrator, has ended, or was tried too often. Look at it again, or have another one made.";

    /// <summary>Signs in.</summary>
    /// <param name="login">Handle or email.</param>
    /// <param name="password">As typed.</param>
    /// <param name="code">Of the second factor; null when none was given.</param>
    /// <param name="device">What the client says of itself.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    public async Task<Outcome<SignedIn, AccountRefusal>> SignInAsync(
        string login, string password, string? code, string? device, CancellationToken cancellationToken)
    {
        if (!(await KnowAsync(login, password, code, cancellationToken)).TryGet(out var user, out var refusal))
            return refusal;
        if (await RefuseErasedAsync(user.Id, cancellationToken) is { } erasing)
            return erasing;
        return new SignedIn(user, await sessions.OpenAsync(user.Id, device, cancellationToken));
    }

    /// <summary>Refuses who has asked to be erased: until that is done, or undone, nobody is let in to the account by any door.</summary>
    /// <returns>Null for everybody else.</returns>
    public async Task<Refusal<AccountRefusal>?> RefuseErasedAsync(Id<User> user, CancellationToken cancellationToken) => await erasures.FindAsync(user, cancellationToken) is { } erasure
        ? new Refusal<AccountRefusal>(
            AccountRefusal.ErasurePending,
            $"You asked for this account to be erased on {erasure.RequestedAt.UtcDateTime:yyyy-MM-dd}, and it will be at {erasure.DueAt?.UtcDateTime:yyyy-MM-dd HH:mm} UTC. Until then you can undo that with POST /api/v1/erasure-cancellations.")
        : null;

    /// <summary>Finds out who somebody is who says so by login, password and second factor; opens nothing.</summary>
    /// <param name="login">Handle or email.</param>
    /// <param name="password">As typed.</param>
    /// <param name="code">Of the second factor; null when none was given.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    public async Task<Outcome<User, AccountRefusal>> KnowAsync(string login, string password, string? code, CancellationToken cancellationToken)
    {
        var known = await users.SignInAsync(login, password, cancellationToken);
        if (!known.TryGet(out var user, out var wrong))
            return new Refusal<AccountRefusal>(AccountRefusal.CredentialsWrong, wrong.Detail);

        var account = await security.GetAsync(user.Id, cancellationToken);
        if (mailer.IsOn && account is { MustVerify: true, VerifiedAt: null })
        {
            return new Refusal<AccountRefusal>(
                AccountRefusal.EmailUnverified,
                "A code was sent to the address of this account: give it with POST /api/v1/email-verifications, then sign in. Have another sent with POST /api/v1/email-verifications/letters.");
        }

        return await RefuseCodeAsync(user.Id, account, code, cancellationToken) is { } refused ? refused : user;
    }

    /// <summary>Whether somebody who is signed in is present: by the password and, where there is one, the second factor.</summary>
    /// <returns>Null when it is so.</returns>
    public async Task<Refusal<AccountRefusal>?> ProveAsync(Id<User> id, string? password, string? code, CancellationToken cancellationToken)
    {
        var (_, hash) = await GetAsync(id, cancellationToken);
        return await RefusePasswordAsync(hash, password, cancellationToken)
            ?? await RefuseCodeAsync(id, await security.GetAsync(id, cancellationToken), code, cancellationToken);
    }

    /// <summary>Takes a second factor away whose owner has lost it, ends all sessions, and writes to the owner. For administrators.</summary>
    /// <param name="user">Whose; no administrator's.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>Null when it is gone.</returns>
    public async Task<Refusal<AccountRefusal>?> TakeTotpAsync(User user, CancellationToken cancellationToken)
    {
        if (user.Role is UserRole.Admin)
            return new Refusal<AccountRefusal>(AccountRefusal.AdministratorProtected, $"{user.Handle} administers this node: an administrator's second factor is removed with a code of it or a recovery code alone.");
        var now = time.GetUtcNow();
        var ended = await security.TakeFactorAsync(user.Id, session => letters.AddAsync(session, user.Id, FactorTaken, now), now, cancellationToken);
        if (ended is null)
            return new Refusal<AccountRefusal>(AccountRefusal.SecondFactorMissing, $"{user.Handle} has no second factor.");
        sessions.NoteEnded(ended);
        return null;
    }

    /// <summary>Makes a code by which somebody who has forgotten the password sets it anew, and writes to the owner that there is one. For administrators, who hand it over.</summary>
    /// <param name="login">Handle or email of a person; no administrator's, and nobody's whom an identity provider lets in.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>Whose it is, the code, which is kept nowhere, and until when it is good; null when there is no such person.</returns>
    public async Task<Outcome<(User User, OneTimeCode Code, DateTimeOffset ExpiresAt), AccountRefusal>?> MakeResetCodeAsync(string login, CancellationToken cancellationToken)
    {
        if (login.Contains('\0', StringComparison.Ordinal)
            || await store.FindByLoginAsync(Users.Normalise(login), cancellationToken) is not { User: { Kind: UserKind.Person } user, PasswordHash: var hash })
        {
            return null;
        }

        if (user.Role is UserRole.Admin)
        {
            return new Refusal<AccountRefusal>(
                AccountRefusal.AdministratorProtected, $"{user.Handle} administers this node: an administrator's password is changed with the present one alone.");
        }

        if (await RefuseByProviderAsync(user.Id, hash, cancellationToken) is { } byProvider)
            return byProvider;
        var now = time.GetUtcNow();
        var code = OneTimeCode.Create(MailedCode.Groups, random);
        var kept = MailedCode.Send(code, MailedCodePurpose.HandedReset, now);
        await security.PutHandedResetAsync(user.Id, kept, session => letters.AddAsync(session, user.Id, ResetHandedOver, now), cancellationToken);
        return (user, code, kept.ExpiresAt);
    }

    /// <summary>Gives the next pair of tokens for a refresh token.</summary>
    public async Task<Outcome<SignedIn, AccountRefusal>> RefreshAsync(string refreshToken, CancellationToken cancellationToken)
    {
        var refreshed = await sessions.RefreshAsync(refreshToken, cancellationToken);
        if (!refreshed.TryGet(out var tokens, out var refusal))
            return refusal;
        return await store.GetAsync(tokens.Session.UserId, cancellationToken) is { } user
            ? new SignedIn(user, tokens)
            : new Refusal<AccountRefusal>(AccountRefusal.SessionEnded, "The account of this session is gone.");
    }

    /// <summary>Changes a password, and ends all other sessions.</summary>
    /// <param name="id">Whose.</param>
    /// <param name="present">The present password; null for an account that has none.</param>
    /// <param name="next">The new one.</param>
    /// <param name="current">The session that stays; null for none.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>Null when it is changed.</returns>
    public async Task<Refusal<AccountRefusal>?> ChangePasswordAsync(
        Id<User> id, string? present, string next, Id<Session>? current, CancellationToken cancellationToken)
    {
        var (user, hash) = await GetAsync(id, cancellationToken);
        if (await RefuseByProviderAsync(id, hash, cancellationToken) is { } byProvider)
            return byProvider;
        if (await RefusePasswordAsync(hash, present, cancellationToken) is { } wrong)
            return wrong;
        if (RefuseNewPassword(user, next) is { } weak)
            return weak;
        var made = await passwords.HashAsync(next, cancellationToken);
        var ended = await security.ChangePasswordAsync(id, hash, made, current, time.GetUtcNow(), cancellationToken);
        if (ended is null)
            return new Refusal<AccountRefusal>(AccountRefusal.PasswordWrong, "The password was changed a moment ago: give the one that it is now.");
        sessions.NoteEnded(ended);
        return null;
    }

    /// <summary>Takes the code of a letter as the proof that an address is its user's.</summary>
    /// <returns>Null when it is the right one.</returns>
    public async Task<Refusal<AccountRefusal>?> VerifyEmailAsync(string email, string code, CancellationToken cancellationToken)
    {
        if (!mailer.IsOn)
            return MailOff();
        var user = await FindAsync(email, cancellationToken);
        return user is not null && await security.VerifyEmailAsync(user.Id, OneTimeCode.HashOf(code), time.GetUtcNow(), cancellationToken)
            ? null
            : new Refusal<AccountRefusal>(AccountRefusal.MailedCodeWrong, WrongCode);
    }

    /// <summary>Sets a password anew upon the code of a letter or of an administrator, and ends all sessions. A second factor stays.</summary>
    /// <returns>Null when it is set.</returns>
    public async Task<Refusal<AccountRefusal>?> ResetPasswordAsync(string email, string code, string next, CancellationToken cancellationToken)
    {
        var user = await FindAsync(email, cancellationToken);
        // What a password must be like is told before the code is used up, and to everybody alike: the handle would tell who has an account.
        if (RefuseNewPassword(new User(default, "", email, UserRole.Member, default), next) is { } weak)
            return weak;
        var hash = await passwords.HashAsync(next, cancellationToken);
        var ended = user is null ? null : await security.ResetPasswordAsync(user.Id, OneTimeCode.HashOf(code), hash, time.GetUtcNow(), cancellationToken);
        if (ended is null)
            return new Refusal<AccountRefusal>(AccountRefusal.MailedCodeWrong, WrongCode);
        sessions.NoteEnded(ended);
        return null;
    }

    /// <summary>Makes a secret for an authenticator, which asks for nothing until a first code of it has come.</summary>
    public async Task<Outcome<(User User, byte[] Secret), AccountRefusal>> BeginTotpAsync(Id<User> id, string? password, CancellationToken cancellationToken)
    {
        var (user, hash) = await GetAsync(id, cancellationToken);
        if (await RefuseByProviderAsync(id, hash, cancellationToken) is { } byProvider)
            return byProvider;
        if (await RefusePasswordAsync(hash, password, cancellationToken) is { } wrong)
            return wrong;
        var secret = new byte[Totp.SecretBytes];
        random.NextBytes(secret);
        return await security.BeginTotpAsync(id, secret, cancellationToken)
            ? (user, secret)
            : new Refusal<AccountRefusal>(AccountRefusal.SecondFactorEnabled, "The account has a second factor already: disable that first.");
    }

    /// <summary>Takes a first code, or another one for new recovery codes.</summary>
    /// <returns>The recovery codes, which are shown this once.</returns>
    public async Task<Outcome<IReadOnlyList<string>, AccountRefusal>> MakeRecoveryCodesAsync(
        Id<User> id, string code, SecondFactorAct upon, CancellationToken cancellationToken)
    {
        var codes = Enumerable.Range(0, SecondFactorRules.RecoveryCodes).Select(_ => OneTimeCode.Create(SecondFactorRules.RecoveryCodeGroups, random)).ToList();
        if (await security.UseCodeAsync(id, code, upon, [.. codes.Select(made => made.Hash)], time.GetUtcNow(), cancellationToken) is { } refused)
            return refused;
        return codes.ConvertAll(made => made.Text);
    }

    /// <summary>Does without a second factor from now on.</summary>
    /// <returns>Null when that is so.</returns>
    public async Task<Refusal<AccountRefusal>?> RemoveTotpAsync(Id<User> id, string? password, string code, CancellationToken cancellationToken)
    {
        var (_, hash) = await GetAsync(id, cancellationToken);
        return await RefusePasswordAsync(hash, password, cancellationToken)
            ?? await security.UseCodeAsync(id, code, SecondFactorAct.Disable, null, time.GetUtcNow(), cancellationToken);
    }

    /// <summary>How an account stands.</summary>
    public async Task<(AccountSecurity Security, bool HasPassword)> GetSecurityAsync(Id<User> id, CancellationToken cancellationToken)
    {
        var (_, hash) = await GetAsync(id, cancellationToken);
        return (await security.GetAsync(id, cancellationToken), hash is not null);
    }

    /// <summary>The refusal of whatever needs a letter, where none can be sent.</summary>
    public static Refusal<AccountRefusal> MailOff() => new(
        AccountRefusal.MailOff, "This node sends no e-mail: its accounts count as verified. Who has forgotten the password asks the operator for a code, and gives that with POST /api/v1/password-resets.");

    private async Task<StoredUser> GetAsync(Id<User> id, CancellationToken cancellationToken)
    {
        var user = await store.GetAsync(id, cancellationToken);
        var stored = user is null ? null : await store.FindByLoginAsync(user.Handle, cancellationToken);
        return stored ?? throw new InvalidOperationException($"The caller {id} is not there.");
    }

    private async Task<User?> FindAsync(string email, CancellationToken cancellationToken) =>
        email.Length is 0 or > RegistrationRules.EmailLengthMax || !email.Contains('@', StringComparison.Ordinal) || email.Contains('\0', StringComparison.Ordinal)
            ? null
            : (await store.FindByLoginAsync(Users.Normalise(email), cancellationToken))?.User;

    /// <summary>Whom a provider lets in is shut out by it, too: a password, or a factor that it does not ask for, would be a door beside it.</summary>
    private async Task<Refusal<AccountRefusal>?> RefuseByProviderAsync(Id<User> id, string? hash, CancellationToken cancellationToken) =>
        hash is null && await security.HasIdentityAsync(id, cancellationToken)
            ? new Refusal<AccountRefusal>(
                AccountRefusal.PasswordByProvider, "This account signs in by the identity provider of an organisation. Password and second factor are matters of that provider.")
            : null;

    private async Task<Refusal<AccountRefusal>?> RefusePasswordAsync(string? hash, string? typed, CancellationToken cancellationToken)
    {
        // Who has no password yet has shown an API key, and nothing else can be asked for.
        if (hash is null || (typed is not null && await users.IsPasswordAsync(hash, typed, cancellationToken)))
            return null;
        return new Refusal<AccountRefusal>(AccountRefusal.PasswordWrong, "The present password is needed for this, and it is not the one that was given.");
    }

    private async Task<Refusal<AccountRefusal>?> RefuseCodeAsync(Id<User> id, AccountSecurity account, string? code, CancellationToken cancellationToken)
    {
        if (account.TotpEnabledAt is null)
            return null;
        return code is null
            ? new Refusal<AccountRefusal>(
                AccountRefusal.SecondFactorNeeded, "This account has a second factor: give the code that the authenticator shows, or a recovery code, too.")
            : await security.UseCodeAsync(id, code, SecondFactorAct.None, null, time.GetUtcNow(), cancellationToken);
    }

    private static LetterText FactorTaken(string handle) => new(
        "Your second factor was removed",
        $"""
        Hello {handle},

        an administrator of this Stoa node has removed the second factor of your account, and all your sessions are ended. From now on your password alone
        opens it.

        If you have asked for that, sign in and enrol another authenticator: stoa account totp enable
        If you have not, change your password at once, and tell the operator of the node: stoa account password

        """);

    private static LetterText ResetHandedOver(string handle) => new(
        "A code for your password was made",
        $"""
        Hello {handle},

        an administrator of this Stoa node has made a code by which the password of your account can be set anew within an hour, to be handed over to you.

        If you have asked for that, give it with: stoa account recover EMAIL --code CODE
        If you have not, tell the operator of the node. Changing your password makes the code worthless: stoa account password

        """);

    private static Refusal<AccountRefusal>? RefuseNewPassword(User user, string next)
    {
        var errors = RegistrationRules.CheckPassword(user, next, "/newPassword");
        return errors.Count == 0 ? null : new Refusal<AccountRefusal>(AccountRefusal.PasswordInvalid, "Correct what is listed in errors and try again.", errors);
    }
}

using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Identity.SecondFactor;
using Stoa.Market.Identity.SignIn;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>What proves who a user is, beyond the password itself.</summary>
/// <param name="MustVerify">Whether a letter went to the address at registration, so that its code has to come back before the first sign-in.</param>
/// <param name="VerifiedAt">When the address was shown to be the user's; null when it was not.</param>
/// <param name="PasswordChangedAt">Null when it is the one of the registration.</param>
/// <param name="TotpEnabledAt">Null when there is no second factor.</param>
/// <param name="RecoveryCodesLeft">0 without a second factor.</param>
public sealed record AccountSecurity(
    bool MustVerify, DateTimeOffset? VerifiedAt, DateTimeOffset? PasswordChangedAt, DateTimeOffset? TotpEnabledAt, long RecoveryCodesLeft);

/// <summary>Passwords, mailed codes and second factors in the cell's database.</summary>
/// <remarks>Who acts on an account's security has its row locked first, so that no code is used twice and every wrong one counts.</remarks>
public sealed class SqlAccountStore(Database database, CellKey cell)
{
    /// <summary>How the account stands.</summary>
    public Task<AccountSecurity> GetAsync(Id<User> user, CancellationToken cancellationToken) => database.ReadAsync(
        async session => await session.QueryFirstOrDefaultAsync<AccountSecurity>(
            """
            SELECT must_verify, verified_at, password_changed_at, totp_enabled_at,
                (SELECT count(*) FROM recovery_codes AS r WHERE r.user_id = s.user_id) AS recovery_codes_left
            FROM account_security AS s WHERE user_id = @user
            """,
            new { user }) ?? new AccountSecurity(false, null, null, null, 0),
        cancellationToken);

    /// <summary>Whether an identity provider opens the account.</summary>
    public Task<bool> HasIdentityAsync(Id<User> user, CancellationToken cancellationToken) =>
        database.ReadAsync(session => HasIdentityAsync(session, user), cancellationToken);

    internal static async Task<bool> HasIdentityAsync(SqlSession session, Id<User> user) =>
        await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM provider_identities WHERE user_id = @user", new { user }) is not null;

    /// <summary>Has the address verified before the first sign-in.</summary>
    public Task RequireVerificationAsync(Id<User> user, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await LockAsync(session, user);
            await session.ExecuteAsync("UPDATE account_security SET must_verify = TRUE WHERE user_id = @user AND verified_at IS NULL", new { user });
        },
        cancellationToken);

    /// <summary>Keeps the code of a letter in place of the one before; false when that went out a moment ago.</summary>
    public Task<bool> PutCodeAsync(Id<User> user, MailedCodePurpose purpose, MailedCode code, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await LockAsync(session, user);
            if (await FindCodeAsync(session, user, purpose) is { } before && !before.AllowsAnother(code.SentAt))
                return false;
            await ReplaceCodeAsync(session, user, purpose, code);
            return true;
        },
        cancellationToken);

    /// <summary>Keeps a code that sets the password anew and is handed over, in place of the one before.</summary>
    /// <param name="user">Whose password.</param>
    /// <param name="code">What is kept of it.</param>
    /// <param name="tell">Writes to the user in the same act.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    public Task PutHandedResetAsync(Id<User> user, MailedCode code, Func<SqlSession, Task> tell, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await LockAsync(session, user);
            await ReplaceCodeAsync(session, user, MailedCodePurpose.HandedReset, code);
            await tell(session);
            return true;
        },
        cancellationToken);

    /// <summary>Takes the code of a letter as the proof that the address is the user's. A right code is gone afterwards, a wrong one counts.</summary>
    public Task<bool> VerifyEmailAsync(Id<User> user, ContentHash typed, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await LockAsync(session, user);
            if (!await TakeCodeAsync(session, user, MailedCodePurpose.Verification, typed, now))
                return false;
            await NoteVerifiedAsync(session, user, now);
            return true;
        },
        cancellationToken);

    /// <summary>Sets a password anew upon the code of a letter or of an administrator, and ends all sessions. A letter shows as well that the address is the user's.</summary>
    /// <returns>The sessions that were ended; null when the code is wrong.</returns>
    public Task<IReadOnlyList<Id<Session>>?> ResetPasswordAsync(
        Id<User> user, ContentHash typed, string hash, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<IReadOnlyList<Id<Session>>?>(
        async session =>
        {
            await LockAsync(session, user);
            var isOfLetter = await TakeCodeAsync(session, user, MailedCodePurpose.PasswordReset, typed, now);
            if (!isOfLetter && !await TakeCodeAsync(session, user, MailedCodePurpose.HandedReset, typed, now))
                return null;
            await session.ExecuteAsync("UPDATE users SET password_hash = @hash WHERE id = @user", new { hash, user });
            if (isOfLetter)
                await NoteVerifiedAsync(session, user, now);
            return await NotePasswordAsync(session, user, null, now);
        },
        cancellationToken);

    /// <summary>Changes a password and ends all other sessions.</summary>
    /// <param name="user">Whose.</param>
    /// <param name="present">The hash that was looked at.</param>
    /// <param name="hash">Of the new password.</param>
    /// <param name="but">The session that stays; null for none.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>The sessions that were ended; null when the password is another one by now.</returns>
    public Task<IReadOnlyList<Id<Session>>?> ChangePasswordAsync(
        Id<User> user, string? present, string hash, Id<Session>? but, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync<IReadOnlyList<Id<Session>>?>(
        async session =>
        {
            await LockAsync(session, user);
            return await SqlUserStore.ReplacePasswordHashAsync(session, user, present, hash) ? await NotePasswordAsync(session, user, but, now) : null;
        },
        cancellationToken);

    /// <summary>Keeps the secret of an authenticator that is to be enrolled. It asks for nothing yet.</summary>
    /// <returns>False when the account has a second factor already.</returns>
    public Task<bool> BeginTotpAsync(Id<User> user, byte[] secret, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            if ((await LockAsync(session, user)).TotpEnabledAt is not null)
                return false;
            await session.ExecuteAsync(
                "UPDATE account_security SET totp_secret = @sealedSecret, totp_step = 0, failures = 0, failed_at = NULL WHERE user_id = @user",
                new { sealedSecret = cell.Seal(Purpose(user), secret), user });
            return true;
        },
        cancellationToken);

    /// <summary>Looks at a code of the second factor, and keeps what came of it.</summary>
    /// <param name="user">Whose.</param>
    /// <param name="code">As typed.</param>
    /// <param name="upon">What else is to be done when the code is right.</param>
    /// <param name="newCodes">The recovery codes that replace the old ones when the code is right; null to leave those.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>Null when the code is right.</returns>
    public Task<Refusal<AccountRefusal>?> UseCodeAsync(
        Id<User> user, string code, SecondFactorAct upon, IReadOnlyList<ContentHash>? newCodes, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync<Refusal<AccountRefusal>?>(
        async session =>
        {
            var row = await LockAsync(session, user);
            var enrols = upon is SecondFactorAct.Enable;
            if (enrols && row.TotpEnabledAt is not null)
                return new Refusal<AccountRefusal>(AccountRefusal.SecondFactorEnabled, "The account has a second factor already: disable that first.");
            if (row.TotpSecret is null || (row.TotpEnabledAt is null && !enrols))
                return new Refusal<AccountRefusal>(AccountRefusal.SecondFactorMissing, "The account has no second factor: begin with POST /api/v1/users/me/totp.");

            var codes = await session.QueryAsync<ContentHash>("SELECT code_hash FROM recovery_codes WHERE user_id = @user ORDER BY code_hash", new { user });
            var factor = new TotpFactor(cell.Open(Purpose(user), row.TotpSecret), row.TotpStep, row.Failures, row.FailedAt, codes);
            var check = SecondFactorRules.Check(factor, code, now);
            await session.ExecuteAsync(
                "UPDATE account_security SET totp_step = @LastStep, failures = @Failures, failed_at = @FailedAt WHERE user_id = @user",
                new { check.After.LastStep, check.After.Failures, check.After.FailedAt, user });
            if (check.UsedRecoveryCode is { } used)
                await session.ExecuteAsync("DELETE FROM recovery_codes WHERE user_id = @user AND code_hash = @used", new { user, used });
            if (check.Refusal is not null)
                return check.Refusal;

            if (enrols)
                await session.ExecuteAsync("UPDATE account_security SET totp_enabled_at = @now WHERE user_id = @user", new { now, user });
            if (upon is SecondFactorAct.Disable)
            {
                await session.ExecuteAsync(
                    "UPDATE account_security SET totp_secret = NULL, totp_enabled_at = NULL, totp_step = 0 WHERE user_id = @user", new { user });
                newCodes = [];
            }

            if (newCodes is not null)
            {
                await session.ExecuteAsync("DELETE FROM recovery_codes WHERE user_id = @user", new { user });
                foreach (var hash in newCodes)
                    await session.ExecuteAsync("INSERT INTO recovery_codes (user_id, code_hash) VALUES (@user, @hash)", new { user, hash });
            }

            return null;
        },
        cancellationToken);

    /// <summary>Takes a second factor away that its owner has lost, and ends all sessions.</summary>
    /// <param name="user">Whose.</param>
    /// <param name="tell">Writes to the user in the same act.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>The sessions that were ended; null when there was none to take away.</returns>
    public Task<IReadOnlyList<Id<Session>>?> TakeFactorAsync(
        Id<User> user, Func<SqlSession, Task> tell, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<IReadOnlyList<Id<Session>>?>(
        async session =>
        {
            if ((await LockAsync(session, user)).TotpEnabledAt is null)
                return null;
            await session.ExecuteAsync(
                "UPDATE account_security SET totp_secret = NULL, totp_enabled_at = NULL, totp_step = 0, failures = 0, failed_at = NULL WHERE user_id = @user", new { user });
            await session.ExecuteAsync("DELETE FROM recovery_codes WHERE user_id = @user", new { user });
            var ended = await SqlSessionStore.EndAllAsync(session, user, null, SessionEnd.SecondFactorRemoved, now);
            await tell(session);
            return ended;
        },
        cancellationToken);

    /// <summary>Forgets codes that have ended.</summary>
    public Task<int> ForgetAsync(DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync("DELETE FROM mailed_codes WHERE expires_at < @before", new { before = now - TimeSpan.FromDays(1) }), cancellationToken);

    private static async Task<SecurityRow> LockAsync(SqlSession session, Id<User> user)
    {
        await session.ExecuteAsync(
            "INSERT INTO account_security (user_id, must_verify, totp_step, failures) VALUES (@user, FALSE, 0, 0) ON CONFLICT (user_id) DO NOTHING", new { user });
        return await session.QuerySingleAsync<SecurityRow>(
            "SELECT totp_secret, totp_enabled_at, totp_step, failures, failed_at FROM account_security WHERE user_id = @user {for update}", new { user });
    }

    private static Task<MailedCode?> FindCodeAsync(SqlSession session, Id<User> user, MailedCodePurpose purpose) => session.QueryFirstOrDefaultAsync<MailedCode>(
        "SELECT code_hash AS hash, sent_at, expires_at, tries_left FROM mailed_codes WHERE user_id = @user AND purpose = @purpose", new { user, purpose });

    private static async Task ReplaceCodeAsync(SqlSession session, Id<User> user, MailedCodePurpose purpose, MailedCode code)
    {
        await session.ExecuteAsync("DELETE FROM mailed_codes WHERE user_id = @user AND purpose = @purpose", new { user, purpose });
        await session.ExecuteAsync(
            """
            INSERT INTO mailed_codes (user_id, purpose, code_hash, sent_at, expires_at, tries_left)
            VALUES (@user, @purpose, @Hash, @SentAt, @ExpiresAt, @TriesLeft)
            """,
            new { user, purpose, code.Hash, code.SentAt, code.ExpiresAt, code.TriesLeft });
    }

    private static async Task<bool> TakeCodeAsync(SqlSession session, Id<User> user, MailedCodePurpose purpose, ContentHash typed, DateTimeOffset now)
    {
        if (await FindCodeAsync(session, user, purpose) is not { } code)
            return false;
        var isRight = code.Admits(typed, now);
        if (!isRight && !MailedCode.CountsTries(purpose))
            return false;
        await session.ExecuteAsync(
            isRight
                ? "DELETE FROM mailed_codes WHERE user_id = @user AND purpose = @purpose"
                : "UPDATE mailed_codes SET tries_left = tries_left - 1 WHERE user_id = @user AND purpose = @purpose AND tries_left > 0",
            new { user, purpose });
        return isRight;
    }

    private static Task<int> NoteVerifiedAsync(SqlSession session, Id<User> user, DateTimeOffset now) =>
        session.ExecuteAsync("UPDATE account_security SET verified_at = @now WHERE user_id = @user AND verified_at IS NULL", new { now, user });

    private static async Task<IReadOnlyList<Id<Session>>> NotePasswordAsync(SqlSession session, Id<User> user, Id<Session>? but, DateTimeOffset now)
    {
        await session.ExecuteAsync("UPDATE account_security SET password_changed_at = @now WHERE user_id = @user", new { now, user });
        // A letter that is still on its way, or a code that was handed over, must not open the account of who has just changed the password.
        await session.ExecuteAsync(
            "DELETE FROM mailed_codes WHERE user_id = @user AND purpose <> @verification", new { user, verification = MailedCodePurpose.Verification });
        return await SqlSessionStore.EndAllAsync(session, user, but, SessionEnd.PasswordChanged, now);
    }

    private static string Purpose(Id<User> user) => "totp " + user;

    private sealed record SecurityRow(byte[]? TotpSecret, DateTimeOffset? TotpEnabledAt, long TotpStep, int Failures, DateTimeOffset? FailedAt);
}

/// <summary>What a code of the second factor is given for.</summary>
public enum SecondFactorAct
{
    /// <summary>To sign in, or to have new recovery codes.</summary>
    None,

    /// <summary>To enrol the authenticator.</summary>
    Enable,

    /// <summary>To do without one from now on.</summary>
    Disable,
}

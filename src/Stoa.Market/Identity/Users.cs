using Stoa.Primitives;

namespace Stoa.Market.Identity;

/// <summary>Opens accounts and lets their owners in.</summary>
public sealed class Users(IUserStore store, IPasswordHasher passwords, TimeProvider time)
{
    /// <summary>Opens an account with an empty wallet.</summary>
    /// <param name="id">Of the new user; the same id again answers the user that was made.</param>
    /// <param name="handle">See <see cref="RegistrationRules"/>.</param>
    /// <param name="email">Kept in lower case.</param>
    /// <param name="password">Only its hash is kept.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>The user, or <see cref="IdentityRefusal.RegistrationInvalid"/>, <see cref="IdentityRefusal.HandleTaken"/> or <see cref="IdentityRefusal.EmailTaken"/>.</returns>
    public async Task<Outcome<User, IdentityRefusal>> RegisterAsync(
        Id<User> id, string handle, string email, string password, CancellationToken cancellationToken)
    {
        var errors = RegistrationRules.Check(handle, email, password);
        if (errors.Count > 0)
            return new Refusal<IdentityRefusal>(IdentityRefusal.RegistrationInvalid, "Correct what is listed and register again.", errors);

        var hash = await passwords.HashAsync(password, cancellationToken);
        var user = new User(id, handle, Normalise(email), UserRole.Member, time.GetUtcNow());
        return await store.AddAsync(new StoredUser(user, hash), cancellationToken);
    }

    /// <summary>Finds the user who has this login and this password.</summary>
    /// <remarks>An unknown login takes as long as a wrong password, so that nobody learns from the clock who has an account.</remarks>
    /// <param name="login">Handle or email.</param>
    /// <param name="password">As typed.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <returns>The user, or <see cref="IdentityRefusal.CredentialsWrong"/>.</returns>
    public async Task<Outcome<User, IdentityRefusal>> SignInAsync(string login, string password, CancellationToken cancellationToken)
    {
        var plausible = login.Length <= RegistrationRules.EmailLengthMax && IsPlausible(password) && !login.Contains('\0', StringComparison.Ordinal);
        var found = plausible ? await store.FindByLoginAsync(Normalise(login), cancellationToken) : null;
        var check = await passwords.VerifyAsync(found?.PasswordHash ?? passwords.Decoy, plausible ? password : "", cancellationToken);
        if (found?.PasswordHash is { } present && check is not PasswordCheck.Wrong)
        {
            // Only now is the password known, so only now can its hash be made as strong as new ones.
            if (check is PasswordCheck.RightButWeaklyHashed)
                await store.ReplacePasswordHashAsync(found.User.Id, present, await passwords.HashAsync(password, cancellationToken), cancellationToken);
            return found.User;
        }

        return new Refusal<IdentityRefusal>(
            IdentityRefusal.CredentialsWrong, "No account has this login with this password. Check both, or register.");
    }

    /// <summary>Whether a password is the one of a hash. One that is too long for any account is not hashed.</summary>
    public async Task<bool> IsPasswordAsync(string? hash, string password, CancellationToken cancellationToken) =>
        IsPlausible(password) & await passwords.VerifyAsync(hash ?? passwords.Decoy, IsPlausible(password) ? password : "", cancellationToken) is not PasswordCheck.Wrong
        && hash is not null;

    /// <summary>A login as it is kept: handles and addresses are lower case.</summary>
    public static string Normalise(string login) => login.ToLowerInvariant();

    private static bool IsPlausible(string password) => password.Length <= RegistrationRules.PasswordLengthMax;
}

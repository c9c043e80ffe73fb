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
        var plausible = login.Length <= RegistrationRules.EmailLengthMax && password.Length <= RegistrationRules.PasswordLengthMax
            && !login.Contains('\0', StringComparison.Ordinal);
        var found = plausible ? await store.FindByLoginAsync(Normalise(login), cancellationToken) : null;
        var verified = await passwords.VerifyAsync(found?.PasswordHash ?? passwords.Decoy, plausible ? password : "", cancellationToken);
        if (found?.PasswordHash is not null && verified)
            return found.User;
        return new Refusal<IdentityRefusal>(
            IdentityRefusal.CredentialsWrong, "No account has this login with this password. Check both, or register.");
    }

    private static string Normalise(string login) => login.ToLowerInvariant();
}

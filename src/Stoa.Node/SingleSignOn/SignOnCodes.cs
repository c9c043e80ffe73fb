using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.SingleSignOn;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.SingleSignOn;

/// <summary>The end of a sign-in: takes the code that its client brings, and opens a session, or links the identity to an account.</summary>
public sealed class SignOnCodes(
    SqlSignOnStore store, SqlAccountStore security, Accounts accounts, Sessions sessions, Credentials credentials, SingleSignOnOptions options, TimeProvider time)
{
    /// <summary>Opens a session. At the first sign-in it makes the account.</summary>
    /// <param name="code">Of the sign-in.</param>
    /// <param name="verifier">Of the challenge that it was begun with.</param>
    /// <param name="secondFactor">Code of the authenticator, where the account has one of its own; null for none.</param>
    /// <param name="device">What the client says of itself.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    public async Task<Outcome<SignedIn, SingleSignOnRefusal>> SignInAsync(
        string code, string verifier, string? secondFactor, string? device, CancellationToken cancellationToken)
    {
        if (await FindAsync(code, verifier, cancellationToken) is not { } grant)
            return CodeWrong();
        if (await store.FindUserAsync(grant.Identity, cancellationToken) is { } known)
        {
            if (await accounts.RefuseErasedAsync(known, cancellationToken) is { } erasing)
                return new Refusal<SingleSignOnRefusal>(SingleSignOnRefusal.ErasurePending, erasing.Detail);
            if (await RefuseSecondFactorAsync(known, secondFactor, cancellationToken) is { } refused)
                return refused;
        }

        if (!(await RedeemAsync(grant, linkTo: null, cancellationToken)).TryGet(out var redeemed, out var refusal))
            return refusal;
        return new SignedIn(
            redeemed.User, await sessions.OpenAsync(redeemed.User.Id, device, cancellationToken, TimeSpan.FromHours(options.SessionHours)));
    }

    /// <summary>The organisation whose provider a first sign-in comes from, which makes an account; null when the code opens one that there is, or nothing.</summary>
    public async Task<Id<User>?> FindNewcomerAsync(string code, string verifier, CancellationToken cancellationToken) =>
        await FindAsync(code, verifier, cancellationToken) is { } grant && await store.FindUserAsync(grant.Identity, cancellationToken) is null ? grant.OrganisationId : null;

    /// <summary>Finds out who has signed in, and uses the code up; opens nothing.</summary>
    /// <param name="code">Of the sign-in.</param>
    /// <param name="verifier">Of the challenge that it was begun with.</param>
    /// <param name="secondFactor">Code of the authenticator, where the account has one of its own; null for none.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    public async Task<Outcome<Id<User>, SingleSignOnRefusal>> KnowAsync(string code, string verifier, string? secondFactor, CancellationToken cancellationToken)
    {
        if (await FindAsync(code, verifier, cancellationToken) is not { } grant || await store.FindUserAsync(grant.Identity, cancellationToken) is not { } known)
            return CodeWrong();
        if (await RefuseSecondFactorAsync(known, secondFactor, cancellationToken) is { } refused)
            return refused;
        return await store.TakeAsync(grant, time.GetUtcNow(), cancellationToken) ? known : CodeWrong();
    }

    /// <summary>Has an identity open the account of who has signed in there.</summary>
    public async Task<Outcome<ProviderIdentity, SingleSignOnRefusal>> LinkAsync(Id<User> user, string code, string verifier, CancellationToken cancellationToken)
    {
        if (await FindAsync(code, verifier, cancellationToken) is not { } grant)
            return CodeWrong();
        return (await RedeemAsync(grant, user, cancellationToken)).TryGet(out var redeemed, out var refusal) ? redeemed.Identity : refusal;
    }

    private async Task<SignOnGrant?> FindAsync(string code, string verifier, CancellationToken cancellationToken) =>
        await store.FindAsync(OneTimeCode.HashOf(code), time.GetUtcNow(), cancellationToken) is { } grant && CodeChallenge.IsMet(grant.Challenge, verifier) ? grant : null;

    private async Task<Outcome<Redeemed, SingleSignOnRefusal>> RedeemAsync(SignOnGrant grant, Id<User>? linkTo, CancellationToken cancellationToken)
    {
        var outcome = await store.RedeemAsync(grant, linkTo, options.NewAccounts, time.GetUtcNow(), cancellationToken);
        if (outcome.TryGet(out var redeemed, out _))
            credentials.ForgetMembers(redeemed.Organisation);
        return outcome;
    }

    private async Task<Refusal<SingleSignOnRefusal>?> RefuseSecondFactorAsync(Id<User> user, string? code, CancellationToken cancellationToken)
    {
        if ((await security.GetAsync(user, cancellationToken)).TotpEnabledAt is null)
            return null;
        if (code is null)
        {
            return new Refusal<SingleSignOnRefusal>(
                SingleSignOnRefusal.SecondFactorNeeded, "This account has a second factor: send the same code again with the one that the authenticator shows, or with a recovery code.");
        }

        return await security.UseCodeAsync(user, code, SecondFactorAct.None, null, time.GetUtcNow(), cancellationToken) is { } refusal
            ? new Refusal<SingleSignOnRefusal>(
                refusal.Code is AccountRefusal.SecondFactorLocked ? SingleSignOnRefusal.SecondFactorLocked : SingleSignOnRefusal.SecondFactorWrong, refusal.Detail)
            : null;
    }

    private static Refusal<SingleSignOnRefusal> CodeWrong() => new(
        SingleSignOnRefusal.SignOnCodeWrong, "No sign-in waits for this code and verifier: it was taken, has ended after five minutes, or was begun by another program. Begin again.");
}

using Stoa.Market.Identity;
using Stoa.Market.SingleSignOn;

// Values without a name cannot occur; a name without a row is CS8509, which stays an error.
#pragma warning disable CS8524

namespace Stoa.Node.Http;

public static partial class Problems
{
    public static ProblemKind Of(SingleSignOnRefusal refusal) => refusal switch
    {
        SingleSignOnRefusal.SingleSignOnOff => Row(refusal, 409, "No single sign-on here",
            "The node does not know under which address browsers reach it, so no identity provider could send anybody back.",
            "Sign in with a password, or ask the operator of the node to set SingleSignOn:PublicUrl."),
        SingleSignOnRefusal.IdentityProviderMissing => Row(refusal, 404, "No identity provider",
            "There is no organisation of this handle, or it has no identity provider.",
            "Check the handle. Administrators of an organisation set its provider with PUT /api/v1/organisations/{organisation}/identity-provider."),
        SingleSignOnRefusal.IdentityProviderInvalid => Row(refusal, 422, "Identity provider breaks the rules",
            "Issuer, client, domains, roles or scopes are not as they must be.",
            "Correct what is listed in errors and try again."),
        SingleSignOnRefusal.IdentityProviderUnreachable => Row(refusal, 502, "Identity provider cannot be reached",
            "The provider of the organisation does not answer, answers too slowly or too much, or has no address that may be connected to.",
            "Try again later. Administrators of the organisation see what is wrong with POST /api/v1/organisations/{organisation}/identity-provider/test."),
        SingleSignOnRefusal.IdentityProviderUnusable => Row(refusal, 502, "Identity provider cannot be used",
            "What the provider publishes is not what a provider of this issuer publishes: another issuer, no endpoint or key that may be used.",
            "An administrator of the organisation looks at issuer and client, and tests with POST /api/v1/organisations/{organisation}/identity-provider/test."),
        SingleSignOnRefusal.SignOnInvalid => Row(refusal, 400, "Sign-in not begun as it must be",
            "The address was opened without code_challenge and state, or with something else than these can be.",
            "Begin with stoa login --organisation ORGANISATION, or as GET /api/v1/single-sign-on/{handle} says."),
        SingleSignOnRefusal.SignOnUnknown => Row(refusal, 400, "Sign-in not known",
            "The sign-in was not begun in this browser, took too long, or another was begun since.",
            "Begin again, and open the address in the browser that you sign in with."),
        SingleSignOnRefusal.SignOnReplayed => Row(refusal, 400, "Sign-in used before",
            "An answer of a provider is taken once.",
            "Begin again."),
        SingleSignOnRefusal.SignOnDenied => Row(refusal, 403, "Not let in by the provider",
            "The identity provider has refused the sign-in, or gave no ID token for it.",
            "Begin again, or ask who administers the provider."),
        SingleSignOnRefusal.SignOnIssuerWrong => Row(refusal, 400, "Answer of another provider",
            "The answer names another issuer than the one that was asked, or none although this one always does (RFC 9207).",
            "Begin again; if it comes again, tell an administrator of the organisation: somebody may be between you and the provider."),
        SingleSignOnRefusal.IdTokenInvalid => Row(refusal, 403, "ID token not taken",
            "The provider's token is not signed by a key and algorithm that are taken, is for another client, of another issuer or sign-in, or is over.",
            "Begin again; if it stays so, an administrator of the organisation looks at client and issuer, and at the clocks."),
        SingleSignOnRefusal.SignOnEmailRefused => Row(refusal, 403, "Address not let in",
            "The provider names no e-mail address, none that is verified, or one of a domain that the organisation does not let in.",
            "Ask an administrator of the organisation which domains are let in, and whether the provider says that addresses are verified."),
        SingleSignOnRefusal.SignOnCodeWrong => Row(refusal, 401, "Code of the sign-in wrong",
            "No sign-in waits for this code and verifier: it was taken, is older than five minutes, or was begun by another program.",
            "Begin again with stoa login --organisation ORGANISATION."),
        SingleSignOnRefusal.IdentityUnlinked => Row(refusal, 409, "Address has an account",
            "An account has the e-mail address that the provider names, and an address alone opens no account.",
            "If it is yours, sign in to it with its password and link it with POST /api/v1/users/me/identities."),
        SingleSignOnRefusal.IdentityTaken => Row(refusal, 409, "Identity opens another account",
            "An identity of a provider opens one account.",
            "Unlink it there with DELETE /api/v1/users/me/identities/{id}, then link it here."),
        SingleSignOnRefusal.IdentityUnknown => Row(refusal, 404, "No such identity",
            "No identity of this id opens the caller's account.",
            "List them with GET /api/v1/users/me/identities."),
        SingleSignOnRefusal.IdentityLast => Row(refusal, 409, "Nothing else opens the account",
            "The account has no password, and this is the last identity that opens it.",
            "Link another identity first."),
        SingleSignOnRefusal.SessionNeeded => Row(refusal, 403, "A session is needed",
            "The act is for somebody who has signed in, and the request came with a key or a signature.",
            "Sign in with POST /api/v1/sessions, and send the token of that session."),
        SingleSignOnRefusal.NewAccountsOff => Row(refusal, 403, "No new accounts by providers",
            "The operator of the node has providers open accounts only that were linked before.",
            "Sign in to an account that you have and link it, or ask the operator for one."),
        SingleSignOnRefusal.MembersTooMany => Of(OrganisationRefusal.MembersTooMany),
        SingleSignOnRefusal.OrganisationsTooMany => Of(OrganisationRefusal.OrganisationsTooMany),
        SingleSignOnRefusal.SecondFactorNeeded => Of(AccountRefusal.SecondFactorNeeded),
        SingleSignOnRefusal.SecondFactorWrong => Of(AccountRefusal.SecondFactorWrong),
        SingleSignOnRefusal.SecondFactorLocked => Of(AccountRefusal.SecondFactorLocked),
        SingleSignOnRefusal.ErasurePending => Of(AccountRefusal.ErasurePending),
    };

    public static ProblemResult ToProblem(this Market.Refusal<SingleSignOnRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    /// <summary>A refusal of which the table says all.</summary>
    public static ProblemResult ToProblem(this SingleSignOnRefusal refusal) => new(Of(refusal), Of(refusal).Remedy, []);
}

using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.SingleSignOn;

/// <summary>Who somebody is at a provider, and whose account that opens here. Issuer and subject are the identity; the e-mail address is not.</summary>
/// <param name="Id">Names it.</param>
/// <param name="UserId">Whose account it opens.</param>
/// <param name="Issuer">Of the provider.</param>
/// <param name="Subject">What the issuer calls the person, and nobody else, ever (OpenID Connect Core, section 2, <c>sub</c>).</param>
/// <param name="Email">The address as the provider said it at the last sign-in.</param>
/// <param name="CreatedAt">When it was linked, or the account made.</param>
/// <param name="UsedAt">When it was last signed in with.</param>
public sealed record ProviderIdentity(
    Id<ProviderIdentity> Id, Id<User> UserId, string Issuer, string Subject, string Email, DateTimeOffset CreatedAt, DateTimeOffset UsedAt) : IIdentified
{
    public static string IdPrefix => "ident";
}

/// <summary>What a provider has said of who signs in, after all of it was checked.</summary>
/// <param name="Issuer">Of the provider.</param>
/// <param name="Subject">What the issuer calls the person.</param>
/// <param name="Email">Lower case, verified, in a domain that is let in.</param>
/// <param name="PreferredName">What the person would like to be called; null when nothing was said.</param>
/// <param name="Role">By the mapping of the organisation; null when it has none.</param>
public sealed record ProvenIdentity(string Issuer, string Subject, string Email, string? PreferredName, OrganisationRole? Role);

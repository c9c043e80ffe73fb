using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.SingleSignOn;

/// <summary>The OpenID Connect provider by which the people of an organisation sign in. Its client secret is not in here: it is kept sealed.</summary>
/// <param name="OrganisationId">Whose.</param>
/// <param name="Issuer">Exactly as the provider writes it in its tokens.</param>
/// <param name="ClientId">Under which the node is registered there.</param>
/// <param name="Domains">Domains of the e-mail addresses that are let in, lower case; at least one.</param>
/// <param name="TrustsEmail">Whether addresses count as verified that the provider says nothing of.</param>
/// <param name="RoleClaim">The claim whose values give roles; null when all who are new are viewers, and roles are given here.</param>
/// <param name="Roles">The role of each value of that claim.</param>
/// <param name="Scopes">What is asked for beside <c>openid email profile</c>.</param>
/// <param name="ChangedAt">UTC.</param>
public sealed record IdentityProvider(
    Id<User> OrganisationId,
    string Issuer,
    string ClientId,
    IReadOnlyList<string> Domains,
    bool TrustsEmail,
    string? RoleClaim,
    IReadOnlyDictionary<string, OrganisationRole> Roles,
    IReadOnlyList<string> Scopes,
    DateTimeOffset ChangedAt)
{
    /// <summary>Whether a secret that was given for one of the two may be sent to the other.</summary>
    public bool IsSameClientAs(IdentityProvider other) => Issuer == other.Issuer && ClientId == other.ClientId;

    /// <summary>The role that the values of the claim give: the highest of those that are mapped, else viewer. Null without a mapping.</summary>
    public OrganisationRole? RoleOf(IEnumerable<string> values)
    {
        if (RoleClaim is null)
            return null;
        var given = OrganisationRole.Viewer;
        foreach (var value in values)
        {
            if (Roles.TryGetValue(value, out var role) && role > given)
                given = role;
        }

        return given;
    }
}

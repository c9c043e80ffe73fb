using System.Text.Json;
using Stoa.Market.Identity;

namespace Stoa.Market.SingleSignOn;

/// <summary>What the claims of a provider say of a person. They come from a checked ID token, and from the provider's userinfo where that lacks something.</summary>
public static class SignOnClaims
{
    /// <summary>Most characters of a subject (OpenID Connect Core, section 2).</summary>
    public const int SubjectLengthMax = 255;

    private const int RoleValuesMax = 1_000;
    private const int RoleValueLengthMax = 200;

    /// <summary>Whether the ID token alone says all that is needed.</summary>
    public static bool AreEnough(IdentityProvider provider, JsonElement idToken) =>
        Text(idToken, "email") is not null && (provider.RoleClaim is not { } claim || idToken.TryGetProperty(claim, out _));

    /// <summary>Whom the claims are of.</summary>
    /// <param name="provider">Of the organisation.</param>
    /// <param name="idToken">Its payload, of which signature, issuer, audience, times and nonce were checked.</param>
    /// <param name="userInfo">What the userinfo endpoint answered for the same person; null when it was not asked.</param>
    /// <returns>The person, <see cref="SingleSignOnRefusal.IdTokenInvalid"/> or <see cref="SingleSignOnRefusal.SignOnEmailRefused"/>.</returns>
    public static Outcome<ProvenIdentity, SingleSignOnRefusal> Read(IdentityProvider provider, JsonElement idToken, JsonElement? userInfo)
    {
        if (Text(idToken, "sub") is not { Length: > 0 and <= SubjectLengthMax } subject || subject.Any(character => character is < ' ' or > '~'))
            return new Refusal<SingleSignOnRefusal>(SingleSignOnRefusal.IdTokenInvalid, "The ID token names no subject, or one that is no text of 1 to 255 ASCII characters.");
        if (userInfo is { } told && Text(told, "sub") != subject)
            return new Refusal<SingleSignOnRefusal>(SingleSignOnRefusal.IdTokenInvalid, "The userinfo of the provider is of somebody else than the ID token.");

        // Address and whether it is verified belong together, so both are of one document.
        var addressed = Text(idToken, "email") is not null || userInfo is null ? idToken : userInfo.Value;
        if (Text(addressed, "email") is not { } written || RegistrationRules.CheckEmail(written).Any())
            return Refuse("The provider says no e-mail address. The scope email has to be allowed for this client, and the account there has to have an address.");
        var email = Users.Normalise(written);
        if (IsVerified(addressed) is var verified && verified is false || (verified is null && !provider.TrustsEmail))
        {
            return Refuse(verified is null
                ? "The provider does not say whether the e-mail address is verified. An administrator of the organisation may have its addresses trusted."
                : "The provider says that the e-mail address is not verified.");
        }

        var domain = email[(email.LastIndexOf('@') + 1)..];
        if (!provider.Domains.Contains(domain))
            return Refuse($"The organisation lets nobody in from {domain}.");
        var role = provider.RoleClaim is { } claim ? provider.RoleOf(Values(idToken, claim).Concat(userInfo is { } more ? Values(more, claim) : [])) : null;
        return new ProvenIdentity(
            provider.Issuer, subject, email, Text(idToken, "preferred_username") ?? (userInfo is { } named ? Text(named, "preferred_username") : null), role);
    }

    private static Refusal<SingleSignOnRefusal> Refuse(string detail) => new(SingleSignOnRefusal.SignOnEmailRefused, detail);

    // One more than an address may have, so that a longer one is none.
    private static string? Text(JsonElement claims, string name) => ClaimText.Of(claims, name, RegistrationRules.EmailLengthMax + 1) is { Length: > 0 } text ? text : null;

    // Some providers write it as a text.
    private static bool? IsVerified(JsonElement claims) => !claims.TryGetProperty("email_verified", out var value)
        ? null
        : value.ValueKind is JsonValueKind.True || (value.ValueKind is JsonValueKind.String && value.ValueEquals("true"));

    private static IEnumerable<string> Values(JsonElement claims, string name)
    {
        if (!claims.TryGetProperty(name, out var value))
            return [];
        return value.ValueKind switch
        {
            JsonValueKind.String => ClaimText.Of(value, RoleValueLengthMax) is { } one ? [one] : [],
            JsonValueKind.Array => value.EnumerateArray().Take(RoleValuesMax).Select(one => ClaimText.Of(one, RoleValueLengthMax)).OfType<string>(),
            _ => [],
        };
    }
}

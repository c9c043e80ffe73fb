using Stoa.Market.Identity;
using Stoa.Market.Webhooks;

namespace Stoa.Market.SingleSignOn;

/// <summary>What an identity provider must be like. What its name resolves to is checked anew at each connection, not here.</summary>
/// <param name="AllowHttp">Whether plain HTTP will do.</param>
/// <param name="AllowPrivateAddresses">Whether it may be on this machine or network.</param>
public sealed record IdentityProviderRules(bool AllowHttp, bool AllowPrivateAddresses)
{
    /// <summary>Most characters of an issuer.</summary>
    public const int IssuerLengthMax = 500;

    /// <summary>Most characters of a client id, and of a client secret.</summary>
    public const int ClientLengthMax = 500;

    /// <summary>Most domains.</summary>
    public const int DomainsMax = 20;

    /// <summary>Most values that are mapped to roles.</summary>
    public const int RolesMax = 100;

    /// <summary>Most scopes beside the three that are always asked for.</summary>
    public const int ScopesMax = 10;

    private const int WordLengthMax = 200;

    /// <summary>Every reason against a provider.</summary>
    /// <param name="provider">As asked.</param>
    /// <param name="secret">The client secret; null for the one that is kept.</param>
    public IReadOnlyList<FieldError> Check(IdentityProvider provider, string? secret) =>
    [
        .. CheckIssuer(provider.Issuer),
        .. CheckClient(provider.ClientId, secret),
        .. CheckDomains(provider.Domains),
        .. CheckRoles(provider.RoleClaim, provider.Roles.Keys),
        .. CheckScopes(provider.Scopes),
    ];

    /// <summary>Whether an address of the provider may be used: of the issuer, and of what its discovery document names.</summary>
    public bool Allows(Uri address) =>
        (address.Scheme == Uri.UriSchemeHttps || (AllowHttp && address.Scheme == Uri.UriSchemeHttp))
        && address.UserInfo.Length == 0 && address.Host.Length > 0 && (AllowPrivateAddresses || !PublicAddress.IsPrivate(address));

    private IEnumerable<FieldError> CheckIssuer(string issuer)
    {
        const string pointer = "/issuer";
        if (issuer.Length > IssuerLengthMax || !Uri.TryCreate(issuer, UriKind.Absolute, out var address) || address.Host.Length == 0)
        {
            yield return new(pointer, $"An absolute address such as https://login.example.org is expected, of at most {IssuerLengthMax} characters.");
            yield break;
        }

        if (address.Scheme != Uri.UriSchemeHttps && !(AllowHttp && address.Scheme == Uri.UriSchemeHttp))
            yield return new(pointer, AllowHttp ? "The issuer begins with https:// or http://." : "The issuer begins with https://.");
        // OpenID Connect Discovery, section 2: no query and no fragment.
        if (address.UserInfo.Length > 0 || issuer.AsSpan().ContainsAny('?', '#') || issuer.Any(character => character is <= ' ' or > '~'))
            yield return new(pointer, "An issuer has no user, query or fragment in it, and only visible ASCII characters.");
        if (!AllowPrivateAddresses && PublicAddress.IsPrivate(address))
            yield return new(pointer, "The address is one of this machine or of a private network. Give one that the public internet reaches.");
    }

    private static IEnumerable<FieldError> CheckClient(string clientId, string? secret)
    {
        if (clientId.Length is 0 or > ClientLengthMax || clientId.Any(char.IsControl))
            yield return new("/clientId", $"A client id has 1 to {ClientLengthMax} characters, none of them a control character.");
        if (secret is not null && (secret.Length is 0 or > ClientLengthMax || secret.Any(char.IsControl)))
            yield return new("/clientSecret", $"A client secret has 1 to {ClientLengthMax} characters, none of them a control character.");
    }

    private static IEnumerable<FieldError> CheckDomains(IReadOnlyList<string> domains)
    {
        if (domains.Count is 0 or > DomainsMax)
            yield return new("/domains", $"Name 1 to {DomainsMax} domains of e-mail addresses: nobody else is let in.");
        foreach (var (domain, index) in domains.Take(DomainsMax).Select((domain, index) => (domain, index)))
        {
            if (Uri.CheckHostName(domain) is not UriHostNameType.Dns || !domain.Contains('.', StringComparison.Ordinal) || domain != Users.Normalise(domain))
                yield return new($"/domains/{index}", "A domain such as example.org is expected, in lower case.");
        }
    }

    private static IEnumerable<FieldError> CheckRoles(string? claim, IEnumerable<string> values)
    {
        var mapped = values.ToList();
        if (claim is not null && !IsWord(claim))
            yield return new("/roleClaim", $"The name of a claim has 1 to {WordLengthMax} characters, none of them a blank or a control character.");
        if (claim is null && mapped.Count > 0)
            yield return new("/roles", "Values are mapped to roles, but not which claim has them: give roleClaim.");
        if (claim is not null && mapped.Count == 0)
            yield return new("/roles", "Say which values of the claim make somebody developer or admin; all others are viewers.");
        if (mapped.Count > RolesMax || mapped.Any(value => value.Length is 0 or > WordLengthMax))
            yield return new("/roles", $"At most {RolesMax} values are mapped, of 1 to {WordLengthMax} characters.");
    }

    private static IEnumerable<FieldError> CheckScopes(IReadOnlyList<string> scopes)
    {
        if (scopes.Count > ScopesMax || !scopes.All(IsWord))
            yield return new("/scopes", $"At most {ScopesMax} scopes, each a word of 1 to {WordLengthMax} characters.");
    }

    private static bool IsWord(string text) => text.Length is > 0 and <= WordLengthMax && !text.Any(character => character is <= ' ' or > '~' or '"' or '\\');
}

using Stoa.Market.SingleSignOn;

namespace Stoa.Node.SingleSignOn;

/// <summary>How people sign in by the identity providers of their organisations.</summary>
public sealed record SingleSignOnOptions
{
    /// <summary>The address under which browsers reach this node, or the cell, such as <c>https://stoa.example.org</c>. Providers send people back to it. Default empty: nobody signs in by a provider.</summary>
    public string PublicUrl { get; init; } = "";

    /// <summary>Whether providers may have plain HTTP addresses. Default false.</summary>
    public bool AllowHttp { get; init; }

    /// <summary>Whether providers may be on this machine or in private networks. Whoever administers an organisation makes the node call there. Default false.</summary>
    public bool AllowPrivateAddresses { get; init; }

    /// <summary>How long a provider may take for one answer, in milliseconds. Default 10,000.</summary>
    public int TimeoutMs { get; init; } = 10_000;

    /// <summary>How long a sign-in may take at the provider, in minutes. Default 10.</summary>
    public int SignOnMinutes { get; init; } = 10;

    /// <summary>A session that was opened by a provider is over so many hours after its sign-in, however much it is used: whom the provider shuts out is out here at the latest then. Default 12.</summary>
    public int SessionHours { get; init; } = 12;

    /// <summary>Whether a first sign-in opens an account, also where <c>Identity:OpenRegistration</c> is false. Default true; otherwise providers open only accounts that were linked.</summary>
    public bool NewAccounts { get; init; } = true;

    internal bool IsOn => PublicUrl.Length > 0;

    internal bool IsSecure => PublicUrl.StartsWith("https:", StringComparison.OrdinalIgnoreCase);

    internal IdentityProviderRules Rules => new(AllowHttp, AllowPrivateAddresses);

    /// <summary>Where people begin to sign in by the provider of an organisation.</summary>
    internal string StartUrl(string organisation) => $"{PublicUrl.TrimEnd('/')}/login/{organisation}";

    /// <summary>Where the provider of an organisation sends people back to. Each has its own, so that no answer can be taken for another provider's.</summary>
    internal string RedirectUrl(string organisation) => StartUrl(organisation) + "/callback";

    public IEnumerable<string> Validate()
    {
        if (PublicUrl.Length > 0
            && !(Uri.TryCreate(PublicUrl, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.GetLeftPart(UriPartial.Authority) == PublicUrl.TrimEnd('/')))
        {
            yield return "SingleSignOn:PublicUrl is an address without a path, such as https://stoa.example.org.";
        }

        if (TimeoutMs is < 100 or > 30_000)
            yield return "SingleSignOn:TimeoutMs is from 100 to 30000.";
        if (SignOnMinutes is < 1 or > 60)
            yield return "SingleSignOn:SignOnMinutes is from 1 to 60.";
        if (SessionHours is < 1 or > 2_160)
            yield return "SingleSignOn:SessionHours is from 1 to 2160.";
    }
}

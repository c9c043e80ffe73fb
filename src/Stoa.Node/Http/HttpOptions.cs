namespace Stoa.Node.Http;

/// <summary>How the node listens, and what it puts up with.</summary>
public sealed record HttpOptions
{
    /// <summary>Largest body where an endpoint does not say otherwise, in bytes. Default 64 KiB.</summary>
    public long MaxBodyBytes { get; init; } = 64 * 1024;

    /// <summary>Largest header fields of a request together, in bytes. Default 32 KiB.</summary>
    public int MaxHeaderBytes { get; init; } = 32 * 1024;

    /// <summary>Most connections at once. Default 10,000.</summary>
    public long MaxConnections { get; init; } = 10_000;

    /// <summary>How long the header fields of a request may take, in seconds. Default 15.</summary>
    public int HeaderTimeoutSeconds { get; init; } = 15;

    /// <summary>Web origins whose pages may call the API from a browser, such as <c>https://console.example.org</c>. Default none.</summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>Calls that one person may make in a minute, in whosever name (or one address, anonymously). Default 60,000.</summary>
    public int CallsPerMinute { get; init; } = 60_000;

    /// <summary>Requests to models that one person may make in a minute, in whosever name. Default 1,000,000.</summary>
    public int ModelCallsPerMinute { get; init; } = 1_000_000;

    /// <summary>Sign-ins that one address may try in a minute. Default 30.</summary>
    public int SignInsPerMinute { get; init; } = 30;

    /// <summary>Sign-ins that may be tried for one login in ten minutes, from wherever. Default 20.</summary>
    public int SignInsPerLogin { get; init; } = 20;

    /// <summary>Accounts that one address may try to open in an hour. Default 60.</summary>
    public int RegistrationsPerHour { get; init; } = 60;

    /// <summary>Accounts that the first sign-ins by the identity provider of one organisation may make in an hour. Default 200.</summary>
    public int RegistrationsPerProvider { get; init; } = 200;

    /// <summary>Invitations into organisations that one person may make in an hour. Default 60.</summary>
    public int InvitationsPerHour { get; init; } = 60;

    /// <summary>Attempts to redeem a coupon that one person may make in an hour. Default 20.</summary>
    public int CouponsPerHour { get; init; } = 20;

    /// <summary>Messages that one person may send to mailboxes in a minute, in whosever name. Default 30,000.</summary>
    public int MessagesPerMinute { get; init; } = 30_000;

    /// <summary>Event streams and sockets that one caller may have open at once. Default 64.</summary>
    public int StreamsPerCaller { get; init; } = 64;

    public IEnumerable<string> Validate()
    {
        if (MaxBodyBytes < 1024)
            yield return "Http:MaxBodyBytes is at least 1024.";
        if (MaxHeaderBytes < 4096)
            yield return "Http:MaxHeaderBytes is at least 4096.";
        if (MaxConnections < 1)
            yield return "Http:MaxConnections is at least 1.";
        if (HeaderTimeoutSeconds < 1)
            yield return "Http:HeaderTimeoutSeconds is at least 1.";
        if (AllowedOrigins.Any(origin => !Uri.TryCreate(origin, UriKind.Absolute, out var uri) || uri.GetLeftPart(UriPartial.Authority) != origin))
            yield return "Http:AllowedOrigins are origins such as https://console.example.org, without a path.";
        if (StreamsPerCaller < 1)
            yield return "Http:StreamsPerCaller is at least 1.";
        if (CallsPerMinute < 1 || ModelCallsPerMinute < 1 || SignInsPerMinute < 1 || SignInsPerLogin < 1 || RegistrationsPerHour < 1 || RegistrationsPerProvider < 1 || InvitationsPerHour < 1 || CouponsPerHour < 1 || MessagesPerMinute < 1)
            yield return "Http:CallsPerMinute, ModelCallsPerMinute, SignInsPerMinute, SignInsPerLogin, RegistrationsPerHour, RegistrationsPerProvider, InvitationsPerHour, CouponsPerHour and MessagesPerMinute are at least 1.";
    }
}

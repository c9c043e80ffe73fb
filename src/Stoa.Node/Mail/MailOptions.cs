using System.Net;
using MimeKit;

namespace Stoa.Node.Mail;

/// <summary>How this node sends e-mail. Without a host it sends none.</summary>
public sealed record MailOptions
{
    /// <summary>Name or address of the SMTP server. Default empty: no e-mail is sent.</summary>
    public string Host { get; init; } = "";

    /// <summary>Its port. Default 587.</summary>
    public int Port { get; init; } = 587;

    /// <summary>How the connection is protected: "startTls", "tls" (from the first byte) or "none" (only to a server on this machine). Default startTls.</summary>
    public string Security { get; init; } = "startTls";

    /// <summary>PEM file with the authorities that the server's certificate may come from, in place of the system's: for a server of one's own. Default empty: the system's.</summary>
    public string CaFile { get; init; } = "";

    /// <summary>The account at the server. Default empty: none.</summary>
    public string User { get; init; } = "";

    /// <summary>Its password. A secret: give it in the environment.</summary>
    public string Password { get; init; } = "";

    /// <summary>The address that e-mail comes from. Needed where there is a host.</summary>
    public string From { get; init; } = "";

    /// <summary>How long a letter may take to be handed over, in milliseconds. Default 15,000.</summary>
    public int TimeoutMs { get; init; } = 15_000;

    /// <summary>How often a letter is tried in all before it is given up. The waits grow from half a minute to six hours, so that the default, 16, takes about a day and a half.</summary>
    public int MaxAttempts { get; init; } = 16;

    /// <summary>How often the node looks for letters, in milliseconds. Default 1,000.</summary>
    public int PollMs { get; init; } = 1_000;

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (Security is not ("startTls" or "tls" or "none"))
            yield return "Mail:Security is startTls, tls or none.";
        if (Port is < 1 or > 65_535)
            yield return "Mail:Port is from 1 to 65535.";
        if (TimeoutMs is < 100 or > 120_000)
            yield return "Mail:TimeoutMs is from 100 to 120000.";
        if (MaxAttempts is < 1 or > 100)
            yield return "Mail:MaxAttempts is from 1 to 100.";
        if (PollMs is < 10 or > 60_000)
            yield return "Mail:PollMs is from 10 to 60000.";
        if (Host.Length > 0 && Security == "none" && !IsThisMachine(Host))
            yield return "Mail:Security may be none only where Mail:Host is this machine (localhost, 127.0.0.1 or ::1): the password and every letter would be sent in the clear.";
        if (CaFile.Length > 0 && MailTrust.Load(CaFile) is null)
            yield return "Mail:CaFile is a file with certificates in PEM form that this process can read.";
        if (Host.Length > 0 && !MailboxAddress.TryParse(From, out _))
            yield return "Mail:From is the address that e-mail comes from, as in stoa@example.org.";
    }

    private static bool IsThisMachine(string host) => host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}

using System.Diagnostics.CodeAnalysis;

namespace Stoa.Market.Messages;

/// <summary>Names a mailbox inside a cell: <c>owner/name</c>, such as <c>ada/results</c>.</summary>
/// <remarks>The owner's part is a handle, the other one is written as names of agents are. Neither has a slash, a colon or an at sign in it, so that an address
/// may get a part that names a cell one day.</remarks>
public sealed record MailboxAddress : IParsable<MailboxAddress>
{
    private MailboxAddress(string owner, string name) => (Owner, Name) = (owner, name);

    /// <summary>The handle of the account whose it is.</summary>
    public string Owner { get; }

    /// <summary>Which of the owner's.</summary>
    public string Name { get; }

    /// <summary>What a name is, in words.</summary>
    public const string NameRule = "2 to 64 characters of a-z 0-9 -, the first a letter, no hyphen at the end";

    /// <summary>Whether a name may be one of a mailbox.</summary>
    public static bool IsName(string text) => Names.IsAgentName(text);

    /// <summary>The address of these parts; null when one is not as it must be.</summary>
    public static MailboxAddress? Of(string owner, string name) => Names.IsHandle(owner) && IsName(name) ? new MailboxAddress(owner, name) : null;

    /// <summary>Reads an address.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static MailboxAddress Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out var address) ? address : throw new FormatException($"An address of a mailbox is written OWNER/NAME; '{s}' is none.");

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out MailboxAddress result)
    {
        result = s?.Split('/') is [var owner, var name] ? Of(owner, name) : null;
        return result is not null;
    }

    public override string ToString() => $"{Owner}/{Name}";
}

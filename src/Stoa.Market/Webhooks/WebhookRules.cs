namespace Stoa.Market.Webhooks;

/// <summary>What a webhook must be like. What its name resolves to is checked anew at each connection, not here.</summary>
/// <param name="AllowHttp">Whether plain HTTP will do.</param>
/// <param name="AllowPrivateAddresses">Whether it may be on this machine or network.</param>
public sealed record WebhookRules(bool AllowHttp, bool AllowPrivateAddresses)
{
    /// <summary>Most characters of an address.</summary>
    public const int MaxUrlLength = 2048;

    /// <summary>Most characters of a name.</summary>
    public const int MaxNameLength = 100;

    /// <summary>Every reason against an address.</summary>
    public IEnumerable<FieldError> CheckUrl(string text)
    {
        const string pointer = "/url";
        if (text.Length > MaxUrlLength || !Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Host.Length == 0)
        {
            yield return new FieldError(pointer, $"An absolute address such as https://example.org/stoa is expected, of at most {MaxUrlLength} characters.");
            yield break;
        }

        if (url.Scheme != Uri.UriSchemeHttps && !(AllowHttp && url.Scheme == Uri.UriSchemeHttp))
            yield return new FieldError(pointer, AllowHttp ? "The address begins with https:// or http://." : "The address begins with https://: this node sends nothing in the clear.");
        if (url.UserInfo.Length > 0)
            yield return new FieldError(pointer, "An address has no user and password in it: check the signature of what comes instead.");
        if (url.Fragment.Length > 0)
            yield return new FieldError(pointer, "An address has no fragment: what is behind # is never sent.");
        if (!AllowPrivateAddresses && PublicAddress.IsPrivate(url))
            yield return new FieldError(pointer, "The address is one of this machine or of a private network. Give one that the public internet reaches.");
    }

    /// <summary>Every reason against a name.</summary>
    public static IEnumerable<FieldError> CheckName(string name)
    {
        if (name.Length > MaxNameLength || name.Any(char.IsControl))
            yield return new FieldError("/name", $"A name has at most {MaxNameLength} characters, none of them a control character.");
    }

    /// <summary>Writes out event types; <c>stoa.task.*</c> stands for all below it.</summary>
    /// <param name="patterns">As asked; null for the ends of tasks.</param>
    /// <param name="errors">Gets the reasons against them.</param>
    public static IReadOnlyList<string> ExpandTypes(IReadOnlyList<string>? patterns, ICollection<FieldError> errors)
    {
        if (patterns is null)
            return WebhookEvents.Default;
        var types = new List<string>();
        foreach (var pattern in patterns.Take(100))
        {
            var met = WebhookEvents.All.Where(type => pattern.EndsWith(".*", StringComparison.Ordinal)
                ? type.StartsWith(pattern[..^1], StringComparison.Ordinal)
                : type == pattern).ToList();
            if (met.Count == 0)
                errors.Add(new FieldError("/types", $"'{Cut(pattern)}' is not an event that a webhook is told of. Those are {string.Join(", ", WebhookEvents.All)}."));
            types.AddRange(met);
        }

        if (patterns.Count is 0 or > 100)
            errors.Add(new FieldError("/types", "Name at least one event type, or leave the member out for the ends of tasks."));
        return [.. types.Distinct()];
    }

    private static string Cut(string text) => text.Length <= 60 ? text : text[..60] + "…";
}

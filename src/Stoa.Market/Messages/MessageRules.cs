namespace Stoa.Market.Messages;

/// <summary>What mailboxes and messages must be like. How many there may be is the operator's to say.</summary>
public static class MessageRules
{
    /// <summary>Most bytes of a body: 256 KiB.</summary>
    public const int MaxBodyBytes = 256 * 1024;

    /// <summary>Deepest nesting of a body that is JSON: as deep it still fits into an answer with others.</summary>
    public const int MaxBodyDepth = 24;

    /// <summary>Most messages of one answer.</summary>
    public const int MaxReceived = 50;

    /// <summary>Most bytes of the bodies of one answer, unless its first message has more: 1 MiB.</summary>
    public const long MaxReceivedBytes = 1 << 20;

    /// <summary>Most deliveries that are acknowledged at once.</summary>
    public const int MaxMarks = 100;

    /// <summary>Most messages that are sent at once.</summary>
    public const int MaxSent = 100;

    /// <summary>Most bytes of their bodies: 1 MiB.</summary>
    public const long MaxSentBytes = 1 << 20;

    /// <summary>Most mailboxes that subscribe to one topic: all of them get a message in one transaction.</summary>
    public const int MaxSubscriptions = 100;

    /// <summary>Most topics that one mailbox subscribes to.</summary>
    public const int MaxTopicsOfMailbox = 100;

    /// <summary>Most dead letters that are taken back at once.</summary>
    public const int MaxRedriven = 1_000;

    /// <summary>Most characters of a dedupe key or a correlation id.</summary>
    public const int MaxKeyLength = 128;

    /// <summary>Most characters of a content type.</summary>
    public const int MaxContentTypeLength = 128;

    /// <summary>Most accounts that a mailbox names.</summary>
    public const int MaxNamed = 100;

    /// <summary>The content type of a body that is JSON, exactly so.</summary>
    public const string Json = "application/json";

    /// <summary>The content type of bytes of which nothing is said.</summary>
    public const string Bytes = "application/octet-stream";

    /// <summary>Seconds for which a delivery is held, unless otherwise said.</summary>
    public const int DefaultVisibilitySeconds = 30;

    /// <summary>Most seconds for which a delivery is held, extended, or put off: 12 hours.</summary>
    public const int MaxVisibilitySeconds = 12 * 3600;

    /// <summary>Deliveries after which a message is a dead letter, unless otherwise said.</summary>
    public const int DefaultMaxDeliveries = 5;

    /// <summary>Most deliveries of a message.</summary>
    public const int MaxDeliveries = 100;

    /// <summary>Seconds for which a message is kept, unless otherwise said: 4 days.</summary>
    public const int DefaultRetentionSeconds = 4 * 86_400;

    /// <summary>Fewest seconds for which a mailbox keeps messages.</summary>
    public const int MinRetentionSeconds = 60;

    /// <summary>Most seconds for which a message is kept: 14 days.</summary>
    public const int MaxRetentionSeconds = 14 * 86_400;

    /// <summary>Every reason against a mailbox.</summary>
    /// <param name="mailbox">As it shall be.</param>
    /// <param name="named">How many accounts it names.</param>
    /// <param name="isOfOrganisation">Whether its owner is an organisation.</param>
    public static IEnumerable<FieldError> Check(Mailbox mailbox, int named, bool isOfOrganisation)
    {
        ArgumentNullException.ThrowIfNull(mailbox);
        if (!MailboxAddress.IsName(mailbox.Name))
            yield return new FieldError("/name", $"A name has {MailboxAddress.NameRule}.");
        foreach (var error in Check(mailbox.Senders, named, isOfOrganisation, "/senders", "/accounts"))
            yield return error;
        if (mailbox.VisibilitySeconds is < 1 or > MaxVisibilitySeconds)
            yield return new FieldError("/visibilitySeconds", $"A delivery is held for 1 to {MaxVisibilitySeconds} seconds.");
        if (mailbox.MaxDeliveries is < 1 or > MaxDeliveries)
            yield return new FieldError("/maxDeliveries", $"A message is handed out 1 to {MaxDeliveries} times.");
        if (mailbox.RetentionSeconds is < MinRetentionSeconds or > MaxRetentionSeconds)
            yield return new FieldError("/retentionSeconds", $"Messages are kept for {MinRetentionSeconds} to {MaxRetentionSeconds} seconds.");
    }

    /// <summary>Every reason against who may do something.</summary>
    /// <param name="rule">Who may.</param>
    /// <param name="named">How many accounts are named.</param>
    /// <param name="isOfOrganisation">Whether the owner is an organisation.</param>
    /// <param name="pointer">Where the rule is.</param>
    /// <param name="accountsPointer">Where the accounts are.</param>
    internal static IEnumerable<FieldError> Check(SenderRule rule, int named, bool isOfOrganisation, string pointer, string accountsPointer)
    {
        if (rule is SenderRule.Accounts && named is 0 or > MaxNamed)
            yield return new FieldError(accountsPointer, $"With \"accounts\" 1 to {MaxNamed} handles are named.");
        if (rule is not SenderRule.Accounts && named > 0)
            yield return new FieldError(accountsPointer, "Accounts are named with \"accounts\" alone.");
        if (rule is SenderRule.Organisation && !isOfOrganisation)
            yield return new FieldError(pointer, "\"organisation\" is for what belongs to an organisation: make it with the header Stoa-Organisation.");
    }

    /// <summary>Every reason against a message.</summary>
    public static IEnumerable<FieldError> Check(NewMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (message.Body.Length > MaxBodyBytes)
            yield return new FieldError("/body", $"A body has at most {MaxBodyBytes} bytes. Send less, or say in it where the rest is.");
        if (message.ContentType.Length is 0 or > MaxContentTypeLength || message.ContentType.Any(letter => letter is < ' ' or > '~') || !message.ContentType.Contains('/', StringComparison.Ordinal))
            yield return new FieldError("/contentType", $"A content type such as image/png is expected, of at most {MaxContentTypeLength} characters of ASCII.");
        if (message.DedupeKey is { } key && !IsKey(key))
            yield return new FieldError("/dedupeKey", KeyRule);
        if (message.CorrelationId is { } correlation && !IsKey(correlation))
            yield return new FieldError("/correlationId", KeyRule);
        if (message.ExpiresInSeconds is < 1 or > MaxRetentionSeconds)
            yield return new FieldError("/expiresInSeconds", $"A message expires after 1 to {MaxRetentionSeconds} seconds.");
    }

    /// <summary>When a message is of no use any more.</summary>
    /// <param name="message">It.</param>
    /// <param name="retentionSeconds">Of the mailbox.</param>
    /// <param name="sentAt">UTC.</param>
    public static DateTimeOffset ExpiryOf(NewMessage message, int retentionSeconds, DateTimeOffset sentAt)
    {
        ArgumentNullException.ThrowIfNull(message);
        return sentAt.AddSeconds(Math.Min(message.ExpiresInSeconds ?? retentionSeconds, retentionSeconds));
    }

    private static string KeyRule => $"1 to {MaxKeyLength} characters of ASCII without blanks are expected.";

    private static bool IsKey(string text) => text.Length is >= 1 and <= MaxKeyLength && text.All(letter => letter is > ' ' and <= '~');
}

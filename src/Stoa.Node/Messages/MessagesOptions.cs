namespace Stoa.Node.Messages;

/// <summary>How much this node takes into mailboxes.</summary>
public sealed record MessagesOptions
{
    /// <summary>Most mailboxes of one account. Default 100.</summary>
    public int MailboxesPerAccount { get; init; } = 100;

    /// <summary>Most topics of one account. Default 100.</summary>
    public int TopicsPerAccount { get; init; } = 100;

    /// <summary>Most messages of one mailbox, dead letters too. Default 100,000.</summary>
    public long MessagesPerMailbox { get; init; } = 100_000;

    /// <summary>Most bytes of the bodies of one mailbox's messages. Default 256 MiB.</summary>
    public long BytesPerMailbox { get; init; } = 256L << 20;

    /// <summary>For how many minutes a mailbox remembers dedupe keys. Default 1,440, a day.</summary>
    public int DedupeMinutes { get; init; } = 1_440;

    /// <summary>How often what has expired is cleared away, in seconds. It is not handed out any more before. Default 30.</summary>
    public int ClearSeconds { get; init; } = 30;

    /// <summary>For how long dedupe keys are remembered.</summary>
    internal TimeSpan DedupeWindow => TimeSpan.FromMinutes(DedupeMinutes);

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (MailboxesPerAccount is < 1 or > 100_000)
            yield return "Messages:MailboxesPerAccount is from 1 to 100000.";
        if (TopicsPerAccount is < 1 or > 100_000)
            yield return "Messages:TopicsPerAccount is from 1 to 100000.";
        if (MessagesPerMailbox is < 1 or > 100_000_000)
            yield return "Messages:MessagesPerMailbox is from 1 to 100000000.";
        if (BytesPerMailbox is < 1_048_576 or > 1L << 40)
            yield return "Messages:BytesPerMailbox is from 1048576 to 1099511627776.";
        if (DedupeMinutes is < 1 or > 43_200)
            yield return "Messages:DedupeMinutes is from 1 to 43200.";
        if (ClearSeconds is < 1 or > 3_600)
            yield return "Messages:ClearSeconds is from 1 to 3600.";
    }
}

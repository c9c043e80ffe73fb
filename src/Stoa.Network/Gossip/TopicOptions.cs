namespace Stoa.Network.Gossip;

/// <summary>How messages of a topic are judged and delivered.</summary>
public sealed record TopicOptions
{
    /// <summary>Judges messages; null when whatever is signed is good.</summary>
    public GossipValidator? Validator { get; init; }

    /// <summary>Called with each message that was accepted, but not with those that are published here. It must not wait; it may be called by several threads.</summary>
    public Action<GossipMessage>? Deliver { get; init; }

    /// <summary>How many messages the validator is given at once.</summary>
    public int MaxBatch { get; init; } = 64;

    /// <summary>How many calls of the validator run beside each other.</summary>
    public int MaxValidations { get; init; } = 2;

    /// <summary>How many messages wait to be judged; above, they are dropped, and may come again by gossip.</summary>
    public int MaxWaiting { get; init; } = 1_024;

    /// <summary>How long the validator may take. What it says later counts as <see cref="GossipVerdict.Ignore"/>.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>What peers are worth for what they do in this topic.</summary>
    public TopicScoreOptions Score { get; init; } = new();

    /// <exception cref="ArgumentException">One of them makes no sense.</exception>
    public void Validate()
    {
        if (MaxBatch < 1 || MaxValidations < 1 || MaxWaiting < 1 || Deadline <= TimeSpan.Zero)
            throw new ArgumentException("Gossip: numbers of validations and of messages that wait, and the deadline, are above zero.");
        Score.Validate();
    }
}

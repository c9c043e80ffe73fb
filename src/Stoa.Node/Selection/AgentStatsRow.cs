using Stoa.Market.Selection;

namespace Stoa.Node.Selection;

/// <summary>A row of <c>agent_stats</c>.</summary>
internal sealed record AgentStatsRow(
    string Agent,
    double Successes,
    double Paid,
    double Faults,
    double Had,
    double NotHad,
    double Runs,
    double Seconds,
    double SecondsSquared,
    double Gigafuel,
    double GigabyteSeconds,
    long Succeeded,
    long Failed,
    string LastWords,
    long Suspensions,
    DateTimeOffset? SuspendedUntil,
    string? SuspendedFor,
    long Revision,
    DateTimeOffset UpdatedAt)
{
    public const string Columns =
        """
        agent, successes, paid, faults, had, not_had, runs, seconds, seconds_squared, gigafuel, gigabyte_seconds, succeeded, failed,
        last_words, suspensions, suspended_until, suspended_for, revision, updated_at
        """;

    /// <summary>Adds an agent of which nothing is known yet.</summary>
    public const string Insert =
        $"INSERT INTO agent_stats ({Columns}) VALUES (@agent, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', 0, NULL, NULL, 0, 0) ON CONFLICT (agent) DO NOTHING";

    public const string Update =
        """
        UPDATE agent_stats SET successes = @Successes, paid = @Paid, faults = @Faults, had = @Had, not_had = @NotHad, runs = @Runs, seconds = @Seconds,
            seconds_squared = @SecondsSquared, gigafuel = @Gigafuel, gigabyte_seconds = @GigabyteSeconds, succeeded = @Succeeded, failed = @Failed,
            last_words = @LastWords, suspensions = @Suspensions, suspended_until = @SuspendedUntil, suspended_for = @SuspendedFor,
            revision = @Revision, updated_at = @UpdatedAt
        WHERE agent = @Agent
        """;

    public AgentStats ToStats() => new()
    {
        Agent = Agent,
        Successes = Successes,
        Paid = Paid,
        Faults = Faults,
        Had = Had,
        NotHad = NotHad,
        Runs = Runs,
        Seconds = Seconds,
        SecondsSquared = SecondsSquared,
        Gigafuel = Gigafuel,
        GigabyteSeconds = GigabyteSeconds,
        Succeeded = Succeeded,
        Failed = Failed,
        LastWords = LastWords,
        Suspensions = (int)Suspensions,
        SuspendedUntil = SuspendedUntil,
        SuspendedFor = SuspendedFor,
        Revision = Revision,
        UpdatedAt = UpdatedAt,
    };
}

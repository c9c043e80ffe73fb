namespace Stoa.Market.Selection;

/// <summary>What is known of one agent from the ends of its attempts and from its reviews. Sums are kept by <see cref="Decay"/>.</summary>
public sealed record AgentStats
{
    /// <summary>Faults in a row after which an agent is suspended.</summary>
    public const int FaultsToSuspend = 3;

    /// <summary>How long the first suspension lasts; each further one twice as long.</summary>
    public static readonly TimeSpan FirstSuspension = TimeSpan.FromMinutes(1);

    /// <summary>The longest suspension.</summary>
    public static readonly TimeSpan LongestSuspension = TimeSpan.FromDays(1);

    /// <summary><c>publisher/name</c>: all of its versions.</summary>
    public required string Agent { get; init; }

    /// <summary>Receipts of successes, and reviews as far as they praise, by the weight of their payers.</summary>
    public double Successes { get; init; }

    /// <summary>What was paid for them in dollars, by the same weights.</summary>
    public double Paid { get; init; }

    /// <summary>Faults, and reviews as far as they blame, by the weight of their payers.</summary>
    public double Faults { get; init; }

    /// <summary>Attempts that it could be had for, by the weight of their payers.</summary>
    public double Had { get; init; }

    /// <summary>Attempts that it could not be had for, by the weight of their payers.</summary>
    public double NotHad { get; init; }

    /// <summary>How many runs are in the sums of seconds, fuel and memory.</summary>
    public double Runs { get; init; }

    /// <summary>Their wall time.</summary>
    public double Seconds { get; init; }

    /// <summary>Their wall times, each squared.</summary>
    public double SecondsSquared { get; init; }

    /// <summary>Their fuel in units of 10⁹.</summary>
    public double Gigafuel { get; init; }

    /// <summary>Their memory times wall time, in 10⁹ byte seconds.</summary>
    public double GigabyteSeconds { get; init; }

    /// <summary>Attempts that ended well, ever.</summary>
    public long Succeeded { get; init; }

    /// <summary>Attempts that ended otherwise, ever.</summary>
    public long Failed { get; init; }

    /// <summary>Faults since the last success or suspension.</summary>
    public int FaultsInARow { get; init; }

    /// <summary>How often it was suspended; falls by one with each success.</summary>
    public int Suspensions { get; init; }

    /// <summary>Not chosen before this instant; null when it was never suspended.</summary>
    public DateTimeOffset? SuspendedUntil { get; init; }

    /// <summary>Why it was suspended the last time.</summary>
    public string? SuspendedFor { get; init; }

    /// <summary>Rises with each change.</summary>
    public long Revision { get; init; }

    /// <summary>The last change, UTC.</summary>
    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>With one more attempt.</summary>
    /// <param name="ended">Of this agent.</param>
    /// <param name="weight">Of its payer, see <see cref="Reputation.WeightOf"/>; between 0 and 1.</param>
    public AgentStats After(EndedAttempt ended, double weight)
    {
        var now = Decay.WeightAt(ended.At);
        var voice = ended.IsSelfDealing ? 0 : weight * now;
        var isGood = ended.Verdict is Verdict.Good;
        var seconds = ended.DurationMs / 1e3;
        // Only what ended well says how long the work takes: a program that traps at once is not fast.
        var run = isGood ? now : 0;
        var next = this with
        {
            Successes = Successes + (isGood ? voice : 0),
            Paid = Paid + (isGood ? voice * (double)ended.Price.Nanodollars / 1e9 : 0),
            Faults = Faults + (ended.Verdict is Verdict.Fault ? voice : 0),
            Had = Had + (ended.Verdict is Verdict.Unavailable ? 0 : voice),
            NotHad = NotHad + (ended.Verdict is Verdict.Unavailable ? voice : 0),
            Runs = Runs + run,
            Seconds = Seconds + (run * seconds),
            SecondsSquared = SecondsSquared + (run * seconds * seconds),
            Gigafuel = Gigafuel + (run * ended.Fuel / 1e9),
            GigabyteSeconds = GigabyteSeconds + (run * ended.MemoryBytes / 1e9 * seconds),
            Succeeded = Succeeded + (isGood ? 1 : 0),
            Failed = Failed + (isGood ? 0 : 1),
            Revision = Revision + 1,
            UpdatedAt = ended.At,
        };
        // Who pays himself neither clears his agent nor harms it.
        return ended.IsSelfDealing ? next : next.Judge(ended);
    }

    /// <summary>With a review that is written, changed or withdrawn. It neither suspends the agent nor clears it.</summary>
    /// <param name="taken">What it said before.</param>
    /// <param name="given">What it says now.</param>
    /// <param name="now">UTC.</param>
    public AgentStats Hear(ReviewVoice taken, ReviewVoice given, DateTimeOffset now) => this with
    {
        // What is left of subtracting equal numbers may be less than nothing.
        Successes = Math.Max(0, Successes - taken.Successes) + given.Successes,
        Paid = Math.Max(0, Paid - taken.Paid) + given.Paid,
        Faults = Math.Max(0, Faults - taken.Faults) + given.Faults,
        Revision = Revision + 1,
        UpdatedAt = now,
    };

    private AgentStats Judge(EndedAttempt ended)
    {
        if (ended.Verdict is Verdict.Good)
            return this with { FaultsInARow = 0, Suspensions = Math.Max(0, Suspensions - 1) };
        if (ended.Verdict is not Verdict.Fault || SuspendedUntil > ended.At)
            return this;
        // After a suspension a single fault is enough: it comes back on probation.
        var faults = FaultsInARow + 1;
        if (faults < (Suspensions > 0 ? 1 : FaultsToSuspend))
            return this with { FaultsInARow = faults };
        var lasts = FirstSuspension * Math.Pow(2, Math.Min(Suspensions, 20));
        return this with
        {
            FaultsInARow = 0,
            Suspensions = Suspensions + 1,
            SuspendedUntil = ended.At + (lasts < LongestSuspension ? lasts : LongestSuspension),
            SuspendedFor = faults == 1 ? $"{ended.Reason} soon after a suspension" : $"{faults} faults in a row, the last one {ended.Reason}",
        };
    }
}

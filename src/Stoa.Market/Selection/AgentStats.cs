namespace Stoa.Market.Selection;

/// <summary>What is known of one agent from the ends of its attempts and from its reviews. Sums are kept by <see cref="Decay"/>.</summary>
public sealed record AgentStats
{
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

    /// <summary>How it last went for its recent consumers, as <see cref="Selection.LastWords"/> writes it. An index of agents does not keep it.</summary>
    public string LastWords { get; init; } = "";

    /// <summary>How often it was suspended; falls by one with each consumer's first success after a suspension.</summary>
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
    /// <param name="weight">Of its payer's voice, see <see cref="Reputation.WeightOf"/>; between 0 and 1.</param>
    /// <param name="otherPublishers">How many other publishers its payer has paid.</param>
    public AgentStats After(EndedAttempt ended, double weight, int otherPublishers)
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
        return ended.IsSelfDealing ? next : next.Judge(ended, otherPublishers);
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

    private AgentStats Judge(EndedAttempt ended, int otherPublishers)
    {
        var isSuspended = SuspendedUntil > ended.At;
        if (ended.Verdict is not (Verdict.Good or Verdict.Fault) || (ended.Verdict is Verdict.Fault && isSuspended))
            return this;
        var words = Selection.LastWords.Parse(LastWords);
        if (ended.Verdict is Verdict.Good)
        {
            var before = words.AddSuccess(ended.PayerId, otherPublishers, ended.At);
            var makesUp = Suspensions > 0 && !isSuspended && !(before >= SuspendedUntil);
            return this with { LastWords = words.ToString(), Suspensions = makesUp ? Suspensions - 1 : Suspensions };
        }

        words.AddFault(ended.PayerId, otherPublishers, ended.At);
        // After a suspension it comes back on probation.
        var consumers = words.CountWhoSuspend(Suspensions > 0 ? Selection.LastWords.EnoughOnProbation : Selection.LastWords.EnoughToSuspend);
        if (consumers == 0 && !words.FailsWhoeverAsks(ended.At))
            return this with { LastWords = words.ToString() };
        words.Spend();
        if (consumers == 0)
        {
            // These faults may all be one account's, so they do not make the next suspension easier or longer.
            return this with
            {
                LastWords = words.ToString(),
                SuspendedUntil = ended.At + FirstSuspension,
                SuspendedFor = $"{Selection.LastWords.FaultsOfAnybody} faults and hardly any success, the last one {ended.Reason}",
            };
        }

        var lasts = FirstSuspension * Math.Pow(2, Math.Min(Suspensions, 20));
        return this with
        {
            LastWords = words.ToString(),
            Suspensions = Suspensions + 1,
            SuspendedUntil = ended.At + (lasts < LongestSuspension ? lasts : LongestSuspension),
            SuspendedFor = $"faults at tasks of {consumers} consumers{(Suspensions > 0 ? " soon after a suspension" : "")}, the last one {ended.Reason}",
        };
    }
}

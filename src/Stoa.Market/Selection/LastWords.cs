using System.Globalization;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Selection;

/// <summary>How it last went for the recent consumers of one agent, the newest first: what a suspension is decided by. The reasons are in docs/selection.md.</summary>
/// <remarks>It is kept with the agent as a text, and is bounded: the newest eight who had a success, the newest sixteen who had a fault.</remarks>
internal sealed class LastWords
{
    /// <summary>By how much faults must outweigh successes.</summary>
    public const double EnoughToSuspend = 2;

    /// <summary>The same for an agent that was suspended before and has not made up for it.</summary>
    public const double EnoughOnProbation = 1;

    /// <summary>Faults of whoever that suspend an agent of which hardly anybody has had a success.</summary>
    public const int FaultsOfAnybody = 3;

    /// <summary>Who have had a success and weigh less than this together are hardly anybody: two new accounts weigh as much.</summary>
    public const double HardlyAnybody = 0.5;

    /// <summary>A consumer's faults within this time are one.</summary>
    public static readonly TimeSpan OneFault = TimeSpan.FromHours(1);

    private const int MostSuccesses = 8;
    private const int MostFaults = 16;

    private readonly List<Word> words;

    private LastWords(List<Word> words) => this.words = words;

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public static LastWords Parse(string text) =>
        new([.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Word.Parse)]);

    public override string ToString() => string.Join(' ', words);

    /// <summary>What a consumer weighs: a quarter with nobody else paid, 0.7 with three, and always less than one.</summary>
    /// <param name="otherPublishers">How many other publishers he has paid.</param>
    public static double WeightOf(int otherPublishers) => (1 + (2.0 * otherPublishers)) / (4 + (2.0 * otherPublishers));

    /// <summary>It went well for a consumer.</summary>
    /// <returns>When it had last gone well for him; null when that is not remembered.</returns>
    public DateTimeOffset? AddSuccess(Id<User> payer, int otherPublishers, DateTimeOffset now)
    {
        var before = words.FirstOrDefault(word => word.Payer == payer && word.IsSuccess);
        // A fault that has suspended stays for its hour, so that nobody makes it count again by a success.
        words.RemoveAll(word => word.Payer == payer && (word.IsSuccess || !word.IsSpent || now - word.At >= OneFault));
        words.Insert(0, new Word(payer, otherPublishers, now, Faults: 0, IsSpent: false));
        // What is behind the last success that is kept has successes before it that are forgotten: it cannot be weighed.
        if (words.Where(word => word.IsSuccess).ElementAtOrDefault(MostSuccesses - 1) is { } oldest)
        {
            var behind = words.IndexOf(oldest) + 1;
            var spent = words.Skip(behind).Where(word => word.IsSpent).ToList();
            words.RemoveRange(behind, words.Count - behind);
            words.AddRange(spent);
        }

        return before?.At;
    }

    /// <summary>The agent failed a consumer by its own fault.</summary>
    public void AddFault(Id<User> payer, int otherPublishers, DateTimeOffset now)
    {
        var index = words.FindIndex(word => word.Payer == payer && !word.IsSuccess);
        var before = index < 0 ? null : words[index];
        if (before is not null && now - before.At < OneFault)
        {
            words[index] = before with { OtherPublishers = otherPublishers, Faults = Math.Min(before.Faults, FaultsOfAnybody) + 1 };
            return;
        }

        if (before is not null)
            words.RemoveAt(index);
        words.Insert(0, new Word(payer, otherPublishers, now, before is { IsSpent: false } ? Math.Min(before.Faults, FaultsOfAnybody) + 1 : 1, IsSpent: false));
        if (words.Count(word => !word.IsSuccess) > MostFaults)
            words.RemoveAt(words.FindLastIndex(word => !word.IsSuccess));
    }

    /// <summary>How many consumers' faults outweigh, newest first, what went well for others since; 0 when they do not.</summary>
    public int CountWhoSuspend(double enough)
    {
        var failed = FailedNow();
        var (balance, consumers) = (0.0, 0);
        foreach (var word in words)
        {
            if (word.IsActiveFault)
            {
                balance += word.Weight;
                consumers++;
                if (balance >= enough)
                    return consumers;
            }
            else if (word.IsSuccess && !failed.Contains(word.Payer))
            {
                balance -= word.Weight;
            }
        }

        return 0;
    }

    /// <summary>Whether it failed often enough, and hardly anybody is known for whom it does not.</summary>
    public bool FailsWhoeverAsks(DateTimeOffset now)
    {
        var failed = FailedNow();
        return words.Where(word => word.IsActiveFault).Sum(word => word.Faults) >= FaultsOfAnybody
            && words.Where(word => word.IsSuccess && now - word.At < Decay.HalfLife && !failed.Contains(word.Payer)).Sum(word => word.Weight) < HardlyAnybody;
    }

    /// <summary>The faults have suspended the agent: they do not do so again.</summary>
    public void Spend()
    {
        for (var index = 0; index < words.Count; index++)
        {
            if (words[index].IsActiveFault)
                words[index] = words[index] with { IsSpent = true };
        }
    }

    private HashSet<Id<User>> FailedNow() => [.. words.Where(word => word.IsActiveFault).Select(word => word.Payer)];

    /// <summary>How it last went for one consumer.</summary>
    /// <param name="Payer">He.</param>
    /// <param name="OtherPublishers">How many other publishers he had paid.</param>
    /// <param name="At">UTC; of faults the first within an hour.</param>
    /// <param name="Faults">In a row; 0 for a success.</param>
    /// <param name="IsSpent">They have suspended the agent.</param>
    private sealed record Word(Id<User> Payer, int OtherPublishers, DateTimeOffset At, int Faults, bool IsSpent)
    {
        public bool IsSuccess => Faults == 0;

        public bool IsActiveFault => !IsSuccess && !IsSpent;

        public double Weight => WeightOf(OtherPublishers);

        public static Word Parse(string text)
        {
            var parts = text.Split(',');
            return parts.Length == 5
                ? new Word(
                    Id<User>.Parse(parts[0]),
                    int.Parse(parts[1], CultureInfo.InvariantCulture),
                    DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(parts[2], CultureInfo.InvariantCulture)),
                    int.Parse(parts[3], CultureInfo.InvariantCulture),
                    parts[4] == "spent")
                : throw new FormatException($"\"{text}\" is no word of a consumer.");
        }

        public override string ToString() => string.Create(
            CultureInfo.InvariantCulture, $"{Payer},{OtherPublishers},{At.ToUnixTimeMilliseconds()},{Faults},{(IsSpent ? "spent" : "")}");
    }
}

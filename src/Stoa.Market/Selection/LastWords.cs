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

    private readonly List<Word> _words;

    private LastWords(List<Word> words) => _words = words;

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static LastWords Parse(string text)
    {
        var words = new List<Word>(MostSuccesses + MostFaults + 1);
        foreach (var word in text.AsSpan().Split(' '))
        {
            if (!text.AsSpan(word).IsEmpty)
                words.Add(new Word(text[word]));
        }

        return new LastWords(words);
    }

    public override string ToString() => string.Join(' ', _words.Select(word => word.Text));

    /// <summary>What a consumer weighs: a quarter with nobody else paid, 0.7 with three, and always less than one.</summary>
    /// <param name="otherPublishers">How many other publishers he has paid.</param>
    public static double WeightOf(int otherPublishers) => (1 + (2.0 * otherPublishers)) / (4 + (2.0 * otherPublishers));

    /// <summary>It went well for a consumer.</summary>
    /// <returns>When it had last gone well for him; null when that is not remembered.</returns>
    public DateTimeOffset? AddSuccess(Id<User> payer, int otherPublishers, DateTimeOffset now)
    {
        var name = payer.ToString();
        var index = _words.FindIndex(word => word.IsSuccess && word.IsOf(name));
        var before = index < 0 ? (DateTimeOffset?)null : _words[index].At;
        // A fault that has suspended stays for its hour, so that nobody makes it count again by a success.
        _words.RemoveAll(word => word.IsOf(name) && (!word.IsSpent || now - word.At >= OneFault));
        _words.Insert(0, Word.Of('+', name, otherPublishers, now, faults: 0));
        // What is behind the last success that is kept has successes before it that are forgotten: it cannot be weighed.
        var successes = 0;
        var last = _words.FindIndex(word => word.IsSuccess && ++successes == MostSuccesses);
        for (var behind = _words.Count - 1; last >= 0 && behind > last; behind--)
        {
            if (!_words[behind].IsSpent)
                _words.RemoveAt(behind);
        }

        return before;
    }

    /// <summary>The agent failed a consumer by its own fault.</summary>
    public void AddFault(Id<User> payer, int otherPublishers, DateTimeOffset now)
    {
        var name = payer.ToString();
        var index = _words.FindIndex(word => !word.IsSuccess && word.IsOf(name));
        var faults = 1;
        if (index >= 0)
        {
            var before = _words[index];
            var isSame = now - before.At < OneFault;
            if (isSame || !before.IsSpent)
                faults = Math.Min(before.Faults, FaultsOfAnybody) + 1;
            if (isSame)
            {
                _words[index] = Word.Of(before.IsSpent ? '!' : '-', name, otherPublishers, before.At, faults);
                return;
            }

            _words.RemoveAt(index);
        }

        _words.Insert(0, Word.Of('-', name, otherPublishers, now, faults));
        if (_words.Count(word => !word.IsSuccess) > MostFaults)
            _words.RemoveAt(_words.FindLastIndex(word => !word.IsSuccess));
    }

    /// <summary>How many consumers' faults outweigh, newest first, what went well for others since; 0 when they do not.</summary>
    public int CountWhoSuspend(double enough)
    {
        var failed = FailedNow();
        var (balance, consumers) = (0.0, 0);
        foreach (var word in _words)
        {
            if (word.IsActiveFault)
            {
                balance += word.Weight;
                consumers++;
                if (balance >= enough)
                    return consumers;
            }
            else if (word.IsSuccess && !failed.Contains(word.Payer.ToString()))
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
        return _words.Where(word => word.IsActiveFault).Sum(word => word.Faults) >= FaultsOfAnybody
            && _words.Where(word => word.IsSuccess && now - word.At < Decay.HalfLife && !failed.Contains(word.Payer.ToString())).Sum(word => word.Weight) < HardlyAnybody;
    }

    /// <summary>The faults have suspended the agent: they do not do so again.</summary>
    public void Spend()
    {
        for (var index = 0; index < _words.Count; index++)
        {
            if (_words[index].IsActiveFault)
                _words[index] = new Word('!' + _words[index].Text[1..]);
        }
    }

    private HashSet<string> FailedNow() => [.. _words.Where(word => word.IsActiveFault).Select(word => word.Payer.ToString())];

    /// <summary>How it last went for one consumer: <c>+</c> for a success, <c>-</c> for a fault or <c>!</c> for one that has suspended, then who, how many
    /// other publishers he had paid, when (of faults the first within an hour), and how many faults in a row.</summary>
    /// <remarks>It stays a text, of which only what is asked for is read: most ends are successes, and those ask little.</remarks>
    private readonly record struct Word(string Text)
    {
        private const int PayerStart = 1;

        public bool IsSuccess => Text[0] == '+';

        public bool IsActiveFault => Text[0] == '-';

        public bool IsSpent => Text[0] == '!';

        public ReadOnlySpan<char> Payer => Text.AsSpan(PayerStart, Text.IndexOf(',', StringComparison.Ordinal) - PayerStart);

        public double Weight => WeightOf((int)Number(0));

        public DateTimeOffset At => DateTimeOffset.FromUnixTimeMilliseconds(Number(1));

        public int Faults => (int)Number(2);

        public static Word Of(char kind, string payer, int otherPublishers, DateTimeOffset at, int faults) => new(string.Create(
            CultureInfo.InvariantCulture, $"{kind}{payer},{otherPublishers},{at.ToUnixTimeMilliseconds()},{faults}"));

        public bool IsOf(string payer) => Payer.SequenceEqual(payer);

        private long Number(int place)
        {
            var rest = Text.AsSpan(Text.IndexOf(',', StringComparison.Ordinal) + 1);
            for (; place > 0; place--)
                rest = rest[(rest.IndexOf(',') + 1)..];
            var end = rest.IndexOf(',');
            return long.Parse(end < 0 ? rest : rest[..end], CultureInfo.InvariantCulture);
        }
    }
}

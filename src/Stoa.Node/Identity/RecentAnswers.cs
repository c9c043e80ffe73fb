using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Stoa.Node.Identity;

/// <summary>Answers of the database about credentials, kept for seconds, so that not every request costs a query.</summary>
/// <param name="options">How long they are kept.</param>
/// <param name="time">The clock.</param>
internal sealed class RecentAnswers<TKey, TValue>(IdentityOptions options, TimeProvider time)
    where TKey : notnull
{
    private const int MaxCount = 10_000;

    private readonly ConcurrentDictionary<TKey, (TValue Answer, DateTimeOffset Until)> _answers = new();

    /// <summary>What is remembered, stale or not.</summary>
    public ICollection<TKey> Keys => _answers.Keys;

    /// <summary>The answer, unless it has aged or there is none.</summary>
    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue answer)
    {
        var isKnown = _answers.TryGetValue(key, out var known) && !IsStale(known.Until);
        answer = isKnown ? known.Answer : default;
        return isKnown;
    }

    /// <summary>Remembers an answer in place of any other.</summary>
    public void Set(TKey key, TValue answer)
    {
        MakeRoom();
        _answers[key] = (answer, Until());
    }

    /// <summary>Remembers what was looked up, unless the answer has become final meanwhile.</summary>
    /// <param name="key">Of what.</param>
    /// <param name="found">What was looked up.</param>
    /// <param name="isFinal">Whether an answer stays as it is: what was revoked while it was being looked up stays revoked.</param>
    /// <returns>What is remembered now.</returns>
    public TValue Keep(TKey key, TValue found, Func<TValue, bool> isFinal)
    {
        MakeRoom();
        var fresh = (found, Until());
        return _answers.AddOrUpdate(key, fresh, (_, old) => isFinal(old.Answer) && !IsStale(old.Until) ? old : fresh).Answer;
    }

    /// <summary>Forgets one answer.</summary>
    public void Forget(TKey key) => _answers.TryRemove(key, out _);

    /// <summary>Forgets all.</summary>
    public void Clear() => _answers.Clear();

    // One of later than it could be is of before the clock was set back.
    private bool IsStale(DateTimeOffset until) => until <= time.GetUtcNow() || until > Until();

    private DateTimeOffset Until() => time.GetUtcNow().AddSeconds(options.CredentialCacheSeconds);

    // Answers live for seconds, so starting afresh costs little and needs no bookkeeping.
    private void MakeRoom()
    {
        if (_answers.Count >= MaxCount)
            _answers.Clear();
    }
}

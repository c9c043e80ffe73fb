namespace Stoa.Market.Identity.SignIn;

/// <summary>When a signing key signs. Keys of a cell are numbered, and each takes over from the one before.</summary>
/// <param name="Number">From 1.</param>
/// <param name="SignsFrom">The key before signs until then.</param>
public sealed record SigningTerm(long Number, DateTimeOffset SignsFrom);

/// <summary>When the key that signs access tokens changes.</summary>
/// <remarks>
/// A new key is made known before it signs, so that whoever keeps the published keys for a while has it in time, and the old one is known
/// until every token that it signed has ended. A key is made as the successor of a certain number: of nodes that make one at the same moment
/// only one succeeds, and all then have that one.
/// </remarks>
/// <param name="Every">How long a key signs.</param>
/// <param name="Lead">How long a key is known before it signs.</param>
/// <param name="Kept">How long it is known after it has signed for the last time.</param>
public sealed record SigningKeyRules(TimeSpan Every, TimeSpan Lead, TimeSpan Kept)
{
    /// <summary>The key that must be made now; null when there is nothing to do.</summary>
    /// <param name="terms">Those that there are, by number.</param>
    /// <param name="now">UTC.</param>
    public SigningTerm? Due(IReadOnlyList<SigningTerm> terms, DateTimeOffset now)
    {
        if (terms.Count == 0)
            return new SigningTerm(1, now);
        var newest = terms[^1];
        var planned = newest.SignsFrom + Every;
        if (now < planned - Lead)
            return null;
        // A node that was away for long is late, but the lead is kept: until then the old key signs on.
        var earliest = now + Lead;
        return new SigningTerm(newest.Number + 1, planned > earliest ? planned : earliest);
    }

    /// <summary>The number of the key that signs now: the newest whose time has come. Before its time the first one signs, as after a clock was set back.</summary>
    public static long Signer(IReadOnlyList<SigningTerm> terms, DateTimeOffset now) =>
        (terms.LastOrDefault(term => term.SignsFrom <= now) ?? terms[0]).Number;

    /// <summary>The numbers of keys that no token needs any more.</summary>
    public IEnumerable<long> Over(IReadOnlyList<SigningTerm> terms, DateTimeOffset now) =>
        terms.Zip(terms.Skip(1)).Where(pair => pair.Second.SignsFrom + Kept < now).Select(pair => pair.First.Number);
}

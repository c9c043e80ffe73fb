using Stoa.Primitives;

namespace Stoa.Market.Identity;

/// <summary>That a person has asked for all that is stored about them to be erased, and how far that is.</summary>
/// <param name="UserId">Whose account. Its id stays: the ledger's entries lead to it, and it to nobody.</param>
/// <param name="Forfeits">Whether the money in the wallet is given up.</param>
/// <param name="RequestedAt">UTC.</param>
/// <param name="DueAt">From when on it is erased; null once nothing is left to do.</param>
/// <param name="Step">How many steps are done; 0 while it can be undone.</param>
/// <param name="Place">How far the present step is, where it walks over more than one act takes; empty at its beginning.</param>
/// <param name="ErasedAt">When all steps were done for the first time; null before.</param>
public sealed record Erasure(Id<User> UserId, bool Forfeits, DateTimeOffset RequestedAt, DateTimeOffset? DueAt, int Step, string Place, DateTimeOffset? ErasedAt);

/// <summary>What stands in the place of a person who was erased, and when.</summary>
public static class ErasureRules
{
    /// <summary>How handles of erased accounts begin. Nobody can register one.</summary>
    public const string HandlePrefix = "erased-";

    /// <summary>The longest time of reflection.</summary>
    public const int GraceDaysMax = 90;

    /// <summary>How long after the first time all is erased once more: what was under way in that moment, such as an entry of the audit log, is written by then.</summary>
    public static readonly TimeSpan Settling = TimeSpan.FromMinutes(5);

    /// <summary>The handle of an account that was erased: its id leads to nobody, and so does this.</summary>
    public static string HandleOf(Id<User> user)
    {
        var text = user.ToString();
        return HandlePrefix + text[(text.LastIndexOf('_') + 1)..];
    }

    /// <summary>What stands in the place of the e-mail address: the id, which is no address, as with organisations.</summary>
    public static string EmailOf(Id<User> user) => user.ToString();
}

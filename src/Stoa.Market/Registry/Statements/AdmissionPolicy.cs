using System.Numerics;

namespace Stoa.Market.Registry.Statements;

/// <summary>What a node knows of a signer.</summary>
public enum SignerStanding
{
    /// <summary>Nobody vouches for it. Keys cost nothing, so this says nothing about how many people there are.</summary>
    Stranger,

    /// <summary>An administrator of this cell vouches for it.</summary>
    Vouched,

    /// <summary>The same, and it is a node whose word for receipts is believed: reviews that it vouches for count.</summary>
    Believed,

    /// <summary>The key is this cell's: one of its nodes, or that of a publisher it keeps the key of.</summary>
    Own,

    /// <summary>The key was a person's who was erased here, and nobody has it any more: nothing of it is taken again from those who still have it.</summary>
    Forgotten,
}

/// <summary>What a signer has at a node.</summary>
/// <param name="Standing">What the node knows of it.</param>
/// <param name="Statements">How many statements of it are kept.</param>
/// <param name="Bytes">Their payloads together.</param>
/// <param name="Day">The day, UTC, in days since 1970, that <paramref name="Today"/> is of.</param>
/// <param name="Today">How many statements of it were taken on that day, also such that others have taken the place of.</param>
public sealed record SignerUsage(SignerStanding Standing, long Statements, long Bytes, long Day, long Today)
{
    /// <summary>Nothing yet.</summary>
    public static SignerUsage None(SignerStanding standing) => new(standing, 0, 0, 0, 0);
}

/// <summary>How much one signer may have here.</summary>
/// <param name="Statements">Kept at once.</param>
/// <param name="Bytes">Kept at once.</param>
/// <param name="PerDay">Taken in a day, UTC.</param>
public sealed record SignerQuota(long Statements, long Bytes, long PerDay);

/// <summary>Who may have how many statements at this node. Each node decides for itself; what one refuses for now another may have, and gives it again later.</summary>
/// <remarks>
/// Keys are free, so strangers pay: each of their statements has to be the find of a search (<see cref="StatementWork"/>), and all of them together have a bounded room. Who is vouched
/// for pays nothing. All that a stranger can make grow is bounded by <see cref="StrangersBytes"/>.
/// </remarks>
/// <param name="StrangerWorkBits">Zero bits that the id of a stranger's small statement begins with: 2ⁿ hashes are tried on average. Larger ones cost more, see <see cref="WorkBitsOf"/>.</param>
/// <param name="StrangersBytes">Payloads of all strangers together. An eighth of it is for withdrawals and offers alone.</param>
/// <param name="Stranger">A stranger's quota.</param>
/// <param name="Vouched">The quota of those who are vouched for.</param>
/// <param name="Own">The quota of publishers and nodes of this cell.</param>
public sealed record AdmissionPolicy(int StrangerWorkBits, long StrangersBytes, SignerQuota Stranger, SignerQuota Vouched, SignerQuota Own)
{
    /// <summary>A payload of so many bytes is small; each doubling beyond it costs twice the work, so that room is as dear in large pieces as in small ones.</summary>
    public const int SmallBytes = 2_048;

    private const long Megabyte = 1 << 20;

    // What protects others finds room where all else does not: a withdrawal, and where a node is.
    private const int SparePart = 8;

    /// <summary>18 bits, about a tenth of a second of one processor; 256 MiB for all strangers; 32 statements a stranger, 10,000 who is vouched for. The cell's own have no bound here: what its users
    /// may publish is bounded where they publish it.</summary>
    public static AdmissionPolicy Default { get; } = new(
        18, 256 * Megabyte, new SignerQuota(32, Megabyte, 64), new SignerQuota(10_000, 64 * Megabyte, 5_000), new SignerQuota(long.MaxValue, long.MaxValue, long.MaxValue));

    /// <summary>Zero bits that the id of a stranger's statement begins with.</summary>
    /// <param name="payloadBytes">Its size.</param>
    public int WorkBitsOf(int payloadBytes) => StrangerWorkBits == 0 || payloadBytes <= SmallBytes
        ? StrangerWorkBits
        : StrangerWorkBits + BitOperations.Log2((uint)(payloadBytes - 1) / SmallBytes) + 1;

    /// <summary>Why a statement is not taken for now; null when it is.</summary>
    /// <param name="statement">The statement.</param>
    /// <param name="usage">What its signer has.</param>
    /// <param name="freed">What goes when it is taken: payloads of the signer whose place it takes.</param>
    /// <param name="strangersBytes">What all strangers have.</param>
    /// <param name="now">UTC.</param>
    public Refusal<StatementFault>? Find(Statement statement, SignerUsage usage, (long Statements, long Bytes) freed, long strangersBytes, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(statement);
        ArgumentNullException.ThrowIfNull(usage);
        if (usage.Standing is SignerStanding.Forgotten)
            return new(StatementFault.SignerForgotten, $"Who {statement.SignerId} was, was erased here.");
        var quota = usage.Standing switch { SignerStanding.Own => Own, SignerStanding.Vouched or SignerStanding.Believed => Vouched, _ => Stranger };
        long bytes = statement.Payload.Length;
        if (usage.Standing is SignerStanding.Stranger)
        {
            var (bits, asked) = (StatementWork.BitsOf(statement.Id), WorkBitsOf(statement.Payload.Length));
            if (bits < asked)
            {
                return new(
                    StatementFault.WorkMissing,
                    $"Nobody vouches for {statement.SignerId} here, so its statements cost work: the id has to begin with {asked} zero bits, and has {bits}. Search for a \"work\" that gives such an id.");
            }

            var room = statement.Content.Kind is StatementKind.Withdrawal or StatementKind.Offer ? StrangersBytes : StrangersBytes - (StrangersBytes / SparePart);
            if (strangersBytes - freed.Bytes + bytes > room)
                return new(StatementFault.StrangersFull, "The room for publishers whom nobody vouches for is full. Have an administrator here vouch for it, or try later.");
        }

        if (usage.Statements - freed.Statements >= quota.Statements)
            return new(StatementFault.TooManyStatements, $"{statement.SignerId} has {usage.Statements} statements here and may have {quota.Statements}.");
        if (usage.Bytes - freed.Bytes + bytes > quota.Bytes)
            return new(StatementFault.TooManyBytes, $"The statements of {statement.SignerId} have {usage.Bytes} bytes here and may have {quota.Bytes}.");
        return usage.Day == DayOf(now) && usage.Today >= quota.PerDay
            ? new(StatementFault.TooManyToday, $"{statement.SignerId} has made {usage.Today} statements today and may make {quota.PerDay}. Try again after midnight UTC.")
            : null;
    }

    /// <summary>What a signer has once a statement is taken.</summary>
    public static SignerUsage Count(SignerUsage usage, Statement statement, (long Statements, long Bytes) freed, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(usage);
        ArgumentNullException.ThrowIfNull(statement);
        var day = DayOf(now);
        return new SignerUsage(
            usage.Standing, usage.Statements + 1 - freed.Statements, usage.Bytes + statement.Payload.Length - freed.Bytes, day, usage.Day == day ? usage.Today + 1 : 1);
    }

    private static long DayOf(DateTimeOffset now) => now.ToUnixTimeMilliseconds() / (24L * 60 * 60 * 1000);
}

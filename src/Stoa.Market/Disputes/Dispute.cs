using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Disputes;

/// <summary>A consumer says that a receipt does not tell the truth. It is decided by running the program again on the input, as the receipt says.</summary>
/// <param name="Id">Of the dispute.</param>
/// <param name="TaskId">The task; it has one dispute at most.</param>
/// <param name="OwnerId">Whose task it is.</param>
/// <param name="Reason">In the owner's words.</param>
/// <param name="Price">What was charged for the task, and is given back when the dispute is upheld.</param>
/// <param name="DepositId">The hold of as much again, which pays for the run when the receipt is confirmed.</param>
/// <param name="State">Where it is.</param>
/// <param name="OpenedAt">UTC.</param>
public sealed record Dispute(
    Id<Dispute> Id,
    Id<AgentTask> TaskId,
    Id<User> OwnerId,
    string Reason,
    Money Price,
    Id<Transfer> DepositId,
    DisputeState State,
    DateTimeOffset OpenedAt) : IIdentified
{
    public static string IdPrefix => "disp";
}

/// <summary>Where a dispute is.</summary>
public abstract record DisputeState
{
    private DisputeState()
    {
    }

    /// <summary>Waits for a run, or for money that is to be given back.</summary>
    /// <param name="Attempts">How many runs have led to nothing.</param>
    /// <param name="DueAt">Not before, UTC.</param>
    public sealed record Open(int Attempts, DateTimeOffset DueAt) : DisputeState;

    /// <summary>Over.</summary>
    /// <param name="Verdict">How it was decided.</param>
    /// <param name="Detail">What the run found.</param>
    /// <param name="At">UTC.</param>
    public sealed record Decided(DisputeVerdict Verdict, string Detail, DateTimeOffset At) : DisputeState;
}

/// <summary>How a dispute was decided.</summary>
public enum DisputeVerdict
{
    /// <summary>The run came to something else than the receipt: the price is given back, and the deposit is free.</summary>
    Upheld,

    /// <summary>The run came to the same output and the same fuel: the deposit pays the node for it.</summary>
    Rejected,

    /// <summary>The run was not possible: input or program are not there any more, say. The deposit is free, the price stays paid.</summary>
    Undecided,
}

/// <summary>Every reason for which a dispute is refused.</summary>
public enum DisputeRefusal
{
    /// <summary>No such dispute.</summary>
    DisputeUnknown,

    /// <summary>The reason is not as it must be.</summary>
    DisputeInvalid,

    /// <summary>The task did not succeed, or was free: nothing was paid that could be given back.</summary>
    NothingToDispute,

    /// <summary>The task ended too long ago.</summary>
    DisputeTooLate,

    /// <summary>The wallet has not as much as the deposit.</summary>
    InsufficientFunds,
}

using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>The accounts among which a captured price is shared out.</summary>
public sealed record Payees(Id<Account> Clearing, Id<Account> Creator, Id<Account> Node, Id<Account> Platform)
{
    /// <summary>What of the creator's share goes to others, and where.</summary>
    public IReadOnlyList<(Id<Account> Payee, Money Amount)> Royalties { get; init; } = [];
}

/// <summary>The linked transfers of a task: hold, then capture with its shares, or release.</summary>
/// <remarks>The ledger resolves a pending transfer once, so a task is charged once whatever else goes wrong.</remarks>
public static class Settlement
{
    /// <summary>Holds the price at the task's limits.</summary>
    public static Transfer Hold(TaskHold hold, Id<Account> clearing, Id<AgentTask> task, DateTimeOffset now) => new(
        hold.Id, TransferKind.Pending, hold.PayerId, clearing, hold.Amount, null, TransferPurpose.TaskHold, task.ToString(), now);

    /// <summary>Moves the price out of the hold, releases the rest of it, and shares the price out.</summary>
    /// <returns>Nothing for a free task. A share of nothing makes no transfer.</returns>
    public static IReadOnlyList<Transfer> Capture(AgentTask task, Shares shares, Payees payees, IdSource ids, DateTimeOffset now)
    {
        if (task.Hold is not { } hold)
            return [];
        var cause = task.Id.ToString();
        var transfers = new List<Transfer>(4)
        {
            new(ids.Next<Transfer>(), TransferKind.PostPending, hold.PayerId, payees.Clearing, shares.Total, hold.Id, TransferPurpose.TaskCapture, cause, now),
        };
        Share(payees.Creator, payees.Royalties.Aggregate(shares.Creator, (left, royalty) => left - royalty.Amount), TransferPurpose.CreatorShare);
        foreach (var (payee, amount) in payees.Royalties)
            Share(payee, amount, TransferPurpose.Royalty);
        Share(payees.Node, shares.Node, TransferPurpose.NodeShare);
        Share(payees.Platform, shares.Platform, TransferPurpose.PlatformShare);
        return transfers;

        void Share(Id<Account> payee, Money amount, TransferPurpose purpose)
        {
            if (amount > Money.Zero)
                transfers.Add(new(ids.Next<Transfer>(), TransferKind.Posted, payees.Clearing, payee, amount, null, purpose, cause, now));
        }
    }

    /// <summary>Gives all of the hold back.</summary>
    /// <returns>Nothing for a free task.</returns>
    public static IReadOnlyList<Transfer> Release(AgentTask task, Id<Account> clearing, Id<Transfer> id, DateTimeOffset now) => task.Hold is { } hold
        ? [new(id, TransferKind.VoidPending, hold.PayerId, clearing, Money.Zero, hold.Id, TransferPurpose.TaskRelease, task.Id.ToString(), now)]
        : [];
}

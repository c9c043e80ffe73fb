using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Faults.Books;

/// <summary>What was moved for a task when it ended.</summary>
/// <param name="Purpose">The capture, or a share of it.</param>
/// <param name="To">Who got it.</param>
/// <param name="Amount">How much.</param>
internal readonly record struct Moved(TransferPurpose Purpose, Id<Account> To, Money Amount)
{
    public override string ToString() => $"{Purpose} of {Amount} to {To}";
}

/// <summary>Holds what a receipt says that its task and each call cost, and who earned what by them, against the ledger: each of it moved, once, and nothing else.</summary>
/// <param name="wallets">By handle.</param>
/// <param name="clearing">Where a price rests between consumer and earners.</param>
/// <param name="node">Of the operator.</param>
/// <param name="platform">Of the market.</param>
internal sealed class ReceiptShares(IReadOnlyDictionary<string, Id<Account>> wallets, Id<Account> clearing, Id<Account> node, Id<Account> platform)
{
    /// <summary>What does not agree, in words.</summary>
    /// <param name="receipt">Of an agent without royalties of its own, as all are that the load submits to; those that it calls may have some.</param>
    /// <param name="moved">Capture and shares that have the task as their cause.</param>
    public IEnumerable<string> Compare(Receipt receipt, IEnumerable<Moved> moved)
    {
        var left = moved.ToList();
        foreach (var wanted in Expect(receipt).Where(wanted => wanted.Amount != Money.Zero))
        {
            if (!left.Remove(wanted))
                yield return $"By the receipt of {receipt.TaskId} there is a {wanted}; none is in the ledger.";
        }

        foreach (var more in left)
            yield return $"In the ledger {receipt.TaskId} has a {more}, of which its receipt knows nothing.";
    }

    /// <summary>The task's own price and that of each call, each shared out by itself, and put together by who earns it.</summary>
    private IEnumerable<Moved> Expect(Receipt receipt)
    {
        var publisher = wallets[receipt.Agent.Publisher];
        var own = receipt.Calls.Aggregate(receipt.Shares.Creator, (rest, call) => rest - call.Shares.Creator);
        var creators = receipt.Calls.SelectMany(call => call.Royalties)
            .Select(part => (Wallet: wallets[part.To], part.Amount))
            .Append((Wallet: publisher, Amount: own))
            .GroupBy(part => part.Wallet, part => part.Amount)
            .Select(parts => new Moved(
                parts.Key == publisher ? TransferPurpose.CreatorShare : TransferPurpose.Royalty, parts.Key, parts.Aggregate(Money.Zero, (sum, amount) => sum + amount)));
        return
        [
            new(TransferPurpose.TaskCapture, clearing, receipt.Price),
            .. creators,
            new(TransferPurpose.NodeShare, node, receipt.Shares.Node),
            new(TransferPurpose.PlatformShare, platform, receipt.Shares.Platform),
        ];
    }
}

using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Market.Channels;

/// <summary>Turns what has come of acts on channels into the fewest linked transfers that do the same.</summary>
/// <remarks>
/// Flows between the same two accounts become one transfer. When that leaves more payments than there are accounts that pay or are paid, they go
/// through the clearing account instead: one transfer from each escrow, one to each payee. Every account gets exactly the sum of its flows either way.
/// </remarks>
public static class Netting
{
    /// <summary>The linked transfers of one set: all of them or none.</summary>
    /// <param name="changes">Each of another channel, or of one channel in order.</param>
    /// <param name="clearing">The market's clearing account; with nothing in it afterwards.</param>
    /// <param name="cause">Named by transfers that stand for more than one channel; others name their channel.</param>
    /// <param name="ids">Makes the ids of the transfers.</param>
    /// <param name="now">UTC.</param>
    public static IReadOnlyList<Transfer> ToTransfers(
        IReadOnlyList<ChannelChange> changes, Id<Account> clearing, string cause, IdSource ids, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(changes);
        ArgumentNullException.ThrowIfNull(ids);
        var payments = changes.Select(change => Flow.Of(change, TransferPurpose.ChannelPayment, change.Paid)).Where(flow => flow.Amount > Money.Zero).ToList();
        var flows = new List<Flow>();
        // What is paid in comes first, and may then be paid out of.
        flows.AddRange(Merge(changes.Select(change => Flow.Of(change, TransferPurpose.ChannelDeposit, change.Deposited))));
        var pairs = Merge(payments).ToList();
        var from = payments.Select(flow => flow.Debit).Distinct().Count();
        var to = payments.Select(flow => flow.Credit).Distinct().Count();
        flows.AddRange(pairs.Count <= from + to
            ? pairs
            : [.. Merge(payments.Select(flow => flow with { Credit = clearing })), .. Merge(payments.Select(flow => flow with { Debit = clearing }))]);
        flows.AddRange(Merge(changes.Select(change => Flow.Of(change, TransferPurpose.ChannelReturn, change.Returned))));
        return [.. flows.Select(flow => new Transfer(
            ids.Next<Transfer>(), TransferKind.Posted, flow.Debit, flow.Credit, flow.Amount, null, flow.Purpose, flow.Channel?.ToString() ?? cause, now))];
    }

    private static IEnumerable<Flow> Merge(IEnumerable<Flow> flows) => flows
        .Where(flow => flow.Amount > Money.Zero)
        .GroupBy(flow => (flow.Debit, flow.Credit))
        .Select(group => group.Aggregate((sum, flow) => sum with
        {
            Amount = sum.Amount + flow.Amount,
            Channel = sum.Channel == flow.Channel ? sum.Channel : null,
        }));

    // Channel: the one that it is of; null when it is of several.
    private sealed record Flow(Id<Account> Debit, Id<Account> Credit, Money Amount, TransferPurpose Purpose, Id<Channel>? Channel)
    {
        public static Flow Of(ChannelChange change, TransferPurpose purpose, Money amount)
        {
            var channel = change.After;
            var (debit, credit) = purpose switch
            {
                TransferPurpose.ChannelDeposit => (channel.Payer.Wallet, channel.Escrow),
                TransferPurpose.ChannelPayment => (channel.Escrow, channel.Payee.Wallet),
                _ => (channel.Escrow, channel.Payer.Wallet),
            };
            return new Flow(debit, credit, amount, purpose, channel.Id);
        }
    }
}

using Stoa.Market.Channels;
using Stoa.Market.Ledger;
using Stoa.Market.Supply;
using Stoa.Primitives;

namespace Stoa.Simulation.Payments;

/// <summary>No credit is made or lost: what holds at every moment, and what holds when all is over.</summary>
internal sealed class MoneyChecks(MoneyWorld world)
{
    /// <summary>Every way in which books or channels are not as they have to be at any moment, whatever is under way.</summary>
    public IEnumerable<string> Violations() =>
        world.Nodes.SelectMany(BooksOf)
            .Concat(world.Sellers.SelectMany(seller => seller.Channels.Values.SelectMany(channel => ChannelOf(seller, channel))))
            .Concat(world.Sellers.SelectMany(EscrowsOf))
            .Concat(world.Buyers.SelectMany(buyer => buyer.Suppliers.Values.SelectMany(supplier => SupplierOf(buyer, supplier))));

    /// <summary>Every way in which not all money is at one side or the other; once all tasks and channels have ended.</summary>
    public IEnumerable<string> FinalViolations() => Violations().Concat(world.Sellers.SelectMany(SellerAtEnd)).Concat(world.Buyers.SelectMany(BuyerAtEnd));

    private static IEnumerable<string> BooksOf(MoneyNode node)
    {
        var accounts = node.Books.Accounts;
        if (Sum(accounts.Select(account => account.Posted)) is var sum && sum != Money.Zero)
            yield return $"{node.Node}: the accounts sum to {sum}";
        if (Sum(accounts.Select(account => account.PendingDebits)) != Sum(accounts.Select(account => account.PendingCredits)))
            yield return $"{node.Node}: what is held is not what is announced";
        foreach (var account in accounts.Where(account => !account.MayOverdraw && account.Available < Money.Zero))
            yield return $"{node.Node}: {account.Owner} has {account.Available} to spend";
        foreach (var account in accounts.Where(account => account.Kind is AccountKind.Clearing && account.Posted != Money.Zero))
            yield return $"{node.Node}: {account.Posted} are left in clearing";
        // The journal says the same, added up without the ledger's rules.
        var posted = accounts.ToDictionary(account => account.Id, _ => 0L);
        foreach (var transfer in node.Books.Journal.Where(transfer => transfer.Kind is TransferKind.Posted or TransferKind.PostPending))
        {
            posted[transfer.DebitAccountId] -= transfer.Amount.Nanodollars;
            posted[transfer.CreditAccountId] += transfer.Amount.Nanodollars;
        }

        foreach (var account in accounts.Where(account => account.Posted.Nanodollars != posted[account.Id]))
            yield return $"{node.Node}: {account.Owner} has {account.Posted}, and by the journal {new Money(posted[account.Id])}";
    }

    private IEnumerable<string> ChannelOf(SellingNode seller, Channel channel)
    {
        if (channel.Settled > channel.Deposit)
            yield return $"{channel.Id}: {channel.Settled} are settled of {channel.Deposit}";
        if (channel.Settled > world.HighestSigned(channel.Id))
            yield return $"{channel.Id}: {channel.Settled} are settled, and {world.HighestSigned(channel.Id)} were ever signed";
        var credit = seller.CreditOf(channel.Id);
        if (credit.Left < Money.Zero)
            yield return $"{channel.Id}: calls have used {-credit.Left} more than was paid";
        var calls = seller.Calls.Values.Where(call => call.Channel == channel.Id).ToList();
        if (Sum(calls.Select(call => call.Price ?? Money.Zero)) != credit.Spent)
            yield return $"{channel.Id}: {credit.Spent} are charged, and its calls come to {Sum(calls.Select(call => call.Price ?? Money.Zero))}";
        if (Sum(calls.Where(call => call.Price is null).Select(call => call.Reserved)) != credit.Reserved)
            yield return $"{channel.Id}: {credit.Reserved} are reserved, and its open calls come to {Sum(calls.Where(call => call.Price is null).Select(call => call.Reserved))}";
    }

    private static IEnumerable<string> EscrowsOf(SellingNode seller) =>
        from channel in seller.Channels.Values
        let held = seller.Books[channel.Escrow].Posted
        where held != channel.Remaining
        select $"{channel.Id}: the escrow holds {held}, and {channel.Remaining} are left of the deposit";

    private IEnumerable<string> SupplierOf(BuyingNode buyer, Supplier supplier)
    {
        var seller = world.Sellers.Single(seller => seller.Peer == supplier.Node);
        if (seller.Channels[supplier.Channel].Settled > supplier.Signed)
            yield return $"{supplier.Channel}: who is paid holds {seller.Channels[supplier.Channel].Settled}, and by who pays {supplier.Signed} were signed";
        if (world.HighestSigned(supplier.Channel) > supplier.Signed)
            yield return $"{supplier.Channel}: {world.HighestSigned(supplier.Channel)} were signed, and written {supplier.Signed}";
        if (supplier.Spent > seller.CreditOf(supplier.Channel).Spent + Unended(seller, supplier.Channel))
            yield return $"{supplier.Channel}: who pays has been charged {supplier.Spent}, and who is paid has charged {seller.CreditOf(supplier.Channel).Spent}";
        foreach (var call in buyer.Calls.Values.Where(call => call.Supplier == supplier.Node && call.State is CallOutcome.Done))
        {
            if (seller.Tasks.GetValueOrDefault($"{supplier.Channel}/{call.Key}")?.Price != call.Price)
                yield return $"{supplier.Channel}: the call {call.Key} cost {call.Price} for who pays, and {seller.Tasks.GetValueOrDefault($"{supplier.Channel}/{call.Key}")?.Price} for who is paid";
        }
    }

    // Ended, and not written as charged yet.
    private static Money Unended(SellingNode seller, Id<Channel> channel) => Sum(
        seller.Calls.Values.Where(call => call.Channel == channel && call.Price is null && call.Task is not null).Select(call => seller.Tasks[call.Task!].Price ?? Money.Zero));

    private IEnumerable<string> SellerAtEnd(SellingNode seller)
    {
        foreach (var channel in seller.Channels.Values)
        {
            var spent = seller.CreditOf(channel.Id).Spent;
            if (seller.Books[channel.Payer.Wallet].Posted != world.Options.Purse - spent)
                yield return $"{channel.Id}: the payer has {seller.Books[channel.Payer.Wallet].Posted} of {world.Options.Purse} back, and was charged {spent}";
        }

        var charged = Sum(seller.Channels.Keys.Select(channel => seller.CreditOf(channel).Spent));
        if (seller.TillBalance != world.Options.Float)
            yield return $"{seller.Node}: who sells has {seller.TillBalance}, and began with {world.Options.Float}";
        if (seller.Earned != charged)
            yield return $"{seller.Node}: {seller.Earned} are shared out, and {charged} were charged";
        var prices = Sum(seller.Tasks.Values.Select(task => task.Price ?? Money.Zero));
        if (prices != charged)
            yield return $"{seller.Node}: its tasks come to {prices}, and {charged} were charged";
        foreach (var account in seller.Books.Accounts.Where(account => account.PendingDebits != Money.Zero))
            yield return $"{seller.Node}: {account.PendingDebits} of {account.Owner} are still held";
    }

    private static IEnumerable<string> BuyerAtEnd(BuyingNode buyer)
    {
        var paid = Sum(buyer.Tasks.Values.Select(task => task.Price ?? Money.Zero));
        if (buyer.ConsumerBalance != BuyingNode.Purse - paid || buyer.NodeBalance != paid)
            yield return $"{buyer.Node}: the consumer has {buyer.ConsumerBalance} of {BuyingNode.Purse}, the node {buyer.NodeBalance}, and {paid} were paid";
        foreach (var task in buyer.Tasks.Values.Where(task => !task.IsFinal))
            yield return $"{buyer.Node}: the task {task.Number} has no end";
        foreach (var account in buyer.Books.Accounts.Where(account => account.PendingDebits != Money.Zero))
            yield return $"{buyer.Node}: {account.PendingDebits} of {account.Owner} are still held";
        foreach (var task in buyer.Tasks.Values.Where(task => task.Price is not null))
        {
            // A consumer pays for one call and no more, what it cost.
            if (buyer.Calls.Values.Count(call => call.Task == task.Number && call.State is CallOutcome.Done && call.Price == task.Price) != 1)
                yield return $"{buyer.Node}: the task {task.Number} cost {task.Price}, which is not what its call did";
        }
    }

    private static Money Sum(IEnumerable<Money> amounts) => amounts.Aggregate(Money.Zero, (sum, amount) => sum + amount);
}

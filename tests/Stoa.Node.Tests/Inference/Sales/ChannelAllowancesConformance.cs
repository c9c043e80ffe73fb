using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Sales;

/// <summary>Answers that are sold are paid out of what a channel has paid, never beyond it, and to the nanodollar whatever becomes of the node: on every database.</summary>
public abstract class ChannelAllowancesConformance(DatabaseSource source) : AllowancesTest(source)
{
    private static readonly Money s_paid = new(1_000_000);

    private Id<User> _till;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _till = await AddUserAsync(Money.FromDollars(1), 0);
    }

    [Fact]
    public async Task Credit_IsReservedWhileItIsHeld_AndSpentWhenItIsSettled()
    {
        var node = Start(allowance: "0.0002");
        var channel = await OpenChannelAsync(s_paid);

        var spent = await UseAsync(node, channel, 100, 50);
        (await CreditOfAsync(channel)).ShouldBe((Money.Zero, new Money(200_000)));
        await node.TurnAsync();
        (await CreditOfAsync(channel)).ShouldBe((spent, new Money(300_000)), "settled, and held anew for as much again as was spent lately");
        await node.StopAsync();

        (await CreditOfAsync(channel)).ShouldBe((spent, Money.Zero));
        (await WalletOfAsync(_till)).Available.ShouldBe(Money.FromDollars(1) - spent);
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Request_BeyondTheCredit_IsRefused_AndTheRestIsThereForAnother()
    {
        var node = Start(allowance: "0.0001");
        var channel = await OpenChannelAsync(s_paid);
        var rich = await OpenChannelAsync(s_paid);
        (await UseAsync(node, channel, 900, 0)).ShouldBe(new Money(900_000));

        (await ReserveAsync(node, channel, 101)).ShouldBe(AllowanceRefusal.CreditUsedUp);
        (await ReserveAsync(node, channel, 100)).ShouldBeNull();
        (await ReserveAsync(node, rich, 101)).ShouldBeNull("what one channel lacks is nothing to another");

        await node.StopAsync();
        (await CreditOfAsync(channel)).ShouldBe((new Money(900_000), Money.Zero));
        (await CreditOfAsync(rich)).ShouldBe((Money.Zero, Money.Zero));
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Request_ThatNeedsWhatAnotherModelHoldsOfTheChannel_GetsIt()
    {
        var node = Start(allowance: "0.001");
        var channel = await OpenChannelAsync(s_paid);
        var other = ModelOf("ann/other@1.0.0");
        await UseAsync(node, channel, 10, 0);
        (await CreditOfAsync(channel)).Reserved.ShouldBe(s_paid, "the first model holds all of it");

        var reserved = await node.Allowances.ReserveAsync(new AllowanceHolder(_till, null, channel), other, new TokenUsage(900, 0), Stop);

        reserved.Value.Settle(new TokenUsage(900, 0), other).ShouldBe(new Money(900_000));
        await node.StopAsync();
        (await CreditOfAsync(channel)).ShouldBe((new Money(910_000), Money.Zero));
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Requests_OfManyAtOnce_NeverSpendMoreThanWasPaid()
    {
        var node = Start(allowance: "0.0001");
        var channel = await OpenChannelAsync(s_paid);

        var spent = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(async () =>
        {
            var outcome = await node.ReserveAsync(_till, 30, 0, channel: channel);
            return outcome.TryGet(out var reservation, out var refusal)
                ? reservation.Settle(new TokenUsage(30, 0), Model)
                : refusal.Code is AllowanceRefusal.CreditUsedUp ? Money.Zero : throw new InvalidOperationException(refusal.Detail);
        })));

        // 33 of 30,000 each fit into a million.
        spent.Sum(one => one.Nanodollars).ShouldBe(33 * 30_000);
        await node.StopAsync();
        (await CreditOfAsync(channel)).ShouldBe((new Money(33 * 30_000), Money.Zero));
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Node_ThatWasKilled_SpendsOfTheCreditWhatWasSpent()
    {
        var node = Start();
        var channel = await OpenChannelAsync(s_paid);
        var spent = await UseAsync(node, channel, 100, 20);
        await node.TurnAsync();
        spent += await UseAsync(node, channel, 33, 1);
        (await node.ReserveAsync(_till, 50, 0, channel: channel)).Refusal.ShouldBeNull();
        node.Dispose();

        await Start(boot: "boot2").TurnAsync();

        (await CreditOfAsync(channel)).ShouldBe((spent, Money.Zero));
        (await WalletOfAsync(_till)).Available.ShouldBe(Money.FromDollars(1) - spent);
        await BooksHoldAsync();
    }

    private async Task<Money> UseAsync(Node node, Id<Channel> channel, long input, long output) =>
        (await node.ReserveAsync(_till, input, output, channel: channel)).Value.Settle(new TokenUsage(input, output), Model);

    private async Task<AllowanceRefusal?> ReserveAsync(Node node, Id<Channel> channel, long input)
    {
        if (!(await node.ReserveAsync(_till, input, 0, channel: channel)).TryGet(out var reservation, out var refusal))
            return refusal.Code;
        reservation.Release();
        return null;
    }
}

public sealed class SqliteChannelAllowancesTests() : ChannelAllowancesConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresChannelAllowancesTests(PostgresCluster cluster) : ChannelAllowancesConformance(new PostgresSource(cluster));

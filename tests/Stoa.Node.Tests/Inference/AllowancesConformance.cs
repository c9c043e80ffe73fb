using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Metering;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference;

/// <summary>Requests to models are reserved before and settled after, never beyond wallet, budgets and keys, and paid to the nanodollar whatever becomes of the node: on every database.</summary>
public abstract class AllowancesConformance(DatabaseSource source) : AllowancesTest(source)
{
    [Fact]
    public async Task Requests_OfASecond_AreOneChargeSharedOut()
    {
        var node = Start();
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        (await node.UseAsync(user, 100, 50)).ShouldBe(new Money(150_000));
        (await node.UseAsync(user, 7, 0)).ShouldBe(new Money(7_000));
        (await WalletOfAsync(user)).PendingDebits.ShouldBe(Money.FromDollars(0.001m), "one hold for both");

        await node.TurnAsync();

        var charge = (await ChargesOfAsync(user)).ShouldHaveSingleItem();
        (charge.Requests, charge.InputTokens, charge.OutputTokens, charge.ListingPrice, charge.ServingPrice).ShouldBe((2, 107, 50, new Money(107_000), new Money(50_000)));
        // 70, 25 and 5 of a hundred for the listing; 25 and 5 of thirty for serving.
        (charge.Shares.Creator, charge.Shares.Node, charge.Shares.Platform).ShouldBe((new Money(74_900), new Money(26_750 + 41_667), new Money(5_350 + 8_333)));
        (charge.PublisherId, charge.Model.ToString(), charge.Node, charge.KeyId).ShouldBe((Publisher, "ann/tiny@1.0.0", "node", null));
        var wallet = await WalletOfAsync(user);
        wallet.Posted.ShouldBe(Money.FromDollars(1) - new Money(157_000));
        wallet.PendingDebits.ShouldBe(Money.FromDollars(0.001m), "it goes on");
        (await WalletOfAsync(Publisher)).Posted.ShouldBe(charge.Shares.Creator);
        (await EarnedAsync()).ShouldBe((charge.Shares.Node, charge.Shares.Platform));
        await node.StopAsync();
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Requests_OfWhichNothingCameOrThatAreFree_CostNothing()
    {
        var node = Start();
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        var free = Model with { ListingPrice = null, ServingPrice = null };
        var nobody = Ids.Next<User>();
        (await node.UseAsync(nobody, 1_000, 1_000, model: free)).ShouldBe(Money.Zero);
        (await node.UseAsync(nobody, 1_000, 1_000, SpendingAllowance.Nothing, free)).ShouldBe(Money.Zero);
        var reservation = (await node.ReserveAsync(user, 1_000, 0)).Value;
        reservation.Release();
        (await node.ReserveAsync(user, 1_000, 0)).Value.Settle(default, Model).ShouldBe(Money.Zero);

        await node.TurnAsync();
        Clock.Advance(TimeSpan.FromSeconds(11));
        await node.TurnAsync();
        await node.TurnAsync();

        (await WalletOfAsync(user)).ShouldSatisfyAllConditions(wallet => wallet.Posted.ShouldBe(Money.FromDollars(1)), wallet => wallet.PendingDebits.ShouldBe(Money.Zero));
        (await ChargesOfAsync(user)).ShouldBeEmpty();
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Settlement_SaidTwice_MovesMoneyOnce()
    {
        var node = Start();
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        await node.UseAsync(user, 100, 0);
        var allowance = node.Allowances.All.Single().Allowance;
        var spent = allowance.Standing.Spent;
        await node.TurnAsync();
        await node.UseAsync(user, 30, 0);

        (await node.Store.CloseAsync(allowance.Id, spent, Now, Stop)).ShouldNotBeNull().Price.ShouldBe(Money.Zero, "it was settled before");
        (await node.Store.CloseAsync(allowance.Id, allowance.Standing.Spent, Now, Stop)).ShouldBeNull("it is over");

        (await WalletOfAsync(user)).Available.ShouldBe(Money.FromDollars(1) - new Money(100_000));
        (await node.Store.FindPaidAsync(allowance.Id, Stop)).ShouldBe(new Money(100_000));
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Settlement_OfMoreThanIsHeld_TakesWhatIsHeld()
    {
        var node = Start();
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        await node.UseAsync(user, 1, 0);
        var id = node.Allowances.All.Single().Allowance.Id;

        var charge = await node.Store.CloseAsync(id, new InferenceSpending(1, 1, 1, new InferencePrice(Money.FromDollars(5), Money.FromDollars(5))), Now, Stop);

        charge.ShouldNotBeNull().Price.ShouldBe(Money.FromDollars(0.001m));
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Requests_SixtyFourWayAtTwoNodes_NeverPassTheWallet()
    {
        Node[] nodes = [Start("first"), Start("second")];
        var user = await AddUserAsync(new Money(10_000_000), 0);

        var taken = await Task.WhenAll(Enumerable.Range(0, 64).Select(index => Task.Run(
            async () =>
            {
                var (random, sum) = (new Random(index), Money.Zero);
                for (var turn = 0; turn < 10; turn++)
                {
                    var most = random.Next(1, 400);
                    if (!(await nodes[index % 2].ReserveAsync(user, most, 0)).TryGet(out var reservation, out var refusal))
                    {
                        refusal.Code.ShouldBe(AllowanceRefusal.InsufficientFunds);
                        continue;
                    }

                    await Task.Yield();
                    if (turn == 3)
                        reservation.Release();
                    else
                        sum += reservation.Settle(new TokenUsage(random.Next(most + 1), 0), Model);
                }

                return sum;
            },
            Stop)));
        await nodes[0].TurnAsync();
        foreach (var node in nodes)
            await node.StopAsync();

        var spent = taken.Aggregate(Money.Zero, (sum, amount) => sum + amount);
        spent.ShouldBeLessThanOrEqualTo(new Money(10_000_000));
        (await WalletOfAsync(user)).Posted.ShouldBe(new Money(10_000_000) - spent);
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Requests_SixtyFourWayAtTwoNodes_NeverPassTheKey_NorTheBudget()
    {
        Node[] nodes = [Start("first", allowance: "0.0001"), Start("second", allowance: "0.0001")];
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        var key = new SpendingAllowance(Ids.Next<ApiKey>(), new Money(3_000_000));
        var budget = await SetBudgetAsync(user, new Money(5_000_000));
        var refusals = new System.Collections.Concurrent.ConcurrentBag<AllowanceRefusal>();

        var taken = await Task.WhenAll(Enumerable.Range(0, 64).Select(index => Task.Run(
            async () =>
            {
                // Half of them with the key, at both nodes.
                var (random, sum, with) = (new Random(index), Money.Zero, index % 4 < 2 ? key : null);
                for (var turn = 0; turn < 10; turn++)
                {
                    var most = random.Next(1, 400);
                    if (!(await nodes[index % 2].ReserveAsync(user, most, 0, with)).TryGet(out var reservation, out var refusal))
                    {
                        refusals.Add(refusal.Code);
                        continue;
                    }

                    await Task.Yield();
                    if (turn == 3)
                        reservation.Release();
                    else
                        sum += reservation.Settle(new TokenUsage(random.Next(most + 1), 0), Model);
                }

                return (HasKey: with is not null, Sum: sum);
            },
            Stop)));
        foreach (var node in nodes)
            await node.StopAsync();

        Money SumOf(Func<bool, bool> isMeant) => taken.Where(one => isMeant(one.HasKey)).Aggregate(Money.Zero, (sum, one) => sum + one.Sum);
        var (ofKey, all) = (SumOf(hasKey => hasKey), SumOf(_ => true));
        ofKey.ShouldBeInRange(new Money(1), new Money(3_000_000));
        all.ShouldBeInRange(ofKey, new Money(5_000_000));
        refusals.Distinct().ShouldBeSubsetOf([AllowanceRefusal.SpendingLimitReached, AllowanceRefusal.BudgetExhausted]);
        refusals.ShouldContain(AllowanceRefusal.BudgetExhausted);
        (await WalletOfAsync(user)).Posted.ShouldBe(Money.FromDollars(1) - all);
        (await Budgets.FindAsync(budget.Id, user, Now, Stop)).ShouldNotBeNull().Meter.Captured.ShouldBe(all);
        (await Database.WriteAsync(session => SqlKeySpending.FindSpentAsync(session, key.KeyId, SpendingAllowance.DayOf(Now)), Stop)).ShouldBe(ofKey);
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Request_ThatTheWalletHasJustEnoughFor_IsTaken()
    {
        var node = Start();
        var user = await AddUserAsync(new Money(500_000), 0);

        var refused = (await node.ReserveAsync(user, 501, 0)).Refusal.ShouldNotBeNull();
        refused.Code.ShouldBe(AllowanceRefusal.InsufficientFunds);
        refused.Detail.ShouldContain("may cost 0.000501000 USD");
        refused.Detail.ShouldContain("0.000500000 USD available");
        node.Allowances.All.ShouldBeEmpty("one that was never open is not kept");
        (await node.UseAsync(user, 500, 0)).ShouldBe(new Money(500_000));
        (await node.ReserveAsync(user, 1, 0)).Refusal.ShouldNotBeNull().Code.ShouldBe(AllowanceRefusal.InsufficientFunds);

        await DepositAsync(user, new Money(1_000));
        (await node.UseAsync(user, 1, 0)).ShouldBe(new Money(1_000));
        await node.StopAsync();
        (await WalletOfAsync(user)).Posted.ShouldBe(Money.Zero);
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Request_ThatOtherAllowancesOfTheAccountAreInTheWayOf_HasThemGiveBack()
    {
        var node = Start();
        var user = await AddUserAsync(new Money(1_200_000), 0);
        var other = ModelOf("ann/other@1.0.0");
        // It holds 0.001 of which a request has a part.
        var under = (await node.ReserveAsync(user, 100, 0, model: other)).Value;

        (await node.UseAsync(user, 1_050, 0)).ShouldBe(new Money(1_050_000));

        (await node.ReserveAsync(user, 60, 0)).Refusal.ShouldNotBeNull().Code.ShouldBe(AllowanceRefusal.InsufficientFunds);
        under.Settle(new TokenUsage(100, 0), Model).ShouldBe(new Money(100_000));
        await node.StopAsync();
        (await WalletOfAsync(user)).Posted.ShouldBe(new Money(50_000));
        await BooksHoldAsync();
    }

    /// <summary>All that was held is spent, and nothing is left in the wallet: there is nothing to hold anew.</summary>
    [Fact]
    public async Task Allowance_WithNothingLeftAnywhere_IsSettledAllTheSame()
    {
        var node = Start();
        var user = await AddUserAsync(new Money(500_000), 0);
        (await node.UseAsync(user, 500, 0)).ShouldBe(new Money(500_000));
        var held = node.Allowances.All.Single();

        await node.Allowances.RenewAsync(held, Stop);
        held.Allowance.Standing.IsClosed.ShouldBeTrue();
        await node.TurnAsync();

        node.Allowances.All.ShouldBeEmpty();
        (await WalletOfAsync(user)).ShouldSatisfyAllConditions(wallet => wallet.Posted.ShouldBe(Money.Zero), wallet => wallet.PendingDebits.ShouldBe(Money.Zero));
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Request_ThatABudgetHasNoRoomFor_IsRefused()
    {
        var node = Start(allowance: "0.0001");
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        await node.UseAsync(user, 100, 0);
        await node.TurnAsync();
        await FoldAllAsync();
        var budget = await SetBudgetAsync(user, new Money(400_000));
        budget.Meter.ShouldSatisfyAllConditions(meter => meter.Captured.ShouldBe(new Money(100_000)), meter => meter.Held.ShouldBeGreaterThan(Money.Zero, "what is held counts"));

        var refused = (await node.ReserveAsync(user, 301, 0)).Refusal.ShouldNotBeNull();
        refused.Code.ShouldBe(AllowanceRefusal.BudgetExhausted);
        refused.Detail.ShouldContain(budget.Id.ToString());
        (await node.UseAsync(user, 300, 0)).ShouldBe(new Money(300_000));
        await node.StopAsync();

        var meter = (await Budgets.FindAsync(budget.Id, user, Now, Stop)).ShouldNotBeNull().Meter;
        (meter.Captured, meter.Held, meter.IsExhausted).ShouldBe((new Money(400_000), Money.Zero, true));
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Budget_OfOneModelOrPublisher_CountsItAlone()
    {
        var node = Start(allowance: "0.0001");
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        var other = ModelOf("ann/other@1.0.0");
        await SetScopedBudgetAsync(user, "ann/tiny", new Money(200_000));
        await SetScopedBudgetAsync(user, "ann", new Money(500_000));
        await SetScopedBudgetAsync(user, "bob", new Money(1));

        (await node.ReserveAsync(user, 201, 0)).Refusal.ShouldNotBeNull().Code.ShouldBe(AllowanceRefusal.BudgetExhausted);
        await node.UseAsync(user, 200, 0);
        (await node.ReserveAsync(user, 301, 0, model: other)).Refusal.ShouldNotBeNull().Code.ShouldBe(AllowanceRefusal.BudgetExhausted);
        await node.UseAsync(user, 300, 0, model: other);
        await node.StopAsync();

        (await Budgets.ListAsync(user, Now, Stop)).Select(budget => (budget.Scope, budget.Meter.Captured.Nanodollars)).ShouldBe([("ann/tiny", 200_000), ("ann", 500_000), ("bob", 0)]);
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Allowance_WhoseBudgetWasLowered_IsSpentByThoseWhoHaveReservedAlone()
    {
        var node = Start();
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        await SetBudgetAsync(user, Money.FromDollars(0.5m));
        await node.UseAsync(user, 100, 0);
        var under = (await node.ReserveAsync(user, 200, 0)).Value;
        await SetBudgetAsync(user, new Money(100_000));

        await node.TurnAsync();
        (await node.ReserveAsync(user, 1, 0)).Refusal.ShouldNotBeNull().Code.ShouldBe(AllowanceRefusal.BudgetExhausted);
        under.Settle(new TokenUsage(150, 0), Model).ShouldBe(new Money(150_000));
        await node.TurnAsync();

        (await WalletOfAsync(user)).ShouldSatisfyAllConditions(
            wallet => wallet.Posted.ShouldBe(Money.FromDollars(1) - new Money(250_000)), wallet => wallet.PendingDebits.ShouldBe(Money.Zero));
        await BooksHoldAsync();
    }

    /// <summary>Who makes a budget and who renews an allowance each look for what the other has written: neither misses it.</summary>
    [Fact]
    public async Task Budgets_MadeWhileAllowancesAreRenewed_CountAllThatIsSpentFromThenOn()
    {
        const int Rounds = 12;
        var node = Start(allowance: "0.0001");
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        var spent = Money.Zero;
        for (var round = 0; round < Rounds; round++)
        {
            spent += await node.UseAsync(user, 70, 0);
            var turn = Task.Run(node.TurnAsync, Stop);
            var made = await SetBudgetAsync(user, Money.FromDollars(1));
            await turn;
            spent += await node.UseAsync(user, 30, 0);
            await node.Allowances.EndAsync(node.Allowances.All.Single(), null, Stop);

            var meter = (await Budgets.FindAsync(made.Id, user, Now, Stop)).ShouldNotBeNull().Meter;
            (meter.Held, meter.Captured).ShouldBe((Money.Zero, spent));
            (await Budgets.DeleteAsync(made.Id, user, Stop)).ShouldBeTrue();
        }

        await BooksHoldAsync();
    }

    [Fact]
    public async Task Request_AboveWhatTheKeyMaySpend_IsRefused()
    {
        var node = Start(allowance: "0.0001");
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        var key = new SpendingAllowance(Ids.Next<ApiKey>(), new Money(1_000_000));

        (await node.UseAsync(user, 700, 0, key)).ShouldBe(new Money(700_000));
        (await node.ReserveAsync(user, 301, 0, key)).Refusal.ShouldNotBeNull().Code.ShouldBe(AllowanceRefusal.SpendingLimitReached);
        var under = (await node.ReserveAsync(user, 300, 0, key)).Value;
        (await node.ReserveAsync(user, 1, 0, key)).Refusal.ShouldNotBeNull().Code.ShouldBe(AllowanceRefusal.SpendingLimitReached);
        (await node.UseAsync(user, 1, 0)).ShouldBe(new Money(1_000), "others have their own limit");
        (await node.ReserveAsync(user, 1, 0, SpendingAllowance.Nothing)).Refusal.ShouldNotBeNull().Detail.ShouldContain("tasks:submit");
        under.Release();
        await node.StopAsync();

        (await Database.WriteAsync(session => SqlKeySpending.FindSpentAsync(session, key.KeyId, SpendingAllowance.DayOf(Now)), Stop)).ShouldBe(new Money(700_000));
        (await ChargesOfAsync(user)).Sum(charge => charge.KeyId == key.KeyId ? charge.Price.Nanodollars : 0).ShouldBe(700_000);
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Key_OnTheNextDay_MaySpendAnew()
    {
        var node = Start(allowance: "0.0001");
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        var key = new SpendingAllowance(Ids.Next<ApiKey>(), new Money(500_000));
        await node.UseAsync(user, 500, 0, key);
        (await node.ReserveAsync(user, 1, 0, key)).Refusal.ShouldNotBeNull();

        Clock.Advance(TimeSpan.FromDays(1));

        (await node.UseAsync(user, 500, 0, key)).ShouldBe(new Money(500_000));
        await node.StopAsync();
        foreach (var day in (DateTimeOffset[])[Now, Now.AddDays(1)])
            (await Database.WriteAsync(session => SqlKeySpending.FindSpentAsync(session, key.KeyId, SpendingAllowance.DayOf(day)), Stop)).ShouldBe(new Money(500_000));
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Node_ThatWasKilled_PaysWhatWasSpentAtItsNextStart()
    {
        var node = Start();
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        var spent = await node.UseAsync(user, 100, 20);
        await node.TurnAsync();
        spent += await node.UseAsync(user, 33, 1);
        var key = new SpendingAllowance(Ids.Next<ApiKey>(), Money.FromDollars(1));
        spent += await node.UseAsync(user, 5, 0, key);
        var under = (await node.ReserveAsync(user, 50, 0)).Value;
        node.Dispose();
        under.Settle(new TokenUsage(50, 0), Model);

        var again = Start(boot: "boot2");
        await again.TurnAsync();

        (await WalletOfAsync(user)).ShouldSatisfyAllConditions(
            wallet => wallet.Posted.ShouldBe(Money.FromDollars(1) - spent), wallet => wallet.PendingDebits.ShouldBe(Money.Zero));
        (await ChargesOfAsync(user)).Sum(charge => charge.Price.Nanodollars).ShouldBe(spent.Nanodollars);
        // Killed once more, it has nothing left to pay.
        var third = Start(boot: "boot3");
        await third.TurnAsync();
        (await WalletOfAsync(user)).Posted.ShouldBe(Money.FromDollars(1) - spent);
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Node_WhoseFileIsGone_GivesBackWhatItHeld()
    {
        var node = Start();
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        var paid = await node.UseAsync(user, 100, 0);
        await node.TurnAsync();
        await node.UseAsync(user, 100, 0);
        node.Dispose();
        File.Delete(node.File);

        await Start(boot: "boot2").TurnAsync();

        (await WalletOfAsync(user)).Available.ShouldBe(Money.FromDollars(1) - paid);
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Node_ThatDoesNotComeBack_HoldsNothingForEver()
    {
        var (node, other) = (Start(), Start("other"));
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        await node.UseAsync(user, 100, 0);
        var under = (await node.ReserveAsync(user, 50, 0)).Value;

        Clock.Advance(TimeSpan.FromMinutes(9));
        await other.TurnAsync();
        (await WalletOfAsync(user)).PendingDebits.ShouldBe(Money.FromDollars(0.001m), "it may come back");
        Clock.Advance(TimeSpan.FromMinutes(2));
        await other.TurnAsync();
        (await WalletOfAsync(user)).Available.ShouldBe(Money.FromDollars(1));

        // It was only silent: from when it notices nothing is taken any more, and the next request opens anew.
        await node.TurnAsync();
        under.Settle(new TokenUsage(50, 0), Model).ShouldBe(Money.Zero);
        (await node.UseAsync(user, 10, 0)).ShouldBe(new Money(10_000));
        await node.StopAsync();
        (await WalletOfAsync(user)).Available.ShouldBe(Money.FromDollars(1) - new Money(10_000));
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Allowance_ThatIsNotUsed_IsGivenBackAfterTenSeconds()
    {
        var node = Start();
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        var under = (await node.ReserveAsync(user, 100, 0)).Value;
        await node.TurnAsync();
        Clock.Advance(TimeSpan.FromMinutes(1));
        await node.TurnAsync();
        (await WalletOfAsync(user)).PendingDebits.ShouldBe(Money.FromDollars(0.001m), "a request is under way");
        under.Settle(new TokenUsage(40, 0), Model);
        await node.TurnAsync();
        Clock.Advance(TimeSpan.FromSeconds(9));
        await node.TurnAsync();
        (await WalletOfAsync(user)).PendingDebits.ShouldBe(Money.FromDollars(0.001m));
        Clock.Advance(TimeSpan.FromSeconds(2));
        await node.TurnAsync();

        (await WalletOfAsync(user)).Available.ShouldBe(Money.FromDollars(1) - new Money(40_000));
        node.Allowances.All.ShouldBeEmpty();
        await BooksHoldAsync();
    }

    [Fact]
    public async Task Usage_OfModels_IsInReportsOfAllThree()
    {
        var node = Start();
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        await node.UseAsync(user, 100, 50);
        await node.StopAsync();
        foreach (var isFolded in (bool[])[false, true])
        {
            if (isFolded)
                await FoldAllAsync();
            foreach (var (role, who) in ((UsageRole, Id<User>)[])[(UsageRole.Consumer, user), (UsageRole.Creator, Publisher), (UsageRole.Operator, user)])
            {
                var row = (await Usage.ReportAsync(new UsageQuery(role, who, UsageSpan.Day, UsageGroup.Version, Now.AddDays(-1), Now.AddDays(1)), new PageRequest(), Stop)).Items.ShouldHaveSingleItem();
                (row.Name, row.Charges, row.Calls).ShouldBe(("ann/tiny@1.0.0", 1, 0));
                (row.Amounts.Events, row.Amounts.Requests, row.Amounts.InputTokens, row.Amounts.OutputTokens, row.Amounts.Paid).ShouldBe((1, 1, 100, 50, new Money(150_000)));
                row.Amounts.Creator.ShouldBe(new Money(70_000));
                (row.Amounts.Creator + row.Amounts.Node + row.Amounts.Platform).ShouldBe(row.Amounts.Paid);
            }
        }

        (await Usage.ListSourcesAsync([(await WalletOfAsync(Publisher)).Id], UsageRole.Creator, new PageRequest(), Stop)).Items.ShouldHaveSingleItem().Inference.ShouldNotBeNull();
        (await Usage.ListSourcesAsync([Accounts.Node], UsageRole.Operator, new PageRequest(), Stop)).Items.ShouldHaveSingleItem().Inference.ShouldNotBeNull();
    }

    [Theory]
    [InlineData("UPDATE inference_charges SET listing_price = listing_price + 1, creator = creator + 1")]
    [InlineData("UPDATE inference_charges SET creator = creator - 1, platform = platform + 1")]
    [InlineData("UPDATE inference_charges SET output_tokens = output_tokens + 1")]
    [InlineData("DELETE FROM inference_charges")]
    [InlineData("""
        INSERT INTO inference_charges (id, allowance_id, user_id, model, node, requests, input_tokens, output_tokens, listing_price, serving_price, creator, node_share, platform, from_at, to_at)
        SELECT 'inf_01h2xcejqtf2nbrexx3vqjhp41', allowance_id, user_id, model, node, requests, input_tokens, output_tokens, listing_price, serving_price, creator, node_share, platform, from_at, to_at
        FROM inference_charges
        """)]
    public async Task Charge_ThatWasForged_IsFound(string forgery)
    {
        var node = Start();
        var user = await AddUserAsync(Money.FromDollars(1), 0);
        await node.UseAsync(user, 100, 50);
        await node.StopAsync();
        await FoldAllAsync();
        (await Usage.VerifyAsync(Stop)).FindingCount.ShouldBe(0);

        (await Database.WriteAsync(session => session.ExecuteAsync(forgery), Stop)).ShouldBe(1);

        (await Usage.VerifyAsync(Stop)).FindingCount.ShouldBeGreaterThan(0);
    }

    private async Task SetScopedBudgetAsync(Id<User> owner, string scope, Money amount) => (await Budgets.SetAsync(
        new Budget(Ids.Next<Budget>(), owner, UsageSpan.Day, scope, amount, Budget.DefaultThresholds, true, BudgetMeter.New(UsageSpan.Day.StartOf(Now)), Now), null, null, Now, Stop)).Refusal.ShouldBeNull();
}

public sealed class SqliteAllowancesTests() : AllowancesConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresAllowancesTests(PostgresCluster cluster) : AllowancesConformance(new PostgresSource(cluster));

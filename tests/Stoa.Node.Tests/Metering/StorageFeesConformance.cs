using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Metering;
using Stoa.Node.Events;
using Stoa.Node.Identity;
using Stoa.Node.Mail;
using Stoa.Node.Metering;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Metering;

/// <summary>An hour of storage is paid once or not at all, on every database.</summary>
public abstract class StorageFeesConformance(DatabaseSource source) : ChargesTest(source)
{
    private static readonly DateTimeOffset s_hour = UsageSpan.Hour.StartOf(Now);

    [Fact]
    public async Task Hour_OfManyUsersAtTwoNodes_IsPaidOnceByEach()
    {
        const int Users = (2 * SqlStorageFees.UsersAtOnce) + 7;
        var users = Enumerable.Range(0, Users).Select(_ => Ids.Next<User>()).ToList();
        await Database.WriteAsync(
            async session =>
            {
                for (var index = 0; index < Users; index++)
                {
                    await session.SendAsync(
                        """
                        INSERT INTO accounts (id, owner, kind, posted, pending_debits, pending_credits, open_holds, created_at) VALUES (@id, @user, 'Wallet', 0, 0, 0, 0, 0)
                        """,
                        new { id = Ids.Next<Account>(), user = users[index] });
                    await session.SendAsync("INSERT INTO user_usage (user_id, open_tasks, content_bytes) VALUES (@user, 0, @bytes)", new { user = users[index], bytes = 95L + (index % 1_000) });
                }
            },
            Stop);
        var wallets = (await Task.WhenAll(users.Select(WalletOfAsync))).ToDictionary(wallet => wallet.Owner);
        await Ledger.ApplyAsync(
            [.. users.Select(user => new Transfer(Ids.Next<Transfer>(), TransferKind.Posted, Accounts.World, wallets[user.ToString()].Id, new Money(1_000_000), null, TransferPurpose.Deposit, "test", Now))], Stop);

        await Task.WhenAll(Task.Run(() => ChargeAsync(Now), Stop), Task.Run(() => ChargeAsync(Now.AddMinutes(1), Other), Stop));
        await ChargeAsync(Now.AddMinutes(2));

        var (sum, platform) = (Money.Zero, Money.Zero);
        for (var index = 0; index < Users; index++)
        {
            var price = Prices.HourOf(95 + (index % 1_000));
            (await WalletOfAsync(users[index])).Posted.ShouldBe(new Money(1_000_000) - price);
            sum += price;
            platform += price == Money.Zero ? Money.Zero : price.Split([25, 5])[1];
        }

        (await EarnedAsync()).ShouldBe((sum - platform, platform));
        await FoldAllAsync();
        var audit = await Usage.VerifyAsync(Stop);
        (audit.FindingCount, audit.Paid, audit.Events).ShouldBe((0, sum, (long)users.Where((_, index) => index % 1_000 > 5).Count()));
        // A third of it was free, and costs nothing to nobody.
        (await Database.ReadAsync(session => session.QuerySingleAsync<(long, long, bool)>("SELECT paid, unpaid, is_done FROM storage_hours"), Stop)).ShouldBe((audit.Events, 0, true));
    }

    [Fact]
    public async Task Hour_OfANodeThatDiedAmidIt_IsGoneOnWith()
    {
        var users = new List<Id<User>>();
        for (var index = 0; index < 3; index++)
            users.Add(await AddUserAsync(Money.Parse("1"), 1_100));
        await Should.ThrowAsync<TimeoutException>(() => Database.WriteAsync(
            async session =>
            {
                await session.ExecuteAsync("INSERT INTO storage_hours (start_at, after_user, is_done, paid, unpaid) VALUES (@s_hour, @last, TRUE, 3, 0)", new { s_hour, last = users[2] });
                throw new TimeoutException();
            },
            Stop));
        // One of them has paid by bringing something; and of what was noted of the hour nothing is left, which cannot be.
        await MarkUnpaidAsync(users[1]);
        using (var room = (await Usages.ReserveAsync(users[1], 10, 100, Stop)).Value)
            (await StorageAt().AdmitAsync(users[1], room, 10, Now, Stop)).Refusal.ShouldBeNull();
        await ChargeAsync(Now, Other);
        await Database.WriteAsync(session => session.ExecuteAsync("DELETE FROM storage_hours"), Stop);
        await AddContentAsync(users[0], 5_000);
        await ChargeAsync(Now);

        foreach (var user in users)
            (await WalletOfAsync(user)).Posted.ShouldBe(Money.Parse("1") - Prices.HourOf(1_100));
        await FoldAllAsync();
        (await Usage.VerifyAsync(Stop)).FindingCount.ShouldBe(0);
    }

    [Fact]
    public async Task Hours_OfAClockThatGoesBack_ArePaidOnceEach()
    {
        var user = await AddUserAsync(Money.Parse("1"), 1_100);
        foreach (var hours in (int[])[0, 1, 3, 1, 0, 3, 1])
            await ChargeAsync(Now.AddHours(hours));

        (await WalletOfAsync(user)).Posted.ShouldBe(Money.Parse("1") - (Prices.HourOf(1_100) * 3));
        var events = (await Usage.ListSourcesAsync([(await WalletOfAsync(user)).Id], UsageRole.Consumer, new PageRequest(), Stop)).Items.Select(one => one.Charge.ShouldNotBeNull()).ToList();
        events.Select(charge => charge.At).ShouldBe([s_hour.AddHours(3), s_hour.AddHours(1), s_hour]);
        events.ShouldAllBe(charge => charge.Quantity == 1_000 && charge.Price == Prices.HourOf(1_100) && charge.Shares.Total == charge.Price && charge.Node == Holder.Node);
    }

    [Fact]
    public async Task Hour_ThatCannotBePaid_IsToldOnceAndOwesNothing()
    {
        var price = Prices.HourOf(1_100);
        var user = await AddUserAsync(price - new Money(1), 1_100, "ada");
        var told = new SqlEventStore(Database);

        await ChargeAsync(Now);
        await ChargeAsync(Now.AddHours(1));

        (await WalletOfAsync(user)).Posted.ShouldBe(price - new Money(1));
        (await UsageOfAsync(user)).UnpaidSince.ShouldBe(Now);
        (await StorageAt().ListUnpaidAsync(new PageRequest(), Stop)).Items.ShouldHaveSingleItem().ShouldBe(new UnpaidStorage(user, "ada", 1_100, Now, IsOrganisation: false));
        (await EventsAsync()).ShouldBe([EventTypes.StorageUnpaid]);
        (await new SqlLetterQueue(Database, Clock).TakeAsync(100, Stop)).ShouldHaveSingleItem().Body.ShouldContain("1,100 bytes");

        await DepositAsync(user, new Money(1));
        await ChargeAsync(Now.AddHours(2));

        (await WalletOfAsync(user)).Posted.ShouldBe(Money.Zero, "two hours were not paid, and are not owed");
        (await UsageOfAsync(user)).UnpaidSince.ShouldBeNull();
        (await EventsAsync()).ShouldBe([EventTypes.StorageUnpaid, EventTypes.StoragePaid]);
        (await StorageAt().ListUnpaidAsync(new PageRequest(), Stop)).Items.ShouldBeEmpty();

        async Task<IEnumerable<string>> EventsAsync() => (await told.ReadAfterAsync(0, new EventFilter(user, null, []), 100, Stop)).Events.Select(one => one.Event.Type);
    }

    [Fact]
    public async Task Hour_ThatABudgetHasNoRoomFor_IsNotPaid()
    {
        var price = Prices.HourOf(1_100);
        var user = await AddUserAsync(Money.Parse("1"), 1_100);
        var budget = await SetBudgetAsync(user, price + price - new Money(1));
        var other = (await Budgets.SetAsync(budget with { Id = Ids.Next<Budget>(), Scope = "ann", Amount = new Money(1) }, null, null, Now, Stop)).Value;

        await ChargeAsync(Now);
        await ChargeAsync(Now.AddHours(1));

        (await WalletOfAsync(user)).Posted.ShouldBe(Money.Parse("1") - price, "the second hour does not fit");
        (await UsageOfAsync(user)).UnpaidSince.ShouldBe(Now.AddHours(1));
        var meter = (await Budgets.FindAsync(budget.Id, user, Now, Stop)).ShouldNotBeNull().Meter;
        (meter.Captured, meter.Held, meter.IsExhausted).ShouldBe((price, Money.Zero, true));
        (await Budgets.FindAsync(other.Id, user, Now, Stop)).ShouldNotBeNull().Meter.Captured.ShouldBe(Money.Zero, "it is for tasks of one publisher");
        await ChargeAsync(Now.AddDays(1));
        (await UsageOfAsync(user)).UnpaidSince.ShouldBeNull("the budget has renewed");

        // What was spent before a budget was made counts for it.
        var made = await SetBudgetAsync(user, Money.Parse("1"), UsageSpan.Month, Now.AddDays(1));
        made.Meter.Captured.ShouldBe(price + price);
    }

    [Fact]
    public async Task Hour_OfAnOrganisation_IsPaidFromTheFirstByte()
    {
        var founder = await AddUserAsync(Money.Zero, 100);
        var organisations = new List<Id<User>>();
        for (var index = 0; index < 3; index++)
        {
            var made = await new SqlOrganisationStore(Database, Accounts, Ids, TestCell.Key).CreateAsync(new Organisation(Ids.Next<User>(), $"org-{index}", "x", Now), founder, Stop);
            organisations.Add(made.Value.Organisation.Id);
            await AddContentAsync(organisations[index], 100);
            if (index > 0)
                await DepositAsync(organisations[index], Money.Parse("1"));
        }

        await AddContentAsync(organisations[2], -100);
        await ChargeAsync(Now);

        var price = Prices.For(isOrganisation: true).HourOf(100);
        price.ShouldBe(Prices.HourOf(200));
        (await WalletOfAsync(organisations[1])).Posted.ShouldBe(Money.Parse("1") - price);
        (await WalletOfAsync(organisations[2])).Posted.ShouldBe(Money.Parse("1"), "it has nothing");
        (await StorageAt().ListUnpaidAsync(new PageRequest(), Stop)).Items.ShouldHaveSingleItem().ShouldBe(new UnpaidStorage(organisations[0], "org-0", 100, Now, IsOrganisation: true));
        (await UsageOfAsync(founder)).UnpaidSince.ShouldBeNull("a hundred bytes are free for a person");
        using (var room = (await Usages.ReserveAsync(organisations[0], 1, 100, Stop)).Value)
            (await StorageAt().AdmitAsync(organisations[0], room, 1, Now, Stop)).Refusal.ShouldNotBeNull().Detail.ShouldContain("of which 0 are free");

        // And transfer likewise.
        (await TransfersAt().OpenAsync(Ids.Next<UsageCharge>(), founder, 1_000, null, Now, Stop)).ShouldBeNull();
        (await TransfersAt().OpenAsync(Ids.Next<UsageCharge>(), organisations[0], 1, null, Now, Stop)).ShouldNotBeNull().Code.ShouldBe(TransferFeeRefusal.InsufficientFunds);
        (await TransfersAt().OpenAsync(Ids.Next<UsageCharge>(), organisations[1], 1_000, null, Now, Stop)).ShouldBeNull();
        (await WalletOfAsync(organisations[1])).PendingDebits.ShouldBe(new Money(1_000));
        await DepositAsync(organisations[0], price);
        await StorageAt().AskAgainAsync(Now, Stop);
        (await WalletOfAsync(organisations[0])).Posted.ShouldBe(Money.Zero);
    }

    [Fact]
    public async Task Hour_ThatABudgetBarredAtItsTurn_IsPaidAsSoonAsTheBudgetIsGone()
    {
        var price = Prices.HourOf(1_100);
        var user = await AddUserAsync(Money.Parse("1"), 1_100);
        var poor = await AddUserAsync(Money.Zero, 1_100);
        for (var hours = 0; hours < 3; hours++)
        {
            var turn = Now.AddHours(hours);
            var budget = await SetBudgetAsync(user, new Money(1), at: turn);
            await ChargeAsync(turn);
            await StorageAt().AskAgainAsync(turn.AddSeconds(1), Stop);
            (await UsageOfAsync(user)).UnpaidSince.ShouldNotBeNull("the budget is still there");
            (await Budgets.DeleteAsync(budget.Id, user, Stop)).ShouldBeTrue();

            await Task.WhenAll(Enumerable.Range(0, 4).Select(index => Task.Run(() => StorageAt(index % 2 == 0 ? Holder : Other).AskAgainAsync(turn.AddSeconds(2 + index), Stop), Stop)));

            (await WalletOfAsync(user)).Posted.ShouldBe(Money.Parse("1") - (price * (hours + 1)), "each hour once");
            (await UsageOfAsync(user)).UnpaidSince.ShouldBeNull();
        }

        (await UsageOfAsync(poor)).UnpaidSince.ShouldBe(Now);
        (await WalletOfAsync(poor)).Posted.ShouldBe(Money.Zero);
        await FoldAllAsync();
        (await Usage.VerifyAsync(Stop)).FindingCount.ShouldBe(0);
    }

    [Fact]
    public async Task AskingAgain_GoesThroughAllWhoHaveNotPaid()
    {
        const int Users = SqlStorageFees.UsersAtOnce + 5;
        await Database.WriteAsync(
            async session =>
            {
                for (var index = 0; index < Users; index++)
                {
                    var user = Ids.Next<User>();
                    await session.SendAsync(
                        "INSERT INTO accounts (id, owner, kind, posted, pending_debits, pending_credits, open_holds, created_at) VALUES (@id, @user, 'Wallet', 0, 0, 0, 0, 0)",
                        new { id = Ids.Next<Account>(), user });
                    await session.SendAsync("INSERT INTO user_usage (user_id, open_tasks, content_bytes, unpaid_since) VALUES (@user, 0, 1100, @Now)", new { user, Now });
                }
            },
            Stop);
        // The last of all in the order of their ids.
        var last = await AddUserAsync(Money.Parse("1"), 1_100);
        await MarkUnpaidAsync(last);
        var storage = StorageAt();

        await storage.AskAgainAsync(Now, Stop);
        (await UsageOfAsync(last)).UnpaidSince.ShouldNotBeNull("it was not this one's turn");
        await storage.AskAgainAsync(Now, Stop);

        (await UsageOfAsync(last)).UnpaidSince.ShouldBeNull();
        (await WalletOfAsync(last)).Posted.ShouldBe(Money.Parse("1") - Prices.HourOf(1_100));
    }

    [Fact]
    public async Task Content_ThatWasNotPaidForTooLong_IsNotUsed_UntilAnHourIsPaid()
    {
        var prices = Prices with { UnpaidStorageDays = 1 };
        var price = Prices.HourOf(1_100);
        var user = await AddUserAsync(Money.Zero, 1_100);
        var storage = StorageAt(prices: prices);
        for (var hours = 0; hours < 23; hours++)
            await AskAsync(hours);
        (await storage.RefuseUseAsync(user, Stop)).ShouldBeNull("a day is not over");
        await AskAsync(23);
        await AskAsync(24);
        await AskAsync(23);
        var refused = (await storage.RefuseUseAsync(user, Stop)).ShouldNotBeNull();
        refused.Code.ShouldBe(ContentRefusal.StorageUnpaid);
        refused.Detail.ShouldContain("neither sent nor taken as input");
        (await StorageAt(prices: prices with { StorageGibMonth = Money.Zero }).RefuseUseAsync(user, Stop)).ShouldBeNull("nothing is taken for it any more");

        await DepositAsync(user, price);
        await storage.AskAgainAsync(Now.AddHours(24).AddMinutes(1), Stop);
        (await storage.RefuseUseAsync(user, Stop)).ShouldBeNull("an hour is paid");

        // One hour for a day is not the price: the next that is not paid bars again, and only ten that are paid make up for it.
        await AskAsync(25);
        (await storage.RefuseUseAsync(user, Stop)).ShouldNotBeNull();
        await DepositAsync(user, price * 11);
        for (var hours = 26; hours < 37; hours++)
            await AskAsync(hours);
        (await WalletOfAsync(user)).Posted.ShouldBe(Money.Zero);
        await AskAsync(37);
        (await storage.RefuseUseAsync(user, Stop)).ShouldBeNull("eleven hours were paid, so one may be missed");
        await AskAsync(38);
        (await storage.RefuseUseAsync(user, Stop)).ShouldNotBeNull();

        async Task AskAsync(int hours)
        {
            while (!await storage.ChargeAsync(Now.AddHours(hours), Stop))
            {
            }
        }
    }

    [Fact]
    public async Task Upload_ThatCannotBePaidForTheNextHour_IsRefused()
    {
        var user = await AddUserAsync(Prices.HourOf(1_100), 600);

        (await AdmitAsync(user, 500)).ShouldBe((500, null));
        (await AdmitAsync(user, 550)).Refusal.ShouldBe(ContentRefusal.StorageUnpaid);
        (await AdmitAsync(user, null)).Most.ShouldBe(Prices.MostContentFor(Prices.HourOf(1_100)) - 600);
        (await AdmitAsync(user, 0)).Refusal.ShouldBeNull("it is the user's already");
        await SetBudgetAsync(user, Prices.HourOf(1_000));
        (await AdmitAsync(user, 500)).Refusal.ShouldBe(ContentRefusal.StorageUnpaid);
        (await AdmitAsync(user, 400)).Refusal.ShouldBeNull();

        async Task<(long Most, ContentRefusal? Refusal)> AdmitAsync(Id<User> who, long? bytes)
        {
            using var room = (await Usages.ReserveAsync(who, bytes, 1_000_000, Stop)).Value;
            var admitted = await StorageAt().AdmitAsync(who, room, bytes, Now, Stop);
            return admitted.TryGet(out var most, out var refusal) ? (bytes == 500 ? Math.Min(most, 500) : most, null) : (0, refusal.Code);
        }
    }

    [Fact]
    public async Task Upload_OfWhoHasNotPaid_IsTakenAsSoonAsTheHourCanBePaid()
    {
        var price = Prices.HourOf(1_100);
        var user = await AddUserAsync(Money.Zero, 1_100);
        await ChargeAsync(Now);
        (await AdmitAsync()).ShouldBe(ContentRefusal.StorageUnpaid);

        await DepositAsync(user, price);
        (await AdmitAsync()).ShouldBe(ContentRefusal.StorageUnpaid, "this hour is paid now, and the next cannot be");
        (await UsageOfAsync(user)).UnpaidSince.ShouldBeNull();
        (await WalletOfAsync(user)).Posted.ShouldBe(Money.Zero);
        await DepositAsync(user, price + price);
        (await AdmitAsync()).ShouldBeNull();
        await ChargeAsync(Now.AddMinutes(5));
        (await WalletOfAsync(user)).Posted.ShouldBe(price + price, "this hour is paid already");

        async Task<ContentRefusal?> AdmitAsync()
        {
            using var room = (await Usages.ReserveAsync(user, 10, 1_000_000, Stop)).Value;
            return (await StorageAt().AdmitAsync(user, room, 10, Now.AddMinutes(3), Stop)).Refusal?.Code;
        }
    }

    [Fact]
    public async Task Price_OfZero_TakesNothingAndForgives()
    {
        var user = await AddUserAsync(Money.Zero, 1_100);
        await ChargeAsync(Now);
        (await UsageOfAsync(user)).UnpaidSince.ShouldNotBeNull();

        (await StorageAt(prices: Prices with { StorageGibMonth = Money.Zero }).ChargeAsync(Now.AddHours(1), Stop)).ShouldBeTrue();

        (await UsageOfAsync(user)).UnpaidSince.ShouldBeNull();
    }

    private Task<int> MarkUnpaidAsync(Id<User> user) => Database.WriteAsync(
        session => session.ExecuteAsync("UPDATE user_usage SET unpaid_since = @Now WHERE user_id = @user", new { Now, user }), Stop);
}

public sealed class SqliteStorageFeesTests() : StorageFeesConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresStorageFeesTests(PostgresCluster cluster) : StorageFeesConformance(new PostgresSource(cluster));

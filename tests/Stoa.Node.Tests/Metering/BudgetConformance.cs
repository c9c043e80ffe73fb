using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Metering;
using Stoa.Market.Tasks;
using Stoa.Node.Events;
using Stoa.Node.Mail;
using Stoa.Node.Metering;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Metering;

/// <summary>No budget is ever passed, and what is told of it is told once, on every database.</summary>
public abstract class BudgetConformance(DatabaseSource source) : MeteringTest(source)
{
    private static readonly Money s_cent = Money.Parse("0.01");

    private SqlBudgetStore Budgets => new(Database);

    [Fact]
    public async Task Submit_BeyondTheBudget_IsRefusedBeforeAnythingIsHeld()
    {
        var budget = await SetAsync("0.025");
        (await SubmitAsync(s_cent)).Refusal.ShouldBeNull();
        (await SubmitAsync(s_cent)).Refusal.ShouldBeNull();

        var refused = (await SubmitAsync(s_cent, key: "third")).Refusal.ShouldNotBeNull();

        refused.Code.ShouldBe(TaskRefusal.BudgetExhausted);
        refused.Detail.ShouldContain($"{budget.Id} of 0.025000000 USD a day has 0.005000000 left: 0.000000000 are spent and 0.020000000 held. It renews at 2026-05-29T00:00:00Z.");
        (await WalletAsync()).Held.ShouldBe(s_cent * 2);
        (await FindAsync(budget)).Left.ShouldBe(Money.Parse("0.005"));

        // What has ended leaves room, whether or not anybody has added usage up by then, and the key can be used again.
        await FinishAllAsync(Money.Parse("0.001"));
        (await SubmitAsync(s_cent, key: "third")).Value.IsNew.ShouldBeTrue();
        (await FindAsync(budget)).Meter.ShouldBe(new BudgetMeter(budget.Meter.Start, s_cent, Money.Parse("0.002"), 0, true));
    }

    [Fact]
    public async Task Submit_ManyAtOnceAtTwoNodes_NeverPassTheBudget()
    {
        var budget = await SetAsync("0.25");
        SqlTaskStore[] stores = [Limited, NewStore()];

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => Task.Run(() => stores[i % 2].SubmitAsync(TaskOf(Agents[0], s_cent), Stop), Stop)));

        outcomes.Count(outcome => outcome.Refusal is null).ShouldBe(25);
        outcomes.Where(outcome => outcome.Refusal is not null).ShouldAllBe(outcome => outcome.Refusal!.Code == TaskRefusal.BudgetExhausted);
        (await FindAsync(budget)).Meter.Held.ShouldBe(Money.Parse("0.25"));
        (await WalletAsync()).Held.ShouldBe(Money.Parse("0.25"));

        // While tasks end, usage is added up and others come, what is spent and held stays within it.
        using var node = PrivateKey.Generate();
        var claimed = await Limited.ClaimAsync(Holder, Room, Now, Stop);
        await Task.WhenAll(
        [
            .. claimed.Select((task, i) => Task.Run(() => stores[i % 2].EndAttemptAsync(Succeed(task, Money.Parse("0.004"), new Usage(1, 1, 1, 1, 1), Now, node), Stop), Stop)),
            .. Enumerable.Range(0, 20).Select(i => Task.Run(() => stores[i % 2].SubmitAsync(TaskOf(Agents[0], s_cent), Stop), Stop)),
            .. Enumerable.Range(0, 4).Select(_ => Task.Run(() => Usage.FoldAsync(Stop), Stop)),
        ]);
        await FoldAllAsync();
        var after = await FindAsync(budget);
        after.Meter.Captured.ShouldBe(Money.Parse("0.1"));
        (after.Meter.Captured + after.Meter.Held).ShouldBeLessThanOrEqualTo(Money.Parse("0.25"));
        after.Meter.Held.ShouldBe((await WalletAsync()).Held);
    }

    [Fact]
    public async Task Group_ThatFitsInPart_IsTakenInPart()
    {
        var budget = await SetAsync("0.025");
        var others = TaskOf(Agents[0], s_cent, Ids.Next<User>());

        var outcomes = await Limited.SubmitAllAsync([.. Enumerable.Range(0, 4).Select(_ => TaskOf(Agents[0], s_cent)), others], Stop);

        outcomes.Select(outcome => outcome.Refusal?.Code).ShouldBe([null, null, TaskRefusal.BudgetExhausted, TaskRefusal.BudgetExhausted, null]);
        (await FindAsync(budget)).Meter.Held.ShouldBe(s_cent * 2);
    }

    [Fact]
    public async Task Budget_OfOneAgentOrPublisher_CountsItsTasksAlone()
    {
        var all = await SetAsync("1");
        var ann = await SetAsync("0.03", "ann");
        var upper = await SetAsync("0.01", "ann/upper");

        (await SubmitAsync(s_cent, agent: 0)).Refusal.ShouldBeNull();
        (await SubmitAsync(s_cent, agent: 1)).Refusal.ShouldNotBeNull("another version of the same agent").Detail.ShouldContain($"{upper.Id}");
        (await SubmitAsync(s_cent, agent: 2)).Refusal.ShouldBeNull();
        (await SubmitAsync(s_cent, agent: 2)).Refusal.ShouldBeNull();
        (await SubmitAsync(s_cent, agent: 2)).Refusal.ShouldNotBeNull().Detail.ShouldContain($"{ann.Id}");
        (await SubmitAsync(s_cent, agent: 3)).Refusal.ShouldBeNull();
        (await FindAsync(all)).Meter.Held.ShouldBe(s_cent * 4);
        (await FindAsync(ann)).Meter.Held.ShouldBe(s_cent * 3);
        (await FindAsync(upper)).Meter.Held.ShouldBe(s_cent);
    }

    [Fact]
    public async Task Budget_InItsNextPeriod_IsWholeAgain()
    {
        var budget = await SetAsync("0.01");
        (await SubmitAsync(s_cent)).Refusal.ShouldBeNull();
        (await SubmitAsync(s_cent)).Refusal.ShouldNotBeNull();

        (await SubmitAsync(s_cent, at: Now.AddDays(1))).Refusal.ShouldBeNull();

        // What ends then of the day before counts there, and no more here.
        await FinishAllAsync(Money.Parse("0.002"));
        await FoldAllAsync();
        (await Budgets.FindAsync(budget.Id, Owner, Now.AddDays(1), Stop)).ShouldNotBeNull().Meter.Captured.ShouldBe(Money.Parse("0.002"));
        (await SubmitAsync(s_cent, at: Now)).Refusal.ShouldNotBeNull("a clock that goes back brings nothing back").Code.ShouldBe(TaskRefusal.BudgetExhausted);
    }

    [Fact]
    public async Task Set_InTheMiddleOfAPeriod_CountsWhatIsSpentAndHeld()
    {
        await Limited.SubmitAllAsync([TaskOf(Agents[0], s_cent), TaskOf(Agents[2], s_cent)], Stop);
        await FinishAllAsync(Money.Parse("0.004"));
        await Usage.FoldAsync(Stop);
        await Limited.SubmitAllAsync([TaskOf(Agents[0], s_cent)], Stop);
        await FinishAllAsync(Money.Parse("0.002"));
        await Limited.SubmitAllAsync([TaskOf(Agents[0], s_cent), TaskOf(Agents[3], s_cent)], Stop);

        (await SetAsync("0.05")).Meter.ShouldBe(new BudgetMeter(UsageSpan.Day.StartOf(Now), s_cent * 2, Money.Parse("0.01"), 0, false));
        (await SetAsync("0.05", "ann/upper")).Meter.ShouldBe(new BudgetMeter(UsageSpan.Day.StartOf(Now), s_cent, Money.Parse("0.006"), 0, false));

        await FinishAllAsync(Money.Parse("0.001"));
        await FoldAllAsync();
        (await Budgets.ListAsync(Owner, Now, Stop)).Select(budget => (budget.Meter.Held, budget.Meter.Captured))
            .ShouldBe([(Money.Zero, Money.Parse("0.012")), (Money.Zero, Money.Parse("0.007"))]);
    }

    [Fact]
    public async Task Set_Again_ChangesTheAmountAlone()
    {
        var budget = await SetAsync("0.01");
        (await SubmitAsync(s_cent)).Refusal.ShouldBeNull();
        (await SubmitAsync(s_cent)).Refusal.ShouldNotBeNull();

        var raised = await SetAsync("0.02");

        (raised.Id, raised.Meter.Held).ShouldBe((budget.Id, s_cent));
        raised.Thresholds.ShouldBe(budget.Thresholds);
        (await SubmitAsync(s_cent)).Refusal.ShouldBeNull();
        (await Budgets.DeleteAsync(budget.Id, Ids.Next<User>(), Stop)).ShouldBeFalse("it is somebody else's");
        (await Budgets.DeleteAsync(budget.Id, Owner, Stop)).ShouldBeTrue();
        (await SubmitAsync(s_cent)).Refusal.ShouldBeNull();
        await FoldAllAsync();
        (await Budgets.ListAsync(Owner, Now, Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Set_OfOneTooMany_IsRefused()
    {
        for (var i = 0; i < Budget.MaxPerUser; i++)
            await SetAsync("1", $"agent{i}");

        (await Budgets.SetAsync(NewBudget("1", "one-more"), null, null, Now, Stop)).Refusal!.Code.ShouldBe(BudgetRefusal.BudgetsTooMany);
    }

    [Fact]
    public async Task Task_ThatCostsNothing_GivesBackWhatItHeld()
    {
        var budget = await SetAsync("0.02");
        var cancelled = (await SubmitAsync(s_cent)).Value.Task;
        await SubmitAsync(s_cent);
        await Limited.CancelAsync(cancelled.Id, Owner, Ids.Next<Transfer>(), Accounts.Clearing, Now, Stop);
        var running = (await Limited.ClaimAsync(Holder, Room, Now, Stop)).Single();
        await Limited.EndAttemptAsync(End(running.Fail(new TaskFailure(FailureCode.Trap, "It failed.", "", null), Now)), Stop);

        await FoldAllAsync();

        (await FindAsync(budget)).Meter.ShouldBe(BudgetMeter.New(budget.Meter.Start));
    }

    [Fact]
    public async Task Submit_ThatTheWalletDoesNotCover_HoldsNothingOfTheBudget()
    {
        var budget = await SetAsync("100");

        (await SubmitAsync(Money.Parse("11"))).Refusal!.Code.ShouldBe(TaskRefusal.InsufficientFunds);

        (await FindAsync(budget)).Meter.Held.ShouldBe(Money.Zero);
    }

    [Fact]
    public async Task Batch_ThatDoesNotFit_IsRefusedAsAWhole()
    {
        var budget = await SetAsync("0.025");
        var batches = new SqlTaskBatchStore(Database, quota: new UserQuota(100, 100));
        var id = Ids.Next<TaskBatch>();
        List<NewTask> tasks = [.. Enumerable.Range(0, 3).Select(_ => TaskOf(Agents[0], s_cent)).Select(made => made with { Task = made.Task with { BatchId = id } })];

        var refused = await batches.SubmitAsync(new TaskBatch(id, Owner, 3, tasks[0].Task.Id, tasks[^1].Task.Id, 0, 0, 0, Money.Zero, null, Now, null), tasks, Stop);

        refused.Refusal!.Code.ShouldBe(TaskRefusal.BudgetExhausted);
        (await FindAsync(budget)).Meter.ShouldBe(BudgetMeter.New(budget.Meter.Start));
        (await WalletAsync()).Held.ShouldBe(Money.Zero);
    }

    [Fact]
    public async Task Threshold_IsToldOnceAPeriodWithALetter()
    {
        var budget = await SetAsync("0.01", thresholds: [50, 80, 100]);
        await AddOwnerAsync();
        await SpendAsync("0.004");
        (await TellAsync()).ShouldBeEmpty();

        await SpendAsync("0.0015");
        (await TellAsync()).ShouldBe([(budget.Id.ToString(), 50)]);
        await SpendAsync("0.0005");
        (await TellAsync()).ShouldBeEmpty("it was told");
        await SpendAsync("0.002");
        (await TellAsync()).ShouldBe([(budget.Id.ToString(), 80)]);

        // Nothing of this price fits any more.
        (await SubmitAsync(Money.Parse("0.005"))).Refusal.ShouldNotBeNull();
        (await TellAsync()).ShouldBe([(budget.Id.ToString(), 100)]);
        (await SubmitAsync(Money.Parse("0.005"))).Refusal.ShouldNotBeNull();
        (await TellAsync()).ShouldBeEmpty();
        (await LettersAsync()).Select(letter => letter.Subject).ShouldBe(
            [.. new[] { 50, 80, 100 }.Select(percent => $"{percent} % of your budget for everything are used up")]);

        // The next day all of it is told anew, also when several thresholds are passed at once.
        (await SubmitAsync(Money.Parse("0.009"), at: Now.AddDays(1))).Refusal.ShouldBeNull();
        await FinishAllAsync(Money.Parse("0.009"));
        await FoldAllAsync();
        (await TellAsync()).ShouldBe([(budget.Id.ToString(), 50), (budget.Id.ToString(), 80)]);
        (await LettersAsync()).ShouldHaveSingleItem("one letter says it").Body.ShouldContain("0.009000000 USD are spent");
    }

    [Fact]
    public async Task Threshold_WhoseCommitWasNotHeardOf_IsToldOnce()
    {
        var budget = await SetAsync("0.01", thresholds: [50]);
        await SpendAsync("0.006");
        var unsure = new UnsureDatabase(Database);
        unsure.LoseAnswers(1);
        await Should.ThrowAsync<CommitUnknownException>(() => new SqlAlerts(unsure, new LetterBox(new Mailer(new MailOptions()), Ids), Clock).TellAsync(Stop));

        (await TellAsync()).ShouldBeEmpty();

        (await new SqlEventStore(Database).ReadAfterAsync(0, new EventFilter(Owner, budget.Id.ToString(), []), 100, Stop)).Events.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Balance_ThatFalls_IsToldOnceUntilItHasRisen()
    {
        await AddOwnerAsync();
        await Budgets.SetBalanceAlertAsync(new BalanceAlert(Owner, Money.Parse("9.999"), true, false), Stop);
        (await TellAsync()).ShouldBeEmpty();

        await SpendAsync("0.002", hold: "1");
        (await TellAsync()).ShouldBe([(Owner.ToString(), 0)]);
        await SpendAsync("0.002");
        (await TellAsync()).ShouldBeEmpty();
        (await LettersAsync()).ShouldHaveSingleItem().Subject.ShouldBe("Your wallet has 9.998000000 USD left");

        await DepositAsync("1");
        (await TellAsync()).ShouldBeEmpty();
        (await Budgets.FindBalanceAlertAsync(Owner, Stop))!.IsTold.ShouldBeFalse();
        await SpendAsync("1", hold: "1");
        (await TellAsync()).ShouldBe([(Owner.ToString(), 0)]);
        await Budgets.DeleteBalanceAlertAsync(Owner, Stop);
        (await Budgets.FindBalanceAlertAsync(Owner, Stop)).ShouldBeNull();
    }

    private Budget NewBudget(string amount, string scope = "", IReadOnlyList<int>? thresholds = null) => new(
        Ids.Next<Budget>(), Owner, UsageSpan.Day, scope, Money.Parse(amount), thresholds ?? Budget.DefaultThresholds, true, BudgetMeter.New(UsageSpan.Day.StartOf(Now)), Now);

    private async Task<Budget> SetAsync(string amount, string scope = "", IReadOnlyList<int>? thresholds = null) =>
        (await Budgets.SetAsync(NewBudget(amount, scope, thresholds), thresholds, null, Now, Stop)).Value;

    private async Task<Budget> FindAsync(Budget budget) => (await Budgets.FindAsync(budget.Id, Owner, Now, Stop)).ShouldNotBeNull();

    private Task<Outcome<Submitted, TaskRefusal>> SubmitAsync(Money price, int agent = 0, DateTimeOffset? at = null, string? key = null) =>
        Limited.SubmitAsync(TaskOf(Agents[agent], price, at: at, key: key), Stop);

    private async Task SpendAsync(string price, string? hold = null)
    {
        (await SubmitAsync(Money.Parse(hold ?? price))).Refusal.ShouldBeNull();
        await FinishAllAsync(Money.Parse(price));
        await FoldAllAsync();
    }

    private async Task DepositAsync(string amount) => (await Ledger.ApplyAsync(
        [new Transfer(Ids.Next<Transfer>(), TransferKind.Posted, Accounts.World, Wallet, Money.Parse(amount), null, TransferPurpose.Deposit, "test", Now)], Stop)).Refusal.ShouldBeNull();

    private async Task FoldAllAsync()
    {
        while (await Usage.FoldAsync(Stop))
        {
        }
    }

    private Task<int> AddOwnerAsync() => Database.WriteAsync(
        session => session.ExecuteAsync(
            "INSERT INTO users (id, handle, email, password_hash, role, created_at) VALUES (@Owner, 'ada', 'ada@example.org', NULL, 'Member', @Now)", new { Owner, Now }),
        Stop);

    /// <summary>Tells what there is to tell, and answers about what it was told and at which percentage.</summary>
    private async Task<IReadOnlyList<(string Subject, int Percent)>> TellAsync()
    {
        var events = new SqlEventStore(Database);
        var before = await events.LastSequenceAsync(Stop);
        var mailer = new Mailer(new MailOptions { Host = "127.0.0.1", From = "stoa@example.org" });
        await new SqlAlerts(Database, new LetterBox(mailer, Ids), Clock).TellAsync(Stop);
        return [.. (await events.ReadAfterAsync(before, new EventFilter(Owner, null, [EventTypes.BudgetThreshold, EventTypes.BalanceLow]), 100, Stop)).Events
            .Select(told => (told.Event.Subject, System.Text.Json.JsonDocument.Parse(told.Event.DataJson).RootElement.TryGetProperty("percent", out var percent) ? percent.GetInt32() : 0))];
    }

    /// <summary>The letters that are on their way since the last look.</summary>
    private async Task<IReadOnlyList<QueuedLetter>> LettersAsync()
    {
        var queue = new SqlLetterQueue(Database, Clock);
        var letters = await queue.TakeAsync(100, Stop);
        foreach (var letter in letters)
            await queue.RemoveAsync(letter, Stop);
        return letters;
    }
}

public sealed class SqliteBudgetTests() : BudgetConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresBudgetTests(PostgresCluster cluster) : BudgetConformance(new PostgresSource(cluster));

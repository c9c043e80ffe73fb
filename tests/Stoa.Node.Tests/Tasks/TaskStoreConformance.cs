using System.Text;
using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Node.Membership;
using Stoa.Node.Selection;
using Stoa.Node.Tests.Membership;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>What every task store does.</summary>
public abstract class TaskStoreConformance(DatabaseSource source) : TaskStoreTest(source)
{
    [Fact]
    public async Task Selection_IsKeptWithTheTaskAndEachChoiceAfterIt()
    {
        var requirement = new Requirement(["text.upper"], Price, 60_000, 0.5, new SelectionWeights(0.7, 0.1, 0.1, 0.1), Explores: false);
        var choice = new Choice(Now, requirement.Weights, [], 3, new Dictionary<Unfit, int> { [Unfit.Budget] = 2 }, IsExploring: false, new TypicalCandidate(0.01, 0.1, 2, 0));
        var limits = new RequestedLimits(Fuel: 5);
        var submission = NewTask() with { Selection = new TaskSelection(requirement, limits, Now.AddMinutes(1), choice) };
        var task = (await Tasks.SubmitAsync(submission, Stop)).Value.Task;
        var running = (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).Single(claimed => claimed.Id == task.Id);
        var next = running.Reassign(
            Ids.Next<AgentVersion>(), ListingName.Parse("stoa/other@2.0.0"), [new TaskParameter("title", "x")], running.Limits with { Fuel = 7, MemoryBytes = 3 << 16 }, Now);

        var end = End(next) with { Reassignment = new Reassignment(["stoa/upper"], choice with { CandidateCount = 2 }) };
        (await Tasks.EndAttemptAsync(end, Stop)).ShouldBe(AttemptEndOutcome.Written);

        var kept = (await Tasks.FindSelectionAsync(task.Id, Stop)).ShouldNotBeNull();
        kept.Requirement.Canonical().ShouldBe(requirement.Canonical());
        (kept.Limits, kept.DeadlineAt).ShouldBe((limits, Now.AddMinutes(1)));
        kept.Tried.ShouldBe(["stoa/upper"]);
        kept.Choices.ShouldBe([ChoiceJson.Write(choice), ChoiceJson.Write(choice with { CandidateCount = 2 })]);
        var claimed = (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).ShouldHaveSingleItem();
        (claimed.AgentId, claimed.Agent, claimed.Limits, claimed.Attempts).ShouldBe((next.AgentId, next.Agent, next.Limits, 1));
        claimed.Parameters.ShouldBe(next.Parameters);
        await BooksBalanceAsync(openHolds: 1);
        (await Tasks.FindSelectionAsync((await SubmitAsync()).Id, Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Expire_EndsWhatStillWaitsAtItsDeadline_AndNothingElse()
    {
        var deadline = Now.AddSeconds(1);
        var running = await SubmitUntilAsync(deadline);
        (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).ShouldHaveSingleItem().DeadlineAt.ShouldBe(deadline);
        var (waiting, delayed, later) = (await SubmitUntilAsync(deadline), await SubmitUntilAsync(deadline, Now.AddDays(1)), await SubmitUntilAsync(deadline.AddMilliseconds(1)));

        (await Tasks.ExpireAsync(Accounts.Clearing, Ids, deadline.AddMilliseconds(-1), 10, Stop)).Expired.ShouldBeEmpty();
        var expired = (await Tasks.ExpireAsync(Accounts.Clearing, Ids, deadline, 10, Stop)).Expired;

        expired.Select(task => task.Id).ShouldBe([waiting, delayed], ignoreOrder: true);
        foreach (var id in new[] { waiting, delayed })
            (await Tasks.GetAsync(id, Stop))!.State.ShouldBeOfType<TaskState.Failed>().Failure.Code.ShouldBe(FailureCode.DeadlinePassed);
        (await EventsAsync(waiting)).ShouldBe(["stoa.task.queued", "stoa.task.failed"]);
        (await Tasks.GetAsync(running, Stop))!.State.ShouldBeOfType<TaskState.Running>();
        (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).ShouldHaveSingleItem().Id.ShouldBe(later);
        (await Tasks.ExpireAsync(Accounts.Clearing, Ids, deadline, 10, Stop)).ShouldSatisfyAllConditions(
            again => again.Expired.ShouldBeEmpty(), again => again.IsMore.ShouldBeFalse());
        await BooksBalanceAsync(openHolds: 2);
    }

    [Fact]
    public async Task End_WithAVerdict_CountsItOnlyWhenItIsWritten()
    {
        var running = await SubmitAndClaimAsync();
        var verdict = new EndedAttempt("stoa/upper", Ids.Next<User>(), Owner, Verdict.Good, "", Price, 1, 1, 1, Now);
        var stats = new SqlAgentStatsStore(Database);

        (await Tasks.EndAttemptAsync(Success(running) with { Verdict = verdict }, Stop)).ShouldBe(AttemptEndOutcome.Written);
        (await Tasks.EndAttemptAsync(Success(running) with { Verdict = verdict }, Stop)).ShouldBe(AttemptEndOutcome.LeaseLost);

        (await stats.FindAsync("stoa/upper", Stop))!.Succeeded.ShouldBe(1);
    }

    [Fact]
    public async Task ReadInputs_GivesThoseThatAreInline_SubmittedNowOrLongAgo()
    {
        var earlier = NewTask();
        await Tasks.SubmitAsync(earlier, Stop);
        await ReopenAsync();
        Open();
        var uploaded = NewTask() with { InlineInput = null };
        var now = NewTask();
        await Tasks.SubmitAllAsync([uploaded, now], Stop);

        var inputs = await Tasks.ReadInputsAsync([earlier.Task.Id, uploaded.Task.Id, now.Task.Id, Ids.Next<AgentTask>()], Stop);

        inputs.Keys.ShouldBe([earlier.Task.Id, now.Task.Id], ignoreOrder: true);
        inputs.Values.Select(bytes => System.Text.Encoding.UTF8.GetString(bytes.Span)).ShouldBe(["hello", "hello"]);
        (await Tasks.ReadInputsAsync([], Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Submit_IsThereWithItsHoldItsInputAndItsEventAfterReopening()
    {
        var submission = NewTask();
        (await Tasks.SubmitAsync(submission, Stop)).Value.IsNew.ShouldBeTrue();

        await ReopenAsync();
        Open();

        var task = (await Tasks.GetAsync(submission.Task.Id, Stop)).ShouldNotBeNull();
        task.Parameters.ShouldBe(submission.Task.Parameters);
        (task with { Parameters = submission.Task.Parameters }).ShouldBe(submission.Task);
        (await Tasks.ReadInputAsync(task.Id, Stop)).ShouldBe("hello"u8.ToArray());
        (await WalletAsync()).ShouldBe((Money.Parse("10"), Price));
        (await EventsAsync(task.Id)).ShouldBe([EventTypes.TaskQueued]);
        await BooksBalanceAsync(openHolds: 1);
    }

    [Fact]
    public async Task Submit_BeyondTheWallet_LeavesNothing()
    {
        var submission = NewTask(Money.Parse("10.000000001"), key: "k");

        (await Tasks.SubmitAsync(submission, Stop)).Refusal!.Code.ShouldBe(TaskRefusal.InsufficientFunds);

        (await Tasks.GetAsync(submission.Task.Id, Stop)).ShouldBeNull();
        (await EventsAsync(submission.Task.Id)).ShouldBeEmpty();
        (await Tasks.FindSubmissionAsync(Owner, submission.Idempotency!, Stop)).Value.ShouldBeNull();
        await BooksBalanceAsync(openHolds: 0);
    }

    [Fact]
    public async Task Submit_OfMoreThanTheWalletAtOnce_IsRefusedToTheRest()
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 15).Select(_ => Tasks.SubmitAsync(NewTask(Money.Parse("1")), Stop)));

        outcomes.Count(outcome => outcome.Refusal is null).ShouldBe(10);
        (await WalletAsync()).ShouldBe((Money.Parse("10"), Money.Parse("10")));
        await BooksBalanceAsync(openHolds: 10);
    }

    [Fact]
    public async Task Submit_ManyTimesAtOnceUnderOneKey_MakesOneTask()
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Tasks.SubmitAsync(NewTask(key: "k"), Stop)));

        outcomes.Select(outcome => outcome.Value.Task.Id).Distinct().Count().ShouldBe(1);
        outcomes.Count(outcome => outcome.Value.IsNew).ShouldBe(1);
        (await WalletAsync()).Held.ShouldBe(Price);
        await BooksBalanceAsync(openHolds: 1);
    }

    [Fact]
    public async Task Submit_OfAnotherRequestUnderTheKey_IsRefused()
    {
        await Tasks.SubmitAsync(NewTask(key: "k"), Stop);

        (await Tasks.SubmitAsync(NewTask(key: "k", request: "two"), Stop)).Refusal!.Code.ShouldBe(TaskRefusal.IdempotencyKeyReused);
        (await Tasks.FindSubmissionAsync(Owner, new IdempotencyKey("k", ContentHash.Of("two"u8)), Stop)).Refusal!.Code.ShouldBe(TaskRefusal.IdempotencyKeyReused);
        (await Tasks.FindSubmissionAsync(Ids.Next<User>(), new IdempotencyKey("k", ContentHash.Of("two"u8)), Stop)).Value.ShouldBeNull();
    }

    [Fact]
    public async Task Submit_WithAnOfferWhileNothingIsDue_IsClaimedInTheSameTransaction()
    {
        await SubmitAsync(dueAt: Now.AddHours(1));

        var task = (await Tasks.SubmitAsync(NewTask(claim: new ImmediateClaim(Holder)), Stop)).Value.Task;

        task.State.ShouldBe(new TaskState.Running(new Lease(Holder.ToString(), 1), Now));
        (await Tasks.GetAsync(task.Id, Stop))!.State.ShouldBe(task.State);
        (await EventsAsync(task.Id)).ShouldBe([EventTypes.TaskQueued, EventTypes.TaskStarted]);
    }

    [Fact]
    public async Task Submit_WithAnOfferWhileAnotherIsDue_WaitsItsTurn()
    {
        await SubmitAsync();

        (await Tasks.SubmitAsync(NewTask(claim: new ImmediateClaim(Holder)), Stop)).Value.Task.State.ShouldBeOfType<TaskState.Queued>();
    }

    [Fact]
    public async Task Claim_ByManyHoldersAtOnce_GivesEachTaskToOne()
    {
        const int count = 120;
        await Task.WhenAll(Enumerable.Range(0, count).Select(_ => SubmitAsync()));

        var claimed = await Task.WhenAll(Enumerable.Range(0, 8).Select(async number =>
        {
            var mine = new List<AgentTask>();
            IReadOnlyList<AgentTask> batch;
            // SKIP LOCKED may answer nothing while others hold what is left; the queue tells whether there is more.
            do
                mine.AddRange(batch = await Tasks.ClaimAsync(new LeaseHolder("node", $"boot{number}"), Room with { Count = 7 }, Now, Stop));
            while (batch.Count > 0 || await Tasks.NextDueAsync(null, Stop) is not null);
            return mine;
        }));

        claimed.Sum(mine => mine.Count).ShouldBe(count);
        claimed.SelectMany(mine => mine).Select(task => task.Id).Distinct().Count().ShouldBe(count);
        (await Tasks.CountOpenAsync(Stop)).ShouldBe(new Dictionary<string, long> { ["queued"] = 0, ["running"] = count }, ignoreOrder: true);
    }

    [Fact]
    public async Task Claim_TakesTheOldestDueFirstAndNothingThatIsNotDue()
    {
        var later = await SubmitAsync(dueAt: Now.AddSeconds(2));
        var earlier = await SubmitAsync(dueAt: Now.AddSeconds(1));
        var muchLater = await SubmitAsync(dueAt: Now.AddSeconds(2).AddMilliseconds(1));

        (await Tasks.NextDueAsync(null, Stop)).ShouldBe(Now.AddSeconds(1));
        (await ClaimIdsAsync(Room)).ShouldBeEmpty();
        (await ClaimIdsAsync(Room with { Count = 1 }, Now.AddSeconds(2))).ShouldBe([earlier.Id]);
        (await ClaimIdsAsync(Room, Now.AddSeconds(2))).ShouldBe([later.Id]);
        (await Tasks.NextDueAsync(null, Stop)).ShouldBe(Now.AddSeconds(2).AddMilliseconds(1));
        (await ClaimIdsAsync(Room, Now.AddSeconds(3))).ShouldBe([muchLater.Id]);
    }

    [Fact]
    public async Task Claim_WithinALane_IsInTheOrderOfSubmission()
    {
        var submitted = new List<Id<AgentTask>>();
        for (var number = 0; number < 20; number++)
            submitted.Add((await SubmitAsync()).Id);

        (await ClaimIdsAsync(Room with { Count = 7 })).ShouldBe(submitted[..7]);
        submitted.Add((await SubmitAsync()).Id);
        (await ClaimIdsAsync(Room)).ShouldBe(submitted[7..]);
    }

    [Fact]
    public async Task Claim_OfOneTaskBehindAnothersHundredThousandUrgentOnes_TakesItWithinAFewClaims()
    {
        for (var batch = 0; batch < 10; batch++)
        {
            var many = Enumerable.Range(0, 10_000).Select(_ => NewFreeTask(priority: TaskPriority.Urgent)).ToList();
            (await Tasks.SubmitAllAsync(many, Stop)).ShouldAllBe(outcome => outcome.Refusal == null);
        }

        (await ClaimIdsAsync(Room with { Count = 1_000 })).Count.ShouldBe(1_000);
        var single = NewFreeTask(Ids.Next<User>());
        (await Tasks.SubmitAsync(single, Stop)).Refusal.ShouldBeNull();

        (await ClaimIdsAsync(Room with { Count = 10 })).ShouldContain(single.Task.Id);
    }

    [Fact]
    public async Task Claim_OfAnUrgentTask_PassesTheSameConsumersOthersButStarvesNobody()
    {
        var own = Enumerable.Range(0, 50).Select(_ => NewFreeTask()).ToList();
        await Tasks.SubmitAllAsync(own, Stop);
        (await ClaimIdsAsync(Room with { Count = 5 })).Count.ShouldBe(5);
        var urgent = Enumerable.Range(0, 40).Select(_ => NewFreeTask(priority: TaskPriority.Urgent)).ToList();
        await Tasks.SubmitAllAsync(urgent, Stop);

        var next = await ClaimIdsAsync(Room with { Count = 18 });

        next[0].ShouldBe(urgent[0].Task.Id);
        // Eight turns to two: the weights of the two lanes.
        next.Count(id => own.Any(task => task.Task.Id == id)).ShouldBeInRange(3, 5);
    }

    [Fact]
    public async Task Claim_OfALaneThatWasIdle_HasNotSavedUpTurns()
    {
        var (early, busy) = (Ids.Next<User>(), Ids.Next<User>());
        await Tasks.SubmitAsync(NewFreeTask(early), Stop);
        await Tasks.SubmitAllAsync([.. Enumerable.Range(0, 200).Select(_ => NewFreeTask(busy))], Stop);
        (await ClaimIdsAsync(Room with { Count = 100 })).Count.ShouldBe(100);
        var returning = Enumerable.Range(0, 50).Select(_ => NewFreeTask(early)).ToList();
        await Tasks.SubmitAllAsync(returning, Stop);

        var next = await ClaimIdsAsync(Room with { Count = 20 });

        next.Count(id => returning.Any(task => task.Task.Id == id)).ShouldBeInRange(9, 11);
    }

    [Fact]
    public async Task Claim_AfterALoss_TakesTheTaskBeforeThoseThatCameLater()
    {
        var lost = await SubmitAndClaimAsync();
        await Tasks.SubmitAllAsync([.. Enumerable.Range(0, 10).Select(_ => NewFreeTask())], Stop);
        (await Tasks.EndAttemptAsync(End(lost.Lose(Now)), Stop)).ShouldBe(AttemptEndOutcome.Written);

        (await ClaimIdsAsync(Room with { Count = 1 })).ShouldBe([lost.Id]);
    }

    [Fact]
    public async Task SubmitAll_WithSomeThatCannotBePaid_RefusesThoseAndKeepsTheOthers()
    {
        // The wallet has 10 dollars.
        var first = NewTask(Money.Parse("4"), key: "a");
        var tooMuch = NewTask(Money.Parse("7"), key: "b");
        var second = NewTask(Money.Parse("6"), key: "c");
        var nothingLeft = NewTask(Money.Parse("0.000000001"));

        var outcomes = await Tasks.SubmitAllAsync([first, tooMuch, second, nothingLeft, first with { Task = tooMuch.Task }], Stop);

        outcomes.Select(outcome => outcome.Refusal?.Code).ShouldBe([null, TaskRefusal.InsufficientFunds, null, TaskRefusal.InsufficientFunds, null]);
        (outcomes[4].Value.Task.Id, outcomes[4].Value.IsNew).ShouldBe((first.Task.Id, false));
        (await WalletAsync()).ShouldBe((Money.Parse("10"), Money.Parse("10")));
        (await Tasks.GetAsync(tooMuch.Task.Id, Stop)).ShouldBeNull();
        (await Tasks.FindSubmissionAsync(Owner, tooMuch.Idempotency!, Stop)).Value.ShouldBeNull();
        (await ClaimIdsAsync(Room)).ShouldBe([first.Task.Id, second.Task.Id]);
        await BooksBalanceAsync(openHolds: 2);
    }

    [Fact]
    public async Task EndAttempts_WithOneThatLostItsLease_WritesTheOthers()
    {
        await SubmitAsync();
        await SubmitAsync();
        await SubmitAsync();
        var running = await Tasks.ClaimAsync(Holder, Room, Now, Stop);
        await Tasks.EndAttemptAsync(End(running[1].Lose(Now)), Stop);

        var outcomes = await Tasks.EndAttemptsAsync(
            [Success(running[0]), Success(running[1]), End(running[2].Fail(new TaskFailure(FailureCode.Trap, "trapped", "", null), Now)), Success(running[0])], Stop);

        outcomes.ShouldBe([AttemptEndOutcome.Written, AttemptEndOutcome.LeaseLost, AttemptEndOutcome.Written, AttemptEndOutcome.LeaseLost]);
        (await Tasks.GetReceiptAsync(running[0].Id, Stop)).ShouldNotBeNull();
        (await Tasks.GetReceiptAsync(running[1].Id, Stop)).ShouldBeNull();
        (await WalletAsync()).ShouldBe((Money.Parse("9.999"), Price));
        await BooksBalanceAsync(openHolds: 1);
    }

    [Fact]
    public async Task SubmitAndEnd_ByManyAtOnce_KeepTheBooks()
    {
        const int count = 200;
        var outcomes = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => Tasks.SubmitAsync(NewTask(), Stop)));
        outcomes.ShouldAllBe(outcome => outcome.Refusal == null);
        var running = await Tasks.ClaimAsync(Holder, Room with { Count = count }, Now, Stop);
        (await Task.WhenAll(running.Select(task => Tasks.EndAttemptAsync(Success(task), Stop)))).ShouldAllBe(outcome => outcome == AttemptEndOutcome.Written);

        (await WalletAsync()).ShouldBe((Money.Parse("9.8"), Money.Zero));
        await BooksBalanceAsync(openHolds: 0);
    }

    [Fact]
    public async Task Claim_AfterExpediting_TakesThatTaskFirstThoughItWasNotDue()
    {
        await SubmitAsync(dueAt: Now.AddHours(-1));
        var hurried = await SubmitAsync(dueAt: Now.AddHours(1));

        (await Tasks.ExpediteAsync(hurried.Id, Owner, Now, Stop))!.State.ShouldBe(new TaskState.Queued(Now));

        (await ClaimIdsAsync(Room with { Count = 1 })).ShouldBe([hurried.Id]);
        (await Tasks.ExpediteAsync(hurried.Id, Owner, Now, Stop))!.State.ShouldBeOfType<TaskState.Running>();
        (await Tasks.ExpediteAsync(hurried.Id, Ids.Next<User>(), Now, Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Expedite_OfManyTasks_DelaysNobodyElse()
    {
        var many = new List<AgentTask>();
        for (var i = 0; i < 20; i++)
            many.Add(await SubmitAsync());
        var other = NewTask();
        var ofAnother = (await Tasks.SubmitAsync(other with { Task = other.Task with { OwnerId = Ids.Next<User>() } }, Stop)).Value.Task;
        (await ClaimIdsAsync(Room with { Count = 1 })).ShouldBe([many[0].Id]);

        foreach (var task in many.Skip(1))
            (await Tasks.ExpediteAsync(task.Id, Owner, Now, Stop)).ShouldNotBeNull();

        var claimed = await ClaimIdsAsync(Room with { Count = 3 });
        claimed.ShouldContain(ofAnother.Id);
        claimed.ShouldContain(many[^1].Id, "the last one that was hurried comes first of its own");
        (await ClaimIdsAsync(Room with { Count = 100 })).Count.ShouldBe(17, "none is lost");
    }

    [Fact]
    public async Task Claim_WithinItsMemory_DoesNotLetSmallTasksPassByALargeOne()
    {
        var first = await SubmitAsync(memoryBytes: 100);
        var large = await SubmitAsync(memoryBytes: 1_000);
        var last = await SubmitAsync(memoryBytes: 100);
        var tooLarge = await SubmitAsync(dueAt: Now.AddHours(-1), memoryBytes: 5_000);

        (await ClaimIdsAsync(new ClaimRoom(10, FreeMemoryBytes: 500, MaxMemoryBytes: 2_000))).ShouldBe([first.Id]);
        (await ClaimIdsAsync(new ClaimRoom(10, FreeMemoryBytes: 500, MaxMemoryBytes: 2_000))).ShouldBeEmpty();
        (await ClaimIdsAsync(new ClaimRoom(10, FreeMemoryBytes: 2_000, MaxMemoryBytes: 2_000))).ShouldBe([large.Id, last.Id]);
        (await Tasks.GetAsync(tooLarge.Id, Stop))!.State.ShouldBeOfType<TaskState.Queued>();
    }

    [Fact]
    public async Task End_OfASuccess_WritesResultReceiptMoneyAndEventTogether()
    {
        var running = await SubmitAndClaimAsync();
        var end = Success(running);

        (await Tasks.EndAttemptAsync(end, Stop)).ShouldBe(AttemptEndOutcome.Written);

        await ReopenAsync();
        Open();
        var task = (await Tasks.GetAsync(running.Id, Stop)).ShouldNotBeNull();
        task.State.ShouldBe(end.Task.State);
        (task.Attempts, task.Token).ShouldBe((1, 1));
        (await Tasks.ReadOutputAsync(running.Id, Stop)).ShouldBe("HELLO"u8.ToArray());
        var log = await Tasks.ReadLogAsync(running.Id, Stop);
        (Encoding.UTF8.GetString(log.Bytes.Span), log.Start).ShouldBe(("a line", 12L));
        (await Tasks.GetReceiptAsync(running.Id, Stop)).ShouldBe(end.Receipt);
        (await WalletAsync()).ShouldBe((Money.Parse("9.999"), Money.Zero));
        (await Ledger.GetAccountAsync(Creator, Stop))!.Posted.ShouldBe(Money.Parse("0.0007"));
        (await EventsAsync(running.Id)).ShouldBe([EventTypes.TaskQueued, EventTypes.TaskStarted, EventTypes.TaskSucceeded]);
        await BooksBalanceAsync(openHolds: 0);
    }

    [Fact]
    public async Task End_ByManyAtOnce_IsWrittenOnce()
    {
        var running = await SubmitAndClaimAsync();

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(number => Tasks.EndAttemptAsync(
            number % 2 == 0 ? Success(running) : End(running.Fail(new TaskFailure(FailureCode.Trap, "trapped", "", null), Now)), Stop)));

        outcomes.Count(outcome => outcome == AttemptEndOutcome.Written).ShouldBe(1);
        outcomes.Count(outcome => outcome == AttemptEndOutcome.LeaseLost).ShouldBe(7);
        (await WalletAsync()).Posted.ShouldBe((await Tasks.GetAsync(running.Id, Stop))!.State is TaskState.Succeeded ? Money.Parse("9.999") : Money.Parse("10"));
        await BooksBalanceAsync(openHolds: 0);
    }

    [Fact]
    public async Task End_UnderAnEarlierToken_ChangesNothing()
    {
        var first = await SubmitAndClaimAsync();
        (await Tasks.EndAttemptAsync(End(first.Lose(Now)), Stop)).ShouldBe(AttemptEndOutcome.Written);
        var second = (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).ShouldHaveSingleItem();

        (await Tasks.EndAttemptAsync(Success(first), Stop)).ShouldBe(AttemptEndOutcome.LeaseLost);

        (await Tasks.GetAsync(first.Id, Stop)).ShouldNotBeNull().State.ShouldBe(second.State);
        (second.Token, second.Losses, second.Attempts).ShouldBe((2, 1, 0));
        (await Tasks.ReadOutputAsync(first.Id, Stop)).ShouldBeNull();
        await BooksBalanceAsync(openHolds: 1);
    }

    [Fact]
    public async Task End_ThatGoesBackToTheQueueThoughItsConsumerCancels_IsLeftToBeCancelled()
    {
        var running = await SubmitAndClaimAsync();
        await CancelAsync(running.Id);

        (await Tasks.EndAttemptAsync(End(running.Retry(Now)), Stop)).ShouldBe(AttemptEndOutcome.CancelRequested);
        (await Tasks.EndAttemptAsync(End(running.Retry(Now).Cancel(Now)), Stop)).ShouldBe(AttemptEndOutcome.Written);

        (await Tasks.GetAsync(running.Id, Stop))!.State.ShouldBeOfType<TaskState.Cancelled>();
        await BooksBalanceAsync(openHolds: 0);
    }

    [Fact]
    public async Task End_OfAFailure_IsReadBackWhole()
    {
        var running = await SubmitAndClaimAsync();
        var failed = running.Fail(new TaskFailure(FailureCode.AgentExit, "The agent ended with exit code 1.", "größe?", new Usage(1, 2, 3, 4, 5)), Now);

        await Tasks.EndAttemptAsync(End(failed), Stop);

        (await Tasks.GetAsync(running.Id, Stop))!.State.ShouldBe(failed.State);
        (await WalletAsync()).ShouldBe((Money.Parse("10"), Money.Zero));
    }

    [Fact]
    public async Task Cancel_OfAQueuedTask_EndsItAndReleasesItsHold()
    {
        var task = await SubmitAsync();

        (await CancelAsync(task.Id)).Value.State.ShouldBe(new TaskState.Cancelled(Now));

        (await CancelAsync(task.Id)).Refusal!.Code.ShouldBe(TaskRefusal.AlreadyFinal);
        (await ClaimIdsAsync(Room)).ShouldBeEmpty();
        (await EventsAsync(task.Id)).ShouldBe([EventTypes.TaskQueued, EventTypes.TaskCancelled]);
        await BooksBalanceAsync(openHolds: 0);
    }

    [Fact]
    public async Task Cancel_OfSomebodyElsesTask_IsRefusedAsUnknown()
    {
        var task = await SubmitAsync();

        (await Tasks.CancelAsync(task.Id, Ids.Next<User>(), Ids.Next<Transfer>(), Accounts.Clearing, Now, Stop)).Refusal!.Code.ShouldBe(TaskRefusal.TaskUnknown);
    }

    [Fact]
    public async Task Cancel_OfARunningTask_IsSeenByItsHolder()
    {
        var running = await SubmitAndClaimAsync();
        var lease = new LeaseRef(running.Id, running.Token);

        (await CancelAsync(running.Id)).Value.State.ShouldBeOfType<TaskState.Running>();

        (await Tasks.ListHeldAsync(Holder, Stop)).ShouldBe([new HeldTask(lease, IsCancelRequested: true)]);
        await BooksBalanceAsync(openHolds: 1);
    }

    [Fact]
    public async Task Cancel_WhileOthersClaim_EitherEndsOrMarksEachTask()
    {
        var submitted = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => SubmitAsync()));

        await Task.WhenAll(
            Task.WhenAll(submitted.Select(task => CancelAsync(task.Id))),
            Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Tasks.ClaimAsync(Holder, Room with { Count = 2 }, Now, Stop))));

        var running = 0;
        foreach (var submittedTask in submitted)
        {
            var task = (await Tasks.GetAsync(submittedTask.Id, Stop)).ShouldNotBeNull();
            task.CancelRequestedAt.ShouldNotBeNull();
            running += task.State is TaskState.Running ? 1 : 0;
            task.State.Name.ShouldBeOneOf("running", "cancelled");
        }

        await BooksBalanceAsync(openHolds: running);
    }

    [Fact]
    public async Task Cancel_WhileTheAttemptEnds_ChargesOnlyASuccess()
    {
        var attempts = new List<AgentTask>();
        for (var i = 0; i < 20; i++)
            attempts.Add(await SubmitAndClaimAsync());

        await Task.WhenAll(attempts.SelectMany(running => new Task[] { CancelAsync(running.Id), Tasks.EndAttemptAsync(Success(running), Stop) }));

        foreach (var attempt in attempts)
            (await Tasks.GetAsync(attempt.Id, Stop))!.State.ShouldBeOfType<TaskState.Succeeded>();
        (await WalletAsync()).ShouldBe((Money.Parse("9.98"), Money.Zero));
        await BooksBalanceAsync(openHolds: 0);
    }

    [Fact]
    public async Task NextDue_OfTasksThatHaveTurns_IsPastWhateverTheClockSays()
    {
        var submitted = await SubmitAsync();

        (await Tasks.NextDueAsync(null, Stop)).ShouldNotBeNull().ShouldBeLessThan(Now.AddHours(-1));
        (await Tasks.ClaimAsync(Holder, Room, Now.AddHours(-1), Stop)).Single().Id.ShouldBe(submitted.Id);
    }

    [Fact]
    public async Task Retry_PutOffByAClockThatWasSetBackSince_IsBroughtForward()
    {
        var delayed = await SubmitAsync(dueAt: Now.AddMinutes(30));
        var retried = await SubmitAndClaimAsync();
        await Tasks.EndAttemptAsync(End(retried.Retry(Now.AddSeconds(30))), Stop);
        (await Tasks.BringForwardAsync(Now, Stop)).ShouldBe(0, "it waits for no longer than a retry does");
        var setBack = Now.AddHours(-1);

        (await Tasks.BringForwardAsync(setBack, Stop)).ShouldBe(1);

        (await Tasks.ClaimAsync(Holder, Room, setBack, Stop)).Select(task => task.Id).ShouldBe([retried.Id]);
        (await Tasks.ClaimAsync(Holder, Room, Now.AddMinutes(30), Stop)).Select(task => task.Id).ShouldBe([delayed.Id]);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(30, false)]
    [InlineData(3_600, true)]
    public async Task TaskThatComesBack_IsClaimableAtOnceUnlessItIsPutOff(int seconds, bool isAtOnce)
    {
        var running = await SubmitAndClaimAsync();

        // An hour is longer than anything is put off: the clock was set back while the attempt ran.
        await Tasks.EndAttemptAsync(End(running.Retry(Now.AddSeconds(seconds))), Stop);

        (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).Count.ShouldBe(isAtOnce ? 1 : 0);
        (await Tasks.ClaimAsync(Holder, Room, Now.AddSeconds(31), Stop)).Count.ShouldBe(isAtOnce ? 0 : 1);
        await BooksBalanceAsync(openHolds: 1);
    }

    [Fact]
    public async Task Held_IsWhatRunsForThatHolderAlone()
    {
        var kept = await SubmitAndClaimAsync();
        var ended = await SubmitAndClaimAsync();
        await Tasks.EndAttemptAsync(Success(ended), Stop);
        await SubmitAsync();

        (await Tasks.ListHeldAsync(Holder, Stop)).ShouldBe([new HeldTask(new LeaseRef(kept.Id, kept.Token), IsCancelRequested: false)]);
        (await Tasks.ListHeldAsync(new LeaseHolder("node", "other"), Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Abandoned_IsWhatRunsForThoseWhoAreNotListed()
    {
        var nodes = new SqlNodeStore(Database);
        var other = new LeaseHolder("nodeB", "boot1");
        await nodes.BeatAsync(Holder, NodeStoreConformance.Silent, Now, Stop);
        await SubmitAsync();
        var ofNobody = (await Tasks.ClaimAsync(new LeaseHolder("node", "boot1"), Room, Now, Stop)).Single();
        await SubmitAsync();
        var ofOther = (await Tasks.ClaimAsync(other, Room, Now.AddSeconds(1), Stop)).Single();
        await SubmitAsync();
        (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).Count.ShouldBe(1);

        (await Tasks.ListAbandonedAsync(Stop)).ShouldBe([new LeaseRef(ofNobody.Id, ofNobody.Token), new LeaseRef(ofOther.Id, ofOther.Token)]);
        await Tasks.EndAttemptAsync(Success(ofNobody), Stop);
        await nodes.StrikeOffAsync(new NodeBeat(Holder, 1), Stop);
        (await Tasks.ListAbandonedAsync(Stop)).Count.ShouldBe(2);
    }

    [Fact]
    public async Task List_PageByPage_IsNewestFirstAndStableUnderWrites()
    {
        var submitted = new List<AgentTask>();
        for (var i = 0; i < 5; i++)
            submitted.Add(await SubmitAsync());
        await CancelAsync(submitted[1].Id);

        var first = await Tasks.ListAsync(Owner, null, new PageRequest(2), Stop);
        await SubmitAsync();
        var second = await Tasks.ListAsync(Owner, null, new PageRequest(2, first.NextCursor), Stop);
        var third = await Tasks.ListAsync(Owner, null, new PageRequest(2, second.NextCursor), Stop);

        first.Items.Concat(second.Items).Concat(third.Items).Select(task => task.Id).ShouldBe(submitted.Select(task => task.Id).Reverse());
        third.NextCursor.ShouldBeNull();
        (await Tasks.ListAsync(Owner, "cancelled", new PageRequest(), Stop)).Items.ShouldHaveSingleItem().Id.ShouldBe(submitted[1].Id);
        (await Tasks.ListAsync(Ids.Next<User>(), null, new PageRequest(), Stop)).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Queue_UnderManyWorkersAndCancellations_LosesNothingAndBalances()
    {
        const int count = 100;
        var submitted = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => SubmitAsync()));
        using var key = PrivateKey.Generate();

        async Task WorkAsync(int worker)
        {
            var random = new Random(worker);
            while (await Tasks.NextDueAsync(null, Stop) is not null)
            {
                foreach (var task in await Tasks.ClaimAsync(new LeaseHolder("node", $"{worker}"), Room with { Count = 3 }, Now, Stop))
                {
                    var end = random.Next(4) switch
                    {
                        0 => End(task.HandBack(Now)),
                        1 => End(task.Fail(new TaskFailure(FailureCode.Trap, "trapped", "", null), Now)),
                        _ => Success(task, key),
                    };
                    if (await Tasks.EndAttemptAsync(end, Stop) is AttemptEndOutcome.CancelRequested)
                        (await Tasks.EndAttemptAsync(End(task.Cancel(Now)), Stop)).ShouldBe(AttemptEndOutcome.Written);
                }
            }
        }

        await Task.WhenAll([.. Enumerable.Range(0, 4).Select(WorkAsync), .. submitted.Where((_, i) => i % 5 == 0).Select(task => CancelAsync(task.Id))]);
        // A worker may have seen an empty queue just before another handed its tasks back.
        await WorkAsync(99);

        var succeeded = 0;
        foreach (var task in submitted)
        {
            var state = (await Tasks.GetAsync(task.Id, Stop))!.State;
            state.IsFinal.ShouldBeTrue();
            succeeded += state is TaskState.Succeeded ? 1 : 0;
            (await EventsAsync(task.Id)).Count(type => type is EventTypes.TaskSucceeded or EventTypes.TaskFailed or EventTypes.TaskCancelled).ShouldBe(1);
        }

        (await WalletAsync()).ShouldBe((Money.Parse("10") - (Money.Parse("0.001") * succeeded), Money.Zero));
        await BooksBalanceAsync(openHolds: 0);
    }

    private async Task<List<Id<AgentTask>>> ClaimIdsAsync(ClaimRoom room, DateTimeOffset? now = null) =>
        [.. (await Tasks.ClaimAsync(Holder, room, now ?? Now, Stop)).Select(task => task.Id)];

    private Task<Outcome<AgentTask, TaskRefusal>> CancelAsync(Id<AgentTask> id) =>
        Tasks.CancelAsync(id, Owner, Ids.Next<Transfer>(), Accounts.Clearing, Now, Stop);

    private async Task<Id<AgentTask>> SubmitUntilAsync(DateTimeOffset deadline, DateTimeOffset? dueAt = null)
    {
        var requirement = new Requirement(["text.upper"], Price, 1_000, 0, SelectionWeights.Default, Explores: false);
        var choice = new Choice(Now, requirement.Weights, [], 0, new Dictionary<Unfit, int>(), IsExploring: false, new TypicalCandidate(0, 0, 0, 0));
        var submission = NewTask(dueAt: dueAt) with { Selection = new TaskSelection(requirement, RequestedLimits.None, deadline, choice) };
        return (await Tasks.SubmitAsync(submission with { Task = submission.Task with { DeadlineAt = deadline } }, Stop)).Value.Task.Id;
    }
}

public sealed class SqliteTaskStoreTests() : TaskStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresTaskStoreTests(PostgresCluster cluster) : TaskStoreConformance(new PostgresSource(cluster));

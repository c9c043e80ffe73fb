using Stoa.Market.Events;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;

namespace Stoa.Node.Tests.Tasks;

/// <summary>What a task store answers when its acts were committed and nobody heard of it.</summary>
public abstract class UnknownCommitsConformance(DatabaseSource source) : TaskStoreTest(source)
{
    private UnsureDatabase _unsure = null!;
    private SqlTaskStore _unsureTasks = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _unsure = new UnsureDatabase(Database);
        _unsureTasks = new SqlTaskStore(_unsure, TimeProvider.System, recent: new RecentSubmissions(TimeProvider.System));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("a key")]
    public async Task Submit_WhoseCommitHappened_IsAnsweredWithItsOwnTask(string? key)
    {
        var submission = NewTask(key: key);
        _unsure.LoseAnswers(1);

        var submitted = (await _unsureTasks.SubmitAsync(submission, Stop)).Value;

        submitted.IsNew.ShouldBeTrue();
        (submitted.Task.Id, submitted.Task.State).ShouldBe((submission.Task.Id, submission.Task.State));
        (await EventsAsync(submission.Task.Id)).ShouldBe([EventTypes.TaskQueued]);
        (await WalletAsync()).Held.ShouldBe(Price);
        await BooksBalanceAsync(openHolds: 1);
    }

    [Fact]
    public async Task Submit_ByManyWhoseCommitsHappened_IsAnsweredToEach()
    {
        var all = Enumerable.Range(0, 20).Select(index => NewTask(key: index % 2 == 0 ? $"key {index}" : null)).ToList();
        _unsure.LoseAnswers(2);

        var submitted = await Task.WhenAll(all.Select(submission => _unsureTasks.SubmitAsync(submission, Stop)));

        submitted.Select(outcome => outcome.Value.Task.Id).ShouldBe(all.Select(submission => submission.Task.Id));
        submitted.ShouldAllBe(outcome => outcome.Value.IsNew);
        await BooksBalanceAsync(openHolds: 20);
    }

    [Fact]
    public async Task Submit_WithAnOfferWhoseCommitHappened_RunsForWhoOffered()
    {
        var submission = NewTask(claim: new ImmediateClaim(Holder));
        _unsure.LoseAnswers(1);

        var submitted = (await _unsureTasks.SubmitAsync(submission, Stop)).Value;

        (submitted.IsNew, ((TaskState.Running)submitted.Task.State).Lease.Holder, submitted.Task.Token).ShouldBe((true, Holder.ToString(), 1));
    }

    [Fact]
    public async Task Submit_WhoseAnswerIsLostTwice_SaysSo()
    {
        _unsure.LoseAnswers(2);

        await Should.ThrowAsync<CommitUnknownException>(() => _unsureTasks.SubmitAsync(NewTask(), Stop));
    }

    [Theory]
    [InlineData("succeeds")]
    [InlineData("fails")]
    [InlineData("comes back")]
    public async Task End_WhoseCommitHappened_IsWritten(string what)
    {
        var running = await SubmitAndClaimAsync();
        var end = what switch
        {
            "succeeds" => Success(running),
            "fails" => End(running.Fail(new TaskFailure(FailureCode.Trap, "trapped", "", null), Now)),
            _ => End(running.HandBack(Now)),
        };
        _unsure.LoseAnswers(3);

        (await _unsureTasks.EndAttemptAsync(end, Stop)).ShouldBe(AttemptEndOutcome.Written);

        (await Tasks.GetAsync(running.Id, Stop))!.State.Name.ShouldBe(end.Task.State.Name);
        await BooksBalanceAsync(openHolds: end.Task.State.IsFinal ? 0 : 1);
        (await Tasks.EndAttemptAsync(Success(running), Stop)).ShouldBe(AttemptEndOutcome.LeaseLost, "another end of the same lease is not this one");
    }

    [Fact]
    public async Task End_WhoseAnswerIsLostAndThatSomebodyElseHadEnded_IsLost()
    {
        var running = await SubmitAndClaimAsync();
        (await Tasks.EndAttemptAsync(End(running.HandBack(Now)), Stop)).ShouldBe(AttemptEndOutcome.Written);
        (await Tasks.CancelAsync(running.Id, Owner, Ids.Next<Transfer>(), Accounts.Clearing, Now, Stop)).Refusal.ShouldBeNull();
        _unsure.LoseAnswers(1);

        (await _unsureTasks.EndAttemptAsync(Success(running), Stop)).ShouldBe(AttemptEndOutcome.LeaseLost);
    }
}

public sealed class SqliteUnknownCommitsTests() : UnknownCommitsConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresUnknownCommitsTests(PostgresCluster cluster) : UnknownCommitsConformance(new PostgresSource(cluster));

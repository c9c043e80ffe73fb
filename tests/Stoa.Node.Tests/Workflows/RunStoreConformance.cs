using System.Text;
using Stoa.Market;
using Stoa.Market.Expressions;
using Stoa.Market.Identity;
using Stoa.Market.Membership;
using Stoa.Market.Tasks;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Durable;
using Stoa.Market.Workflows.Runs;
using Stoa.Node.Membership;
using Stoa.Node.Tests.Membership;
using Stoa.Node.Tests.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Node.Workflows.Durable;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Workflows;

public abstract class RunStoreConformance(DatabaseSource source) : TaskStoreTest(source)
{
    private const string Document = """{ "name": "wf", "nodes": {} }""";
    private static readonly ContentHash s_digest = ContentHash.Of(Encoding.UTF8.GetBytes(Document));

    private SqlRunStore _runs = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _runs = new SqlRunStore(Database, quota: new UserQuota(3, 1 << 20));
    }

    [Fact]
    public async Task Run_IsStartedOnce()
    {
        var run = New();

        var first = await _runs.StartAsync(run, "{}", Document, 10, "mine", Stop);
        var again = await _runs.StartAsync(run, "{}", Document, 10, "other", Stop);

        (first.Value.IsNew, again.Value.IsNew, again.Value.Run.Id).ShouldBe((true, false, run.Id));
        (await _runs.ListHeldAsync("mine", Stop)).ShouldBe([run.Id]);
        var stored = await LoadAsync(run);
        (stored.Run, stored.Input, stored.Document, stored.Log.Count, stored.Open.Count).ShouldBe((run, "{}", Document, 0, 0));
    }

    [Fact]
    public async Task Runs_OfOneAccount_AreLimited()
    {
        await StartAsync(mostOpen: 2);
        var second = await StartAsync(mostOpen: 2);

        (await _runs.StartAsync(New(), "{}", Document, 2, null, Stop)).Refusal!.Code.ShouldBe(WorkflowRefusal.RunsTooMany);
        await EndAsync(second);
        (await _runs.StartAsync(New(), "{}", Document, 2, null, Stop)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Run_IsCarriedByOneNode_UntilThatIsGone()
    {
        var nodes = new List<LeaseHolder>();
        for (var number = 0; number < 6; number++)
        {
            nodes.Add(new LeaseHolder($"node{number}", "boot"));
            await new SqlNodeStore(Database).BeatAsync(nodes[^1], NodeStoreConformance.Silent, Now, Stop);
        }

        var run = New();
        await _runs.StartAsync(run, "{}", Document, 10, null, Stop);

        var claims = await Task.WhenAll(nodes.Select(node => _runs.ClaimAsync(node, Token(node), 10, Stop)));

        claims.SelectMany(claimed => claimed).ShouldBe([run.Id]);
        var carrier = nodes[claims.ToList().FindIndex(claimed => claimed.Count > 0)];
        var other = nodes.First(node => node != carrier);
        (await _runs.IsAnyFreeAsync(other, Token(other), Stop)).ShouldBeFalse();
        await new SqlNodeStore(Database).StrikeOffAsync(new NodeBeat(carrier, 1), Stop);
        (await _runs.IsAnyFreeAsync(other, Token(other), Stop)).ShouldBeTrue();
        (await _runs.ClaimAsync(other, Token(other), 10, Stop)).ShouldBe([run.Id]);
        (await CommitAsync(Commit(run, Happened("late")), Token(carrier))).IsLost.ShouldBeTrue("it was taken for dead");
        (await LoadAsync(run)).Log.ShouldBeEmpty();
        await _runs.ReleaseAsync(Token(other), Stop);
        (await _runs.ClaimAsync(carrier, Token(carrier), 10, Stop)).ShouldBe([run.Id], "given back");
    }

    [Fact]
    public async Task Commit_WritesWhatHasHappenedAndTheTasksOfIt_OrNothing()
    {
        var run = await StartAsync();
        var task = NewTask();
        var key = new StepKey("one", StepKind.Task, 1);
        var commit = Commit(run, Happened("before")) with
        {
            Opened = [new OpenedStep(new OpenStep(key, task.Task.Id, Price), task), new OpenedStep(new OpenStep(new StepKey("two", StepKind.Wait, 0), null, Money.Zero, DueAt: Now.AddHours(1)))],
        };

        var written = await CommitAsync(commit);

        (written.IsLost, written.LogLength, written.Refused.Count, written.PutOff.Count).ShouldBe((false, 1, 0, 0));
        var stored = await LoadAsync(run);
        ((RunEvent.Signalled)stored.Log.ShouldHaveSingleItem().Event).Name.ShouldBe("before");
        stored.Open.ShouldBe(commit.Opened.Select(opened => opened.Step), ignoreOrder: true);
        (await Tasks.GetAsync(task.Task.Id, Stop))!.State.ShouldBeOfType<TaskState.Queued>();
        var again = NewTask();
        (await CommitAsync(commit with { Opened = [new OpenedStep(new OpenStep(key, again.Task.Id, Price), again)] })).IsLost.ShouldBeTrue("it has come further by now");
        (await Tasks.GetAsync(again.Task.Id, Stop)).ShouldBeNull();
        await Should.ThrowAsync<Exception>(() => CommitAsync(Commit(stored.Run) with { Opened = [new OpenedStep(new OpenStep(key, again.Task.Id, Price), again)] }));
        (await Tasks.GetAsync(again.Task.Id, Stop)).ShouldBeNull("a step has one task for an attempt");
    }

    [Fact]
    public async Task Commits_OfManyRuns_DoNotTakeEachOtherWithThem()
    {
        List<DurableRun> runs = [];
        for (var number = 0; number < 5; number++)
            runs.Add(await StartAsync());
        await EndAsync(runs[2]);

        var written = await _runs.CommitAsync([.. runs.Select(run => Commit(run, Happened("x")))], "mine", Stop);

        written.Select(one => one.IsLost).ShouldBe([false, false, true, false, false]);
        (await LoadAsync(runs[4])).Log.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Task_ThatCannotBePaid_HasEndedWithTheCommit()
    {
        var run = await StartAsync();
        var (dear, cheap) = (NewTask(price: Money.Parse("11")), NewTask());

        var written = await CommitAsync(Commit(run, Happened("before")) with { Opened = [Open("dear", dear), Open("cheap", cheap)] });

        var refused = (RunEvent.WorkEnded)written.Refused.ShouldHaveSingleItem().Event;
        (refused.Path, refused.Outcome.ShouldBeOfType<WorkOutcome.Failed>().Code, written.LogLength).ShouldBe(("dear", "insufficientFunds", 2));
        var stored = await LoadAsync(run);
        (stored.Run.LogLength, stored.Run.LogBytes, stored.Log.Count).ShouldBe((2, written.LogBytes, 2));
        stored.Open.Select(step => step.Key.Path).ShouldBe(["cheap"]);
        (await CommitAsync(Commit(stored.Run, Happened("after")))).IsLost.ShouldBeFalse();
    }

    [Fact]
    public async Task Tasks_BeyondTheQuota_ArePutOff()
    {
        var run = await StartAsync();

        var written = await CommitAsync(Commit(run) with { Opened = [.. Enumerable.Range(0, 5).Select(number => Open($"n{number}", NewTask()))] });

        written.PutOff.Select(key => key.Path).ShouldBe(["n3", "n4"]);
        written.Refused.ShouldBeEmpty();
        (await LoadAsync(run)).Open.Count.ShouldBe(3);
    }

    [Fact]
    public async Task Task_ThatHasEnded_IsFoundByItsRun()
    {
        var run = await StartAsync();
        var task = NewTask();
        await CommitAsync(Commit(run) with { Opened = [Open("one", task)] });
        (await _runs.ListEndedAsync("mine", 10, Stop)).ShouldBeEmpty();

        var claimed = (await Tasks.ClaimAsync(Holder, Room, Now, Stop)).Single();
        await Tasks.EndAttemptAsync(Success(claimed), Stop);

        (await _runs.ListEndedAsync("mine", 10, Stop)).ShouldBe([task.Task.Id]);
        (await _runs.ListEndedAsync("other", 10, Stop)).ShouldBeEmpty();
        var ended = (await _runs.ReadEndedAsync([task.Task.Id, Ids.Next<AgentTask>()], Stop)).ShouldHaveSingleItem();
        (ended.Task.State, Encoding.UTF8.GetString(ended.Output!.Value.Span)).ShouldSatisfyAllConditions(
            found => found.State.ShouldBeOfType<TaskState.Succeeded>(), found => found.Item2.ShouldBe("HELLO"));
        await CommitAsync(Commit(run, new RunLogEntry(new RunEvent.WorkEnded("one", 1, StepOutcomes.Of(ended.Task, ended.Output)), Now) { Task = ended.Task.Id, Price = ended.Task.State.Charged }) with
        {
            Closed = [new StepKey("one", StepKind.Task, 1)],
        });
        (await _runs.ListEndedAsync("mine", 10, Stop)).ShouldBeEmpty();
        var log = (await LoadAsync(run)).Log.ShouldHaveSingleItem();
        (log.Task, log.Price).ShouldBe((ended.Task.Id, ended.Task.State.Charged));
        ((WorkOutcome.Done)((RunEvent.WorkEnded)log.Event).Outcome).Output.TryToJson(new ExpressionBudget(100), out var output, out _).ShouldBeTrue();
        output.GetString().ShouldBe("HELLO");
    }

    [Fact]
    public async Task Signals_ComeToWhoCarriesTheRun_UntilTheyAreTaken()
    {
        var run = await StartAsync();
        (await _runs.SignalAsync(run.Id, Owner, SignalKind.Event, "go", "1", Now, Stop)).Refusal.ShouldBeNull();
        (await _runs.SignalAsync(run.Id, Owner, SignalKind.Event, "on", "2", Now, Stop)).Refusal.ShouldBeNull();
        (await _runs.SignalAsync(run.Id, Ids.Next<User>(), SignalKind.Event, "go", "1", Now, Stop)).Refusal!.Code.ShouldBe(WorkflowRefusal.RunUnknown);

        var read = await _runs.ReadSignalsAsync("mine", 10, Stop);

        read.Select(signal => (signal.RunId, signal.Kind, signal.Name, signal.Value, signal.At)).ShouldBe([(run.Id, SignalKind.Event, "go", "1", Now), (run.Id, SignalKind.Event, "on", "2", Now)]);
        (await _runs.ReadSignalsAsync("other", 10, Stop)).ShouldBeEmpty();
        await CommitAsync(Commit(run) with { Taken = [read[0].Id], Read = [read[1].Id] });
        (await _runs.ReadSignalsAsync("mine", 10, Stop)).ShouldBeEmpty("one is taken, and one is known to wait");
        (await LoadAsync(run)).Signals.Select(signal => signal.Name).ShouldBe(["on"]);
        await EndAsync(run);
        (await LoadAsync(run)).Signals.ShouldBeEmpty();
        (await _runs.SignalAsync(run.Id, Owner, SignalKind.Event, "go", "1", Now, Stop)).Refusal!.Code.ShouldBe(WorkflowRefusal.RunEnded);
    }

    [Fact]
    public async Task Signals_OfOneRun_AreLimited()
    {
        var run = await StartAsync();
        for (var number = 0; number < DurableRun.MaxSignals; number++)
            (await _runs.SignalAsync(run.Id, Owner, SignalKind.Event, "go", "null", Now, Stop)).Refusal.ShouldBeNull();

        (await _runs.SignalAsync(run.Id, Owner, SignalKind.Event, "go", "null", Now, Stop)).Refusal!.Code.ShouldBe(WorkflowRefusal.SignalsTooMany);
    }

    [Fact]
    public async Task Question_IsAnsweredOnce_ByWhoIsAsked()
    {
        var run = await StartAsync();
        await CommitAsync(Commit(run) with
        {
            Opened =
            [
                new OpenedStep(new OpenStep(new StepKey("bobs", StepKind.Approval, 0), null, Money.Zero, Asked: """["bob"]""", Text: "Yes?")),
                new OpenedStep(new OpenStep(new StepKey("anyones", StepKind.Approval, 0), null, Money.Zero, Text: "Yes?")),
            ],
        });
        var stranger = Ids.Next<User>();

        (await AnswerAsync(stranger, "eve", "bobs")).ShouldBe(WorkflowRefusal.RunUnknown);
        (await AnswerAsync(stranger, "eve", "anyones")).ShouldBe(WorkflowRefusal.RunUnknown);
        (await AnswerAsync(Owner, "ada", "bobs")).ShouldBe(WorkflowRefusal.ApproverOther);
        (await AnswerAsync(Owner, "ada", "nowhere")).ShouldBe(WorkflowRefusal.ApprovalUnknown);
        (await AnswerAsync(Owner, "ada", "anyones")).ShouldBeNull();
        (await AnswerAsync(stranger, "bob", "bobs")).ShouldBeNull();
        (await AnswerAsync(stranger, "bob", "bobs")).ShouldBe(WorkflowRefusal.ApprovalUnknown);
        (await _runs.ReadSignalsAsync("mine", 10, Stop)).Select(signal => signal.Name).ShouldBe(["anyones", "bobs"]);

        async Task<WorkflowRefusal?> AnswerAsync(Id<User> account, string handle, string path) =>
            (await _runs.AnswerAsync(run.Id, account, handle, path, true, "", Now, Stop)).Refusal?.Code;
    }

    [Fact]
    public async Task RunsThatAreOver_AreForgotten_WithTheirLogsAndDocuments()
    {
        var (old, kept) = (await StartAsync(), await StartAsync());
        await CommitAsync(Commit(old, Happened("x")));
        await EndAsync(old with { LogLength = 1 });

        (await _runs.ForgetAsync(Now, 10, Stop)).ShouldBe(0);
        (await _runs.ForgetAsync(Now.AddMilliseconds(1), 10, Stop)).ShouldBe(1);

        (await _runs.LoadAsync(old.Id, Stop)).ShouldBeNull();
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT count(*) FROM workflow_log"), Stop)).ShouldBe(0);
        (await LoadAsync(kept)).Document.ShouldBe(Document);
        await EndAsync(kept);
        await _runs.ForgetAsync(Now.AddMilliseconds(1), 10, Stop);
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT count(*) FROM workflow_documents"), Stop)).ShouldBe(0);
    }

    [Fact]
    public async Task Runs_AreListedByPages()
    {
        List<Id<DurableRun>> ids = [];
        for (var number = 0; number < 5; number++)
            ids.Add((await StartAsync()).Id);
        ids.Reverse();

        var first = await _runs.ListAsync(Owner, RunState.Running, "wf", new PageRequest(3), Stop);
        var second = await _runs.ListAsync(Owner, null, null, new PageRequest(3, first.NextCursor), Stop);

        first.Items.Concat(second.Items).Select(run => run.Id).ShouldBe(ids);
        second.NextCursor.ShouldBeNull();
        (await _runs.ListAsync(Owner, RunState.Failed, null, new PageRequest(), Stop)).Items.ShouldBeEmpty();
        (await _runs.ListAsync(Owner, null, "other", new PageRequest(), Stop)).Items.ShouldBeEmpty();
        (await _runs.ListAsync(Ids.Next<User>(), null, null, new PageRequest(), Stop)).Items.ShouldBeEmpty();
    }

    private static string Token(LeaseHolder node) => $"{node}#token";

    private static RunLogEntry Happened(string name) => new(new RunEvent.Signalled(name, default), Now);

    private static OpenedStep Open(string path, NewTask task) => new(new OpenStep(new StepKey(path, StepKind.Task, 1), task.Task.Id, task.Hold!.Amount), task);

    private static RunCommit Commit(DurableRun run, params RunLogEntry[] happened)
    {
        (RunLogEntry Entry, string Json)[] entries = [.. happened.Select(entry => (entry, entry.ToJson()))];
        return new RunCommit(
            run with { LogLength = run.LogLength + entries.Length, LogBytes = run.LogBytes + entries.Sum(entry => entry.Json.Length) }, run.LogLength, entries, [], [], [], [], null, null, []);
    }

    private DurableRun New() => new(Ids.Next<DurableRun>(), Owner, "wf", null, s_digest, RunState.Running, null, Money.Zero, 0, 0, null, Now, null);

    private async Task<DurableRun> StartAsync(int mostOpen = 10) => (await _runs.StartAsync(New(), "{}", Document, mostOpen, "mine", Stop)).Value.Run;

    private async Task EndAsync(DurableRun run)
    {
        var commit = Commit(run);
        (await CommitAsync(commit with { Run = commit.Run with { State = RunState.Succeeded, EndedAt = Now } })).IsLost.ShouldBeFalse();
    }

    private async Task<RunCommitted> CommitAsync(RunCommit commit, string token = "mine") => (await _runs.CommitAsync([commit], token, Stop))[0];

    private async Task<StoredRun> LoadAsync(DurableRun run) => (await _runs.LoadAsync(run.Id, Stop)).ShouldNotBeNull();
}

public sealed class SqliteRunStoreTests() : RunStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresRunStoreTests(PostgresCluster cluster) : RunStoreConformance(new PostgresSource(cluster));

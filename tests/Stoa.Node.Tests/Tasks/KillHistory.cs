using System.Collections.Concurrent;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>Tasks that are submitted while nodes are killed, and what the books have to say afterwards.</summary>
internal sealed class KillHistory(ITestOutputHelper output, int taskCount, string key)
{
    private const string OpeningCredit = "10";

    private readonly ConcurrentQueue<int> _work = new(Enumerable.Range(0, taskCount));
    private readonly ConcurrentDictionary<int, string> _submitted = new();
    private string[] _agents = [];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>The ids that submitters were given, by the number of the submission.</summary>
    public IReadOnlyDictionary<int, string> Submitted => _submitted;

    public async Task PublishAsync(NodeProcess node)
    {
        using var client = Client(node);
        var limits = new AgentLimitsBody(Fuel: 1_000_000_000, MemoryBytes: 1 << 20, TimeoutMs: 60_000, OutputBytes: 1 << 20, LogBytes: 1000);
        _agents =
        [
            await TestNode.PublishAsync(client, "quick", GuestPrograms.Echo, limits),
            await TestNode.PublishAsync(client, "busy", GuestPrograms.EchoAfter(2_000_000), limits),
            await TestNode.PublishAsync(client, "failing", GuestPrograms.Exit(1, "no"), limits),
        ];
    }

    /// <summary>Submits what is left to submit, until there is nothing or the node dies under it.</summary>
    public async Task SubmitAsync(NodeProcess node, Target hit, CancellationToken dying)
    {
        using var client = Client(node);
        while (!dying.IsCancellationRequested && _work.TryDequeue(out var number))
        {
            try
            {
                var request = new SubmitTaskRequest(_agents[number % _agents.Length], new TaskInputBody(Text: $"input {number}"));
                // The key is the same in every life of the node: whether an answer was lost or the task was, is found out by asking again.
                _submitted[number] = (await client.SubmitAsync(request, idempotencyKey: $"task-{number}", cancellationToken: dying)).Id;
                hit.See(_submitted.Count);
            }
            catch (Exception dead) when (dead is NodeUnreachableException or OperationCanceledException or HttpRequestException or IOException)
            {
                _work.Enqueue(number);
                return;
            }
        }
    }

    /// <summary>Waits for the end of all.</summary>
    public async Task FinishAsync(NodeProcess node)
    {
        using var client = Client(node);
        foreach (var id in _submitted.Values)
            (await client.WaitForTaskAsync(id, cancellationToken: Stop)).State.ShouldBeOneOf("succeeded", "failed");
    }

    /// <summary>Looks at the books.</summary>
    public async Task CheckAsync(Database database)
    {
        var states = await database.ReadAsync(session => session.QueryAsync<(string State, long Count)>("SELECT state, COUNT(*) FROM tasks_now GROUP BY state"), Stop);
        output.WriteLine(string.Join(", ", states));
        states.Sum(state => state.Count).ShouldBe(taskCount);
        states.ShouldAllBe(state => state.State == "succeeded" || state.State == "failed");

        var stored = await database.ReadAsync(session => session.QueryAsync<string>("SELECT id FROM tasks"), Stop);
        stored.ShouldBe(_submitted.Values, ignoreOrder: true);

        (await CountAsync("SELECT COUNT(*) FROM (SELECT subject FROM events WHERE type IN ('stoa.task.succeeded', 'stoa.task.failed', 'stoa.task.cancelled') GROUP BY subject HAVING COUNT(*) = 1) AS ended"))
            .ShouldBe(taskCount);
        (await CountAsync("SELECT COUNT(*) FROM (SELECT cause FROM transfers WHERE purpose IN ('TaskCapture', 'TaskRelease') GROUP BY cause HAVING COUNT(*) = 1) AS settled"))
            .ShouldBe(taskCount);
        var succeeded = states.Where(state => state.State == "succeeded").Sum(state => state.Count);
        (await CountAsync("SELECT COUNT(*) FROM transfers WHERE purpose = 'TaskCapture'")).ShouldBe(succeeded);
        (await CountAsync("SELECT COUNT(*) FROM receipts")).ShouldBe(succeeded);
        (await CountAsync("SELECT COUNT(*) FROM tasks_now WHERE attempts <> 1")).ShouldBe(0);
        output.WriteLine($"{await CountAsync("SELECT COALESCE(SUM(losses), 0) FROM tasks_now")} attempts were lost");

        var totals = await new SqlLedgerStore(database).TotalAsync(Stop);
        (totals.Posted, totals.Clearing, totals.PendingDebits, totals.PendingCredits, totals.OpenHolds).ShouldBe((Money.Zero, Money.Zero, Money.Zero, Money.Zero, 0));
        var captured = await CountAsync("SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM transfers WHERE purpose = 'TaskCapture'");
        var shared = await CountAsync("SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM transfers WHERE purpose IN ('CreatorShare', 'NodeShare', 'PlatformShare')");
        shared.ShouldBe(captured);
        (await CountAsync("SELECT CAST(SUM(posted) AS BIGINT) FROM accounts WHERE kind <> 'World'")).ShouldBe(Money.Parse(OpeningCredit).Nanodollars);

        Task<long> CountAsync(string sql) => database.ReadAsync(session => session.QuerySingleAsync<long>(sql), Stop);
    }

    private StoaClient Client(NodeProcess node) => new(new StoaClientOptions { Address = node.Address, ApiKey = key, MaxAttempts = 1 });

    /// <summary>A number of submissions to wait for.</summary>
    internal sealed class Target(int count)
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Reached => _reached.Task;

        public void See(int submitted)
        {
            if (submitted >= count)
                _reached.TrySetResult();
        }
    }
}

using System.Collections.Concurrent;
using System.Globalization;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>The test of the promise: a node is killed again and again while 1,000 tasks are submitted and run, and nothing is lost, doubled or charged twice.</summary>
/// <remarks>STOA_TEST_SEED replays the moments of a run; what the machine does in between is its own.</remarks>
[Trait("speed", "slow")]
public sealed class KillTests(ITestOutputHelper output)
{
    private const int TaskCount = 1_000;
    private const int Kills = 5;
    private const int Submitters = 16;
    private const string OpeningCredit = "10";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Node_KilledAtRandomMoments_EndsEveryTaskOnceAndChargesItAtMostOnce()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("STOA_TEST_SEED"), CultureInfo.InvariantCulture, out var given)
            ? given
            : Random.Shared.Next();
        output.WriteLine($"STOA_TEST_SEED={seed}");
        var random = new Random(seed);
        var folder = Directory.CreateTempSubdirectory("stoa-kill-").FullName;
        try
        {
            var taskIds = await RunAsync(folder, random);
            await CheckAsync(folder, taskIds);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Submits, kills and starts again until every task has ended; answers the ids that submitters were given.</summary>
    private async Task<IReadOnlyCollection<string>> RunAsync(string folder, Random random)
    {
        var node = await NodeProcess.StartAsync(folder, Stop);
        var agents = await PublishAsync(node, folder);
        var submitted = new ConcurrentDictionary<int, string>();
        var work = new ConcurrentQueue<int>(Enumerable.Range(0, TaskCount));
        for (var life = 0; life <= Kills; life++)
        {
            using var dying = CancellationTokenSource.CreateLinkedTokenSource(Stop);
            // In the middle of the work, wherever the machine's speed puts that: after some more submissions and a moment.
            var hit = new Target(Math.Min(TaskCount, submitted.Count + random.Next(1, 2 * TaskCount / Kills)));
            var submitting = Task.WhenAll(Enumerable.Range(0, Submitters).Select(_ => SubmitAsync(node, folder, agents, work, submitted, hit, dying.Token)));
            if (life < Kills)
            {
                await Task.WhenAny(hit.Reached, submitting);
                await Task.Delay(random.Next(0, 300), Stop);
                await node.KillAsync();
                await dying.CancelAsync();
            }

            await submitting;
            output.WriteLine($"life {life}: {submitted.Count} tasks submitted");
            if (life < Kills)
            {
                await node.DisposeAsync();
                node = await NodeProcess.StartAsync(folder, Stop);
            }
        }

        await using (node)
        {
            using var client = Client(node, folder);
            foreach (var id in submitted.Values)
                (await client.WaitForTaskAsync(id, cancellationToken: Stop)).State.ShouldBeOneOf("succeeded", "failed");
        }

        return [.. submitted.Values];
    }

    /// <summary>Looks at the books of the dead node.</summary>
    private async Task CheckAsync(string folder, IReadOnlyCollection<string> taskIds)
    {
        await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder), TimeProvider.System, Stop);
        var states = await database.ReadAsync(session => session.QueryAsync<(string State, long Count)>("SELECT state, COUNT(*) FROM tasks GROUP BY state"), Stop);
        output.WriteLine(string.Join(", ", states));
        states.Sum(state => state.Count).ShouldBe(TaskCount);
        states.ShouldAllBe(state => state.State == "succeeded" || state.State == "failed");

        var stored = await database.ReadAsync(session => session.QueryAsync<string>("SELECT id FROM tasks"), Stop);
        stored.ShouldBe(taskIds, ignoreOrder: true);

        (await CountAsync("SELECT COUNT(*) FROM (SELECT subject FROM events WHERE type IN ('stoa.task.succeeded', 'stoa.task.failed', 'stoa.task.cancelled') GROUP BY subject HAVING COUNT(*) = 1) AS ended"))
            .ShouldBe(TaskCount);
        (await CountAsync("SELECT COUNT(*) FROM (SELECT cause FROM transfers WHERE purpose IN ('TaskCapture', 'TaskRelease') GROUP BY cause HAVING COUNT(*) = 1) AS settled"))
            .ShouldBe(TaskCount);
        var succeeded = states.Where(state => state.State == "succeeded").Sum(state => state.Count);
        (await CountAsync("SELECT COUNT(*) FROM transfers WHERE purpose = 'TaskCapture'")).ShouldBe(succeeded);
        (await CountAsync("SELECT COUNT(*) FROM receipts")).ShouldBe(succeeded);
        (await CountAsync("SELECT COUNT(*) FROM tasks WHERE attempts <> 1")).ShouldBe(0);
        output.WriteLine($"{await CountAsync("SELECT COALESCE(SUM(losses), 0) FROM tasks")} attempts were lost");

        var totals = await new SqlLedgerStore(database).TotalAsync(Stop);
        (totals.Posted, totals.Clearing, totals.PendingDebits, totals.PendingCredits, totals.OpenHolds).ShouldBe((Money.Zero, Money.Zero, Money.Zero, Money.Zero, 0));
        var captured = await CountAsync("SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM transfers WHERE purpose = 'TaskCapture'");
        var shared = await CountAsync("SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM transfers WHERE purpose IN ('CreatorShare', 'NodeShare', 'PlatformShare')");
        shared.ShouldBe(captured);
        (await CountAsync("SELECT CAST(SUM(posted) AS BIGINT) FROM accounts WHERE kind <> 'World'")).ShouldBe(Money.Parse(OpeningCredit).Nanodollars);

        Task<long> CountAsync(string sql) => database.ReadAsync(session => session.QuerySingleAsync<long>(sql), Stop);
    }

    /// <summary>Submits what is left to submit, until there is nothing or the node dies under it.</summary>
    private static async Task SubmitAsync(
        NodeProcess node,
        string folder,
        string[] agents,
        ConcurrentQueue<int> work,
        ConcurrentDictionary<int, string> submitted,
        Target hit,
        CancellationToken dying)
    {
        using var client = Client(node, folder);
        while (!dying.IsCancellationRequested && work.TryDequeue(out var number))
        {
            try
            {
                var request = new SubmitTaskRequest(agents[number % agents.Length], new TaskInputBody(Text: $"input {number}"));
                // The key is the same in every life of the node: whether an answer was lost or the task was, is found out by asking again.
                submitted[number] = (await client.SubmitAsync(request, idempotencyKey: $"task-{number}", cancellationToken: dying)).Id;
                hit.See(submitted.Count);
            }
            catch (Exception dead) when (dead is NodeUnreachableException or OperationCanceledException or HttpRequestException or IOException)
            {
                work.Enqueue(number);
                return;
            }
        }
    }

    private static async Task<string[]> PublishAsync(NodeProcess node, string folder)
    {
        using var client = Client(node, folder);
        var limits = new AgentLimitsBody(Fuel: 1_000_000_000, MemoryBytes: 1 << 20, TimeoutMs: 60_000, OutputBytes: 1 << 20, LogBytes: 1000);
        return
        [
            await TestNode.PublishAsync(client, "quick", GuestPrograms.Echo, limits),
            await TestNode.PublishAsync(client, "busy", GuestPrograms.EchoAfter(2_000_000), limits),
            await TestNode.PublishAsync(client, "failing", GuestPrograms.Exit(1, "no"), limits),
        ];
    }

    private static StoaClient Client(NodeProcess node, string folder) =>
        new(new StoaClientOptions { Address = node.Address, ApiKey = NodeProcess.AdminKey(folder), MaxAttempts = 1 });

    /// <summary>A number of submissions to wait for.</summary>
    private sealed class Target(int count)
    {
        private readonly TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Reached => reached.Task;

        public void See(int submitted)
        {
            if (submitted >= count)
                reached.TrySetResult();
        }
    }
}

using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Market.Tests.Workflows.Runs;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Ledger;
using Stoa.Node.Tests.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Workflows;

/// <summary>Workflows by chance run while their node is killed again and again: each comes to what the simplest interpreter says, and no step of it is done or paid twice.</summary>
[Trait("speed", "slow")]
public sealed class WorkflowKillTests
{
    private const int Kills = 6;
    private const int Runs = 40;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Runs_OfANodeThatIsKilled_ComeToWhatTheReferenceSays_AndPayOnce()
    {
        var folder = Directory.CreateTempSubdirectory("stoa-workflow-kill-").FullName;
        var random = new Random(62);
        try
        {
            var node = await NodeProcess.StartAsync(folder, Stop);
            var key = NodeProcess.AdminKey(folder);
            IReadOnlyList<RandomRun> runs;
            using (var client = RandomRun.Connect(node, key))
                runs = await RandomRun.StartAsync(client, Runs, firstSeed: 1_000, Stop);
            for (var kill = 0; kill < Kills; kill++)
            {
                // At any moment: while it starts, takes runs over, writes, or works on tasks.
                await Task.Delay(random.Next(1_500), Stop);
                await node.KillAsync();
                await node.DisposeAsync();
                node = await NodeProcess.StartAsync(folder, Stop);
            }

            await using (node)
            {
                using var client = RandomRun.Connect(node, key);
                foreach (var run in runs)
                    await run.IsDoneAsync(client, Stop);
            }

            await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder), TimeProvider.System, Stop);
            await RandomRun.CheckBooksAsync(database, runs, Stop);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}

/// <summary>Of two nodes of a cell that share runs one is killed: the other carries all of them to their ends.</summary>
[Trait("speed", "slow")]
[Trait("needs", "postgres")]
public sealed class CellWorkflowKillTests(PostgresCluster cluster)
{
    private const int Runs = 20;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Runs_OfANodeThatIsKilled_AreCarriedOnByTheOther()
    {
        var folder = Directory.CreateTempSubdirectory("stoa-workflow-cell-").FullName;
        await using var source = new PostgresSource(cluster);
        var options = await source.GetOptionsAsync();
        try
        {
            await using var first = await StartAsync("first");
            var key = NodeProcess.AdminKey(Path.Combine(folder, "first"));
            await using var second = await StartAsync("second");
            IReadOnlyList<RandomRun> runs;
            using (var client = RandomRun.Connect(first, key))
                runs = await RandomRun.StartAsync(client, Runs, firstSeed: 2_000, Stop);
            await Task.Delay(new Random(62).Next(500), Stop);
            await first.KillAsync();

            using (var client = RandomRun.Connect(second, key))
            {
                foreach (var run in runs)
                    await run.IsDoneAsync(client, Stop);
            }

            await using var database = await Database.OpenAsync(options, TimeProvider.System, Stop);
            await RandomRun.CheckBooksAsync(database, runs, Stop);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Task<NodeProcess> StartAsync(string name) => NodeProcess.StartAsync(
            Path.Combine(folder, name), Stop, "--Storage:Provider", "Postgres", "--Storage:ConnectionString", options.ConnectionString!);
    }
}

/// <summary>A run of a workflow by chance whose tasks are tasks of a node: they echo, or fail.</summary>
/// <param name="Id">Of the run.</param>
/// <param name="Seed">Makes the document.</param>
/// <param name="Document">It.</param>
internal sealed record RandomRun(string Id, int Seed, JsonObject Document)
{
    private const string Echo = "stoa/echo";
    private const string Slow = "stoa/slow";
    private const string Broken = "stoa/broken";
    private const string Input = """{ "n": 3, "list": [1, "two", { "three": 3 }] }""";

    public static StoaClient Connect(NodeProcess node, string key) => new(new StoaClientOptions { Address = node.Address, ApiKey = key });

    /// <summary>Publishes the agents and begins runs.</summary>
    public static async Task<IReadOnlyList<RandomRun>> StartAsync(StoaClient client, int count, int firstSeed, CancellationToken cancellationToken)
    {
        await TestNode.PublishAsync(client, "echo", GuestPrograms.Echo);
        await TestNode.PublishAsync(client, "slow", GuestPrograms.EchoAfter(30_000_000), new AgentLimitsBody(1_000_000_000, 8 << 20, 600_000, 4 << 20, 1_000));
        await TestNode.PublishAsync(client, "broken", GuestPrograms.Exit(3));
        List<RandomRun> runs = [];
        for (var seed = firstSeed; seed < firstSeed + count; seed++)
        {
            var random = new Random(seed);
            var document = RandomWorkflow.Make(random);
            MakeReal(document, random);
            var run = await client.StartWorkflowRunAsync(
                new StartWorkflowRunRequest(Document: JsonElement.Parse(document.ToJsonString()), Input: JsonElement.Parse(Input)), cancellationToken: cancellationToken);
            runs.Add(new RandomRun(run.Id, seed, document));
        }

        return runs;
    }

    /// <summary>Waits for its end and looks at what it came to.</summary>
    public async Task IsDoneAsync(StoaClient client, CancellationToken cancellationToken)
    {
        var ended = await Eventually.FoundAsync(async () => await client.GetWorkflowRunAsync(Id, cancellationToken) is { EndedAt: not null } over ? over : null);
        var reference = new ReferenceInterpreter(Document, JsonNode.Parse(Input)!, (_, _, body) => (string?)body!["agent"] == Broken ? (false, null) : (true, body["input"]!["text"]));
        var (state, output) = reference.Run();

        ended.State.ShouldBe(EnumWord.Of(state), $"seed {Seed}: {ended.Error}\n{Document}");
        if (ended.State == "succeeded")
            JsonNode.DeepEquals(ended.Output is { } given ? JsonNode.Parse(given.GetRawText()) : null, output).ShouldBeTrue($"seed {Seed}: {ended.Output} and not {output?.ToJsonString()}\n{Document}");
        if (reference.HasStopped)
            return;
        var steps = await client.ListWorkflowRunStepsAsync(Id, cancellationToken: cancellationToken).ToListAsync(cancellationToken);
        steps.Sum(step => step.Attempts).ShouldBe(reference.Begun.Count, $"seed {Seed}: {string.Join(", ", steps.Select(step => $"{step.Path} {step.State} {step.Attempts} {step.Error?.Detail}"))}\n{Document}");
    }

    /// <summary>Each attempt of each step is one task, each task was paid once, and nothing is held any more.</summary>
    public static async Task CheckBooksAsync(Database database, IReadOnlyList<RandomRun> runs, CancellationToken cancellationToken)
    {
        var log = await database.ReadAsync(session => session.QueryAsync<(string Run, string Event)>("SELECT run_id, event FROM workflow_log"), cancellationToken);
        var ended = log.Select(entry => (entry.Run, Event: JsonNode.Parse(entry.Event)!)).Where(entry => entry.Event["work"] is not null).ToList();
        ended.Select(entry => (entry.Run, (string)entry.Event["work"]!, (int)entry.Event["attempt"]!)).ShouldBeUnique();
        var tasks = ended.Select(entry => (string?)entry.Event["task"]).OfType<string>().ToList();
        tasks.ShouldBeUnique();
        tasks.Count.ShouldBeGreaterThan(runs.Count);
        (await database.ReadAsync(session => session.QueryAsync<string>("SELECT id FROM tasks"), cancellationToken)).ShouldBe(tasks, ignoreOrder: true);
        var ledger = new SqlLedgerStore(database);
        var captured = (await ledger.ReadTransfersAsync(cancellationToken)).Where(transfer => transfer.Purpose is Market.Ledger.TransferPurpose.TaskCapture).ToList();
        captured.Select(transfer => transfer.Cause).ShouldBeUnique();
        captured.Sum(transfer => transfer.Amount.Nanodollars).ShouldBe(ended.Sum(entry => Money.Parse((string?)entry.Event["price"] ?? "0").Nanodollars));
        (await database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT SUM(spent) FROM workflow_runs"), cancellationToken)).ShouldBe(captured.Sum(transfer => transfer.Amount.Nanodollars));
        (await database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT count(*) FROM workflow_steps"), cancellationToken)).ShouldBe(0);
        var totals = await ledger.TotalAsync(cancellationToken);
        (totals.Posted, totals.Clearing, totals.PendingDebits, totals.PendingCredits, totals.OpenHolds).ShouldBe((Money.Zero, Money.Zero, Money.Zero, Money.Zero, 0));
    }

    /// <summary>Makes submissions of what stands for tasks, and has nobody wait for seconds.</summary>
    private static void MakeReal(JsonNode? node, Random random)
    {
        switch (node)
        {
            case JsonObject members:
                if (members["task"] is JsonObject task)
                {
                    var text = task.First().Value!;
                    var words = text.GetValueKind() is JsonValueKind.String ? text.GetValue<string>() : text.ToJsonString();
                    members["task"] = new JsonObject
                    {
                        ["agent"] = random.Next(8) switch { 0 => Broken, < 4 => Slow, _ => Echo },
                        ["input"] = new JsonObject { ["text"] = $"<{words}>" },
                    };
                }

                if (members["wait"] is JsonObject)
                    members["wait"] = new JsonObject { ["for"] = string.Create(CultureInfo.InvariantCulture, $"{random.Next(1, 400)}ms") };
                if (members["retry"] is JsonObject retry)
                    retry["delay"] = "50ms";
                foreach (var (_, member) in members.ToList())
                    MakeReal(member, random);
                break;
            case JsonArray items:
                foreach (var item in items)
                    MakeReal(item, random);
                break;
        }
    }
}

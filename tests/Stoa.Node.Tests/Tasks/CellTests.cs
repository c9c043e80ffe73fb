using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Storage;

namespace Stoa.Node.Tests.Tasks;

/// <summary>Two nodes of a cell, each with a disk of its own, over one PostgreSQL.</summary>
[Trait("needs", "postgres")]
public sealed class CellTests(PostgresCluster cluster)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Task_SubmittedWhereNobodyWorks_RunsOnTheOtherNodeWithTheProgramAndInputOfTheFirst()
    {
        await using var source = new PostgresSource(cluster);
        string[] database = ["--Storage:Provider", "Postgres", "--Storage:ConnectionString", (await source.GetOptionsAsync()).ConnectionString!];
        // It asks for nothing by itself: what wakes it is the database.
        await using var worker = await TestNode.StartAsync(null, [.. database, "--Tasks:PollMs", "60000"]);
        await using var taker = await TestNode.StartAsync(null, [.. database, "--Tasks:Workers", "1", "--Tasks:PollMs", "60000"]);
        var limits = new AgentLimitsBody(1_000_000_000_000, 8 << 20, 600_000, 4 << 20, 1_000);
        var forever = await worker.PublishAsync("forever", GuestPrograms.EndlessLoop, limits);
        using var client = taker.Connect(worker);
        var blocking = await client.SubmitAsync(new SubmitTaskRequest(forever, new TaskInputBody(Text: "")), cancellationToken: Stop);
        var echo = await worker.PublishAsync("echo", GuestPrograms.Echo, limits);
        var bytes = new byte[3 << 20];
        new Random(1).NextBytes(bytes);
        var blob = await client.UploadAsync(new MemoryStream(bytes), cancellationToken: Stop);

        var task = await client.SubmitAsync(new SubmitTaskRequest(echo, new TaskInputBody(Digest: blob.Digest)), cancellationToken: Stop);

        var ended = await worker.Client.WaitForTaskAsync(task.Id, cancellationToken: Stop);
        (ended.State, ended.Result?.Digest).ShouldBe(("succeeded", blob.Digest));
        await client.CancelTaskAsync(blocking.Id, Stop);
        (await worker.Client.WaitForTaskAsync(blocking.Id, cancellationToken: Stop)).State.ShouldBe("cancelled");
    }

    [Fact]
    public async Task Agent_PublishedOnOneNode_IsChosenOnTheOtherAtOnce()
    {
        await using var source = new PostgresSource(cluster);
        string[] database = ["--Storage:Provider", "Postgres", "--Storage:ConnectionString", (await source.GetOptionsAsync()).ConnectionString!];
        await using var first = await TestNode.StartAsync(null, database);
        await using var second = await TestNode.StartAsync(null, database);
        using var client = second.Connect(first);
        // The index of the second node is filled by now, and without it.
        (await Should.ThrowAsync<StoaException>(() => SubmitAsync("text.nobody"))).Code.ShouldBe("noCandidate");

        for (var round = 0; round < 3; round++)
        {
            await TestNode.PublishAsync(first.Client, $"agent-{round}", GuestPrograms.Echo, capability: $"text.echo{round}");
            (await client.WaitForTaskAsync((await SubmitAsync($"text.echo{round}")).Id, cancellationToken: Stop)).State.ShouldBe("succeeded");
        }

        Task<TaskResponse> SubmitAsync(string work) => client.SubmitAsync(
            new SubmitTaskRequest(Input: new TaskInputBody(Text: "hello"), Requirement: new RequirementBody([work])), cancellationToken: Stop);
    }

    [Fact]
    public async Task QueueTables_AreVacuumedByANode()
    {
        await using var source = new PostgresSource(cluster);
        var options = await source.GetOptionsAsync();
        await using var node = await TestNode.StartAsync(null, ["--Storage:Provider", "Postgres", "--Storage:ConnectionString", options.ConnectionString!]);
        await using var database = await Database.OpenAsync(options, TimeProvider.System, Stop);

        IReadOnlyList<string> vacuumed;
        do
        {
            vacuumed = await database.ReadAsync(
                session => session.QueryAsync<string>("SELECT relname FROM pg_stat_user_tables WHERE last_vacuum IS NOT NULL ORDER BY relname"), Stop);
        }
        while (vacuumed.Count < 6);

        vacuumed.ShouldBe(["delayed", "leases", "queue", "regional_queue", "regional_turns", "task_deadlines"]);
    }

    [Fact]
    public async Task Nodes_OfACell_KnowEachOthersRegionAndLoad()
    {
        await using var source = new PostgresSource(cluster);
        string[] options = ["--Storage:Provider", "Postgres", "--Storage:ConnectionString", (await source.GetOptionsAsync()).ConnectionString!, "--Tasks:BeatMs", "100"];
        await using var worker = await TestNode.StartAsync(null, [.. options, "--Node:Region", "eu-central", "--Tasks:Workers", "3"]);
        await using var other = await TestNode.StartAsync(null, [.. options, "--Tasks:Workers", "1"]);
        using var client = other.Connect(worker);
        var limits = new AgentLimitsBody(1_000_000_000_000, 8 << 20, 600_000, 4 << 20, 1_000);
        var forever = await worker.PublishAsync("forever", GuestPrograms.EndlessLoop, limits);
        var running = await worker.Client.SubmitAsync(new SubmitTaskRequest(forever, new TaskInputBody(Text: "")), cancellationToken: Stop);
        var peer = (await worker.Client.GetNodeAsync(Stop)).PeerId;

        ListedNodeResponse seen;
        do
        {
            seen = await client.ListNodesAsync(Stop).SingleOrDefaultAsync(node => node.PeerId == peer, Stop) ?? throw new InvalidOperationException("The worker is not listed.");
        }
        // Room that is kept for a submission counts as busy before the task is held.
        while (seen.Load is not { HeldTasks: 1 });

        (seen.Region, seen.Capacity?.Workers, seen.Load).ShouldBe(("eu-central", 3, new NodeLoadBody(1, 8 << 20, 1, 1)));
        (await worker.Client.ListNodesAsync(Stop).CountAsync(Stop)).ShouldBe(2);
        // A choice that is made at the other node counts what runs here, once that node has heard of the agent and of its load.
        var work = new SubmitTaskRequest(Input: new TaskInputBody(Text: ""), Requirement: new RequirementBody(["test.run"], Explore: false));
        while (await IsWithoutCandidateAsync(client, work))
            await Task.Yield();
        int load;
        do
        {
            var chosen = await client.SubmitAsync(work, cancellationToken: Stop);
            load = (await client.GetSelectionAsync(chosen.Id, Stop)).Choices[0].Candidates.ShouldHaveSingleItem().Load;
            await client.CancelTaskAsync(chosen.Id, Stop);
        }
        while (load != 1);

        await client.CancelTaskAsync(running.Id, Stop);
    }

    [Fact]
    public async Task Task_ThatAsksForARegion_RunsThereWhoeverTookIt()
    {
        await using var source = new PostgresSource(cluster);
        string[] options = ["--Storage:Provider", "Postgres", "--Storage:ConnectionString", (await source.GetOptionsAsync()).ConnectionString!, "--Tasks:BeatMs", "100"];
        await using var eu = await TestNode.StartAsync(null, [.. options, "--Node:Region", "eu-central"]);
        await using var us = await TestNode.StartAsync(null, [.. options, "--Node:Region", "us-east"]);
        using var client = us.Connect(eu);
        var echo = await eu.PublishAsync("echo", GuestPrograms.Echo);
        var request = new SubmitTaskRequest(echo, new TaskInputBody(Text: "hello"), Regions: ["eu-central"]);

        // That there is another node is known with the next sign of life.
        while (await client.ListNodesAsync(Stop).CountAsync(Stop) < 2)
            ;
        var task = await client.SubmitAsync(request, cancellationToken: Stop);

        var ended = await eu.Client.WaitForTaskAsync(task.Id, cancellationToken: Stop);
        ended.State.ShouldBe("succeeded");
        ended.Regions.ShouldBe(["eu-central"]);
        (await client.ListNodesAsync(Stop).SingleAsync(node => node.Region == "us-east", Stop)).Load!.ClaimedTasks.ShouldBe(0);
        var nowhere = await Should.ThrowAsync<StoaException>(() => client.SubmitAsync(request with { Regions = ["ap-south"] }, cancellationToken: Stop));
        (nowhere.Code, nowhere.Problem.Status).ShouldBe(("regionUnserved", 422));
        nowhere.Message.ShouldContain("eu-central, us-east");
    }

    private static async Task<bool> IsWithoutCandidateAsync(StoaClient client, SubmitTaskRequest work)
    {
        try
        {
            await client.QuoteAsync(work, Stop);
            return false;
        }
        catch (StoaException refused) when (refused.Code == "noCandidate")
        {
            return true;
        }
    }
}

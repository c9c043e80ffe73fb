using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Storage;

namespace Stoa.Node.Tests.Tasks.Live;

/// <summary>What is watched at one node of a cell runs at another.</summary>
[Trait("needs", "postgres")]
public sealed class CellLogTests(PostgresCluster cluster)
{
    private static readonly AgentLimitsBody s_endless = new(1_000_000_000_000, 8 << 20, 600_000, 1_000, 65_536);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task LogAndProgress_OfATaskAtAnotherNode_AreSeenHere()
    {
        await using var source = new PostgresSource(cluster);
        var database = await OptionsAsync(source);
        await using var worker = await TestNode.StartAsync(null, [.. database, "--Tasks:Workers", "4"]);
        await using var taker = await TestNode.StartAsync(null, [.. database, "--Tasks:Workers", "1"]);
        using var client = taker.Connect(worker);
        await BlockAsync(worker, client);
        var talker = await worker.PublishAsync("talker", GuestPrograms.LogAndLoop("from afar\n"), s_endless);
        var teller = await worker.PublishAsync("teller", GuestPrograms.AskAndLoop("""{"op":"progress","done":7,"message":"far away"}"""), s_endless);
        var chatterbox = await worker.PublishAsync("chatterbox", GuestPrograms.EndlessOutput(2), s_endless);

        var talking = await SubmitAsync(client, talker);
        await using (var log = client.FollowTaskLogAsync(talking.Id, cancellationToken: Stop).GetAsyncEnumerator(Stop))
        {
            (await log.MoveNextAsync()).ShouldBeTrue();
            log.Current.ShouldBe(new TaskLogPiece("1-10", new TaskLogData(talking.Id, 1, 1, 0, 0, "from afar\n")));
            // Of another reader, who comes when the mirror is there, and of one who has a part of it already.
            (await client.GetTaskLogAsync(talking.Id, Stop)).Text.ShouldBe("from afar\n");
            (await client.FollowTaskLogAsync(talking.Id, "1-5", Stop).FirstAsync(Stop)).Data.Text.ShouldBe("afar\n");
            await client.CancelTaskAsync(talking.Id, Stop);
            (await log.MoveNextAsync()).ShouldBeFalse();
        }

        var telling = await SubmitAsync(client, teller);
        await foreach (var happened in client.WatchTaskAsync(telling.Id, cancellationToken: Stop))
        {
            if (!StoaClient.TryReadProgress(happened, out var progress) || progress.Done is null)
                continue;
            (progress.Done, progress.Total, progress.Message).ShouldBe((7, null, "far away"));
            break;
        }

        await client.CancelTaskAsync(telling.Id, Stop);

        // Far more than the way between the nodes takes: there are gaps, each of them told.
        var chatting = await SubmitAsync(client, chatterbox);
        var at = 0L;
        var skipped = 0L;
        await foreach (var (_, piece) in client.FollowTaskLogAsync(chatting.Id, cancellationToken: Stop))
        {
            piece.Offset.ShouldBe(at + piece.SkippedBytes);
            at = piece.Offset + piece.Text.Length;
            skipped += piece.SkippedBytes;
            if (skipped > 0)
                break;
        }

        (await client.GetTaskLogAsync(chatting.Id, Stop)).SkippedBytes.ShouldBeGreaterThan(0);
        await client.CancelTaskAsync(chatting.Id, Stop);
    }

    [Fact]
    public async Task Log_WhoseTaskGoesToAnotherNode_GoesOnThere()
    {
        await using var source = new PostgresSource(cluster);
        var database = await OptionsAsync(source);
        await using var first = await TestNode.StartAsync(null, [.. database, "--Tasks:StopGraceMs", "0"]);
        await using var taker = await TestNode.StartAsync(null, [.. database, "--Tasks:Workers", "1"]);
        using var client = taker.Connect(first);
        var blocking = await BlockAsync(first, client);
        var task = await SubmitAsync(client, await first.PublishAsync("talker", GuestPrograms.LogAndLoop("here\n"), s_endless));
        await using var log = client.FollowTaskLogAsync(task.Id, cancellationToken: Stop).GetAsyncEnumerator(Stop);
        (await log.MoveNextAsync()).ShouldBeTrue();
        log.Current.Data.ShouldBe(new TaskLogData(task.Id, 1, 1, 0, 0, "here\n"));

        await client.CancelTaskAsync(blocking.Id, Stop);
        await first.StopAsync();

        // Handing a task back counts no attempt; its lease is another one.
        (await log.MoveNextAsync()).ShouldBeTrue();
        log.Current.Data.ShouldBe(new TaskLogData(task.Id, 1, 2, 0, 0, "here\n"));
        await client.CancelTaskAsync(task.Id, Stop);
        (await log.MoveNextAsync()).ShouldBeFalse();
    }

    private static async Task<string[]> OptionsAsync(PostgresSource source) =>
        ["--Storage:Provider", "Postgres", "--Storage:ConnectionString", (await source.GetOptionsAsync()).ConnectionString!];

    /// <summary>Gives the only worker of a node something to do for ever, so that the next tasks run at the other one.</summary>
    private static async Task<TaskResponse> BlockAsync(TestNode publisher, StoaClient client) =>
        await SubmitAsync(client, await publisher.PublishAsync("forever", GuestPrograms.EndlessLoop, s_endless));

    private static Task<TaskResponse> SubmitAsync(StoaClient client, string agent) =>
        client.SubmitAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "")), cancellationToken: Stop);
}

using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

public sealed class BatchesEndpointsTests(TaskNodeFixture fixture) : IClassFixture<TaskNodeFixture>
{
    private StoaClient Client => fixture.Node.Client;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Submit_OfABatch_RunsAllOfItAndTellsItsStepsCostAndEnd()
    {
        var batch = await Client.SubmitBatchAsync(Batch(150), cancellationToken: Stop);

        var steps = new List<BatchEventData>();
        await foreach (var step in Client.WatchBatchAsync(batch.Id, Stop))
            steps.Add(step);

        var ended = await Client.GetBatchAsync(batch.Id, Stop);
        (ended.Size, ended.Queued, ended.Running, ended.Succeeded).ShouldBe((150, 0, 0, 150));
        ended.FinishedAt.ShouldNotBeNull();
        steps[0].Succeeded.ShouldBe(0);
        steps[^1].Succeeded.ShouldBe(150);
        steps.Select(step => step.Succeeded).ShouldBeInOrder();
        var tasks = new List<TaskResponse>();
        await foreach (var task in Client.ListBatchTasksAsync(batch.Id, cancellationToken: Stop))
            tasks.Add(task);
        tasks.Count.ShouldBe(150);
        tasks.ShouldAllBe(task => task.State == "succeeded" && task.BatchId == batch.Id);
        (await fixture.Node.ResultAsync(tasks[17])).ShouldBe("input 17");
        new Money(tasks.Sum(task => Money.Parse(task.Result!.Price).Nanodollars)).ToString().ShouldBe(ended.Cost);
        (await Should.ThrowAsync<StoaException>(async () =>
        {
            await foreach (var _ in Client.WatchTaskAsync(tasks[0].Id, cancellationToken: Stop))
            {
            }
        })).Code.ShouldBe("toldOfBatch");
        (await Should.ThrowAsync<StoaException>(() => Client.CancelBatchAsync(batch.Id, Stop))).Code.ShouldBe("alreadyFinal");
    }

    [Fact]
    public async Task Submit_AgainUnderTheSameKey_AnswersTheSameBatch()
    {
        var key = Guid.NewGuid().ToString();

        var first = await Client.SubmitBatchAsync(Batch(3), key, Stop);
        var second = await Client.SubmitBatchAsync(Batch(3), key, Stop);

        second.Id.ShouldBe(first.Id);
        // Run to its end: other tests look at what the same wallet holds.
        await foreach (var _ in Client.WatchBatchAsync(first.Id, Stop))
        {
        }

        (await Should.ThrowAsync<StoaException>(() => Client.SubmitBatchAsync(Batch(4), key, Stop))).Code.ShouldBe("idempotencyKeyReused");
    }

    [Fact]
    public async Task Submit_WithTasksThatAreRefused_MakesNoneAndNamesTheirPlaces()
    {
        var good = Batch(2).Tasks;
        var unknown = good[0] with { Agent = "nobody/nothing" };
        var tooMuchFuel = good[0] with { Limits = new TaskLimitsBody(Fuel: long.MaxValue) };
        var before = await Client.GetWalletAsync(Stop);

        var refused = await Should.ThrowAsync<StoaException>(
            () => Client.SubmitBatchAsync(new SubmitBatchRequest([good[0], unknown, good[1], tooMuchFuel]), cancellationToken: Stop));

        refused.Code.ShouldBe("batchInvalid");
        refused.Problem!.Errors!.Select(error => error.Pointer).ShouldBe(["/tasks/1", "/tasks/3/limits/fuel"]);
        (await Client.GetWalletAsync(Stop)).Held.ShouldBe(before.Held);
        var malformed = await Should.ThrowAsync<StoaException>(
            () => Client.SubmitBatchAsync(new SubmitBatchRequest([good[0], good[0] with { Priority = "now" }]), cancellationToken: Stop));
        malformed.Problem!.Errors!.Select(error => error.Pointer).ShouldBe(["/tasks/1/priority"]);
    }

    [Theory]
    [InlineData(0, "batchSizeInvalid")]
    [InlineData(10_001, "batchSizeInvalid")]
    [InlineData(1_000_000, "payloadTooLarge")]
    public async Task Submit_OfTheWrongSize_IsRefused(int size, string code)
    {
        var task = Batch(1).Tasks[0];
        var request = new SubmitBatchRequest([.. Enumerable.Repeat(task, size)]);

        (await Should.ThrowAsync<StoaException>(() => Client.SubmitBatchAsync(request, cancellationToken: Stop))).Code.ShouldBe(code);
    }

    [Fact]
    public async Task Cancel_OfABatchThatWaits_EndsItAndReleasesAllHolds()
    {
        var later = DateTimeOffset.UtcNow.AddHours(1);
        var batch = await Client.SubmitBatchAsync(
            new SubmitBatchRequest([.. Batch(1_200).Tasks.Select(task => task with { DueAt = later })]), cancellationToken: Stop);
        batch.Queued.ShouldBe(1_200);
        var held = Money.Parse((await Client.GetWalletAsync(Stop)).Held);

        var cancelled = await Client.CancelBatchAsync(batch.Id, Stop);

        (cancelled.Cancelled, cancelled.Queued, cancelled.Cost).ShouldBe((1_200, 0, "0.000000000"));
        cancelled.FinishedAt.ShouldNotBeNull();
        Money.Parse((await Client.GetWalletAsync(Stop)).Held).ShouldBeLessThan(held);
        (await Should.ThrowAsync<StoaException>(() => Client.GetBatchAsync("batch_01h2xcejqtf2nbrexx3vqjhp41", Stop))).Code.ShouldBe("batchUnknown");
    }

    private SubmitBatchRequest Batch(int size) => new(
        [.. Enumerable.Range(0, size).Select(number => new SubmitTaskRequest(fixture.Echo, new TaskInputBody(Text: $"input {number}")))]);
}

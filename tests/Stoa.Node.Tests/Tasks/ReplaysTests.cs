using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;

namespace Stoa.Node.Tests.Tasks;

public sealed class ReplaysTests : IAsyncLifetime
{
    private TestNode _node = null!;
    private string _broken = null!;
    private string _echo = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync();
        _broken = await _node.PublishAsync("broken", GuestPrograms.EndlessRecursion);
        _echo = await _node.PublishAsync("echo", GuestPrograms.Echo);
    }

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task FailedTask_IsDoneAgainOnce()
    {
        var failed = await _node.RunAsync(_broken, "the same");

        var again = await _node.Client.ReplayTaskAsync(failed.Id, Stop);

        again.ShouldSatisfyAllConditions(
            () => again.Id.ShouldNotBe(failed.Id),
            () => again.ReplayOf.ShouldBe(failed.Id),
            () => again.InputDigest.ShouldBe(failed.InputDigest),
            () => again.Limits.ShouldBe(failed.Limits),
            () => again.Hold.ShouldBe(failed.Hold));
        (await _node.Client.ReplayTaskAsync(failed.Id, Stop)).Id.ShouldBe(again.Id);
        (await _node.Client.ExecuteTaskAsync(again.Id, TimeSpan.FromSeconds(60), Stop)).State.ShouldBe("failed");
        (await _node.Client.ReplayTaskAsync(again.Id, Stop)).ReplayOf.ShouldBe(again.Id);
    }

    [Fact]
    public async Task OtherTasks_AreNotReplayed()
    {
        var succeeded = await _node.RunAsync(_echo);

        (await Should.ThrowAsync<StoaException>(() => _node.Client.ReplayTaskAsync(succeeded.Id, Stop))).Problem.Code.ShouldBe("notReplayable");
        (await Should.ThrowAsync<StoaException>(() => _node.Client.ReplayTaskAsync("task_01h2xcejqtf2nbrexx3vqjhp41", Stop))).Problem.Code.ShouldBe("taskUnknown");
    }

    [Fact]
    public async Task Task_WhoseInputIsGone_IsRefused()
    {
        var failed = await _node.RunAsync(_broken);
        await _node.Host.Services.GetRequiredService<Node.Storage.Database>().WriteAsync(
            session => session.ExecuteAsync("DELETE FROM task_content WHERE task_id = @Id AND kind = 'input'", new { failed.Id }), Stop);

        (await Should.ThrowAsync<StoaException>(() => _node.Client.ReplayTaskAsync(failed.Id, Stop))).Problem.Code.ShouldBe("inputUnknown");
    }

    [Fact]
    public async Task FailedTasks_OfAFilter_AreReplayedPageByPage()
    {
        for (var number = 0; number < 3; number++)
            await _node.RunAsync(_broken, $"input {number}");
        (await _node.Client.ReplayTasksAsync(new ReplayTasksRequest("stoa/other"), Stop)).Items.ShouldBeEmpty();
        (await _node.Client.ReplayTasksAsync(new ReplayTasksRequest(Code: "timedOut"), Stop)).Items.ShouldBeEmpty();
        (await _node.Client.ReplayTasksAsync(new ReplayTasksRequest(FailedAfter: TimeProvider.System.GetUtcNow().AddHours(1)), Stop)).Items.ShouldBeEmpty();

        var first = await _node.Client.ReplayTasksAsync(new ReplayTasksRequest(_broken.Split('@')[0], "callStackExhausted", Limit: 2), Stop);
        var second = await _node.Client.ReplayTasksAsync(new ReplayTasksRequest(_broken, Limit: 2, Cursor: first.NextCursor), Stop);

        first.Items.Concat(second.Items).Count(made => made.IsNew is true).ShouldBe(3);
        (await Should.ThrowAsync<StoaException>(() => _node.Client.ReplayTasksAsync(new ReplayTasksRequest(Limit: 1000), Stop))).Problem.Code.ShouldBe("requestInvalid");
    }

    [Fact]
    public async Task FailedReplays_AreReplayedOnlyWhenAskedForAndEachOnce()
    {
        var failed = await _node.RunAsync(_broken, "poison");
        var first = (await AllFailedAsync()).Items.ShouldHaveSingleItem();
        await EndAsync(first.ReplayId!);

        var second = await AllFailedAsync();
        var third = await AllFailedAsync(again: true);
        await EndAsync(third.Items.Single(made => made.IsNew is true).ReplayId!);
        var fourth = await AllFailedAsync();

        (first.TaskId, first.IsNew).ShouldBe((failed.Id, true));
        second.FailedReplays.ShouldBe(1);
        second.Items.ShouldHaveSingleItem().ShouldBe(first with { IsNew = false });
        third.FailedReplays.ShouldBe(0);
        third.Items.Select(made => (made.TaskId, made.IsNew)).ShouldBe([(first.ReplayId!, true), (failed.Id, false)]);
        (fourth.FailedReplays, fourth.Items.Count(made => made.IsNew is true), fourth.Items.Count).ShouldBe((1, 0, 2));

        Task<ReplaysResponse> AllFailedAsync(bool? again = null) => _node.Client.ReplayTasksAsync(new ReplayTasksRequest(_broken, Again: again), Stop);

        async Task EndAsync(string id) => (await _node.Client.ExecuteTaskAsync(id, TimeSpan.FromSeconds(60), Stop)).State.ShouldBe("failed");
    }
}

using Stoa.Node.Storage;

namespace Stoa.Node.Tests.Storage;

public sealed class GroupCommitTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Write_WhileAnotherIsUnderWay_GathersWhatArrives()
    {
        var first = new TaskCompletionSource();
        var groups = new List<int>();
        var commit = new GroupCommit<int, int>(
            async group =>
            {
                groups.Add(group.Count);
                if (groups.Count == 1)
                    await first.Task;
                return [.. group.Select(item => 10 * item)];
            },
            maxGroup: 3);

        var written = Enumerable.Range(0, 6).Select(item => commit.WriteAsync(item, Stop)).ToList();
        using var given = new CancellationTokenSource();
        var givenUp = commit.WriteAsync(6, given.Token);
        await given.CancelAsync();
        first.SetResult();

        (await Task.WhenAll(written)).ShouldBe([0, 10, 20, 30, 40, 50]);
        await Should.ThrowAsync<OperationCanceledException>(() => givenUp);
        groups.ShouldBe([1, 3, 2]);
    }

    [Fact]
    public async Task Write_WhoseCallerKeepsTheThread_HoldsUpNobody()
    {
        var first = new TaskCompletionSource();
        var calls = 0;
        var commit = new GroupCommit<int, int>(
            async group =>
            {
                if (calls++ == 0)
                    await first.Task;
                return group;
            },
            maxGroup: 100);
        using var gate = new ManualResetEventSlim();
        var keeper = commit.WriteAsync(1, Stop).ContinueWith(
            _ => gate.Wait(Stop), Stop, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

        // The lone act goes on where it was written, and stays there.
        var finishing = Task.Run(first.SetResult, Stop);
        (await commit.WriteAsync(2, Stop)).ShouldBe(2);
        (await commit.WriteAsync(3, Stop)).ShouldBe(3);
        gate.Set();
        await Task.WhenAll(keeper, finishing);
    }

    [Fact]
    public async Task Write_OfAGroupWithOneThatFails_FailsThatOneAlone()
    {
        var first = new TaskCompletionSource();
        var commit = new GroupCommit<int, int>(
            async group =>
            {
                await first.Task;
                return group.Contains(2) ? throw new InvalidOperationException("two") : group;
            },
            maxGroup: 100);

        var written = Enumerable.Range(0, 5).Select(item => commit.WriteAsync(item, Stop)).ToList();
        first.SetResult();

        (await Should.ThrowAsync<InvalidOperationException>(() => written[2])).Message.ShouldBe("two");
        (await Task.WhenAll(written.Where((_, item) => item != 2))).ShouldBe([0, 1, 3, 4]);
        (await commit.WriteAsync(7, Stop)).ShouldBe(7);
    }

    [Fact]
    public async Task Write_OfAGroupWhoseCommitIsUnknown_IsNotWrittenAgain()
    {
        var first = new TaskCompletionSource();
        var groups = new List<int>();
        var commit = new GroupCommit<int, int>(
            async group =>
            {
                groups.Add(group.Count);
                await first.Task;
                return groups.Count == 2 ? throw new CommitUnknownException("lost", null) : group;
            },
            maxGroup: 100);

        var written = Enumerable.Range(0, 5).Select(item => commit.WriteAsync(item, Stop)).ToList();
        first.SetResult();

        (await written[0]).ShouldBe(0);
        foreach (var unknown in written.Skip(1))
            await Should.ThrowAsync<CommitUnknownException>(() => unknown);
        groups.ShouldBe([1, 4]);
        (await commit.WriteAsync(7, Stop)).ShouldBe(7);
    }

    [Fact]
    public async Task Write_OfAGroupWhileTheDatabaseIsAway_TriesOneApartAndNoMore()
    {
        var first = new TaskCompletionSource();
        var groups = new List<int>();
        var commit = new GroupCommit<int, int>(
            async group =>
            {
                groups.Add(group.Count);
                await first.Task;
                return groups.Count > 1 ? throw new TimeoutException("away") : group;
            },
            maxGroup: 100);

        var written = Enumerable.Range(0, 5).Select(item => commit.WriteAsync(item, Stop)).ToList();
        first.SetResult();

        foreach (var away in written.Skip(1))
            await Should.ThrowAsync<TimeoutException>(() => away);
        groups.ShouldBe([1, 4, 1]);
    }

    [Fact]
    public async Task Write_ApartOfOneWhoseCallerHasLeft_IsLeftOut()
    {
        var first = new TaskCompletionSource();
        using var leaves = new CancellationTokenSource();
        var groups = new List<IReadOnlyList<int>>();
        var commit = new GroupCommit<int, int>(
            async group =>
            {
                groups.Add(group);
                await first.Task;
                if (group.Count == 1)
                    return group;
                await leaves.CancelAsync();
                throw new InvalidOperationException("a group");
            },
            maxGroup: 100);

        var written = Enumerable.Range(0, 3).Select(item => commit.WriteAsync(item, Stop)).ToList();
        var left = commit.WriteAsync(3, leaves.Token);
        first.SetResult();

        (await Task.WhenAll(written)).ShouldBe([0, 1, 2]);
        await Should.ThrowAsync<OperationCanceledException>(() => left);
        groups.ShouldNotContain(group => group.Count == 1 && group[0] == 3);
    }
}

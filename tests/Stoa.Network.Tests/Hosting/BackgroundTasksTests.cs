using Stoa.Network.Hosting;

namespace Stoa.Network.Tests.Hosting;

public sealed class BackgroundTasksTests
{
    [Fact]
    public async Task Fault_OfWhatGoesOnBeside_IsThrownAtTheEnd_TheFirstOnly()
    {
        var tasks = new BackgroundTasks();
        tasks.Add(Task.FromException(new InvalidDataException("the first")));
        tasks.Add(Task.FromException(new InvalidDataException("the second")));

        (await Should.ThrowAsync<InvalidDataException>(tasks.EndAsync)).Message.ShouldBe("the first");
    }

    [Fact]
    public async Task Stop_IsNoFault()
    {
        var tasks = new BackgroundTasks();
        tasks.Add(Task.FromCanceled(new CancellationToken(canceled: true)));
        tasks.Add(Task.FromException(new ObjectDisposedException("the host")));
        tasks.Add(Task.CompletedTask);

        await tasks.EndAsync();
    }

    [Fact]
    public async Task End_WaitsForWhatGoesOn()
    {
        var (tasks, work) = (new BackgroundTasks(), new TaskCompletionSource());
        tasks.Add(work.Task);

        var ending = tasks.EndAsync();
        ending.IsCompleted.ShouldBeFalse();
        work.SetResult();

        await ending.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }
}

using Stoa.Market.Tasks;

namespace Stoa.Market.Tests.Tasks;

public sealed class GuestThreadsTests
{
    [Fact]
    public async Task RunAsync_FromElsewhere_RunsOnAGuestsThread()
    {
        using var threads = new GuestThreads(1);
        (await threads.RunAsync(() => Thread.CurrentThread.Name)).ShouldBe("guest-0");
    }

    [Fact]
    public async Task RunAsync_OnAGuestsThread_RunsThereAtOnce()
    {
        // With one thread, waiting for another turn would never end.
        using var threads = new GuestThreads(1);
        (await threads.RunAsync(() =>
        {
            var inner = threads.RunAsync(() => Environment.CurrentManagedThreadId);
            return inner.IsCompletedSuccessfully && inner.Result == Environment.CurrentManagedThreadId;
        })).ShouldBeTrue();
    }

    [Fact]
    public async Task RunAsync_OfWhatThrows_AnswersTheException_AndTheThreadGoesOn()
    {
        using var threads = new GuestThreads(1);
        (await Should.ThrowAsync<InvalidOperationException>(() => threads.RunAsync<int>(() => throw new InvalidOperationException("no")))).Message.ShouldBe("no");
        (await threads.RunAsync(() => 1)).ShouldBe(1);
    }

    [Fact]
    public async Task Dispose_LetsWhatWasStartedRun_AndTakesNoMore()
    {
        var threads = new GuestThreads(2);
        var done = Enumerable.Range(0, 100).Select(number => threads.RunAsync(() => number)).ToList();
        threads.Dispose();
        (await Task.WhenAll(done)).Sum().ShouldBe(4_950);
        Should.Throw<ObjectDisposedException>(() => threads.Start(() => { }));
    }
}

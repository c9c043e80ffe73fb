using Stoa.Node.Tasks;

namespace Stoa.Node.Tests.Tasks;

public sealed class WakeSignalTests
{
    private static readonly TimeSpan Long = TimeSpan.FromHours(1);

    private readonly ManualTime time = new(DateTimeOffset.UnixEpoch);
    private readonly WakeSignal signal = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Wait_AfterSignals_RemembersThemAsOne()
    {
        signal.Set();
        signal.Set();
        signal.WaitAsync(Long, time, Stop).IsCompletedSuccessfully.ShouldBeTrue();
        var second = signal.WaitAsync(Long, time, Stop);
        second.IsCompleted.ShouldBeFalse();
        signal.Set();
        await second;
    }

    [Fact]
    public async Task Wait_WhenTheTimeIsOver_Returns_AndTheNextSignalIsNotLost()
    {
        var wait = signal.WaitAsync(TimeSpan.FromSeconds(1), time, Stop);
        time.Advance(TimeSpan.FromSeconds(1));
        await wait;
        signal.Set();
        signal.WaitAsync(Long, time, Stop).IsCompletedSuccessfully.ShouldBeTrue();
    }

    [Fact]
    public async Task Wait_OfAPartOfAMillisecond_DoesNotEndTooEarly()
    {
        var wait = signal.WaitAsync(TimeSpan.FromMicroseconds(300), time, Stop);
        wait.IsCompleted.ShouldBeFalse();
        time.Advance(TimeSpan.FromMilliseconds(1));
        await wait;
    }

    [Fact]
    public async Task Wait_WhenCancelled_Throws()
    {
        using var stop = new CancellationTokenSource();
        var wait = signal.WaitAsync(Long, time, stop.Token);
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => wait);
    }
}

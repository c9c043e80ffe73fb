using Stoa.Node.Background;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Background;

public sealed class WakeSignalTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromHours(1);

    private readonly ManualTime _time = new(DateTimeOffset.UnixEpoch);
    private readonly WakeSignal _signal = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Wait_AfterSignals_RemembersThemAsOne()
    {
        _signal.Set();
        _signal.Set();
        _signal.WaitAsync(s_long, _time, Stop).IsCompletedSuccessfully.ShouldBeTrue();
        var second = _signal.WaitAsync(s_long, _time, Stop);
        second.IsCompleted.ShouldBeFalse();
        _signal.Set();
        await second;
    }

    [Fact]
    public async Task Wait_WhenTheTimeIsOver_Returns_AndTheNextSignalIsNotLost()
    {
        var wait = _signal.WaitAsync(TimeSpan.FromSeconds(1), _time, Stop);
        _time.Advance(TimeSpan.FromSeconds(1));
        await wait;
        _signal.Set();
        _signal.WaitAsync(s_long, _time, Stop).IsCompletedSuccessfully.ShouldBeTrue();
    }

    [Fact]
    public async Task Wait_OfAPartOfAMillisecond_DoesNotEndTooEarly()
    {
        var wait = _signal.WaitAsync(TimeSpan.FromMicroseconds(300), _time, Stop);
        wait.IsCompleted.ShouldBeFalse();
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await wait;
    }

    [Fact]
    public async Task Wait_WhenCancelled_Throws()
    {
        using var stop = new CancellationTokenSource();
        var wait = _signal.WaitAsync(s_long, _time, stop.Token);
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => wait);
    }
}

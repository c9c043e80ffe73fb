using Stoa.Network.Gossip;
using Stoa.Network.Hosting;

namespace Stoa.Network.Tests.Gossip;

public sealed class ValidationQueueTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly ManualTime _time = new();
    private readonly GossipMetrics _metrics = new();
    private readonly List<(ulong Number, GossipVerdict Verdict, GossipRefusal? Why)> _concluded = [];
    private readonly SemaphoreSlim _happened = new(0);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _metrics.Dispose();
        _happened.Dispose();
    }

    [Fact]
    public async Task Messages_ThatWait_AreJudgedTogether_InTheirOrder()
    {
        var batches = new List<ulong[]>();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var queue = Create(new TopicOptions
        {
            MaxValidations = 1,
            MaxBatch = 4,
            Validator = async (messages, _) =>
            {
                batches.Add([.. messages.Select(message => message.SequenceNumber)]);
                entered.TrySetResult();
                await gate.Task;
                return [.. messages.Select(message => message.SequenceNumber % 2 == 0 ? GossipVerdict.Accept : GossipVerdict.Reject)];
            },
        });
        Add(queue, 0);
        await entered.Task.WaitAsync(s_patience, Stop);
        for (var number = 1UL; number < 8; number++)
            Add(queue, number);
        gate.SetResult();
        await WaitAsync(8);

        batches.ShouldBe([[0], [1, 2, 3, 4], [5, 6, 7]]);
        _concluded.Select(one => one.Number).ShouldBe([0, 1, 2, 3, 4, 5, 6, 7]);
        _concluded.ShouldAllBe(one => one.Verdict == (one.Number % 2 == 0 ? GossipVerdict.Accept : GossipVerdict.Reject));
    }

    [Fact]
    public async Task Queue_ThatIsFull_SaysSo()
    {
        var gate = new TaskCompletionSource<IReadOnlyList<GossipVerdict>>(TaskCreationOptions.RunContinuationsAsynchronously);
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var queue = Create(new TopicOptions
        {
            MaxValidations = 1,
            MaxWaiting = 3,
            MaxBatch = 1,
            Validator = (_, _) =>
            {
                entered.TrySetResult();
                return new ValueTask<IReadOnlyList<GossipVerdict>>(gate.Task);
            },
        });
        Add(queue, 0);
        await entered.Task.WaitAsync(s_patience, Stop);
        for (var number = 1UL; number <= 3; number++)
        {
            queue.HasRoom.ShouldBeTrue();
            Add(queue, number);
        }

        queue.HasRoom.ShouldBeFalse();
        gate.SetResult([GossipVerdict.Accept]);
        await WaitAsync(4);
        queue.HasRoom.ShouldBeTrue();
    }

    [Fact]
    public async Task Validator_ThatIsLate_IsNotWaitedFor_AndKeepsItsPlace()
    {
        var gate = new TaskCompletionSource<IReadOnlyList<GossipVerdict>>(TaskCreationOptions.RunContinuationsAsynchronously);
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var calls = 0;
        var options = new TopicOptions
        {
            MaxValidations = 1,
            MaxBatch = 1,
            Validator = (_, _) =>
            {
                calls++;
                entered.TrySetResult();
                return new ValueTask<IReadOnlyList<GossipVerdict>>(gate.Task);
            },
        };
        await using var queue = Create(options);
        Add(queue, 0);
        Add(queue, 1);
        await entered.Task.WaitAsync(s_patience, Stop);
        await AdvanceUntilAsync(() => _concluded.Count > 0);

        _concluded.ShouldBe([(0UL, GossipVerdict.Ignore, (GossipRefusal?)GossipRefusal.TimedOut)]);
        calls.ShouldBe(1);
        gate.SetResult([GossipVerdict.Accept]);
        await WaitAsync(2);
        _concluded[1].ShouldBe((1UL, GossipVerdict.Accept, null));
    }

    public static TheoryData<string, GossipValidator> Failing => new()
    {
        { "throws", (_, _) => throw new InvalidOperationException() },
        { "throws later", async (_, _) => { await Task.Yield(); throw new InvalidDataException(); } },
        { "says too little", (_, _) => new ValueTask<IReadOnlyList<GossipVerdict>>([]) },
        { "says too much", (_, _) => new ValueTask<IReadOnlyList<GossipVerdict>>([GossipVerdict.Accept, GossipVerdict.Accept]) },
        { "says nothing", (_, _) => new ValueTask<IReadOnlyList<GossipVerdict>>((IReadOnlyList<GossipVerdict>)null!) },
        { "says what there is not", (_, _) => new ValueTask<IReadOnlyList<GossipVerdict>>([(GossipVerdict)7]) },
    };

    [Theory, MemberData(nameof(Failing))]
    public async Task Validator_ThatFails_JudgesNobody_AndIsAskedAgain(string how, GossipValidator validator)
    {
        var calls = 0;
        await using var queue = Create(new TopicOptions
        {
            Validator = (messages, token) => calls++ == 0 ? validator(messages, token) : new ValueTask<IReadOnlyList<GossipVerdict>>([GossipVerdict.Accept]),
        });
        Add(queue, 0);
        await WaitAsync(1);
        Add(queue, 1);
        await WaitAsync(2);

        _concluded.ShouldBe([(0UL, GossipVerdict.Ignore, (GossipRefusal?)GossipRefusal.Failed), (1UL, GossipVerdict.Accept, null)], how);
    }

    [Fact]
    public async Task Subscription_ThatEnds_EndsTheValidator_AndWhatWaits()
    {
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var queue = Create(new TopicOptions
        {
            MaxValidations = 1,
            MaxBatch = 1,
            Validator = async (_, token) =>
            {
                entered.TrySetResult();
                await Task.Delay(Timeout.Infinite, token);
                return [];
            },
        });
        Add(queue, 0);
        Add(queue, 1);
        await entered.Task.WaitAsync(s_patience, Stop);

        await queue.DisposeAsync().AsTask().WaitAsync(s_patience, Stop);

        _concluded.Count.ShouldBe(2);
        _concluded.ShouldAllBe(one => one.Verdict == GossipVerdict.Ignore);
        Add(queue, 2);
        _concluded.Count.ShouldBe(3);
    }

    private ValidationQueue Create(TopicOptions options) => new(options, _time, (candidate, verdict, why) =>
    {
        lock (_concluded)
            _concluded.Add((candidate.Message.SequenceNumber, verdict, why));
        _happened.Release();
    });

    private void Add(ValidationQueue queue, ulong number)
    {
        var peer = new GossipPeer(GossipMemoryTests.PeerOf(1), false, new SendQueue(new GossipOptions(), _metrics), new Turnstile(1), new PeerScores.Tally(GossipMemoryTests.PeerOf(1)));
        queue.Add(new GossipCandidate(new GossipMessage("topic", peer.Id, number, default, peer.Id), new Network.Gossip.Wire.Message(), peer));
    }

    private async Task WaitAsync(int count)
    {
        while (true)
        {
            lock (_concluded)
            {
                if (_concluded.Count >= count)
                    return;
            }

            (await _happened.WaitAsync(s_patience, Stop)).ShouldBeTrue();
        }
    }

    private Task AdvanceUntilAsync(Func<bool> isDone) => Eventually.IsSoAsync(() =>
    {
        if (isDone())
            return true;
        _time.Advance(TimeSpan.FromSeconds(10));
        return false;
    });
}

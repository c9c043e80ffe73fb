using Google.Protobuf;
using Stoa.Network.Gossip;
using Stoa.Network.Gossip.Wire;

namespace Stoa.Network.Tests.Gossip;

public sealed class SendQueueTests : IDisposable
{
    private readonly GossipMetrics _metrics = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _metrics.Dispose();

    [Fact]
    public void Parts_GoTogether_MostImportantFirst()
    {
        var queue = Create(10_000, 100);
        queue.Add(MessageOf(1, 100), SendPriority.Gossip);
        queue.Add(MessageOf(2, 100), SendPriority.Forward);
        queue.Add(new Rpc { Control = new Control { Graft = { new Graft { Topic = "a" } } } }, SendPriority.Control);
        queue.Add(MessageOf(3, 100), SendPriority.Own);
        queue.Add(new Rpc { Control = new Control { Prune = { new Prune { Topic = "b" } } } }, SendPriority.Control);

        var taken = queue.Take().ShouldNotBeNull().Rpc;

        taken.Publish.Select(message => (int)message.Data[0]).ShouldBe([3, 2, 1]);
        taken.Control.Graft.Single().Topic.ShouldBe("a");
        taken.Control.Prune.Single().Topic.ShouldBe("b");
        queue.Take().ShouldBeNull();
        queue.Bytes.ShouldBe(0);
    }

    [Fact]
    public void Message_ForManyPeers_IsEncodedOnce_UnlessItGoesTogetherWithMore()
    {
        var (ann, bob, cid) = (Create(10_000, 100), Create(10_000, 100), Create(10_000, 100));
        var exchange = new Exchange(MessageOf(1, 100));
        foreach (var queue in new[] { ann, bob, cid })
            queue.Add(exchange, SendPriority.Forward).ShouldBeTrue();
        cid.Add(MessageOf(2, 100), SendPriority.Forward).ShouldBeTrue();

        var frame = ann.Take().ShouldNotBeNull().Frame;

        bob.Take().ShouldNotBeNull().Frame.Equals(frame).ShouldBeTrue();
        Rpc.Parser.ParseDelimitedFrom(new MemoryStream(frame.ToArray())).ShouldBe(exchange.Rpc);
        var both = cid.Take().ShouldNotBeNull();
        Rpc.Parser.ParseDelimitedFrom(new MemoryStream(both.Frame.ToArray())).Publish.Select(message => (int)message.Data[0]).ShouldBe([1, 2]);
        exchange.Rpc.Publish.Count.ShouldBe(1);
    }

    [Fact]
    public void Exchange_IsNoLongerThanItMayBe()
    {
        var queue = Create(10_000, 100);
        for (byte number = 0; number < 9; number++)
            queue.Add(MessageOf(number, 300), SendPriority.Forward).ShouldBeTrue();

        var numbers = new List<int>();
        while (queue.Take()?.Rpc is { } taken)
        {
            taken.CalculateSize().ShouldBeLessThanOrEqualTo(1_000);
            numbers.AddRange(taken.Publish.Select(message => (int)message.Data[0]));
        }

        numbers.ShouldBe(Enumerable.Range(0, 9));
    }

    [Fact]
    public void Queue_ThatIsFull_LosesWhatIsLeastImportant()
    {
        var queue = Create(1_000, 100);
        foreach (var (number, priority) in new[] { (1, SendPriority.Gossip), (2, SendPriority.Forward), (3, SendPriority.Gossip) })
            queue.Add(MessageOf((byte)number, 300), priority).ShouldBeTrue();

        queue.Add(MessageOf(4, 300), SendPriority.Gossip).ShouldBeFalse();
        queue.Add(MessageOf(5, 300), SendPriority.Own).ShouldBeTrue();
        queue.Add(MessageOf(6, 300), SendPriority.Forward).ShouldBeTrue();
        queue.Add(MessageOf(7, 300), SendPriority.Forward).ShouldBeFalse();

        queue.Bytes.ShouldBeLessThanOrEqualTo(1_000);
        Numbers(queue).ShouldBe([5, 2, 6]);
    }

    [Fact]
    public void Parts_AreBoundedInNumberToo()
    {
        var queue = Create(10_000, 5);
        for (byte number = 0; number < 20; number++)
            queue.Add(MessageOf(number, 1), SendPriority.Gossip).ShouldBe(number < 5);

        queue.Add(MessageOf(100, 1), SendPriority.Control).ShouldBeTrue();

        Numbers(queue).ShouldBe([100, 1, 2, 3, 4]);
    }

    [Fact]
    public async Task Wait_EndsWithWhatComes_ThoughItCameBefore()
    {
        var queue = Create(1_000, 10);
        var waiting = queue.WaitAsync(Stop).AsTask();
        waiting.IsCompleted.ShouldBeFalse();
        queue.Add(MessageOf(1, 1), SendPriority.Own);
        await waiting.WaitAsync(TimeSpan.FromSeconds(30), Stop);

        queue.Add(MessageOf(2, 1), SendPriority.Own);
        queue.Add(MessageOf(3, 1), SendPriority.Own);
        await queue.WaitAsync(Stop).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Stop);
        Numbers(queue).ShouldBe([1, 2, 3]);
    }

    [Fact]
    public async Task Wait_ThatWasGivenUp_LetsAnotherOneBegin_ButNotBesideIt()
    {
        var queue = Create(1_000, 10);
        using var given = new CancellationTokenSource();
        var waiting = queue.WaitAsync(given.Token).AsTask();
        await Should.ThrowAsync<IOException>(() => queue.WaitAsync(Stop).AsTask());
        given.Cancel();
        await Should.ThrowAsync<OperationCanceledException>(() => waiting);

        var next = queue.WaitAsync(Stop).AsTask();
        next.IsCompleted.ShouldBeFalse();
        queue.Add(MessageOf(1, 1), SendPriority.Own);
        await next.WaitAsync(TimeSpan.FromSeconds(30), Stop);
    }

    private SendQueue Create(int bytes, int parts) => new(new GossipOptions { MaxRpcLength = 1_000, MaxQueuedBytes = bytes, MaxQueuedParts = parts }, _metrics);

    private static List<int> Numbers(SendQueue queue)
    {
        var numbers = new List<int>();
        while (queue.Take()?.Rpc is { } taken)
            numbers.AddRange(taken.Publish.Select(message => (int)message.Data[0]));
        return numbers;
    }

    private static Rpc MessageOf(byte number, int length)
    {
        var data = new byte[length];
        data[0] = number;
        return new Rpc { Publish = { new Message { Data = ByteString.CopyFrom(data) } } };
    }
}

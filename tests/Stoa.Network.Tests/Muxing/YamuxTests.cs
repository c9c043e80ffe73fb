using System.Text;
using Stoa.Network.Muxing;

namespace Stoa.Network.Tests.Muxing;

public sealed class YamuxTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(300_000)]
    [InlineData(20_000_000)]
    public async Task Bytes_ComeBackFromAnEcho(int length)
    {
        await using var pair = new YamuxPair();
        var (opened, accepted) = await pair.OpenAsync(Stop);
        var sent = new byte[length];
        new Random(length).NextBytes(sent);

        var echoing = EchoAsync(accepted);
        var writing = WriteAllAsync(opened, sent);
        var received = await ReadAllAsync(opened);

        await writing;
        await echoing;
        received.AsSpan().SequenceEqual(sent).ShouldBeTrue();
    }

    [Fact]
    public async Task Listener_OpensStreamsToo()
    {
        await using var pair = new YamuxPair();
        var opened = await pair.Listener.OpenStreamAsync(Stop);
        var accepted = await pair.Dialer.AcceptStreamAsync(Stop);
        await WriteAllAsync(opened, "hello"u8.ToArray());
        Encoding.UTF8.GetString(await ReadAllAsync(accepted!)).ShouldBe("hello");
    }

    [Fact]
    public async Task HalfClose_LeavesTheOtherWayOpen()
    {
        await using var pair = new YamuxPair();
        var (opened, accepted) = await pair.OpenAsync(Stop);

        await WriteAllAsync(opened, "question"u8.ToArray());
        Encoding.UTF8.GetString(await ReadAllAsync(accepted)).ShouldBe("question");
        await WriteAllAsync(accepted, "answer"u8.ToArray());
        Encoding.UTF8.GetString(await ReadAllAsync(opened)).ShouldBe("answer");

        // What has ended is not reset, and stays at its end.
        await opened.DisposeAsync();
        (await accepted.ReadAsync(new byte[1], Stop)).ShouldBe(0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Reset_FromEitherSide_ReachesBoth(bool isByOpener)
    {
        await using var pair = new YamuxPair();
        var (opened, accepted) = await pair.OpenAsync(Stop);
        var (one, other) = isByOpener ? (opened, accepted) : (accepted, opened);
        await one.WriteAsync("unread"u8.ToArray(), Stop);
        var reading = one.ReadAsync(new byte[1], Stop).AsTask();

        one.Reset();

        await Should.ThrowAsync<StreamResetException>(reading);
        await Should.ThrowAsync<StreamResetException>(async () => await one.WriteAsync(new byte[1], Stop));
        await Should.ThrowAsync<StreamResetException>(() => ReadAllAsync(other));
        await Should.ThrowAsync<StreamResetException>(async () => await other.WriteAsync(new byte[1], Stop));
        await Should.ThrowAsync<StreamResetException>(async () => await other.CompleteWritesAsync(Stop));
    }

    [Fact]
    public async Task Reset_AfterTheEnd_LeavesWhatWasCompleted()
    {
        await using var pair = new YamuxPair();
        var (opened, accepted) = await pair.OpenAsync(Stop);
        await WriteAllAsync(accepted, "answer"u8.ToArray());
        accepted.Reset();

        await Should.ThrowAsync<StreamResetException>(async () =>
        {
            while (true)
                await opened.WriteAsync(new byte[1000], Stop);
        });
        Encoding.UTF8.GetString(await ReadAllAsync(opened)).ShouldBe("answer");
    }

    [Fact]
    public async Task Reader_ThatDoesNotRead_StopsItsWriterOnly()
    {
        await using var pair = new YamuxPair();
        var (stuck, unread) = await pair.OpenAsync(Stop);
        var writing = stuck.WriteAsync(new byte[YamuxOptions.InitialWindowBytes + 1], Stop).AsTask();

        var (opened, accepted) = await pair.OpenAsync(Stop);
        var echoing = EchoAsync(accepted);
        var other = WriteAllAsync(opened, new byte[2_000_000]);
        (await ReadAllAsync(opened)).Length.ShouldBe(2_000_000);
        await other;
        await echoing;
        writing.IsCompleted.ShouldBeFalse();

        await unread.ReadExactlyAsync(new byte[YamuxOptions.InitialWindowBytes / 2], Stop);
        await writing;
    }

    [Fact]
    public async Task Writes_OfLittle_GoTogether()
    {
        await using var pair = new YamuxPair();
        var (opened, accepted) = await pair.OpenAsync(Stop);
        var draining = ReadAllAsync(accepted);
        var before = pair.DialerPipe.Writes;
        for (var index = 0; index < 10_000; index++)
            await opened.WriteAsync(new byte[10], Stop);
        await opened.CompleteWritesAsync(Stop);
        (await draining).Length.ShouldBe(100_000);
        (pair.DialerPipe.Writes - before).ShouldBeLessThan(5_000);
    }

    [Fact]
    public async Task Streams_ByTheThousandInTurn_TakeUpNothing()
    {
        await using var pair = new YamuxPair();
        var serving = ServeEchoesAsync(pair.Listener);
        var buffer = new byte[5];
        for (var index = 0; index < 5_000; index++)
        {
            await using var stream = await pair.Dialer.OpenStreamAsync(Stop);
            await stream.WriteAsync("hello"u8.ToArray(), Stop);
            await stream.CompleteWritesAsync(Stop);
            await stream.ReadExactlyAsync(buffer, Stop);
            (await stream.ReadAsync(buffer, Stop)).ShouldBe(0);
        }

        pair.Dialer.EndedBecause.ShouldBeNull();
        await pair.Dialer.DisposeAsync();
        await serving;
    }

    [Fact]
    public async Task Streams_ManyAtOnce_EachHaveTheirOwnBytes()
    {
        await using var pair = new YamuxPair();
        var serving = ServeEchoesAsync(pair.Listener);
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async index =>
        {
            await using var stream = await pair.Dialer.OpenStreamAsync(Stop);
            var sent = new byte[10_000 + index];
            new Random(index).NextBytes(sent);
            var writing = WriteAllAsync(stream, sent);
            (await ReadAllAsync(stream)).AsSpan().SequenceEqual(sent).ShouldBeTrue();
            await writing;
        }));
        await pair.Dialer.DisposeAsync();
        await serving;
    }

    [Fact]
    public async Task Dispose_EndsBothSidesAndAllStreams()
    {
        await using var pair = new YamuxPair();
        var (opened, accepted) = await pair.OpenAsync(Stop);
        var reading = accepted.ReadAsync(new byte[1], Stop).AsTask();
        var accepting = pair.Listener.AcceptStreamAsync(Stop).AsTask();

        await pair.Dialer.DisposeAsync();

        await pair.Dialer.Completion;
        await Should.ThrowAsync<StreamResetException>(() => ReadAllAsync(opened));
        await accepted.DisposeAsync();
        await Should.ThrowAsync<StreamResetException>(reading);
        await pair.Listener.Completion.WaitAsync(TimeSpan.FromSeconds(10), Stop);
        (await accepting).ShouldBeNull();
        pair.Dialer.EndedBecause.ShouldBe("It was closed here.");
        pair.Listener.EndedBecause.ShouldBe("The other side closed it.");
        await Should.ThrowAsync<IOException>(async () => await pair.Listener.OpenStreamAsync(Stop));
    }

    [Fact]
    public async Task Connection_ThatIsLost_ResetsAllStreams()
    {
        await using var pair = new YamuxPair();
        var (opened, accepted) = await pair.OpenAsync(Stop);
        var reading = opened.ReadAsync(new byte[1], Stop).AsTask();
        var writing = accepted.WriteAsync(new byte[2 * YamuxOptions.InitialWindowBytes], Stop).AsTask();

        await pair.DialerPipe.DisposeAsync();

        await Should.ThrowAsync<StreamResetException>(() => ReadToFaultAsync(reading, opened));
        await Should.ThrowAsync<StreamResetException>(writing);
        await pair.Dialer.Completion;
        await pair.Listener.Completion;
        pair.Dialer.EndedBecause.ShouldNotBeNull();
    }

    [Fact]
    public async Task Cancellation_EndsAReadAndTheStreamGoesOn()
    {
        await using var pair = new YamuxPair();
        var (opened, accepted) = await pair.OpenAsync(Stop);
        using var cancellation = new CancellationTokenSource();
        var reading = accepted.ReadAsync(new byte[1], cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(reading);

        await WriteAllAsync(opened, "later"u8.ToArray());
        Encoding.UTF8.GetString(await ReadAllAsync(accepted)).ShouldBe("later");
    }

    [Fact]
    public async Task Cancellation_EndsAWriteThatWaits()
    {
        await using var pair = new YamuxPair();
        var (opened, accepted) = await pair.OpenAsync(Stop);
        using var cancellation = new CancellationTokenSource();
        var writing = opened.WriteAsync(new byte[2 * YamuxOptions.InitialWindowBytes], cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(writing);
        opened.Reset();
        await Should.ThrowAsync<StreamResetException>(() => ReadAllAsync(accepted));
    }

    [Fact]
    public async Task Cancellation_EndsAnAcceptAndLosesNoStream()
    {
        await using var pair = new YamuxPair();
        using var cancellation = new CancellationTokenSource();
        var accepting = pair.Listener.AcceptStreamAsync(cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(accepting);
        await pair.OpenAsync(Stop);
    }

    [Fact]
    public async Task Opening_BeyondWhatIsAcknowledged_WaitsAndCanBeCancelled()
    {
        await using var pair = new YamuxPair(new YamuxOptions { MaxIncomingStreams = 1000, MaxBacklog = 1000 });
        for (var index = 0; index < YamuxOptions.AckBacklog; index++)
            await pair.Dialer.OpenStreamAsync(Stop);
        using var cancellation = new CancellationTokenSource();
        var cancelled = pair.Dialer.OpenStreamAsync(cancellation.Token).AsTask();
        var waiting = pair.Dialer.OpenStreamAsync(Stop).AsTask();
        await cancellation.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(cancelled);
        waiting.IsCompleted.ShouldBeFalse();

        await pair.Listener.AcceptStreamAsync(Stop);
        await waiting;
    }

    internal static async Task EchoAsync(MuxedStream stream)
    {
        await using (stream)
        {
            var buffer = new byte[32 * 1024];
            int read;
            while ((read = await stream.ReadAsync(buffer, Stop)) > 0)
                await stream.WriteAsync(buffer.AsMemory(0, read), Stop);
            await stream.CompleteWritesAsync(Stop);
        }
    }

    internal static async Task ServeEchoesAsync(IMuxedConnection connection)
    {
        var echoes = new List<Task>();
        while (await connection.AcceptStreamAsync(Stop) is { } stream)
            echoes.Add(EchoAsync(stream));
        await Task.WhenAll(echoes);
    }

    internal static async Task WriteAllAsync(MuxedStream stream, byte[] bytes)
    {
        await stream.WriteAsync(bytes, Stop);
        await stream.CompleteWritesAsync(Stop);
    }

    internal static async Task<byte[]> ReadAllAsync(MuxedStream stream)
    {
        using var all = new MemoryStream();
        await stream.CopyToAsync(all, Stop);
        return all.ToArray();
    }

    private static async Task ReadToFaultAsync(Task<int> first, MuxedStream stream)
    {
        await first;
        await ReadAllAsync(stream);
    }
}

using Stoa.Network.Muxing;
using static Stoa.Network.Muxing.YamuxFlags;
using static Stoa.Network.Muxing.YamuxFrameType;

namespace Stoa.Network.Tests.Muxing;

/// <summary>What goes over the wire, and what a peer that breaks the rules comes to.</summary>
public sealed class YamuxFrameTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Opening_IsASynAndAcceptingAnAck()
    {
        await using var peer = new RawPeer();
        await peer.SendAsync(WindowUpdate, Syn, 1, 0);
        await peer.Connection.AcceptStreamAsync(Stop);
        (await peer.ReadAsync()).ShouldBe(new YamuxHeader(WindowUpdate, Ack, 1, 0));
        await peer.Connection.OpenStreamAsync(Stop);
        (await peer.ReadAsync()).ShouldBe(new YamuxHeader(WindowUpdate, Syn, 2, 0));
        await peer.Connection.OpenStreamAsync(Stop);
        (await peer.ReadAsync()).ShouldBe(new YamuxHeader(WindowUpdate, Syn, 4, 0));
    }

    [Fact]
    public async Task Data_WithTheOpeningAndTheEnd_IsRead()
    {
        await using var peer = new RawPeer();
        await peer.SendAsync(Data, Syn | Fin, 1, 3, [1, 2, 3]);
        var stream = await peer.Connection.AcceptStreamAsync(Stop);
        (await YamuxTests.ReadAllAsync(stream!)).ShouldBe([1, 2, 3]);
    }

    [Fact]
    public async Task Ping_IsAnswered()
    {
        await using var peer = new RawPeer();
        await peer.SendAsync(Ping, Syn, 0, 0xdeadbeef);
        (await peer.ReadAsync()).ShouldBe(new YamuxHeader(Ping, Ack, 0, 0xdeadbeef));
    }

    [Fact]
    public async Task Windows_BothWays_AreKept()
    {
        await using var peer = new RawPeer();
        var stream = await peer.Connection.OpenStreamAsync(Stop);
        await peer.ReadAsync();
        var writing = stream.WriteAsync(new byte[YamuxOptions.InitialWindowBytes + 5], Stop).AsTask();
        for (var left = YamuxOptions.InitialWindowBytes; left > 0;)
            left -= (int)(await peer.ReadAsync())!.Value.Length;
        writing.IsCompleted.ShouldBeFalse();
        await peer.SendAsync(WindowUpdate, Ack, 2, 3);
        (await peer.ReadAsync()).ShouldBe(new YamuxHeader(Data, None, 2, 3));
        await peer.SendAsync(WindowUpdate, None, 2, 3);
        (await peer.ReadAsync()).ShouldBe(new YamuxHeader(Data, None, 2, 2));
        await writing;

        await peer.SendAsync(Data, None, 2, 128 * 1024, new byte[128 * 1024]);
        await stream.ReadExactlyAsync(new byte[128 * 1024 - 1], Stop);
        await stream.ReadExactlyAsync(new byte[1], Stop);
        (await peer.ReadToAsync(WindowUpdate)).ShouldBe(new YamuxHeader(WindowUpdate, None, 2, 128 * 1024));
    }

    [Fact]
    public async Task Window_OfAReaderThatKeepsUpOnALongWay_GrowsToItsLimit()
    {
        var time = new ManualTime();
        await using var peer = new RawPeer(new YamuxOptions { MaxWindowBytes = 600 * 1024, KeepAliveInterval = Timeout.InfiniteTimeSpan }, time);
        await peer.SendAsync(WindowUpdate, Syn, 1, 0);
        var stream = await peer.Connection.AcceptStreamAsync(Stop);
        await ExchangeAsync(128);
        var ping = await peer.ReadToAsync(Ping);
        time.Advance(TimeSpan.FromMilliseconds(100));
        await peer.SendAsync(ping with { Flags = Ack });
        (await peer.ReadToAsync(WindowUpdate)).Length.ShouldBe(128u * 1024);

        (await GrantAsync(128)).ShouldBe(128 + 256);
        (await GrantAsync(256)).ShouldBe(256 + 88);
        (await GrantAsync(300)).ShouldBe(300);

        async Task<int> GrantAsync(int kibibytes)
        {
            await ExchangeAsync(kibibytes);
            return (int)(await peer.ReadToAsync(WindowUpdate)).Length / 1024;
        }

        async Task ExchangeAsync(int kibibytes)
        {
            var bytes = new byte[kibibytes * 1024];
            await Task.WhenAll(peer.SendAsync(Data, None, 1, (uint)bytes.Length, bytes), stream!.ReadExactlyAsync(bytes, Stop).AsTask());
        }
    }

    [Fact]
    public async Task Writers_TakeTurns()
    {
        await using var peer = new RawPeer(bytesAhead: 1000);
        var writes = new List<Task>();
        var streams = new List<MuxedStream>();
        for (var index = 0; index < 3; index++)
            streams.Add(await peer.Connection.OpenStreamAsync(Stop));
        writes.Add(streams[0].WriteAsync(new byte[200_000], Stop).AsTask());
        writes.Add(streams[1].WriteAsync(new byte[50_000], Stop).AsTask());
        writes.Add(streams[2].WriteAsync(new byte[1], Stop).AsTask());

        long ahead = 0;
        while (await peer.ReadAsync() is { } header && (header.Type != Data || header.Stream != 6))
            ahead += header.Length;
        // What was in batches when it came, and a turn of each.
        ahead.ShouldBeLessThanOrEqualTo(2 * 64 * 1024 + 2 * 16 * 1024);
        while (!Task.WhenAll(writes).IsCompleted)
            await peer.ReadAsync();
    }

    public static TheoryData<string, byte, ushort, uint, uint> Breaches => new()
    {
        { "The other side sent a frame of type 4, which is none.", 4, 0, 0, 0 },
        { "The other side sent data of no stream.", 0, 1, 0, 0 },
        { "The other side opened a stream whose number is not free to it.", 1, 1, 2, 0 },
        { "The other side opened a stream whose number is not free to it.", 1, 1, 1, 0 },
        { "The other side sent more than the window of a stream.", 0, 0, 1, YamuxOptions.InitialWindowBytes + 1 },
        { "The other side sent more than the window of a stream.", 0, 0, 99, 5 * 1024 * 1024 },
        { "The other side sent data after the end of a stream.", 0, 0, 3, 1 },
        { "The other side opened the window of a stream beyond its limit.", 1, 0, 1, uint.MaxValue },
    };

    [Theory, MemberData(nameof(Breaches))]
    public async Task Breach_EndsTheConnectionAndSaysSo(string reason, byte type, ushort flags, uint stream, uint length)
    {
        await using var peer = new RawPeer();
        await peer.SendAsync(WindowUpdate, Syn, 1, 0);
        await peer.SendAsync(WindowUpdate, Syn | Fin, 3, 0);
        await peer.SendAsync((YamuxFrameType)type, (YamuxFlags)flags, stream, length);
        (await peer.ReadToAsync(GoAway)).Length.ShouldBe((uint)YamuxGoAway.ProtocolError);
        await peer.Connection.Completion;
        peer.Connection.EndedBecause.ShouldBe(reason);
    }

    [Fact]
    public async Task OtherVersion_EndsTheConnection()
    {
        await using var peer = new RawPeer();
        await peer.SendAsync([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        await peer.Connection.Completion;
        peer.Connection.EndedBecause.ShouldBe("The other side speaks another version of Yamux.");
    }

    [Fact]
    public async Task Frames_OfStreamsThatAreNoMore_AreDropped()
    {
        await using var peer = new RawPeer();
        await peer.SendAsync(Data, None, 77, 1000, new byte[1000]);
        await peer.SendAsync(WindowUpdate, Fin, 77, 1000);
        await peer.SendAsync(WindowUpdate, Rst, 78, 0);
        await peer.SendAsync(Ping, Syn, 0, 1);
        (await peer.ReadAsync()).ShouldBe(new YamuxHeader(Ping, Ack, 0, 1));
    }

    [Fact]
    public async Task Streams_AboveTheLimit_AreReset()
    {
        await using var peer = new RawPeer(new YamuxOptions { MaxIncomingStreams = 2 });
        for (uint id = 1; id <= 5; id += 2)
            await peer.SendAsync(Data, Syn, id, 1, [1]);
        (await peer.ReadAsync()).ShouldBe(new YamuxHeader(WindowUpdate, Rst, 5, 0));

        // One that ends makes room for another.
        (await peer.Connection.AcceptStreamAsync(Stop))!.Reset();
        await peer.SendAsync(Data, Syn, 7, 1, [1]);
        await peer.SendAsync(Ping, Syn, 0, 1);
        (await peer.ReadToAsync(Ping)).Flags.ShouldBe(Ack);
    }

    [Fact]
    public async Task Backlog_IsBoundedAndForgetsWhatWasReset()
    {
        await using var peer = new RawPeer(new YamuxOptions { MaxBacklog = 2 });
        await peer.SendAsync(WindowUpdate, Syn, 1, 0);
        await peer.SendAsync(WindowUpdate, Syn, 3, 0);
        await peer.SendAsync(WindowUpdate, Syn, 5, 0);
        (await peer.ReadAsync()).ShouldBe(new YamuxHeader(WindowUpdate, Rst, 5, 0));
        await peer.SendAsync(WindowUpdate, Rst, 1, 0);
        await peer.SendAsync(WindowUpdate, Syn, 7, 0);
        await peer.SendAsync(Ping, Syn, 0, 1);
        (await peer.ReadAsync())!.Value.Type.ShouldBe(Ping);
        await peer.Connection.AcceptStreamAsync(Stop);
        (await peer.ReadAsync()).ShouldBe(new YamuxHeader(WindowUpdate, Ack, 3, 0));
    }

    [Fact]
    public async Task Buffer_AboveTheLimit_CostsTheGreediestStream()
    {
        await using var peer = new RawPeer(new YamuxOptions { MaxBufferedBytes = 300_000 });
        await peer.SendAsync(Data, Syn, 1, 1000, new byte[1000]);
        await peer.SendAsync(Data, Syn, 3, 250_000, new byte[250_000]);
        await peer.SendAsync(Data, Syn, 5, 100_000, new byte[100_000]);
        (await peer.ReadAsync()).ShouldBe(new YamuxHeader(WindowUpdate, Rst, 3, 0));
        var first = await peer.Connection.AcceptStreamAsync(Stop);
        await first!.ReadExactlyAsync(new byte[1000], Stop);
        var last = await peer.Connection.AcceptStreamAsync(Stop);
        await last!.ReadExactlyAsync(new byte[100_000], Stop);
    }

    [Theory]
    [InlineData(YamuxFrameType.Ping, YamuxFlags.Syn)]
    [InlineData(YamuxFrameType.Data, YamuxFlags.None)]
    [InlineData(YamuxFrameType.WindowUpdate, YamuxFlags.Syn | YamuxFlags.Rst)]
    public async Task CheapFrames_InARush_EndTheConnection(object type, object flags)
    {
        await using var peer = new RawPeer(new YamuxOptions { MaxCheapFramesPerSecond = 100 }, new ManualTime());
        for (uint count = 0; count <= 100; count++)
            await peer.SendAsync((YamuxFrameType)type, (YamuxFlags)flags, (YamuxFrameType)type == Ping ? 0 : 2 * count + 1, 0);
        (await peer.ReadToAsync(GoAway)).Length.ShouldBe((uint)YamuxGoAway.ProtocolError);
        await peer.Connection.Completion;
    }

    /// <summary>Nobody accepts them; the limits are those of every day.</summary>
    [Fact]
    public async Task Streams_ByTheMillion_AreRefusedAndEndTheConnection()
    {
        var options = new YamuxOptions { KeepAliveInterval = Timeout.InfiniteTimeSpan };
        await using var peer = new RawPeer(options, new ManualTime());
        var answering = CountAsync();
        var opened = 0;
        for (; opened < 1_000_000 && !peer.Connection.Completion.IsCompleted; opened++)
            await Task.WhenAny(peer.SendAsync(WindowUpdate, Syn, (uint)(2 * opened) + 1, 0), peer.Connection.Completion);

        await peer.Connection.Completion;
        peer.Connection.EndedBecause.ShouldBe($"The other side sent more than {options.MaxCheapFramesPerSecond} resets, pings and empty frames in a second.");
        // Those that were taken, those that were refused, and what was on its way.
        opened.ShouldBeLessThan(options.MaxBacklog + options.MaxCheapFramesPerSecond + 10_000);
        var (refused, end) = await answering;
        refused.ShouldBeInRange(options.MaxCheapFramesPerSecond, options.MaxCheapFramesPerSecond + 1);
        end.ShouldBe((uint)YamuxGoAway.ProtocolError);
        (await peer.Connection.AcceptStreamAsync(Stop)).ShouldBeNull();

        async Task<(int Refused, uint? End)> CountAsync()
        {
            var (resets, end) = (0, (uint?)null);
            while (await peer.ReadAsync() is { } header)
            {
                resets += header.Flags.HasFlag(Rst) ? 1 : 0;
                end = header.Type == YamuxFrameType.GoAway ? header.Length : end;
            }

            return (resets, end);
        }
    }

    [Fact]
    public async Task GoAway_LetsStreamsFinishAndOpensNoMore()
    {
        await using var peer = new RawPeer();
        var stream = await peer.Connection.OpenStreamAsync(Stop);
        await peer.SendAsync(GoAway, None, 0, (uint)YamuxGoAway.Normal);
        await peer.SendAsync(Data, Fin, 2, 1, [7]);
        (await YamuxTests.ReadAllAsync(stream)).ShouldBe([7]);
        await Should.ThrowAsync<IOException>(async () => await peer.Connection.OpenStreamAsync(Stop));
        await stream.CompleteWritesAsync(Stop);
        await peer.Connection.Completion;
        peer.Connection.EndedBecause.ShouldBe("The other side closed it.");
    }

    [Fact]
    public async Task Silence_AfterAPing_EndsTheConnection()
    {
        var time = new ManualTime();
        await using var peer = new RawPeer(new YamuxOptions(), time);
        time.Advance(TimeSpan.FromSeconds(30));
        var ping = await peer.ReadAsync();
        ping.ShouldBe(new YamuxHeader(Ping, Syn, 0, 1));
        await peer.SendAsync(ping!.Value with { Flags = Ack });
        await peer.SendAsync(Ping, Syn, 0, 9);
        await peer.ReadAsync();

        time.Advance(TimeSpan.FromSeconds(30));
        (await peer.ReadAsync()).ShouldBe(new YamuxHeader(Ping, Syn, 0, 2));
        time.Advance(TimeSpan.FromSeconds(20));
        await peer.Connection.Completion;
        peer.Connection.EndedBecause.ShouldBe("Nothing was heard for 20 s after a ping.");
    }

    [Fact]
    public async Task Peer_ThatDoesNotRead_DoesNotHoldUpTheEnd()
    {
        var time = new ManualTime();
        await using var peer = new RawPeer(new YamuxOptions(), time, bytesAhead: 100);
        var stream = await peer.Connection.OpenStreamAsync(Stop);
        await stream.WriteAsync(new byte[1000], Stop);
        var closing = peer.Connection.DisposeAsync().AsTask();
        closing.IsCompleted.ShouldBeFalse();
        time.Advance(TimeSpan.FromSeconds(1));
        await closing;
    }
}

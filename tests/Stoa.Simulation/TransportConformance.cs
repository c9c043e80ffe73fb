using Stoa.Network.Addressing;
using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Simulation;

/// <summary>What every transport does, whatever its connections are made of: the same over TCP, with its securities and its multiplexer, and over the simulated network.</summary>
/// <param name="dialler">The transport of one side.</param>
/// <param name="self">Who that side is.</param>
/// <param name="answerer">The transport of the other.</param>
/// <param name="other">Who the other is.</param>
/// <param name="anywhere">Where the other listens.</param>
internal sealed class TransportConformance(ITransport dialler, PeerId self, ITransport answerer, PeerId other, Multiaddr anywhere)
{
    // More than any window and any buffer on the way.
    private const int Much = 8 * 1024 * 1024;

    private static readonly CancellationToken s_none = CancellationToken.None;

    /// <summary>Each thing that is looked at.</summary>
    public static IReadOnlyDictionary<string, Func<TransportConformance, Task>> Cases { get; } = new Dictionary<string, Func<TransportConformance, Task>>
    {
        ["both know who and where the other is"] = test => test.BothKnowTheOtherAsync(),
        ["somebody else is not taken for whom was meant"] = test => test.SomebodyElseIsRefusedAsync(),
        ["where nobody listens nobody is reached"] = test => test.NobodyIsUnreachableAsync(),
        ["an address that is taken is not listened at"] = test => test.TakenAddressIsRefusedAsync(),
        ["a listener that is closed answers nobody"] = test => test.ClosedListenerAnswersNobodyAsync(),
        ["streams of both sides carry their own bytes"] = test => test.StreamsCarryTheirOwnAsync(),
        ["one way may end and the other goes on"] = test => test.OneWayMayEndAsync(),
        ["a reset reaches the other side, whoever does it"] = test => test.ResetReachesTheOtherAsync(),
        ["who is not read waits, and holds up nobody else"] = test => test.WriterWaitsAsync(),
        ["a read that is given up loses nothing"] = test => test.GivenUpReadLosesNothingAsync(),
        ["a connection that is closed ends for both, with its streams"] = test => test.EndIsForBothAsync(),
    };

    private async Task BothKnowTheOtherAsync()
    {
        await using var listener = await answerer.ListenAsync(anywhere, s_none);
        dialler.CanDial(listener.Address).ShouldBeTrue();
        var (ours, theirs) = await ConnectAsync(listener, other);

        (ours.RemotePeer, theirs.RemotePeer).ShouldBe((other, self));
        (PeerId.FromEncodedPublicKey(ours.RemoteKey.Span), PeerId.FromEncodedPublicKey(theirs.RemoteKey.Span)).ShouldBe((other, self));
        (ours.RemoteAddress, theirs.LocalAddress).ShouldBe((listener.Address, listener.Address));
        theirs.RemoteAddress.ShouldBe(ours.LocalAddress);
        (ours.IsInitiator, theirs.IsInitiator).ShouldBe((true, false));
        (ours.EndedBecause, theirs.EndedBecause, ours.Completion.IsCompleted).ShouldBe((null, null, false));
        await EndAsync(ours, theirs);
    }

    private async Task SomebodyElseIsRefusedAsync()
    {
        await using var listener = await answerer.ListenAsync(anywhere, s_none);
        (await Thrown.ByAsync<ConnectException>(() => dialler.DialAsync(listener.Address, self, s_none))).Fault.ShouldBe(ConnectFault.OtherPeer);

        // It does not harm whoever comes next.
        var (ours, theirs) = await ConnectAsync(listener, null);
        ours.RemotePeer.ShouldBe(other);
        await EndAsync(ours, theirs);
    }

    private async Task NobodyIsUnreachableAsync()
    {
        Multiaddr address;
        await using (var listener = await answerer.ListenAsync(anywhere, s_none))
            address = listener.Address;

        (await Thrown.ByAsync<ConnectException>(() => dialler.DialAsync(address, other, s_none))).Fault.ShouldBe(ConnectFault.Unreachable);
        (await Thrown.ByAsync<ConnectException>(() => dialler.DialAsync(Multiaddr.Parse("/ip4/127.0.0.1/udp/1"), other, s_none))).Fault.ShouldBe(ConnectFault.NoAddress);
    }

    private async Task TakenAddressIsRefusedAsync()
    {
        await using var listener = await answerer.ListenAsync(anywhere, s_none);

        await Thrown.ByAsync<IOException>(() => answerer.ListenAsync(listener.Address, s_none));
    }

    private async Task ClosedListenerAnswersNobodyAsync()
    {
        var listener = await answerer.ListenAsync(anywhere, s_none);
        var accepting = listener.AcceptAsync(s_none);

        await listener.DisposeAsync();

        (await accepting).ShouldBeNull();
        (await listener.AcceptAsync(s_none)).ShouldBeNull();
    }

    private Task StreamsCarryTheirOwnAsync() => ConnectedAsync(async (ours, theirs) =>
    {
        var serving = Task.WhenAll(ServeAsync(ours), ServeAsync(theirs));
        await Task.WhenAll(Enumerable.Range(0, 40).Select(number => AskAsync(number % 2 == 0 ? ours : theirs, number)));
        await EndAsync(ours, theirs);
        await serving;

        static async Task AskAsync(IPeerConnection connection, int number)
        {
            var sent = new byte[50_000 + (number * 1_000)];
            new Random(number).NextBytes(sent);
            await using var stream = await connection.OpenStreamAsync(s_none);
            var writing = WriteAllAsync(stream, sent);
            (await ReadAllAsync(stream)).AsSpan().SequenceEqual(sent).ShouldBeTrue();
            await writing;
        }

        static async Task ServeAsync(IPeerConnection connection)
        {
            var echoes = new List<Task>();
            while (await connection.AcceptStreamAsync(s_none) is { } stream)
                echoes.Add(EchoAsync(stream));
            await Task.WhenAll(echoes);
        }

        static async Task EchoAsync(MuxedStream stream)
        {
            var (buffer, read) = (new byte[7_000], 0);
            while ((read = await stream.ReadAsync(buffer, s_none)) > 0)
                await stream.WriteAsync(buffer.AsMemory(0, read), s_none);
            await stream.CompleteWritesAsync(s_none);
        }
    });

    private Task OneWayMayEndAsync() => StreamedAsync(async (opened, accepted) =>
    {
        await opened.WriteAsync("question"u8.ToArray(), s_none);
        await opened.CompleteWritesAsync(s_none);
        (await ReadAllAsync(accepted)).ShouldBe("!question"u8.ToArray());

        await accepted.WriteAsync("answer"u8.ToArray(), s_none);
        await accepted.CompleteWritesAsync(s_none);
        (await ReadAllAsync(opened)).ShouldBe("answer"u8.ToArray());
    });

    private async Task ResetReachesTheOtherAsync()
    {
        foreach (var isByOpener in (bool[])[true, false])
        {
            await StreamedAsync(async (opened, accepted) =>
            {
                var (one, another) = isByOpener ? (opened, accepted) : (accepted, opened);
                one.Reset();
                await Thrown.ByAsync<StreamResetException>(() => ReadAllAsync(another));
                await Thrown.ByAsync<StreamResetException>(() => another.WriteAsync(new byte[1], s_none).AsTask());
                await Thrown.ByAsync<StreamResetException>(() => one.WriteAsync(new byte[1], s_none).AsTask());
            });
        }
    }

    private Task WriterWaitsAsync() => ConnectedAsync(async (ours, theirs) =>
    {
        var (opened, accepted) = await OpenAsync(ours, theirs);
        var writing = WriteAllAsync(opened, new byte[Much]);
        // Others go through beside it.
        for (var number = 0; number < 10; number++)
        {
            var (beside, there) = await OpenAsync(ours, theirs);
            await WriteAllAsync(beside, [1, 2, 3]);
            (await ReadAllAsync(there)).Length.ShouldBe(4);
        }

        writing.IsCompleted.ShouldBeFalse();
        (await ReadAllAsync(accepted)).Length.ShouldBe(1 + Much);
        await writing;
    });

    private Task GivenUpReadLosesNothingAsync() => StreamedAsync(async (opened, accepted) =>
    {
        await accepted.ReadExactlyAsync(new byte[1], s_none);
        using var given = new CancellationTokenSource();
        var reading = accepted.ReadAsync(new byte[10], given.Token).AsTask();
        given.Cancel();
        await Thrown.ByAsync<OperationCanceledException>(() => reading);

        await WriteAllAsync(opened, "late"u8.ToArray());
        (await ReadAllAsync(accepted)).ShouldBe("late"u8.ToArray());
    });

    private Task EndIsForBothAsync() => ConnectedAsync(async (ours, theirs) =>
    {
        var (opened, accepted) = await OpenAsync(ours, theirs);
        await accepted.ReadExactlyAsync(new byte[1], s_none);
        var reading = accepted.ReadAsync(new byte[1], s_none).AsTask();
        var accepting = theirs.AcceptStreamAsync(s_none).AsTask();

        await ours.DisposeAsync();

        await ours.Completion;
        await theirs.Completion;
        ours.EndedBecause.ShouldNotBeNull();
        theirs.EndedBecause.ShouldNotBeNull();
        (await accepting).ShouldBeNull();
        await Thrown.ByAsync<IOException>(() => reading);
        await Thrown.ByAsync<IOException>(() => opened.WriteAsync(new byte[1], s_none).AsTask());
        await Thrown.ByAsync<IOException>(() => ours.OpenStreamAsync(s_none).AsTask());
        await Thrown.ByAsync<IOException>(() => theirs.OpenStreamAsync(s_none).AsTask());
    });

    private Task StreamedAsync(Func<MuxedStream, MuxedStream, Task> act) => ConnectedAsync(async (ours, theirs) =>
    {
        var (opened, accepted) = await OpenAsync(ours, theirs);
        await act(opened, accepted);
    });

    private async Task ConnectedAsync(Func<IPeerConnection, IPeerConnection, Task> act)
    {
        await using var listener = await answerer.ListenAsync(anywhere, s_none);
        var (ours, theirs) = await ConnectAsync(listener, other);
        await act(ours, theirs);
        await EndAsync(ours, theirs);
    }

    private async Task<(IPeerConnection Ours, IPeerConnection Theirs)> ConnectAsync(IListener listener, PeerId? expected)
    {
        var dialling = dialler.DialAsync(listener.Address, expected, s_none);
        var theirs = (await listener.AcceptAsync(s_none)).ShouldNotBeNull();
        return (await dialling, theirs);
    }

    /// <summary>A stream of which the other side has heard: a byte was written on it.</summary>
    private static async Task<(MuxedStream Opened, MuxedStream Accepted)> OpenAsync(IPeerConnection ours, IPeerConnection theirs)
    {
        var opened = await ours.OpenStreamAsync(s_none);
        await opened.WriteAsync("!"u8.ToArray(), s_none);
        return (opened, (await theirs.AcceptStreamAsync(s_none)).ShouldNotBeNull());
    }

    private static async Task EndAsync(IPeerConnection ours, IPeerConnection theirs)
    {
        await ours.DisposeAsync();
        await theirs.Completion;
        await theirs.DisposeAsync();
    }

    private static async Task WriteAllAsync(MuxedStream stream, byte[] bytes)
    {
        await stream.WriteAsync(bytes, s_none);
        await stream.CompleteWritesAsync(s_none);
    }

    private static async Task<byte[]> ReadAllAsync(MuxedStream stream)
    {
        using var all = new MemoryStream();
        var (buffer, read) = (new byte[64 * 1024], 0);
        while ((read = await stream.ReadAsync(buffer, s_none)) > 0)
            all.Write(buffer, 0, read);
        return all.ToArray();
    }
}

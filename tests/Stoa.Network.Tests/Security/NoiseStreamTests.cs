using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using FsCheck.Fluent;
using Stoa.Network.Security;
using Stoa.Network.Tests.Muxing;

namespace Stoa.Network.Tests.Security;

public sealed class NoiseStreamTests
{
    private static readonly byte[] s_key = [.. Enumerable.Range(1, 32).Select(value => (byte)value)];
    private static readonly byte[] s_otherKey = [.. Enumerable.Range(2, 32).Select(value => (byte)value)];

    public NoiseStreamTests() => Assert.SkipUnless(ChaCha20Poly1305.IsSupported, "ChaCha20-Poly1305 is not on this machine.");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public void Bytes_WrittenAndReadInAnyPieces_ComeAsTheyWere() => Prop.ForAll(
        Gen.Choose(0, 6).SelectMany(count => Gen.Choose(0, 150_000).ArrayOf(count)).ToArbitrary(),
        Gen.Choose(1, 6).SelectMany(count => Gen.Choose(1, 100_000).ArrayOf(count)).ToArbitrary(),
        Gen.Choose(1, 5000).ToArbitrary(),
        (writes, reads, seed) => ExchangeAsync(writes, reads, seed).GetAwaiter().GetResult()).ShouldHold();

    [Fact]
    public async Task End_OfOneDirection_LeavesTheOther()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint, Stop);
        using var server = await listener.AcceptTcpClientAsync(Stop);
        var (here, there) = Pair(client.GetStream(), server.GetStream());

        await here.WriteAsync(new byte[10], Stop);
        client.Client.Shutdown(SocketShutdown.Send);

        await there.ReadExactlyAsync(new byte[10], Stop);
        (await there.ReadAsync(new byte[1], Stop)).ShouldBe(0);
        (await there.ReadAsync(new byte[1], Stop)).ShouldBe(0);
        await there.WriteAsync(new byte[200_000], Stop);
        server.Client.Shutdown(SocketShutdown.Send);
        await here.ReadExactlyAsync(new byte[200_000], Stop);
        (await here.ReadAsync(new byte[1], Stop)).ShouldBe(0);
    }

    [Fact]
    public async Task Frame_WithAnyBitFlipped_EndsAll()
    {
        const int length = 40;
        for (var at = 2; at < 2 + length + NoiseCipher.TagLength; at++)
        {
            var (raw, other) = DuplexPipe.Create();
            var (here, there) = Pair(new ChangedStream(raw) { FlipAt = at }, other);
            await here.WriteAsync(new byte[length], Stop);

            await Should.ThrowAsync<IOException>(() => ReadSomeAsync(there, length));
            await Should.ThrowAsync<IOException>(() => ReadSomeAsync(there, length));
            await Should.ThrowAsync<IOException>(async () => await there.WriteAsync(new byte[length], Stop));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    public async Task Frame_ThatIsShorterThanItsTag_EndsAll(int length)
    {
        var (raw, other) = DuplexPipe.Create();
        var (_, there) = Pair(raw, other);
        await raw.WriteAsync(Frame(new byte[length]), Stop);

        await Should.ThrowAsync<IOException>(() => ReadSomeAsync(there, 1));
    }

    [Fact]
    public async Task Frame_ThatComesTwice_EndsAll()
    {
        var (raw, other) = DuplexPipe.Create();
        var (_, there) = Pair(raw, other);
        using var cipher = new NoiseCipher(s_key);
        var message = new byte[4 + NoiseCipher.TagLength];
        cipher.Seal([1, 2, 3, 4], message, []);
        await raw.WriteAsync((byte[])[.. Frame(message), .. Frame(message)], Stop);

        await there.ReadExactlyAsync(new byte[4], Stop);
        await Should.ThrowAsync<IOException>(() => ReadSomeAsync(there, 1));
    }

    [Fact]
    public async Task Frames_ThatAreEmpty_AreNoEnd()
    {
        var (raw, other) = DuplexPipe.Create();
        var (here, there) = Pair(raw, other);
        using var cipher = new NoiseCipher(s_key);
        var message = new byte[NoiseCipher.TagLength];
        cipher.Seal([], message, []);
        await raw.WriteAsync(Frame(message), Stop);
        var last = new byte[1 + NoiseCipher.TagLength];
        cipher.Seal([7], last, []);
        await raw.WriteAsync(Frame(last), Stop);

        var read = new byte[8];
        (await there.ReadAsync(read, Stop)).ShouldBe(1);
        read[0].ShouldBe((byte)7);
        await here.DisposeAsync();
    }

    [Fact]
    public async Task End_WithinAFrame_IsNone()
    {
        for (var cut = 1; cut < 2 + 4 + NoiseCipher.TagLength; cut++)
        {
            var (raw, other) = DuplexPipe.Create();
            var (here, there) = Pair(new ChangedStream(raw) { CutAfter = cut }, other);
            await Should.ThrowAsync<IOException>(async () => await here.WriteAsync(new byte[4], Stop));

            await Should.ThrowAsync<IOException>(() => ReadSomeAsync(there, 4));
            await Should.ThrowAsync<IOException>(async () => await here.WriteAsync(new byte[4], Stop));
        }
    }

    [Fact]
    public async Task Read_ThatIsGivenUpWithinAFrame_LosesNothing()
    {
        var (raw, other) = DuplexPipe.Create(1 << 20);
        var (_, there) = Pair(raw, other);
        using var cipher = new NoiseCipher(s_key);
        var message = new byte[50_000 + NoiseCipher.TagLength];
        cipher.Seal(new byte[50_000], message, []);
        var frame = Frame(message);
        await raw.WriteAsync(frame.AsMemory(0, 30_000), Stop);
        using var patience = new CancellationTokenSource();
        var reading = there.ReadAsync(new byte[50_000], patience.Token);
        await patience.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(async () => await reading);

        await raw.WriteAsync(frame.AsMemory(30_000), Stop);
        await there.ReadExactlyAsync(new byte[50_000], Stop);
    }

    [Fact]
    public async Task Key_ThatIsUsedUp_SealsAndOpensNothingMore()
    {
        var (raw, other) = DuplexPipe.Create();
        var here = new NoiseStream(raw, new NoiseCipher(s_otherKey), new NoiseCipher(s_key, ulong.MaxValue - 1));
        var there = new NoiseStream(other, new NoiseCipher(s_key, ulong.MaxValue - 1), new NoiseCipher(s_otherKey));

        await here.WriteAsync(new byte[1], Stop);
        await there.ReadExactlyAsync(new byte[1], Stop);
        (await Should.ThrowAsync<IOException>(async () => await here.WriteAsync(new byte[1], Stop))).Message.ShouldContain("used up");
        await Should.ThrowAsync<IOException>(async () => await here.WriteAsync(new byte[1], Stop));
    }

    private static async Task ExchangeAsync(int[] writes, int[] reads, int bytesAhead)
    {
        var (raw, other) = DuplexPipe.Create(bytesAhead + 2);
        var (here, there) = Pair(raw, other);
        var random = new Random(bytesAhead);
        var sent = new byte[writes.Sum()];
        random.NextBytes(sent);
        await Task.WhenAll(WriteAsync(here, sent, writes), ReadAsync(there, sent, reads), WriteAsync(there, sent, [.. writes.Reverse()]), ReadAsync(here, sent, reads));
        await here.DisposeAsync();
        (await there.ReadAsync(new byte[1], Stop)).ShouldBe(0);
    }

    private static async Task WriteAsync(NoiseStream stream, byte[] bytes, int[] sizes)
    {
        var at = 0;
        foreach (var size in sizes)
        {
            await stream.WriteAsync(bytes.AsMemory(at, size), Stop);
            at += size;
        }
    }

    private static async Task ReadAsync(NoiseStream stream, byte[] expected, int[] sizes)
    {
        var received = new byte[expected.Length];
        for (var (at, turn) = (0, 0); at < received.Length; turn++)
        {
            var read = await stream.ReadAsync(received.AsMemory(at, Math.Min(sizes[turn % sizes.Length], received.Length - at)), Stop);
            read.ShouldBeGreaterThan(0);
            at += read;
        }

        received.AsSpan().SequenceEqual(expected).ShouldBeTrue();
    }

    private static async Task<int> ReadSomeAsync(Stream stream, int length) => await stream.ReadAsync(new byte[length], Stop);

    private static (NoiseStream Here, NoiseStream There) Pair(Stream here, Stream there) => (
        new NoiseStream(here, new NoiseCipher(s_otherKey), new NoiseCipher(s_key)),
        new NoiseStream(there, new NoiseCipher(s_key), new NoiseCipher(s_otherKey)));

    private static byte[] Frame(byte[] message)
    {
        var frame = new byte[2 + message.Length];
        BinaryPrimitives.WriteUInt16BigEndian(frame, (ushort)message.Length);
        message.CopyTo(frame, 2);
        return frame;
    }
}

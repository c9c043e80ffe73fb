using Stoa.Network.Muxing;

namespace Stoa.Network.Tests.Muxing;

/// <summary>Whatever a peer sends, the connection ends with a reason or goes on: it never hangs, throws or holds more than it may.</summary>
public sealed class YamuxFuzzTests
{
    private const int MaxBufferedBytes = 512 * 1024;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Garbage_EndsTheConnectionOrIsTaken(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
            await FeedAsync(bytes => Fill(random, bytes), random.Next(0, 4000));

        static int Fill(Random random, Span<byte> bytes)
        {
            random.NextBytes(bytes);
            return bytes.Length;
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Frames_OfAnyKindAndOrderCutAnywhere_EndTheConnectionOrAreTaken(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
            await FeedAsync(bytes => Fill(random, bytes), random.Next(0, 60_000));

        static int Fill(Random random, Span<byte> bytes)
        {
            var length = 0;
            while (bytes.Length - length >= YamuxHeader.Size)
            {
                var type = (YamuxFrameType)random.Next(random.Next(50) == 0 ? 5 : 3);
                var size = (uint)random.Next(random.Next(20) == 0 ? 300_000 : 200);
                new YamuxHeader(type, (YamuxFlags)(random.Next(3) == 0 ? random.Next(16) : random.Next(2)), (uint)random.Next(12) * 2 + 1, size).Write(bytes[length..]);
                length += YamuxHeader.Size;
                if (type == YamuxFrameType.Data)
                    length = (int)Math.Min(bytes.Length, length + size);
            }

            return random.Next(length + 1);
        }
    }

    private delegate int Filling(Span<byte> bytes);

    private static async Task FeedAsync(Filling fill, int length)
    {
        var stop = TestContext.Current.CancellationToken;
        var (other, pipe) = DuplexPipe.Create(1 << 20);
        var connection = new YamuxConnection(other, isInitiator: false, new YamuxOptions { MaxBufferedBytes = MaxBufferedBytes, MaxIncomingStreams = 8 }, TimeProvider.System);
        var serving = ServeAsync(connection, stop);
        var opening = OpenAsync(connection, stop);
        var bytes = new byte[length];
        length = fill(bytes);
        await pipe.WriteAsync(bytes.AsMemory(0, length), stop);
        await pipe.FlushAsync(stop);
        await pipe.DisposeAsync();

        await connection.Completion.WaitAsync(s_patience, stop);
        await serving.WaitAsync(s_patience, stop);
        await opening.WaitAsync(s_patience, stop);
        connection.EndedBecause.ShouldNotBeNull();
        connection.MostBuffered.ShouldBeLessThanOrEqualTo(MaxBufferedBytes + YamuxOptions.InitialWindowBytes);
        connection.Buffered.ShouldBe(0);
    }

    private static async Task ServeAsync(YamuxConnection connection, CancellationToken cancellationToken)
    {
        var streams = new List<Task>();
        for (var count = 0; await connection.AcceptStreamAsync(cancellationToken) is { } stream; count++)
        {
            // One in three is left unread to its end.
            streams.Add(count % 3 == 0 ? LeaveAsync(stream, connection) : TryAsync(() => YamuxTests.EchoAsync(stream)));
        }

        await Task.WhenAll(streams);
    }

    private static async Task LeaveAsync(MuxedStream stream, YamuxConnection connection)
    {
        await connection.Completion;
        await stream.DisposeAsync();
    }

    private static Task OpenAsync(YamuxConnection connection, CancellationToken cancellationToken) => TryAsync(async () =>
    {
        await using var stream = await connection.OpenStreamAsync(cancellationToken);
        await stream.WriteAsync(new byte[1000], cancellationToken);
        await stream.CopyToAsync(Stream.Null, cancellationToken);
    });

    private static async Task TryAsync(Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (IOException)
        {
            // A reset, or an end before it began: all that may come.
        }
    }
}

using Stoa.Network.Muxing;

namespace Stoa.Network.Tests.Muxing;

/// <summary>A connection of Yamux whose other end, the listener unless told otherwise, is frame by frame in the test's hand.</summary>
internal sealed class RawPeer : IAsyncDisposable
{
    private readonly DuplexPipe _pipe;

    public RawPeer(YamuxOptions? options = null, TimeProvider? time = null, bool isInitiator = false, int bytesAhead = 64 * 1024)
    {
        (var other, _pipe) = DuplexPipe.Create(bytesAhead);
        Connection = new Yamux(options ?? new YamuxOptions { KeepAliveInterval = Timeout.InfiniteTimeSpan }, time ?? TimeProvider.System).Start(other, isInitiator);
    }

    /// <summary>The end under test.</summary>
    public IMuxedConnection Connection { get; }

    public async Task SendAsync(YamuxFrameType type, YamuxFlags flags, uint stream, uint length, byte[]? payload = null)
    {
        var frame = new byte[YamuxHeader.Size + (payload?.Length ?? 0)];
        new YamuxHeader(type, flags, stream, length).Write(frame);
        payload?.CopyTo(frame, YamuxHeader.Size);
        await SendAsync(frame);
    }

    public Task SendAsync(YamuxHeader header) => SendAsync(header.Type, header.Flags, header.Stream, header.Length);

    public async Task SendAsync(byte[] bytes)
    {
        await _pipe.WriteAsync(bytes, TestContext.Current.CancellationToken);
        await _pipe.FlushAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>The next frame, its payload read and dropped; null at the end.</summary>
    public async Task<YamuxHeader?> ReadAsync()
    {
        var bytes = new byte[YamuxHeader.Size];
        if (await _pipe.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, TestContext.Current.CancellationToken) < bytes.Length)
            return null;
        YamuxHeader.TryRead(bytes, out var header).ShouldBeTrue();
        if (header.Type == YamuxFrameType.Data)
            await _pipe.ReadExactlyAsync(new byte[header.Length], TestContext.Current.CancellationToken);
        return header;
    }

    /// <summary>Frames up to the first of a kind, which is answered.</summary>
    public async Task<YamuxHeader> ReadToAsync(YamuxFrameType type)
    {
        while (await ReadAsync() is { } header)
        {
            if (header.Type == type)
                return header;
        }

        throw new InvalidDataException($"There was no {type}.");
    }

    public async ValueTask DisposeAsync()
    {
        await _pipe.DisposeAsync();
        await Connection.DisposeAsync();
    }
}

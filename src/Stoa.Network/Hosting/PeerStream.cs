using System.Buffers;
using Google.Protobuf;
using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Hosting;

/// <summary>A stream to a peer on which a protocol is agreed.</summary>
/// <remarks>
/// Reads and writes may run beside each other, but not two of a kind. Disposing resets what has not ended, so an exchange ends by
/// <see cref="CompleteWritesAsync"/> and a read to the end, or is broken off.
/// </remarks>
public sealed class PeerStream : IAsyncDisposable
{
    private readonly MuxedStream _stream;
    private byte[] _buffer = [];
    private int _start;
    private int _end;
    private byte[]? _proposal;
    private bool _isAgreed;

    /// <param name="stream">What carries it.</param>
    /// <param name="connection">What carries that.</param>
    /// <param name="protocol">What is spoken.</param>
    /// <param name="isAgreed">Whether the other side has said yes; else the proposal goes out with what is written first, and the answer is read with what is read first.</param>
    internal PeerStream(MuxedStream stream, IPeerConnection connection, string protocol, bool isAgreed = true)
    {
        (_stream, Connection, Protocol, _isAgreed) = (stream, connection, protocol, isAgreed);
        if (!isAgreed)
            _proposal = MultistreamSelect.ToProposal(protocol);
    }

    /// <summary>Whose.</summary>
    public PeerId Peer => Connection.RemotePeer;

    /// <summary>What is spoken.</summary>
    public string Protocol { get; }

    /// <summary>What carries it.</summary>
    public IPeerConnection Connection { get; }

    /// <summary>Reads some bytes; 0 at the end.</summary>
    /// <exception cref="StreamResetException">The other side broke it off.</exception>
    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (_start == _end)
            return ReadStreamAsync(buffer, cancellationToken);
        var length = Math.Min(buffer.Length, _end - _start);
        _buffer.AsSpan(_start, length).CopyTo(buffer.Span);
        _start += length;
        return ValueTask.FromResult(length);
    }

    /// <summary>Writes bytes; waits while the other side does not read.</summary>
    /// <exception cref="StreamResetException">The other side broke it off.</exception>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _proposal, null) is { } proposal)
            bytes = (byte[])[.. proposal, .. bytes.Span];
        return _stream.WriteAsync(bytes, cancellationToken);
    }

    /// <summary>Reads one message with its length in front as a varint; null at the end.</summary>
    /// <param name="maxLength">How long it may be, in bytes. Nothing is kept of a longer one.</param>
    /// <param name="cancellationToken">Gives up; the stream can only be reset then.</param>
    /// <exception cref="InvalidDataException">It is longer, or ends within, or its length is none.</exception>
    /// <exception cref="StreamResetException">The other side broke it off.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadMessageAsync(int maxLength, CancellationToken cancellationToken)
    {
        ulong length;
        int taken;
        OperationStatus status;
        while ((status = Varint.TryRead(_buffer.AsSpan(_start, _end - _start), out length, out taken)) == OperationStatus.NeedMoreData)
        {
            var isWithin = _end > _start;
            MakeRoom(Varint.MaxLength);
            var more = await ReadStreamAsync(_buffer.AsMemory(_end), cancellationToken);
            _end += more;
            if (more > 0)
                continue;
            return isWithin ? throw new InvalidDataException("The stream ended within the length of a message.") : null;
        }

        if (status != OperationStatus.Done || length > (ulong)maxLength)
            throw new InvalidDataException($"A message of at most {maxLength} bytes with its length in front is expected.");
        _start += taken;
        var message = new byte[length];
        var had = Math.Min(message.Length, _end - _start);
        _buffer.AsSpan(_start, had).CopyTo(message);
        _start += had;
        while (had < message.Length)
        {
            var read = await ReadStreamAsync(message.AsMemory(had), cancellationToken);
            if (read == 0)
                throw new InvalidDataException("The stream ended within a message.");
            had += read;
        }

        return message;
    }

    /// <summary>Reads one protobuf message with its length in front; null at the end.</summary>
    /// <exception cref="InvalidDataException">It is none, or longer than <paramref name="maxLength"/>.</exception>
    public async ValueTask<T?> ReadMessageAsync<T>(MessageParser<T> parser, int maxLength, CancellationToken cancellationToken) where T : class, IMessage<T>
    {
        ArgumentNullException.ThrowIfNull(parser);
        if (await ReadMessageAsync(maxLength, cancellationToken) is not { } bytes)
            return null;
        try
        {
            return parser.ParseFrom(bytes.Span);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new InvalidDataException($"A message of {Protocol} is expected.", e);
        }
    }

    /// <summary>Writes one message with its length in front.</summary>
    public ValueTask WriteMessageAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        var framed = new byte[Varint.LengthOf((ulong)message.Length) + message.Length];
        var start = Varint.Write((ulong)message.Length, framed);
        message.CopyTo(framed.AsMemory(start));
        return WriteAsync(framed, cancellationToken);
    }

    /// <summary>Writes one protobuf message with its length in front.</summary>
    public ValueTask WriteMessageAsync(IMessage message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        return WriteAsync(ToFrame(message, message.CalculateSize()), cancellationToken);
    }

    /// <summary>What is written of a protobuf message: its length in front.</summary>
    internal static byte[] ToFrame(IMessage message, int length)
    {
        var framed = new byte[Varint.LengthOf((ulong)length) + length];
        var start = Varint.Write((ulong)length, framed);
        message.WriteTo(framed.AsSpan(start));
        return framed;
    }

    /// <summary>Says that nothing more will be written.</summary>
    public async ValueTask CompleteWritesAsync(CancellationToken cancellationToken)
    {
        await ProposeAsync(cancellationToken);
        await _stream.CompleteWritesAsync(cancellationToken);
    }

    /// <summary>Breaks it off.</summary>
    public void Reset() => _stream.Reset();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private ValueTask<int> ReadStreamAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        _isAgreed ? _stream.ReadAsync(buffer, cancellationToken) : AgreeAndReadAsync(buffer, cancellationToken);

    private async ValueTask<int> AgreeAndReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        await ProposeAsync(cancellationToken);
        await MultistreamSelect.ExpectAsync(_stream, Protocol, cancellationToken);
        _isAgreed = true;
        return await _stream.ReadAsync(buffer, cancellationToken);
    }

    private ValueTask ProposeAsync(CancellationToken cancellationToken) =>
        Volatile.Read(ref _proposal) is null ? ValueTask.CompletedTask : WriteAsync(ReadOnlyMemory<byte>.Empty, cancellationToken);

    private void MakeRoom(int wanted)
    {
        if (_start == _end)
            (_start, _end) = (0, 0);
        if (_buffer.Length - _start >= wanted)
            return;
        // What messages begin with is short; large ones are read straight into their own memory.
        var buffer = _buffer.Length == 0 ? new byte[512] : _buffer;
        _buffer.AsSpan(_start, _end - _start).CopyTo(buffer);
        (_buffer, _start, _end) = (buffer, 0, _end - _start);
    }
}

using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Stoa.Network.Security;

/// <summary>Bytes both ways in sealed frames: what follows a Noise handshake.</summary>
/// <remarks>
/// <para>A frame is its length in two bytes, big-endian, then at most 65,535 bytes: what was sealed and its tag. Noise has no word for the end: a direction ends as that
/// of the stream below does, between two frames, and the other goes on. An end within a frame, and a frame that does not open, are an <see cref="IOException"/>, from
/// which on nothing is read or written.</para>
/// <para>Reads and writes may run beside each other, but not two of a kind. A read that was given up loses nothing; a write that was given up may have gone out in part,
/// so it is the last one.</para>
/// </remarks>
internal sealed class NoiseStream : Stream
{
    /// <summary>The longest frame in bytes, without its length.</summary>
    public const int MaxFrameLength = ushort.MaxValue;

    /// <summary>How much one frame carries, in bytes.</summary>
    public const int MaxPlainLength = MaxFrameLength - NoiseCipher.TagLength;

    private const int HeaderLength = sizeof(ushort);

    // Most frames are short. What an idle connection keeps is this; long frames borrow while they are read.
    private const int KeptLength = 4 * 1024;

    private readonly Stream _raw;
    private readonly NoiseCipher _receiving;
    private readonly NoiseCipher _sending;
    private readonly byte[] _kept = new byte[KeptLength];
    private byte[] _buffer;
    private int _start;
    private int _end;
    private int _plainStart;
    private int _plainEnd;
    private volatile string? _broken;

    public NoiseStream(Stream raw, NoiseCipher receiving, NoiseCipher sending)
    {
        (_raw, _receiving, _sending) = (raw, receiving, sending);
        _buffer = _kept;
    }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ThrowIfBroken();
        if (buffer.IsEmpty)
            return 0;
        while (_plainStart == _plainEnd)
        {
            if (!await ReadFrameAsync(cancellationToken))
                return 0;
        }

        var length = Math.Min(buffer.Length, _plainEnd - _plainStart);
        _buffer.AsSpan(_plainStart, length).CopyTo(buffer.Span);
        _plainStart += length;
        return length;
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ThrowIfBroken();
        while (!buffer.IsEmpty)
        {
            var length = Math.Min(buffer.Length, MaxPlainLength);
            await WriteFrameAsync(buffer[..length], cancellationToken);
            buffer = buffer[length..];
        }
    }

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => _raw.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    public override void Flush()
    {
        // Every write goes out.
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Streams of peers are read asynchronously.");

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("Streams of peers are written asynchronously.");

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // Ciphers and borrowed memory are left to collection: a read or write that this ends may still have them in its hands.
            _broken ??= "The stream is closed.";
            _raw.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Reads frames until one is opened; false at the end.</summary>
    private async ValueTask<bool> ReadFrameAsync(CancellationToken cancellationToken)
    {
        ReturnBorrowed();
        if (!await FillAsync(HeaderLength, cancellationToken))
            return false;
        var length = HeaderLength + BinaryPrimitives.ReadUInt16BigEndian(_buffer.AsSpan(_start));
        if (length < HeaderLength + NoiseCipher.TagLength)
            throw Break("The other side sent a frame that is shorter than its tag.", null);
        if (!await FillAsync(length, cancellationToken))
            return false;
        var (start, plainLength) = (_start + HeaderLength, length - HeaderLength - NoiseCipher.TagLength);
        try
        {
            _receiving.Open(_buffer.AsSpan(start, length - HeaderLength), _buffer.AsSpan(start, plainLength), []);
        }
        catch (CryptographicException e)
        {
            throw Break("A frame does not open: it was changed on the way, or the key is used up.", e);
        }

        (_plainStart, _plainEnd) = (start, start + plainLength);
        _start += length;
        return true;
    }

    /// <summary>Reads until a frame, or its length, is there; false when the other side ended before it.</summary>
    private async ValueTask<bool> FillAsync(int wanted, CancellationToken cancellationToken)
    {
        if (_end - _start < wanted)
            MakeRoom(wanted);
        while (_end - _start < wanted)
        {
            // Into borrowed memory goes one frame and no more, so that it can be given back after it.
            var limit = _buffer == _kept ? _buffer.Length : _start + wanted;
            int read;
            try
            {
                read = await _raw.ReadAsync(_buffer.AsMemory(_end, limit - _end), cancellationToken);
            }
            catch (ObjectDisposedException e)
            {
                throw Break("The stream is closed.", e);
            }

            if (read == 0)
                return _end == _start ? false : throw Break("The other side ended within a frame.", null);
            _end += read;
        }

        return true;
    }

    private void MakeRoom(int wanted)
    {
        if (_buffer.Length - _start >= wanted)
            return;
        var target = wanted > _buffer.Length ? ArrayPool<byte>.Shared.Rent(wanted) : _buffer;
        _buffer.AsSpan(_start, _end - _start).CopyTo(target);
        (_buffer, _start, _end) = (target, 0, _end - _start);
    }

    private void ReturnBorrowed()
    {
        if (_start == _end && _buffer != _kept)
        {
            ArrayPool<byte>.Shared.Return(_buffer, clearArray: true);
            _buffer = _kept;
        }

        if (_start == _end)
            (_start, _end) = (0, 0);
        (_plainStart, _plainEnd) = (_start, _start);
    }

    private async ValueTask WriteFrameAsync(ReadOnlyMemory<byte> plain, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var length = plain.Length + NoiseCipher.TagLength;
        var frame = ArrayPool<byte>.Shared.Rent(HeaderLength + length);
        try
        {
            BinaryPrimitives.WriteUInt16BigEndian(frame, (ushort)length);
            _sending.Seal(plain.Span, frame.AsSpan(HeaderLength, length), []);
            await _raw.WriteAsync(frame.AsMemory(0, HeaderLength + length), cancellationToken);
        }
        catch (CryptographicException e)
        {
            throw Break(e.Message, e);
        }
        catch (ObjectDisposedException e)
        {
            throw Break("The stream is closed.", e);
        }
        catch
        {
            // How much of the frame went out is not known, and the next would not be understood.
            _broken ??= "A write was broken off.";
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(frame);
        }
    }

    private IOException Break(string why, Exception? cause)
    {
        _broken ??= why;
        _raw.Dispose();
        return new IOException(why, cause);
    }

    private void ThrowIfBroken()
    {
        if (_broken is { } why)
            throw new IOException(why);
    }
}

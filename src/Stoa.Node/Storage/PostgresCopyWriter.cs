using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Stoa.Primitives;

namespace Stoa.Node.Storage;

/// <summary>Writes rows in the binary format of PostgreSQL's COPY, into memory.</summary>
/// <remarks>
/// A row is the number of its values and, for each, its length and bytes, all in network order; a length of −1 is null.
/// https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format". The driver's own way writes a value at a time through asynchronous
/// calls, which took longer than the database did.
/// </remarks>
internal sealed class PostgresCopyWriter : IDisposable
{
    /// <summary>So much at once is worth sending: 32 KiB.</summary>
    public const int PartBytes = 32 << 10;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(2 * PartBytes);
    private int _length;

    public PostgresCopyWriter()
    {
        ReadOnlySpan<byte> signature = [.. "PGCOPY\n"u8, 0xff, .. "\r\n\0"u8];
        Write(signature);
        // Flags, and the length of an extension of the header: none of either.
        WriteInt32(0);
        WriteInt32(0);
    }

    /// <summary>What was written since the last <see cref="Clear"/>.</summary>
    public ReadOnlyMemory<byte> Written => _buffer.AsMemory(0, _length);

    /// <summary>Forgets what was written, once it is sent.</summary>
    public void Clear() => _length = 0;

    /// <summary>Writes the mark of the end.</summary>
    public void End() => WriteInt16(-1);

    /// <summary>Begins a row of so many values.</summary>
    public void BeginRow(int valueCount) => WriteInt16((short)valueCount);

    public void WriteNull() => WriteInt32(-1);

    public void WriteInteger(long value)
    {
        WriteInt32(sizeof(long));
        BinaryPrimitives.WriteInt64BigEndian(Take(sizeof(long)), value);
    }

    public void WriteFlag(bool value)
    {
        WriteInt32(1);
        Take(1)[0] = value ? (byte)1 : (byte)0;
    }

    public void WriteBytes(ReadOnlySpan<byte> value)
    {
        WriteInt32(value.Length);
        Write(value);
    }

    public void WriteText(string value)
    {
        var place = MakeRoom(sizeof(int) + Encoding.UTF8.GetMaxByteCount(value.Length));
        var length = Encoding.UTF8.GetBytes(value, place[sizeof(int)..]);
        BinaryPrimitives.WriteInt32BigEndian(place, length);
        _length += sizeof(int) + length;
    }

    public void WriteId<TId>(Id<TId> value) where TId : IIdentified
    {
        var place = MakeRoom(sizeof(int) + TypeId.MaxLength);
        value.TryFormat(place[sizeof(int)..], out var length);
        BinaryPrimitives.WriteInt32BigEndian(place, length);
        _length += sizeof(int) + length;
    }

    public void WriteUuid(Guid value)
    {
        WriteInt32(16);
        value.TryWriteBytes(Take(16), bigEndian: true, out _);
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);

    private void Write(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    private void WriteInt16(short value) => BinaryPrimitives.WriteInt16BigEndian(Take(sizeof(short)), value);

    private void WriteInt32(int value) => BinaryPrimitives.WriteInt32BigEndian(Take(sizeof(int)), value);

    private Span<byte> Take(int count)
    {
        var place = MakeRoom(count)[..count];
        _length += count;
        return place;
    }

    private Span<byte> MakeRoom(int count)
    {
        if (_buffer.Length - _length < count)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(2 * _buffer.Length, _length + count));
            Written.Span.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        return _buffer.AsSpan(_length);
    }
}

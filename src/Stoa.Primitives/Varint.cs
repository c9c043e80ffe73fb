using System.Buffers;

namespace Stoa.Primitives;

/// <summary>Unsigned integers of variable length: the unsigned-varint of multiformats.</summary>
/// <remarks>
/// Seven bits a byte, the lowest first, the top bit set on all bytes but the last. At most nine bytes, so 63 bits,
/// and only the shortest form of a value is read: one value has one encoding.
/// </remarks>
public static class Varint
{
    /// <summary>The longest encoding in bytes.</summary>
    public const int MaxLength = 9;

    /// <summary>The greatest value: 2^63 - 1.</summary>
    public const ulong MaxValue = long.MaxValue;

    /// <summary>How many bytes a value takes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is above <see cref="MaxValue"/>.</exception>
    public static int LengthOf(ulong value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, MaxValue);
        var length = 1;
        while ((value >>= 7) != 0)
            length++;
        return length;
    }

    /// <summary>Writes a value to the start of <paramref name="destination"/>.</summary>
    /// <returns>The number of bytes written.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The value is above <see cref="MaxValue"/>.</exception>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    public static int Write(ulong value, Span<byte> destination)
    {
        var length = LengthOf(value);
        if (destination.Length < length)
            throw new ArgumentException($"The value needs {length} bytes, the destination has {destination.Length}.", nameof(destination));
        for (var index = 0; index < length - 1; index++, value >>= 7)
            destination[index] = (byte)(value | 0x80);
        destination[length - 1] = (byte)value;
        return length;
    }

    /// <summary>Reads a value from the start of <paramref name="source"/>.</summary>
    /// <returns>
    /// <see cref="OperationStatus.Done"/>; <see cref="OperationStatus.NeedMoreData"/> where the source ends inside the
    /// value; <see cref="OperationStatus.InvalidData"/> where it is longer than nine bytes or not the shortest form.
    /// </returns>
    public static OperationStatus TryRead(ReadOnlySpan<byte> source, out ulong value, out int length)
    {
        value = 0;
        length = 0;
        ulong read = 0;
        for (var index = 0; index < Math.Min(source.Length, MaxLength); index++)
        {
            read |= (ulong)(source[index] & 0x7f) << (7 * index);
            if (source[index] >= 0x80)
                continue;
            if (source[index] == 0 && index > 0)
                return OperationStatus.InvalidData;
            value = read;
            length = index + 1;
            return OperationStatus.Done;
        }
        return source.Length < MaxLength ? OperationStatus.NeedMoreData : OperationStatus.InvalidData;
    }

    /// <summary>Reads a value from the start of <paramref name="source"/> and says how long it was.</summary>
    /// <exception cref="FormatException">There is no whole, shortest varint.</exception>
    public static ulong Read(ReadOnlySpan<byte> source, out int length) =>
        TryRead(source, out var value, out length) == OperationStatus.Done
            ? value
            : throw new FormatException($"An unsigned varint of at most {MaxLength} bytes in its shortest form is expected.");
}

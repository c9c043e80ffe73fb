using System.Buffers.Binary;

namespace Stoa.Wasm.Compilation;

/// <summary>Bytes of a method body as they grow, with branches to places that are not known yet.</summary>
internal sealed class IlBuffer
{
    private readonly List<(int At, int Base, int Label)> _branches = [];
    private readonly List<int> _labels = [];
    private byte[] _bytes = new byte[1024];

    public int Length { get; private set; }

    public void Clear()
    {
        Length = 0;
        _branches.Clear();
        _labels.Clear();
    }

    public void Emit(byte opcode)
    {
        Ensure(1);
        _bytes[Length++] = opcode;
    }

    public void Emit(ReadOnlySpan<byte> code)
    {
        Ensure(code.Length);
        code.CopyTo(_bytes.AsSpan(Length));
        Length += code.Length;
    }

    public void Emit(byte opcode, int operand)
    {
        Ensure(5);
        _bytes[Length] = opcode;
        BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(Length + 1), operand);
        Length += 5;
    }

    /// <summary>Emits one of the opcodes behind 0xFE with a two-byte operand.</summary>
    public void EmitWide(byte opcode, int operand)
    {
        Ensure(4);
        _bytes[Length] = Il.Prefix;
        _bytes[Length + 1] = opcode;
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(Length + 2), checked((ushort)operand));
        Length += 4;
    }

    public void EmitConstant(int value)
    {
        if (value is >= -1 and <= 8)
        {
            Emit((byte)(Il.LdcI4_0 + value));
        }
        else if (value is >= sbyte.MinValue and <= sbyte.MaxValue)
        {
            Emit(Il.LdcI4_S);
            Emit((byte)value);
        }
        else
        {
            Emit(Il.LdcI4, value);
        }
    }

    public void EmitConstant(long value)
    {
        Ensure(9);
        _bytes[Length] = Il.LdcI8;
        BinaryPrimitives.WriteInt64LittleEndian(_bytes.AsSpan(Length + 1), value);
        Length += 9;
    }

    /// <summary>Emits an int64 constant of fixed width, whose value is set later.</summary>
    /// <returns>Where to <see cref="Patch(int, long)"/> it.</returns>
    public int EmitPlaceholder()
    {
        Ensure(9);
        _bytes[Length] = Il.LdcI8;
        _bytes.AsSpan(Length + 1, 8).Clear();
        Length += 9;
        return Length - 8;
    }

    public void Patch(int at, long value) => BinaryPrimitives.WriteInt64LittleEndian(_bytes.AsSpan(at), value);

    /// <summary>Overwrites what was emitted by one opcode, and behind it by <see cref="Il.Nop"/>, which is zero.</summary>
    public void Overwrite(int at, int length, byte opcode)
    {
        _bytes.AsSpan(at, length).Clear();
        _bytes[at] = opcode;
    }

    /// <summary>Takes back what was emitted from a place on; no branch and no label may lie there.</summary>
    public void Rewind(int length) => Length = length;

    public int NewLabel()
    {
        _labels.Add(-1);
        return _labels.Count - 1;
    }

    public void Mark(int label) => _labels[label] = Length;

    public void EmitBranch(byte opcode, int label)
    {
        Emit(opcode, 0);
        _branches.Add((Length - 4, Length, label));
    }

    public void EmitSwitch(ReadOnlySpan<int> labels)
    {
        Emit(Il.Switch, labels.Length);
        int end = Length + (4 * labels.Length);
        foreach (int label in labels)
        {
            Ensure(4);
            _branches.Add((Length, end, label));
            Length += 4;
        }
    }

    public byte[] ToArray()
    {
        foreach (var (at, from, label) in _branches)
            BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(at), _labels[label] - from);
        return _bytes[..Length];
    }

    private void Ensure(int count)
    {
        if (Length + count > _bytes.Length)
            Array.Resize(ref _bytes, Math.Max(Length + count, _bytes.Length * 2));
    }
}

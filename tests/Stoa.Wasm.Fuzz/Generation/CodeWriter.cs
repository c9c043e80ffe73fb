using System.Buffers.Binary;
using System.Text;
using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Fuzz.Generation;

/// <summary>Writes the primitive forms of the binary format (core specification 2.0, chapter 5).</summary>
internal sealed class CodeWriter
{
    private readonly List<byte> _bytes = [];

    public int Length => _bytes.Count;

    public byte[] ToArray() => [.. _bytes];

    public void Byte(int value) => _bytes.Add((byte)value);

    public void Bytes(ReadOnlySpan<byte> bytes) => _bytes.AddRange(bytes);

    public void Number(uint value)
    {
        for (; value >= 0x80; value >>= 7)
            _bytes.Add((byte)(value | 0x80));
        _bytes.Add((byte)value);
    }

    public void Signed(long value)
    {
        for (; value is < -64 or > 63; value >>= 7)
            _bytes.Add((byte)(value | 0x80));
        _bytes.Add((byte)(value & 0x7F));
    }

    public void Name(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        Number((uint)bytes.Length);
        Bytes(bytes);
    }

    public void Op(Opcode opcode) => _bytes.Add((byte)opcode);

    public void Op(Opcode opcode, int immediate)
    {
        _bytes.Add((byte)opcode);
        Number((uint)immediate);
    }

    public void Op(ExtendedOpcode opcode, params ReadOnlySpan<int> immediates)
    {
        _bytes.Add((byte)Opcode.PrefixFC);
        Number((uint)opcode);
        foreach (int immediate in immediates)
            Number((uint)immediate);
    }

    public void Op(VectorOpcode opcode, params ReadOnlySpan<byte> immediates)
    {
        _bytes.Add((byte)Opcode.PrefixVector);
        Number((uint)opcode);
        Bytes(immediates);
    }

    public void I32(int value)
    {
        Op(Opcode.I32Const);
        Signed(value);
    }

    public void I64(long value)
    {
        Op(Opcode.I64Const);
        Signed(value);
    }

    public void F32(uint bits)
    {
        Op(Opcode.F32Const);
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, bits);
        Bytes(bytes);
    }

    public void F64(ulong bits)
    {
        Op(Opcode.F64Const);
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, bits);
        Bytes(bytes);
    }

    public void V128(ulong low, ulong high)
    {
        Op(VectorOpcode.V128Const);
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, low);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], high);
        Bytes(bytes);
    }

    /// <summary>Writes a section, or what else begins with its own length.</summary>
    public void Sized(CodeWriter content)
    {
        Number((uint)content.Length);
        _bytes.AddRange(content._bytes);
    }

    public void Append(CodeWriter content) => _bytes.AddRange(content._bytes);
}

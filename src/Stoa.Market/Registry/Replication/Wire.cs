using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Replication;

/// <summary>Writes a message: numbers are varints, items and keys 16 bytes, lists have their length in front.</summary>
internal sealed class WireWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public ReadOnlyMemory<byte> Bytes => _bytes.WrittenMemory;

    public WireWriter Byte(byte value)
    {
        _bytes.Write([value]);
        return this;
    }

    public WireWriter Number(long value)
    {
        _bytes.Advance(Varint.Write((ulong)value, _bytes.GetSpan(Varint.MaxLength)));
        return this;
    }

    public WireWriter Signed(int value) => Number((uint)((value << 1) ^ (value >> 31)));

    public WireWriter Fixed(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.GetSpan(sizeof(uint)), value);
        _bytes.Advance(sizeof(uint));
        return this;
    }

    public WireWriter Fixed(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.GetSpan(sizeof(ulong)), value);
        _bytes.Advance(sizeof(ulong));
        return this;
    }

    public WireWriter Item(UInt128 value)
    {
        BinaryPrimitives.WriteUInt128BigEndian(_bytes.GetSpan(SetItem.Size), value);
        _bytes.Advance(SetItem.Size);
        return this;
    }

    public WireWriter Items(IReadOnlyCollection<UInt128> items)
    {
        Number(items.Count);
        foreach (var item in items)
            Item(item);
        return this;
    }

    public WireWriter Key(SipKey key)
    {
        key.CopyTo(_bytes.GetSpan(SipKey.Size));
        _bytes.Advance(SipKey.Size);
        return this;
    }

    public WireWriter Statements(IReadOnlyList<SignedStatement> statements)
    {
        Number(statements.Count);
        foreach (var statement in statements)
        {
            Number(statement.Payload.Length);
            _bytes.Write(statement.Payload);
            Number(statement.Signature.Length);
            _bytes.Write(statement.Signature);
        }

        return this;
    }
}

/// <summary>Reads what <see cref="WireWriter"/> writes. Whatever else it is given is an <see cref="InvalidDataException"/>.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public byte Byte() => Take(1)[0];

    public long Number(long max)
    {
        if (Varint.TryRead(_rest, out var value, out var length) != OperationStatus.Done || value > (ulong)max)
            Throw($"a number of at most {max} is expected");
        _rest = _rest[length..];
        return (long)value;
    }

    public int Count(int max) => (int)Number(max);

    public int Signed()
    {
        var zigzag = (uint)Number(uint.MaxValue);
        return (int)(zigzag >> 1) ^ -(int)(zigzag & 1);
    }

    public List<int> SignedNumbers(int count)
    {
        var numbers = new List<int>(count);
        while (numbers.Count < count)
            numbers.Add(Signed());
        return numbers;
    }

    public uint Fixed32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

    public ulong Fixed64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

    public UInt128 Item() => BinaryPrimitives.ReadUInt128BigEndian(Take(SetItem.Size));

    /// <summary>Items of which none comes twice.</summary>
    public List<UInt128> Items(int max)
    {
        var count = Count(max);
        var items = new List<UInt128>(count);
        var seen = new HashSet<UInt128>(count);
        for (var number = 0; number < count; number++)
        {
            var item = Item();
            if (!seen.Add(item))
                Throw("an item comes twice");
            items.Add(item);
        }

        return items;
    }

    public SipKey Key() => SipKey.FromBytes(Take(SipKey.Size));

    public List<SignedStatement> Statements()
    {
        var count = Count(ReplicationLimits.MaxStatementsAtOnce);
        var statements = new List<SignedStatement>(count);
        for (var number = 0; number < count; number++)
        {
            var payload = Take(Count(StatementLimits.MaxPayloadBytes)).ToArray();
            statements.Add(new SignedStatement(payload, Take(Count(ReplicationLimits.MaxSignatureBytes)).ToArray()));
        }

        return statements;
    }

    public readonly void End()
    {
        if (_rest.Length > 0)
            Throw("something is left at its end");
    }

    [DoesNotReturn]
    public static void Throw(string why) => throw new InvalidDataException($"A message of the registry is not as it should be: {why}.");

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length > _rest.Length)
            Throw("it ends within");
        var taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }
}

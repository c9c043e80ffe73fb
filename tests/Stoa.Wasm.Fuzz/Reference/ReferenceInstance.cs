using System.Buffers.Binary;
using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Fuzz.Reference;

/// <summary>The store of one instance of the reference interpreter: memory, tables, globals, segments.</summary>
internal sealed class ReferenceInstance
{
    private readonly ReferenceFunction?[] _functions;
    private readonly bool[] _droppedData;
    private readonly bool[] _droppedElements;
    private readonly Limits _memoryLimits;

    /// <summary>Makes an instance and runs its segments. Only functions may be imported.</summary>
    /// <exception cref="TrapException">A segment does not fit.</exception>
    public ReferenceInstance(ModuleDefinition definition, Func<int, Cell[], Cell[]> host)
    {
        Definition = definition;
        Host = host;
        _functions = new ReferenceFunction?[definition.FunctionTypes.Count];
        _droppedData = new bool[definition.Data.Count];
        _droppedElements = new bool[definition.Elements.Count];
        Globals = [.. definition.GlobalInitializers.Select(Evaluate)];
        Tables = [.. definition.Tables.Select(table => new uint[table.Elements.Minimum])];
        if (definition.Memories.Count > 0)
        {
            _memoryLimits = definition.Memories[0].Pages;
            Memory = new byte[_memoryLimits.Minimum * Wasm.Memory.PageBytes];
        }

        for (int i = 0; i < definition.Elements.Count; i++)
        {
            var segment = definition.Elements[i];
            if (segment.Mode == SegmentMode.Active)
                TableInit(i, segment.Table, Evaluate(segment.Offset).U32, 0, (uint)segment.Items.Length);
            if (segment.Mode != SegmentMode.Passive)
                DropElements(i);
        }

        for (int i = 0; i < definition.Data.Count; i++)
        {
            var segment = definition.Data[i];
            if (segment.Mode != SegmentMode.Active)
                continue;
            MemoryInit(i, Evaluate(segment.Offset).U32, 0, (uint)segment.Content.Length);
            DropData(i);
        }
    }

    public ModuleDefinition Definition { get; }

    /// <summary>Code of the imported functions, by their index.</summary>
    public Func<int, Cell[], Cell[]> Host { get; }

    public byte[] Memory { get; private set; } = [];

    public Cell[] Globals { get; }

    /// <summary>Elements are as in a <see cref="Cell"/>: 0 for null, else one more than the index.</summary>
    public uint[][] Tables { get; }

    /// <summary>The body of a function of the module.</summary>
    public ReferenceFunction Function(int index) => _functions[index] ??= ReferenceFunction.Read(Definition, index);

    public bool IsInMemory(ulong address, int bytes) => address + (ulong)bytes <= (ulong)Memory.Length;

    public Cell Load(ulong address, int bytes)
    {
        var span = Range(address, (uint)bytes);
        switch (bytes)
        {
            case 1: return new(span[0]);
            case 2: return new(BinaryPrimitives.ReadUInt16LittleEndian(span));
            case 4: return new(BinaryPrimitives.ReadUInt32LittleEndian(span));
            case 8: return new(BinaryPrimitives.ReadUInt64LittleEndian(span));
            default: return new(BinaryPrimitives.ReadUInt64LittleEndian(span), BinaryPrimitives.ReadUInt64LittleEndian(span[8..]));
        }
    }

    public void Store(ulong address, int bytes, Cell value)
    {
        var span = Range(address, (uint)bytes);
        for (int i = 0; i < bytes; i++)
            span[i] = (byte)((i < 8 ? value.Low : value.High) >> (8 * (i & 7)));
    }

    public int MemoryGrow(uint pages)
    {
        int before = Memory.Length / Wasm.Memory.PageBytes;
        if ((ulong)before + pages > (_memoryLimits.Maximum ?? Wasm.Memory.MaxPagesOfFormat))
            return -1;
        var grown = new byte[(before + (int)pages) * Wasm.Memory.PageBytes];
        Memory.CopyTo(grown, 0);
        Memory = grown;
        return before;
    }

    public void MemoryFill(uint start, byte value, uint count) => Range(start, count).Fill(value);

    public void MemoryCopy(uint destination, uint source, uint count)
    {
        var from = Range(source, count);
        from.CopyTo(Range(destination, count));
    }

    public void MemoryInit(int segment, uint destination, uint source, uint count)
    {
        var content = _droppedData[segment] ? default : Definition.Data[segment].Content.Span;
        if (source + (ulong)count > (ulong)content.Length)
            throw new TrapException(TrapCode.MemoryOutOfBounds);
        content.Slice((int)source, (int)count).CopyTo(Range(destination, count));
    }

    public void DropData(int segment) => _droppedData[segment] = true;

    public ref uint Element(int table, uint index)
    {
        if (index >= (uint)Tables[table].Length)
            throw new TrapException(TrapCode.TableOutOfBounds);
        return ref Tables[table][index];
    }

    public int TableGrow(int table, uint elements, uint fill)
    {
        int before = Tables[table].Length;
        if ((ulong)before + elements > (Definition.Tables[table].Elements.Maximum ?? uint.MaxValue))
            return -1;
        Array.Resize(ref Tables[table], before + (int)elements);
        Tables[table].AsSpan(before).Fill(fill);
        return before;
    }

    public void TableFill(int table, uint start, uint value, uint count) => Elements(table, start, count).Fill(value);

    public void TableCopy(int destinationTable, int sourceTable, uint destination, uint source, uint count) =>
        Elements(sourceTable, source, count).CopyTo(Elements(destinationTable, destination, count));

    public void TableInit(int segment, int table, uint destination, uint source, uint count)
    {
        var items = _droppedElements[segment] ? [] : Definition.Elements[segment].Items;
        if (source + (ulong)count > (ulong)items.Length)
            throw new TrapException(TrapCode.TableOutOfBounds);
        var elements = Elements(table, destination, count);
        for (int i = 0; i < elements.Length; i++)
            elements[i] = (uint)(items[source + i] + 1);
    }

    public void DropElements(int segment) => _droppedElements[segment] = true;

    private Span<byte> Range(ulong start, uint count) =>
        start + count <= (ulong)Memory.Length ? Memory.AsSpan((int)start, (int)count) : throw new TrapException(TrapCode.MemoryOutOfBounds);

    private Span<uint> Elements(int table, uint start, uint count) => start + (ulong)count <= (ulong)Tables[table].Length
        ? Tables[table].AsSpan((int)start, (int)count)
        : throw new TrapException(TrapCode.TableOutOfBounds);

    private static Cell Evaluate(ConstantExpression expression) => expression.Kind switch
    {
        ConstantKind.Number => new Cell((ulong)expression.Bits, (ulong)(expression.Bits >> 64)),
        ConstantKind.Function => new Cell((ulong)expression.Index + 1),
        _ => throw new NotSupportedException("The reference interpreter imports no globals."),
    };
}

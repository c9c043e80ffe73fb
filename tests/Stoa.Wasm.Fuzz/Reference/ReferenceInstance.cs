using System.Buffers.Binary;
using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Fuzz.Reference;

/// <summary>The store of one instance of the reference interpreter: memory, tables, globals, segments.</summary>
internal sealed class ReferenceInstance
{
    private readonly ReferenceFunction?[] _functions;
    private readonly bool[] _droppedData;
    private readonly bool[] _droppedElements;

    /// <summary>Makes an instance and runs its segments. Only functions may be imported.</summary>
    /// <exception cref="TrapException">A segment does not fit.</exception>
    public ReferenceInstance(ModuleDefinition definition, Func<int, Cell[], Cell[]> host)
    {
        Definition = definition;
        Host = host;
        _functions = new ReferenceFunction?[definition.FunctionTypes.Count];
        _droppedData = new bool[definition.Data.Count];
        _droppedElements = new bool[definition.Elements.Count];
        Globals = new Cell[definition.GlobalInitializers.Count];
        for (int i = 0; i < Globals.Length; i++)
            Globals[i] = Evaluate(definition.GlobalInitializers[i]);
        Tables = [.. definition.Tables.Select(table => new uint[table.Elements.Minimum])];
        Memories = [.. definition.Memories.Select(memory => new byte[memory.Pages.Minimum * Memory.PageBytes])];
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
            MemoryInit(i, segment.Memory, Evaluate(segment.Offset).U32, 0, (uint)segment.Content.Length);
            DropData(i);
        }
    }

    public ModuleDefinition Definition { get; }

    /// <summary>Code of the imported functions, by their index.</summary>
    public Func<int, Cell[], Cell[]> Host { get; }

    public byte[][] Memories { get; }

    public Cell[] Globals { get; }

    /// <summary>Elements are as in a <see cref="Cell"/>: 0 for null, else one more than the index.</summary>
    public uint[][] Tables { get; }

    /// <summary>The body of a function of the module.</summary>
    public ReferenceFunction Function(int index) => _functions[index] ??= ReferenceFunction.Read(Definition, index);

    public bool IsInMemory(int memory, ulong address, int bytes) => address + (ulong)bytes <= (ulong)Memories[memory].Length;

    public Cell Load(int memory, ulong address, int bytes)
    {
        var span = Range(memory, address, (uint)bytes);
        switch (bytes)
        {
            case 1: return new(span[0]);
            case 2: return new(BinaryPrimitives.ReadUInt16LittleEndian(span));
            case 4: return new(BinaryPrimitives.ReadUInt32LittleEndian(span));
            case 8: return new(BinaryPrimitives.ReadUInt64LittleEndian(span));
            default: return new(BinaryPrimitives.ReadUInt64LittleEndian(span), BinaryPrimitives.ReadUInt64LittleEndian(span[8..]));
        }
    }

    public void Store(int memory, ulong address, int bytes, Cell value)
    {
        var span = Range(memory, address, (uint)bytes);
        for (int i = 0; i < bytes; i++)
            span[i] = (byte)((i < 8 ? value.Low : value.High) >> (8 * (i & 7)));
    }

    public int MemoryGrow(int memory, uint pages)
    {
        int before = Memories[memory].Length / Memory.PageBytes;
        if ((ulong)before + pages > (Definition.Memories[memory].Pages.Maximum ?? Memory.MaxPagesOfFormat))
            return -1;
        Array.Resize(ref Memories[memory], (before + (int)pages) * Memory.PageBytes);
        return before;
    }

    public void MemoryFill(int memory, uint start, byte value, uint count) => Range(memory, start, count).Fill(value);

    public void MemoryCopy(int destinationMemory, int sourceMemory, uint destination, uint source, uint count)
    {
        var from = Range(sourceMemory, source, count);
        from.CopyTo(Range(destinationMemory, destination, count));
    }

    public void MemoryInit(int segment, int memory, uint destination, uint source, uint count)
    {
        var content = _droppedData[segment] ? default : Definition.Data[segment].Content.Span;
        if (source + (ulong)count > (ulong)content.Length)
            throw new TrapException(TrapCode.MemoryOutOfBounds);
        content.Slice((int)source, (int)count).CopyTo(Range(memory, destination, count));
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
            elements[i] = Item(items[source + i]);
    }

    public void DropElements(int segment) => _droppedElements[segment] = true;

    private uint Item(int item) => item < ElementSegment.Null ? Globals[ElementSegment.OfGlobal(item)].U32 : (uint)(item + 1);

    private Span<byte> Range(int memory, ulong start, uint count) => start + count <= (ulong)Memories[memory].Length
        ? Memories[memory].AsSpan((int)start, (int)count)
        : throw new TrapException(TrapCode.MemoryOutOfBounds);

    private Span<uint> Elements(int table, uint start, uint count) => start + (ulong)count <= (ulong)Tables[table].Length
        ? Tables[table].AsSpan((int)start, (int)count)
        : throw new TrapException(TrapCode.TableOutOfBounds);

    private Cell Evaluate(ConstantExpression expression) => expression.Kind switch
    {
        ConstantKind.Number => new Cell((ulong)expression.Bits, (ulong)(expression.Bits >> 64)),
        ConstantKind.Function => new Cell((ulong)expression.Index + 1),
        ConstantKind.Global => Globals[expression.Index],
        _ => Compute(new WasmReader(Definition.Bytes.Span, expression.Index, Definition.Bytes.Length)),
    };

    /// <summary>Runs a constant expression, an instruction at a time.</summary>
    private Cell Compute(WasmReader reader)
    {
        var operands = new Stack<Cell>();
        for (var opcode = (Opcode)reader.ReadByte(); opcode != Opcode.End; opcode = (Opcode)reader.ReadByte())
        {
            switch (opcode)
            {
                case Opcode.I32Const:
                    operands.Push(Cell.Of(reader.ReadS32()));
                    break;
                case Opcode.I64Const:
                    operands.Push(Cell.Of(reader.ReadS64()));
                    break;
                case Opcode.GlobalGet:
                    operands.Push(Globals[reader.ReadU32()]);
                    break;
                default:
                    var second = operands.Pop();
                    operands.Push(ScalarSemantics.Compute(opcode, operands.Pop(), second));
                    break;
            }
        }

        return operands.Pop();
    }
}

namespace Stoa.Wasm.Binary;

/// <summary>Decodes the segments that fill tables and memories.</summary>
internal sealed class SegmentDecoder(ModuleDefinition module, EngineOptions options)
{
    private static readonly ConstantExpression s_noOffset = new(ConstantKind.Number, ValueKind.I32, 0);

    public void DecodeElements(ref WasmReader reader)
    {
        for (int left = reader.ReadCount(options.MaxSegments, "element segments"); left > 0; left--)
            module.Elements.Add(ReadElement(ref reader));
    }

    public void DecodeData(ref WasmReader reader)
    {
        int at = reader.Position;
        int count = reader.ReadCount(options.MaxSegments, "data segments");
        if (module.DataCount is { } promised && promised != count)
            WasmReader.Malformed("data count and data section have inconsistent lengths", at);
        for (; count > 0; count--)
            module.Data.Add(ReadData(ref reader));
    }

    // Three flag bits: 1 not active; 2 explicit table (or declarative, when not active); 4 items are expressions.
    private ElementSegment ReadElement(ref WasmReader reader)
    {
        int at = reader.Position;
        uint flags = reader.ReadU32();
        if (flags > 7)
            WasmReader.Malformed("malformed elements segment kind", at);
        bool isActive = (flags & 1) == 0;
        bool isExplicit = (flags & 2) != 0;
        bool hasExpressions = (flags & 4) != 0;
        var mode = isActive ? SegmentMode.Active : isExplicit ? SegmentMode.Declarative : SegmentMode.Passive;
        int table = isActive && isExplicit ? (int)reader.ReadU32() : 0;
        var offset = s_noOffset;
        if (isActive)
        {
            if ((uint)table >= (uint)module.Tables.Count)
                Forms.Invalid("unknown table", at);
            offset = ConstantDecoder.Read(ref reader, module, options, ValueKind.I32);
        }

        var element = ValueKind.FuncRef;
        if (!isActive || isExplicit)
        {
            if (hasExpressions)
                element = Forms.ReadReferenceKind(ref reader);
            else if (reader.ReadByte() != 0)
                WasmReader.Malformed("malformed element kind", reader.Position - 1);
        }

        if (isActive && module.Tables[table].Element != element)
            Forms.Invalid("type mismatch", at);
        return new ElementSegment(mode, table, offset, element, ReadItems(ref reader, element, hasExpressions));
    }

    private int[] ReadItems(ref WasmReader reader, ValueKind element, bool hasExpressions)
    {
        var items = new int[reader.ReadCount(int.MaxValue, "elements")];
        for (int i = 0; i < items.Length; i++)
        {
            if (hasExpressions)
            {
                var value = ConstantDecoder.Read(ref reader, module, options, element);
                items[i] = value.Kind switch
                {
                    ConstantKind.Function => value.Index,
                    ConstantKind.Global => ElementSegment.OfGlobal(value.Index),
                    _ => ElementSegment.Null,
                };
                continue;
            }

            int at = reader.Position;
            uint function = reader.ReadU32();
            if (function >= (uint)module.FunctionTypes.Count)
                Forms.Invalid("unknown function", at);
            module.ReferencedFunctions.Add((int)function);
            items[i] = (int)function;
        }

        return items;
    }

    private DataSegment ReadData(ref WasmReader reader)
    {
        int at = reader.Position;
        uint flags = reader.ReadU32();
        if (flags > 2)
            WasmReader.Malformed("malformed data segment kind", at);
        int memory = flags == 2 ? (int)reader.ReadU32() : 0;
        var offset = s_noOffset;
        if (flags != 1)
        {
            if ((uint)memory >= (uint)module.Memories.Count)
                Forms.Invalid("unknown memory", at);
            offset = ConstantDecoder.Read(ref reader, module, options, ValueKind.I32);
        }

        int length = reader.ReadLength();
        var content = module.Bytes.Slice(reader.Position, length);
        reader.Position += length;
        return new DataSegment(flags == 1 ? SegmentMode.Passive : SegmentMode.Active, memory, offset, content);
    }
}

using Stoa.Wasm.Runtime;
using Stoa.Wasm.Validation;

namespace Stoa.Wasm.Binary;

/// <summary>Decodes and validates a module (core specification 2.0, chapters 5 and 3), function bodies included.</summary>
/// <remarks>One pass. Nothing is allocated that the bytes of the module do not back.</remarks>
internal sealed class ModuleDecoder
{
    private static readonly int[] s_orderOfSection = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 10];

    private readonly EngineOptions _options;
    private readonly byte[] _bytes;
    private readonly ModuleDefinition _module;
    private readonly HashSet<string> _exportNames = new(StringComparer.Ordinal);
    private int _declaredFunctions;
    private bool _hasCode;

    private ModuleDecoder(byte[] bytes, EngineOptions options)
    {
        _options = options;
        _bytes = bytes;
        _module = new ModuleDefinition { Bytes = bytes };
    }

    public static ModuleDefinition Decode(byte[] bytes, EngineOptions options)
    {
        var decoder = new ModuleDecoder(bytes, options);
        decoder.Decode(new WasmReader(bytes, 0, bytes.Length));
        return decoder._module;
    }

    private void Decode(WasmReader reader)
    {
        if (!reader.ReadBytes(4).SequenceEqual("\0asm"u8))
            WasmReader.Malformed("magic header not detected", 0);
        if (!reader.ReadBytes(4).SequenceEqual("\u0001\0\0\0"u8))
            WasmReader.Malformed("unknown binary version", 4);
        int previous = 0;
        while (!reader.IsAtEnd)
        {
            int start = reader.Position;
            byte id = reader.ReadByte();
            if (id > 12)
                WasmReader.Malformed("malformed section id", start);
            int length = reader.ReadLength();
            int end = reader.Position + length;
            var section = new WasmReader(_module.Bytes.Span, reader.Position, end);
            if (id == 0)
            {
                DecodeCustom(section);
            }
            else
            {
                int order = s_orderOfSection[id];
                if (order <= previous)
                    WasmReader.Malformed("unexpected content after last section", start);
                previous = order;
                DecodeSection(id, ref section);
                if (section.Position != end)
                    section.Malformed("section size mismatch");
            }

            reader.Position = end;
        }

        CheckWhole(reader.Position);
    }

    private void CheckWhole(int end)
    {
        if (!_hasCode && _declaredFunctions > 0)
            WasmReader.Malformed("function and code section have inconsistent lengths", end);
        if (_module.DataCount is { } count && count != _module.Data.Count)
            WasmReader.Malformed("data count and data section have inconsistent lengths", end);
    }

    private void DecodeSection(byte id, ref WasmReader reader)
    {
        switch (id)
        {
            case 1:
                DecodeTypes(ref reader);
                break;
            case 2:
                DecodeImports(ref reader);
                break;
            case 3:
                DecodeFunctions(ref reader);
                break;
            case 4:
                for (int left = reader.ReadCount(_options.MaxTables, "tables"); left > 0; left--)
                    AddTable(ReadTableType(ref reader), reader.Position);
                break;
            case 5:
                for (int left = reader.ReadCount(int.MaxValue, "memories"); left > 0; left--)
                    AddMemory(ReadMemoryType(ref reader), reader.Position);
                break;
            case 6:
                DecodeGlobals(ref reader);
                break;
            case 7:
                DecodeExports(ref reader);
                break;
            case 8:
                DecodeStart(ref reader);
                break;
            case 9:
                new SegmentDecoder(_module, _options).DecodeElements(ref reader);
                break;
            case 10:
                DecodeCode(ref reader);
                break;
            case 11:
                new SegmentDecoder(_module, _options).DecodeData(ref reader);
                break;
            default:
                _module.DataCount = (int)reader.ReadU32();
                break;
        }
    }

    private void DecodeCustom(WasmReader reader)
    {
        string name = reader.ReadName();
        if (name == "name")
            _module.Names = _module.Bytes[reader.Position..reader.End];
    }

    private void DecodeTypes(ref WasmReader reader)
    {
        var types = new List<Signature>();
        for (int left = reader.ReadCount(_options.MaxDeclarations, "types"); left > 0; left--)
        {
            if (reader.ReadByte() != 0x60)
                WasmReader.Malformed("integer representation too long", reader.Position - 1);
            var parameters = ReadKinds(ref reader);
            var results = ReadKinds(ref reader);
            types.Add(Signature.Of(new FunctionType(parameters, results)));
        }

        _module.Types = [.. types];
    }

    private ValueKind[] ReadKinds(ref WasmReader reader)
    {
        var kinds = new ValueKind[reader.ReadCount(_options.MaxParameters, "parameters or results")];
        for (int i = 0; i < kinds.Length; i++)
            kinds[i] = Forms.ReadValueKind(ref reader);
        return kinds;
    }

    private void DecodeImports(ref WasmReader reader)
    {
        for (int left = reader.ReadCount(_options.MaxDeclarations, "imports"); left > 0; left--)
        {
            string module = reader.ReadName();
            string name = reader.ReadName();
            int at = reader.Position;
            ExternType type;
            switch (reader.ReadByte())
            {
                case (byte)ExternKind.Function:
                    type = AddFunction(ref reader).Type;
                    _module.ImportedFunctions++;
                    break;
                case (byte)ExternKind.Table:
                    var table = ReadTableType(ref reader);
                    AddTable(table, at);
                    type = table;
                    _module.ImportedTables++;
                    break;
                case (byte)ExternKind.Memory:
                    var memory = ReadMemoryType(ref reader);
                    AddMemory(memory, at);
                    type = memory;
                    _module.ImportedMemories++;
                    break;
                case (byte)ExternKind.Global:
                    var global = ReadGlobalType(ref reader);
                    _module.Globals.Add(global);
                    type = global;
                    _module.ImportedGlobals++;
                    break;
                default:
                    WasmReader.Malformed("malformed import kind", at);
                    return;
            }

            _module.Imports.Add(new ModuleImport(module, name, type));
        }
    }

    private Signature AddFunction(ref WasmReader reader)
    {
        int at = reader.Position;
        uint type = reader.ReadU32();
        if (type >= (uint)_module.Types.Length)
            Forms.Invalid("unknown type", at);
        if (_module.FunctionTypes.Count >= _options.MaxFunctions)
            Forms.Exceeded($"more than {_options.MaxFunctions} functions", at);
        _module.FunctionTypes.Add((int)type);
        return _module.Types[type];
    }

    private void DecodeFunctions(ref WasmReader reader)
    {
        _declaredFunctions = reader.ReadCount(_options.MaxFunctions, "functions");
        for (int left = _declaredFunctions; left > 0; left--)
            AddFunction(ref reader);
    }

    private void AddTable(TableType table, int at)
    {
        if (_module.Tables.Count >= _options.MaxTables)
            Forms.Exceeded($"more than {_options.MaxTables} tables", at);
        _module.Tables.Add(table);
    }

    private void AddMemory(MemoryType memory, int at)
    {
        if (_module.Memories.Count > 0 && (_options.Features & WasmFeatures.MultipleMemories) == 0)
            Forms.Invalid("multiple memories", at);
        if (_module.Memories.Count >= _options.MaxMemories)
            Forms.Exceeded($"more than {_options.MaxMemories} memories", at);
        _module.Memories.Add(memory);
    }

    private static TableType ReadTableType(ref WasmReader reader)
    {
        var element = Forms.ReadReferenceKind(ref reader);
        return new TableType(element, ReadLimits(ref reader));
    }

    private static MemoryType ReadMemoryType(ref WasmReader reader)
    {
        int at = reader.Position;
        var limits = ReadLimits(ref reader);
        if (limits.Minimum > Memory.MaxPagesOfFormat || limits.Maximum > Memory.MaxPagesOfFormat)
            Forms.Invalid("memory size must be at most 65536 pages (4GiB)", at);
        return new MemoryType(limits);
    }

    private static Limits ReadLimits(ref WasmReader reader)
    {
        int at = reader.Position;
        byte flags = reader.ReadByte();
        if (flags > 1)
            WasmReader.Malformed(flags < 0x80 ? "integer too large" : "integer representation too long", at);
        uint minimum = reader.ReadU32();
        uint? maximum = flags == 1 ? reader.ReadU32() : null;
        if (minimum > maximum)
            Forms.Invalid("size minimum must not be greater than maximum", at);
        return new Limits(minimum, maximum);
    }

    private static GlobalType ReadGlobalType(ref WasmReader reader)
    {
        var content = Forms.ReadValueKind(ref reader);
        byte mutability = reader.ReadByte();
        if (mutability > 1)
            WasmReader.Malformed("malformed mutability", reader.Position - 1);
        return new GlobalType(content, mutability == 1);
    }

    private void DecodeGlobals(ref WasmReader reader)
    {
        for (int left = reader.ReadCount(_options.MaxGlobals, "globals"); left > 0; left--)
        {
            var type = ReadGlobalType(ref reader);
            _module.GlobalInitializers.Add(ConstantDecoder.Read(ref reader, _module, _options, type.Content));
            _module.Globals.Add(type);
        }
    }

    private void DecodeExports(ref WasmReader reader)
    {
        for (int left = reader.ReadCount(_options.MaxDeclarations, "exports"); left > 0; left--)
        {
            int at = reader.Position;
            string name = reader.ReadName();
            if (!_exportNames.Add(name))
                Forms.Invalid("duplicate export name", at);
            at = reader.Position;
            byte kind = reader.ReadByte();
            uint index = reader.ReadU32();
            var (count, what) = (ExternKind)kind switch
            {
                ExternKind.Function => (_module.FunctionTypes.Count, "unknown function"),
                ExternKind.Table => (_module.Tables.Count, "unknown table"),
                ExternKind.Memory => (_module.Memories.Count, "unknown memory"),
                ExternKind.Global => (_module.Globals.Count, "unknown global"),
                _ => (-1, "malformed export kind"),
            };
            if (count < 0)
                WasmReader.Malformed(what, at);
            if (index >= (uint)count)
                Forms.Invalid(what, at);
            if (kind == (byte)ExternKind.Function)
                _module.ReferencedFunctions.Add((int)index);
            _module.Exports.Add(new ExportDefinition(name, (ExternKind)kind, (int)index));
        }
    }

    private void DecodeStart(ref WasmReader reader)
    {
        int at = reader.Position;
        uint function = reader.ReadU32();
        if (function >= (uint)_module.FunctionTypes.Count)
            Forms.Invalid("unknown function", at);
        var type = _module.TypeOfFunction((int)function).Type;
        if (!type.Parameters.IsEmpty || !type.Results.IsEmpty)
            Forms.Invalid("start function", at);
        _module.Start = (int)function;
    }

    private void DecodeCode(ref WasmReader reader)
    {
        _hasCode = true;
        int at = reader.Position;
        int count = reader.ReadCount(_options.MaxFunctions, "function bodies");
        if (count != _declaredFunctions)
            WasmReader.Malformed("function and code section have inconsistent lengths", at);
        CodeValidator.Validate(ref reader, count, _module, _bytes, _options);
    }
}

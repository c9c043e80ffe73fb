using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Text;

/// <summary>Reads the fields of a module (core specification 2.0, section 6.6) and writes its sections.</summary>
/// <remarks>
/// Identifiers may be used before they are defined, so the text is gone through three times: for the identifiers and the types, for all
/// but the bodies of functions, and for the bodies.
/// </remarks>
internal sealed partial class ModuleParser
{
    private readonly TokenReader _tokens;
    private readonly ModuleScope _scope;
    private readonly InstructionParser _instructions;
    private readonly IndexSpace _noLocals = new("local", 0);
    private readonly List<Field> _fields = [];
    private readonly List<int> _bodies = [];
    private readonly NameSection _names = new();

    private readonly Section _types = new(1);
    private readonly Section _imports = new(2);
    private readonly Section _functions = new(3);
    private readonly Section _tables = new(4);
    private readonly Section _memories = new(5);
    private readonly Section _globals = new(6);
    private readonly Section _exports = new(7);
    private readonly Section _elements = new(9);
    private readonly Section _code = new(10);
    private readonly Section _data = new(11);
    private int? _start; // where in the text its function is named
    private uint _startFunction;

    // How many of each kind the second pass has seen.
    private uint _functionCount;
    private uint _tableCount;
    private uint _memoryCount;
    private uint _globalCount;

    private ModuleParser(TokenReader tokens)
    {
        _tokens = tokens;
        _scope = new ModuleScope(tokens.Source.Options);
        _instructions = new InstructionParser(tokens, _scope);
    }

    // From its parenthesis to after its closing one.
    private readonly record struct Field(int Start, int End);

    /// <summary>Reads fields up to the end of the text, or of the list that they are in.</summary>
    public static EncodedModule ReadFields(TokenReader tokens)
    {
        var parser = new ModuleParser(tokens);
        parser.Declare();
        int end = tokens.Current.Start;
        foreach (var field in parser._fields)
        {
            tokens.Reset(field.Start);
            parser.ReadField(field);
        }

        foreach (int body in parser._bodies)
        {
            tokens.Reset(body);
            parser.ReadBody();
        }

        tokens.Reset(end);
        return new EncodedModule(tokens.Source, parser.Write());
    }

    private void ReadField(Field field)
    {
        _tokens.Next();
        var keyword = _tokens.Source[_tokens.Next()];
        bool isRead = keyword switch
        {
            _ when keyword.SequenceEqual("func"u8) => ReadFunction(field),
            _ when keyword.SequenceEqual("import"u8) => ReadImport(field),
            _ when keyword.SequenceEqual("table"u8) => ReadTable(field),
            _ when keyword.SequenceEqual("memory"u8) => ReadMemory(field),
            _ when keyword.SequenceEqual("global"u8) => ReadGlobal(field),
            _ when keyword.SequenceEqual("export"u8) => ReadExport(field),
            _ when keyword.SequenceEqual("start"u8) => ReadStart(),
            _ when keyword.SequenceEqual("elem"u8) => ReadElements(field),
            _ when keyword.SequenceEqual("data"u8) => ReadData(field),
            _ => false, // types are known from the first pass
        };
        if (isRead)
            _tokens.Close();
    }

    private void ReadBody()
    {
        var locals = new IndexSpace("local", _tokens.Source.Options.MaxLocals);
        _scope.Types.ReadUse(_tokens, locals);
        var kinds = new List<ValueKind>();
        while (_tokens.TryOpen("local"u8))
            TypeTable.ReadDeclaration(_tokens, kinds, locals);
        var body = new ByteBuffer();
        body.Mark(_tokens.Current.Start);
        WriteLocals(kinds, body);
        _instructions.ReadSequence(body, locals);
        body.Mark(_tokens.Current.Start);
        body.Byte((byte)Opcode.End);
        var code = _code.Item(_tokens.Current.Start);
        code.U32((uint)body.Length);
        code.Append(body);
    }

    // Neighbours of the same type are one group.
    private static void WriteLocals(List<ValueKind> kinds, ByteBuffer body)
    {
        var groups = new List<(uint Count, ValueKind Kind)>();
        foreach (var kind in kinds)
        {
            if (groups.Count > 0 && groups[^1].Kind == kind)
                groups[^1] = (groups[^1].Count + 1, kind);
            else
                groups.Add((1, kind));
        }

        body.U32((uint)groups.Count);
        foreach (var (count, kind) in groups)
        {
            body.U32(count);
            body.Byte((byte)kind);
        }
    }

    private void WriteConstant(ByteBuffer target)
    {
        _instructions.ReadSequence(target, _noLocals);
        EndConstant(target);
    }

    private void EndConstant(ByteBuffer target)
    {
        target.Mark(_tokens.Current.Start);
        target.Byte((byte)Opcode.End);
    }

    private ByteBuffer Write()
    {
        foreach (var type in _scope.Types.Types)
            WriteType(type, _types.Item(0));
        var module = new ByteBuffer();
        module.Bytes("\0asm\u0001\0\0\0"u8);
        foreach (var section in new[] { _types, _imports, _functions, _tables, _memories, _globals, _exports })
            section.WriteTo(module);
        if (_start is { } start)
        {
            module.Mark(start);
            WriteNumber(module, 8, _startFunction);
        }

        _elements.WriteTo(module);
        if (_scope.UsesData)
            WriteNumber(module, 12, _scope.Data.Count);
        _code.WriteTo(module);
        _data.WriteTo(module);
        _names.WriteTo(module);
        return module;
    }

    private static void WriteType(FunctionType type, ByteBuffer target)
    {
        const byte Function = 0x60;
        target.Byte(Function);
        foreach (var kinds in new[] { type.Parameters, type.Results })
        {
            target.U32((uint)kinds.Length);
            foreach (var kind in kinds)
                target.Byte((byte)kind);
        }
    }

    private static void WriteNumber(ByteBuffer module, byte section, uint number)
    {
        var content = new ByteBuffer();
        content.U32(number);
        module.Byte(section);
        module.Sized(content.Written);
    }
}

using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Text;

// The second pass: imports, exports and what a module defines.
internal sealed partial class ModuleParser
{
    private bool ReadFunction(Field field)
    {
        uint index = _functionCount++;
        _names.Add(index, _tokens.TryIdentifier());
        ReadInlineExports(ExternKind.Function, index);
        if (TryInlineImport(ExternKind.Function, field) is { } import)
        {
            import.U32(ReadTypeUse());
            return true;
        }

        _bodies.Add(_tokens.Current.Start);
        _functions.Item(field.Start).U32(ReadTypeUse());
        _tokens.Reset(field.End);
        return false;
    }

    private bool ReadImport(Field field)
    {
        byte[] module = _tokens.Name();
        byte[] name = _tokens.Name();
        _tokens.Next();
        var keyword = _tokens.Source[_tokens.Next()];
        var identifier = _tokens.TryIdentifier();
        var kind = KindOf(keyword)!.Value;
        var import = WriteImport(module, name, kind, field);
        switch (kind)
        {
            case ExternKind.Function:
                _names.Add(_functionCount++, identifier);
                import.U32(ReadTypeUse());
                break;
            case ExternKind.Table:
                _tableCount++;
                ReadTableType(import);
                break;
            case ExternKind.Memory:
                _memoryCount++;
                ReadLimits(import);
                break;
            default:
                _globalCount++;
                ReadGlobalType(import);
                break;
        }

        _tokens.Close();
        return true;
    }

    private bool ReadTable(Field field)
    {
        uint index = _tableCount++;
        _tokens.TryIdentifier();
        ReadInlineExports(ExternKind.Table, index);
        if (TryInlineImport(ExternKind.Table, field) is { } import)
            ReadTableType(import);
        else if (IsReferenceKind())
            ReadInlineElements(index, field);
        else
            ReadTableType(_tables.Item(field.Start));
        return true;
    }

    private bool ReadMemory(Field field)
    {
        uint index = _memoryCount++;
        _tokens.TryIdentifier();
        ReadInlineExports(ExternKind.Memory, index);
        if (TryInlineImport(ExternKind.Memory, field) is { } import)
            ReadLimits(import);
        else if (_tokens.TryOpen("data"u8))
            ReadInlineData(index, field);
        else
            ReadLimits(_memories.Item(field.Start));
        return true;
    }

    private bool ReadGlobal(Field field)
    {
        uint index = _globalCount++;
        _tokens.TryIdentifier();
        ReadInlineExports(ExternKind.Global, index);
        if (TryInlineImport(ExternKind.Global, field) is { } import)
        {
            ReadGlobalType(import);
            return true;
        }

        var global = _globals.Item(field.Start);
        ReadGlobalType(global);
        WriteConstant(global);
        return true;
    }

    private bool ReadExport(Field field)
    {
        byte[] name = _tokens.Name();
        _tokens.Expect(TokenKind.LeftParenthesis);
        var keyword = _tokens.Expect(TokenKind.Keyword);
        if (KindOf(_tokens.Source[keyword]) is not { } kind)
            throw _tokens.Unexpected(keyword);
        uint index = SpaceOf(kind).Read(_tokens);
        _tokens.Close();
        WriteExport(name, kind, index, field.Start);
        return true;
    }

    private bool ReadStart()
    {
        _start = _tokens.Current.Start;
        _startFunction = _scope.Functions.Read(_tokens);
        return true;
    }

    private void ReadInlineExports(ExternKind kind, uint index)
    {
        while (_tokens.TryOpen("export"u8))
        {
            int source = _tokens.Current.Start;
            WriteExport(_tokens.Name(), kind, index, source);
            _tokens.Close();
        }
    }

    private void WriteExport(byte[] name, ExternKind kind, uint index, int source)
    {
        var export = _exports.Item(source);
        export.Sized(name);
        export.Byte((byte)kind);
        export.U32(index);
    }

    private ByteBuffer? TryInlineImport(ExternKind kind, Field field)
    {
        if (!_tokens.TryOpen("import"u8))
            return null;
        byte[] module = _tokens.Name();
        byte[] name = _tokens.Name();
        _tokens.Close();
        return WriteImport(module, name, kind, field);
    }

    private ByteBuffer WriteImport(byte[] module, byte[] name, ExternKind kind, Field field)
    {
        var import = _imports.Item(field.Start);
        import.Sized(module);
        import.Sized(name);
        import.Byte((byte)kind);
        return import;
    }

    // Identifiers of parameters are read with the body, where they mean something.
    private uint ReadTypeUse() => _scope.Types.ReadUse(_tokens, Unnamed());

    private void ReadTableType(ByteBuffer target)
    {
        var limits = new ByteBuffer();
        ReadLimits(limits);
        target.Byte((byte)ReadReferenceKind());
        target.Append(limits);
    }

    private void ReadLimits(ByteBuffer target)
    {
        uint minimum = _tokens.U32();
        uint? maximum = _tokens.Current.Kind == TokenKind.Natural ? _tokens.U32() : null;
        WriteLimits(target, minimum, maximum);
    }

    private static void WriteLimits(ByteBuffer target, uint minimum, uint? maximum)
    {
        target.Byte(maximum is null ? (byte)0 : (byte)1);
        target.U32(minimum);
        if (maximum is { } most)
            target.U32(most);
    }

    private void ReadGlobalType(ByteBuffer target)
    {
        bool isMutable = _tokens.TryOpen("mut"u8);
        target.Byte((byte)TypeTable.ReadKind(_tokens));
        if (isMutable)
            _tokens.Close();
        target.Byte(isMutable ? (byte)1 : (byte)0);
    }

    private ValueKind ReadReferenceKind()
    {
        if (!IsReferenceKind())
            throw _tokens.Unexpected();
        return TypeTable.ReadKind(_tokens);
    }

    private IndexSpace SpaceOf(ExternKind kind) => kind switch
    {
        ExternKind.Function => _scope.Functions,
        ExternKind.Table => _scope.Tables,
        ExternKind.Memory => _scope.Memories,
        _ => _scope.Globals,
    };

    private static ExternKind? KindOf(ReadOnlySpan<byte> keyword) =>
        keyword.SequenceEqual("func"u8) ? ExternKind.Function
        : keyword.SequenceEqual("table"u8) ? ExternKind.Table
        : keyword.SequenceEqual("memory"u8) ? ExternKind.Memory
        : keyword.SequenceEqual("global"u8) ? ExternKind.Global
        : null;
}

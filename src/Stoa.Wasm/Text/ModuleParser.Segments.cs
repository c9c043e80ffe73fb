using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Text;

// The second pass: segments of elements and of data, on their own or where a table or memory is defined.
internal sealed partial class ModuleParser
{
    private const uint NotActive = 1;
    private const uint Explicit = 2; // names its table or memory; of a segment that is not active: is only a declaration
    private const uint Expressions = 4;

    private bool ReadElements(Field field)
    {
        _tokens.TryIdentifier();
        uint flags = 0;
        uint table = 0;
        var offset = new ByteBuffer();
        bool namesTable = _tokens.Opens("table"u8);
        if (_tokens.TryKeyword("declare"u8))
        {
            flags = NotActive | Explicit;
        }
        else if (_tokens.Current.Kind is TokenKind.LeftParenthesis or TokenKind.Natural or TokenKind.Identifier)
        {
            table = ReadUse("table"u8, _scope.Tables);
            ReadConstant("offset"u8, offset);
        }
        else
        {
            flags = NotActive;
        }

        // Where no table is named, functions may be listed without saying that they are functions.
        bool isActive = flags == 0;
        bool isBareList = isActive && !namesTable && (IndexSpace.IsNext(_tokens) || _tokens.AtClose);
        bool isFunctionList = isBareList || _tokens.TryKeyword("func"u8);
        var element = isFunctionList ? ValueKind.FuncRef : ReadReferenceKind();
        WriteElements(flags, table, offset, isFunctionList ? null : element, field.Start);
        return true;
    }

    private void ReadInlineElements(uint table, Field field)
    {
        var element = ReadReferenceKind();
        _tokens.Open("elem"u8);
        bool isFunctionList = element == ValueKind.FuncRef && _tokens.Current.Kind != TokenKind.LeftParenthesis;
        uint count = WriteElements(0, table, Zero(), isFunctionList ? null : element, field.Start);
        _tokens.Close();
        var type = _tables.Item(field.Start);
        type.Byte((byte)element);
        WriteLimits(type, count, count);
    }

    // element: the type when the items are expressions; null when they are functions' numbers.
    private uint WriteElements(uint flags, uint table, ByteBuffer offset, ValueKind? element, int source)
    {
        var items = new ByteBuffer();
        uint count = 0;
        for (; !_tokens.AtClose; count++)
        {
            if (element is null)
                items.U32(_scope.Functions.Read(_tokens));
            else
                ReadConstant("item"u8, items);
        }

        bool isActive = flags == 0;
        if (isActive && (table != 0 || element == ValueKind.ExternRef))
            flags |= Explicit;
        if (element is not null)
            flags |= Expressions;
        var segment = _elements.Item(source);
        segment.U32(flags);
        if (isActive && (flags & Explicit) != 0)
            segment.U32(table);
        segment.Append(offset);
        if ((flags & (NotActive | Explicit)) != 0)
            segment.Byte(element is { } kind ? (byte)kind : (byte)0);
        segment.U32(count);
        segment.Append(items);
        return count;
    }

    private bool ReadData(Field field)
    {
        _tokens.TryIdentifier();
        bool isActive = _tokens.Current.Kind is TokenKind.LeftParenthesis or TokenKind.Natural or TokenKind.Identifier;
        uint memory = 0;
        var offset = new ByteBuffer();
        if (isActive)
        {
            memory = ReadUse("memory"u8, _scope.Memories);
            ReadConstant("offset"u8, offset);
        }

        WriteData(isActive ? memory : null, offset, _tokens.Strings(), field.Start);
        return true;
    }

    private void ReadInlineData(uint memory, Field field)
    {
        const long Page = 65_536;
        byte[] content = _tokens.Strings();
        _tokens.Close();
        uint pages = (uint)((content.Length + Page - 1) / Page);
        WriteLimits(_memories.Item(field.Start), pages, pages);
        WriteData(memory, Zero(), content, field.Start);
    }

    // memory: null when the segment is not active.
    private void WriteData(uint? memory, ByteBuffer offset, byte[] content, int source)
    {
        var segment = _data.Item(source);
        segment.U32(memory switch { null => NotActive, 0 => 0, _ => Explicit });
        if (memory is > 0)
            segment.U32(memory.Value);
        segment.Append(offset);
        segment.Sized(content);
    }

    // The table or memory of a segment: in a list of its own, or by the older form as a number alone, or left out.
    private uint ReadUse(ReadOnlySpan<byte> keyword, IndexSpace space)
    {
        if (IndexSpace.IsNext(_tokens))
            return space.Read(_tokens);
        if (!_tokens.TryOpen(keyword))
            return 0;
        uint index = space.Read(_tokens);
        _tokens.Close();
        return index;
    }

    /// <summary>A constant expression in a form of its own, or one folded instruction, which stands for it.</summary>
    private void ReadConstant(ReadOnlySpan<byte> keyword, ByteBuffer target)
    {
        if (_tokens.TryOpen(keyword))
        {
            WriteConstant(target);
            _tokens.Close();
            return;
        }

        _instructions.ReadFolded(target, _noLocals);
        EndConstant(target);
    }

    private static ByteBuffer Zero()
    {
        var offset = new ByteBuffer();
        offset.Byte((byte)Opcode.I32Const);
        offset.Signed(0);
        offset.Byte((byte)Opcode.End);
        return offset;
    }
}

using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Text;

/// <summary>Reads instructions, flat and folded (core specification 2.0, section 6.5), and writes them in the binary format.</summary>
/// <remarks>It keeps its own stack of what is open, so nesting costs no stack of the thread and has a limit.</remarks>
internal sealed class InstructionParser(TokenReader tokens, ModuleScope module)
{
    private readonly LabelStack _labels = new();
    private readonly Stack<Frame> _open = new();
    private readonly ImmediateParser _immediates = new(tokens, module);

    // Folded instructions are written before their operands and come after them: here they wait for their closing parenthesis.
    private readonly ByteBuffer _held = new();
    private ByteBuffer _code = new();

    private enum Part
    {
        /// <summary>The operands of a folded instruction.</summary>
        Operands,

        /// <summary>The code in a folded <c>block</c> or <c>loop</c>.</summary>
        Block,

        /// <summary>What a folded <c>if</c> has before <c>then</c>.</summary>
        Condition,
        Then,
        AfterThen,
        Else,
        AfterElse,
        FlatBlock,
        FlatIf,
        FlatElse,
    }

    // Start: where in _held the instruction waits. Source: where it is in the text.
    private readonly record struct Frame(Part Part, int Start = 0, int Source = 0, string? Label = null);

    /// <summary>Reads all instructions up to the parenthesis that closes what they are in.</summary>
    public void ReadSequence(ByteBuffer code, IndexSpace locals) => Read(code, locals, isOne: false);

    /// <summary>Reads one folded instruction.</summary>
    public void ReadFolded(ByteBuffer code, IndexSpace locals) => Read(code, locals, isOne: true);

    private void Read(ByteBuffer code, IndexSpace locals, bool isOne)
    {
        _code = code;
        _immediates.Start(locals, _labels);
        int limit = tokens.Source.Options.MaxFunctionBytes;
        int start = code.Length;
        do
        {
            if (code.Length - start + _held.Length > limit)
                throw tokens.Source.Exceeded($"code is longer than {limit} bytes", tokens.Current.Start);
            switch (tokens.Current.Kind)
            {
                case TokenKind.RightParenthesis when _open.Count == 0 && !isOne:
                    return;
                case TokenKind.RightParenthesis when _open.Count > 0:
                    CloseFolded();
                    break;
                case TokenKind.LeftParenthesis:
                    OpenFolded();
                    break;
                case TokenKind.Keyword when !isOne || _open.Count > 0:
                    ReadFlat();
                    break;
                default:
                    throw tokens.Unexpected();
            }
        }
        while (!isOne || _open.Count > 0);
    }

    private void Open(Frame frame)
    {
        int limit = tokens.Source.Options.MaxNestingDepth;
        if (_open.Count >= limit)
            throw tokens.Source.Exceeded($"instructions are nested deeper than {limit}", tokens.Current.Start);
        _open.Push(frame);
    }

    private void OpenFolded()
    {
        if (_open.TryPeek(out var top) && TryOpenBranch(top))
            return;
        tokens.Next();
        var token = tokens.Current;
        var mnemonic = ReadMnemonic();
        int start = _held.Length;
        switch (mnemonic.Opcode)
        {
            case Opcode.Block or Opcode.Loop:
                _code.Mark(token.Start);
                _labels.Push(WriteBlockStart(mnemonic.Opcode, _code));
                Open(new Frame(Part.Block));
                break;
            case Opcode.If:
                string? label = WriteBlockStart(Opcode.If, _held);
                Open(new Frame(Part.Condition, start, token.Start, label));
                break;
            case Opcode.Else or Opcode.End:
                throw tokens.Unexpected(token);
            default:
                _immediates.Write(mnemonic, _held);
                Open(new Frame(Part.Operands, start, token.Start));
                break;
        }
    }

    // The branches of a folded if; there only they may follow.
    private bool TryOpenBranch(Frame top)
    {
        switch (top.Part)
        {
            case Part.Condition when tokens.TryOpen("then"u8):
                Release(top);
                _labels.Push(top.Label);
                Become(Part.Then);
                return true;
            case Part.AfterThen when tokens.TryOpen("else"u8):
                _code.Byte((byte)Opcode.Else);
                Become(Part.Else);
                return true;
            case Part.AfterThen or Part.AfterElse:
                throw tokens.Unexpected();
            default:
                return false;
        }
    }

    private void CloseFolded()
    {
        var top = _open.Peek();
        switch (top.Part)
        {
            case Part.Operands:
                Release(top);
                _open.Pop();
                break;
            case Part.Then:
                Become(Part.AfterThen);
                break;
            case Part.Else:
                Become(Part.AfterElse);
                break;
            case Part.Block or Part.AfterThen or Part.AfterElse:
                EndBlock();
                break;
            default:
                throw tokens.Unexpected();
        }

        tokens.Next();
    }

    private void ReadFlat()
    {
        if (_open.TryPeek(out var top) && top.Part is Part.Operands or Part.Condition or Part.AfterThen or Part.AfterElse)
            throw tokens.Unexpected();
        var token = tokens.Current;
        var mnemonic = ReadMnemonic();
        bool isInFlatBlock = top.Part is Part.FlatBlock or Part.FlatIf or Part.FlatElse;
        _code.Mark(token.Start);
        switch (mnemonic.Opcode)
        {
            case Opcode.Block or Opcode.Loop or Opcode.If:
                _labels.Push(WriteBlockStart(mnemonic.Opcode, _code));
                Open(new Frame(mnemonic.Opcode == Opcode.If ? Part.FlatIf : Part.FlatBlock));
                break;
            case Opcode.Else when top.Part == Part.FlatIf:
                ReadRepeatedLabel();
                _code.Byte((byte)Opcode.Else);
                Become(Part.FlatElse);
                break;
            case Opcode.End when isInFlatBlock:
                ReadRepeatedLabel();
                EndBlock();
                break;
            case Opcode.Else or Opcode.End:
                throw tokens.Unexpected(token);
            default:
                _immediates.Write(mnemonic, _code);
                break;
        }
    }

    private Mnemonic ReadMnemonic()
    {
        var token = tokens.Current;
        if (token.Kind != TokenKind.Keyword || !Mnemonics.TryFind(tokens.Source[token], out var mnemonic))
            throw tokens.Unexpected();
        tokens.Next();
        return mnemonic;
    }

    private string? WriteBlockStart(Opcode opcode, ByteBuffer target)
    {
        string? label = tokens.TryIdentifier();
        target.Byte((byte)opcode);
        target.Signed(module.Types.ReadBlockType(tokens));
        return label;
    }

    private void ReadRepeatedLabel()
    {
        var token = tokens.Current;
        if (tokens.TryIdentifier() is { } label && !_labels.Closes(label))
            throw tokens.Source.Malformed($"mismatching label {tokens.Source.Quote(token)}", token.Start);
    }

    private void EndBlock()
    {
        _code.Byte((byte)Opcode.End);
        _labels.Pop();
        _open.Pop();
    }

    private void Release(Frame frame)
    {
        _code.Mark(frame.Source);
        _held.MoveTo(_code, frame.Start);
    }

    private void Become(Part part) => _open.Push(_open.Pop() with { Part = part });
}

using System.Numerics;
using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Text;

/// <summary>Reads what follows the name of an instruction, and writes opcode and operands.</summary>
internal sealed class ImmediateParser(TokenReader tokens, ModuleScope module)
{
    private IndexSpace _locals = new("local", 0);
    private LabelStack _labels = new();

    /// <summary>Says what locals and labels the instructions from here on see.</summary>
    public void Start(IndexSpace locals, LabelStack labels)
    {
        _locals = locals;
        _labels = labels;
    }

    public void Write(Mnemonic mnemonic, ByteBuffer target)
    {
        var opcode = mnemonic.Opcode;
        if (opcode == Opcode.Select && tokens.Opens("result"u8))
            opcode = Opcode.SelectTyped;
        target.Byte((byte)opcode);
        if (Instructions.IsMemoryAccess(opcode))
        {
            WriteMemoryOperand(Instructions.Shapes[(int)opcode].NaturalAlignment, hasLane: false, target);
            return;
        }

        switch (opcode)
        {
            case Opcode.Br or Opcode.BrIf:
                target.U32(_labels.Read(tokens));
                break;
            case Opcode.BrTable:
                WriteBranchTable(target);
                break;
            case Opcode.Call or Opcode.ReturnCall or Opcode.RefFunc:
                target.U32(module.Functions.Read(tokens));
                break;
            case Opcode.CallIndirect or Opcode.ReturnCallIndirect:
                uint table = ReadOptional(module.Tables);
                target.U32(module.Types.ReadUse(tokens, null));
                target.U32(table);
                break;
            case Opcode.SelectTyped:
                var kinds = TypeTable.ReadResults(tokens);
                target.U32((uint)kinds.Count);
                foreach (var kind in kinds)
                    target.Byte((byte)kind);
                break;
            case Opcode.LocalGet or Opcode.LocalSet or Opcode.LocalTee:
                target.U32(_locals.Read(tokens));
                break;
            case Opcode.GlobalGet or Opcode.GlobalSet:
                target.U32(module.Globals.Read(tokens));
                break;
            case Opcode.TableGet or Opcode.TableSet:
                target.U32(ReadOptional(module.Tables));
                break;
            case Opcode.MemorySize or Opcode.MemoryGrow:
                target.U32(ReadOptional(module.Memories));
                break;
            case Opcode.I32Const or Opcode.I64Const or Opcode.F32Const or Opcode.F64Const:
                ConstantWriter.Write(tokens, opcode, target);
                break;
            case Opcode.RefNull:
                target.Byte((byte)ReadHeapType());
                break;
            case Opcode.PrefixFC:
                target.U32(mnemonic.Code);
                WriteExtended((ExtendedOpcode)mnemonic.Code, target);
                break;
            case Opcode.PrefixVector:
                target.U32(mnemonic.Code);
                WriteVector((VectorOpcode)mnemonic.Code, target);
                break;
            default:
                break;
        }
    }

    /// <summary>Reads what a null is a reference to.</summary>
    public ValueKind ReadHeapType() =>
        tokens.TryKeyword("func"u8) ? ValueKind.FuncRef
        : tokens.TryKeyword("extern"u8) ? ValueKind.ExternRef
        : throw tokens.Unexpected();

    private void WriteExtended(ExtendedOpcode opcode, ByteBuffer target)
    {
        switch (opcode)
        {
            case ExtendedOpcode.MemoryInit:
                module.UsesData = true;
                WriteInit(module.Data, module.Memories, target);
                break;
            case ExtendedOpcode.DataDrop:
                module.UsesData = true;
                target.U32(module.Data.Read(tokens));
                break;
            case ExtendedOpcode.MemoryCopy:
                WriteCopy(module.Memories, target);
                break;
            case ExtendedOpcode.MemoryFill:
                target.U32(ReadOptional(module.Memories));
                break;
            case ExtendedOpcode.TableInit:
                WriteInit(module.Elements, module.Tables, target);
                break;
            case ExtendedOpcode.ElemDrop:
                target.U32(module.Elements.Read(tokens));
                break;
            case ExtendedOpcode.TableCopy:
                WriteCopy(module.Tables, target);
                break;
            case ExtendedOpcode.TableGrow or ExtendedOpcode.TableSize or ExtendedOpcode.TableFill:
                target.U32(ReadOptional(module.Tables));
                break;
            default:
                break;
        }
    }

    private void WriteVector(VectorOpcode opcode, ByteBuffer target)
    {
        var shape = VectorInstructions.Of(opcode);
        if (shape.AccessBytes > 0)
            WriteMemoryOperand((uint)BitOperations.Log2(shape.AccessBytes), shape.Lanes > 0, target);
        if (shape.Lanes > 0)
            target.Byte(ConstantWriter.ReadLane(tokens));
        else if (opcode == VectorOpcode.V128Const)
            ConstantWriter.WriteVector(tokens, target);
        else if (opcode == VectorOpcode.I8x16Shuffle)
            ConstantWriter.WriteShuffle(tokens, target);
    }

    private void WriteCopy(IndexSpace space, ByteBuffer target)
    {
        bool isNamed = IndexSpace.IsNext(tokens);
        target.U32(isNamed ? space.Read(tokens) : 0);
        target.U32(isNamed ? space.Read(tokens) : 0);
    }

    // The table or memory may be left out, and comes first in the text but last in the binary format.
    private void WriteInit(IndexSpace segments, IndexSpace space, ByteBuffer target)
    {
        var first = tokens.Current;
        if (!IndexSpace.IsNext(tokens))
            throw tokens.Unexpected();
        tokens.Next();
        bool isNamed = IndexSpace.IsNext(tokens);
        target.U32(isNamed ? segments.Read(tokens) : segments.Resolve(tokens, first));
        target.U32(isNamed ? space.Resolve(tokens, first) : 0);
    }

    private void WriteBranchTable(ByteBuffer target)
    {
        var labels = new List<uint> { _labels.Read(tokens) };
        while (IndexSpace.IsNext(tokens))
            labels.Add(_labels.Read(tokens));
        target.U32((uint)labels.Count - 1);
        foreach (uint label in labels)
            target.U32(label);
    }

    private void WriteMemoryOperand(uint naturalAlignment, bool hasLane, ByteBuffer target)
    {
        uint memory = IndexSpace.IsNext(tokens) && !(hasLane && IsLane()) ? module.Memories.Read(tokens) : 0;
        uint offset = 0;
        uint alignment = naturalAlignment;
        if (TryMemoryOperand("offset="u8, out uint written, out _))
            offset = written;
        if (TryMemoryOperand("align="u8, out written, out var token))
        {
            if (!BitOperations.IsPow2(written))
                throw tokens.Source.Malformed("alignment must be a power of two", token.Start);
            alignment = (uint)BitOperations.Log2(written);
        }

        target.U32(memory == 0 ? alignment : alignment | MemoryOperand.HasMemory);
        if (memory > 0)
            target.U32(memory);
        target.U32(offset);
    }

    // A number alone is a lane; a memory has the lane or more operands behind it.
    private bool IsLane()
    {
        var first = tokens.Current;
        if (first.Kind != TokenKind.Natural)
            return false;
        tokens.Next();
        var second = tokens.Current;
        tokens.Reset(first.Start);
        var text = tokens.Source[second];
        bool isMore = second.Kind == TokenKind.Natural
            || (second.Kind == TokenKind.Keyword && (Keywords.IsMemoryOperand(text, "offset="u8) || Keywords.IsMemoryOperand(text, "align="u8)));
        return !isMore;
    }

    private bool TryMemoryOperand(ReadOnlySpan<byte> prefix, out uint value, out Token token)
    {
        value = 0;
        token = tokens.Current;
        var text = tokens.Source[token];
        if (token.Kind != TokenKind.Keyword || !Keywords.IsMemoryOperand(text, prefix))
            return false;
        value = tokens.Unsigned(text[prefix.Length..], token);
        tokens.Next();
        return true;
    }

    private uint ReadOptional(IndexSpace space) => IndexSpace.IsNext(tokens) ? space.Read(tokens) : 0;
}

using System.Runtime.InteropServices;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Validation;

namespace Stoa.Wasm.Fuzz.Reference;

/// <summary>One instruction with its immediates.</summary>
/// <param name="Opcode">Its first byte.</param>
/// <param name="Code">What follows a prefix.</param>
/// <param name="A">First immediate; of a block the number of the operands it takes; of a load or store its lane.</param>
/// <param name="B">Second immediate; of a block the number of its results; of a load or store its memory.</param>
/// <param name="Constant">A constant; of an access to memory its offset.</param>
/// <param name="Targets">The labels of <c>br_table</c>.</param>
/// <param name="Offset">Where it begins in the module.</param>
internal readonly record struct ReferenceInstruction(
    Opcode Opcode, uint Code, int A, int B, Cell Constant, int[]? Targets, int Offset);

/// <summary>The body of a function, read into instructions.</summary>
internal sealed class ReferenceFunction
{
    private ReferenceFunction(FunctionType type, ValueKind[] locals, ReferenceInstruction[] code, int maxOperands)
    {
        Type = type;
        Locals = locals;
        Code = code;
        MaxOperands = maxOperands;
        Ends = new int[code.Length];
        Elses = new int[code.Length];
        var open = new Stack<int>();
        for (int i = 0; i < code.Length; i++)
        {
            switch (code[i].Opcode)
            {
                case Opcode.Block or Opcode.Loop or Opcode.If:
                    open.Push(i);
                    break;
                case Opcode.Else:
                    Elses[open.Peek()] = i;
                    break;
                case Opcode.End when open.TryPop(out int start):
                    Ends[start] = i;
                    if (Elses[start] > 0)
                        Ends[Elses[start]] = i;
                    break;
                default:
                    break;
            }
        }
    }

    public FunctionType Type { get; }

    /// <summary>Kinds of the locals beyond the parameters.</summary>
    public ValueKind[] Locals { get; }

    public ReferenceInstruction[] Code { get; }

    public int MaxOperands { get; }

    /// <summary>For a block or an <c>else</c> where its <c>end</c> is.</summary>
    public int[] Ends { get; }

    /// <summary>For an <c>if</c> where its <c>else</c> is; 0 without one.</summary>
    public int[] Elses { get; }

    public static ReferenceFunction Read(ModuleDefinition module, int function)
    {
        var body = module.Bodies[function - module.ImportedFunctions];
        var reader = new WasmReader(module.Bytes.Span, body.Offset, body.Offset + body.Length);
        var locals = new List<ValueKind>();
        for (uint groups = reader.ReadU32(); groups > 0; groups--)
        {
            int count = (int)reader.ReadU32();
            var kind = (ValueKind)reader.ReadByte();
            CollectionsMarshal.SetCount(locals, locals.Count + count);
            CollectionsMarshal.AsSpan(locals)[^count..].Fill(kind);
        }

        var code = new List<ReferenceInstruction>();
        while (!reader.IsAtEnd)
            code.Add(ReadInstruction(ref reader, module));
        return new ReferenceFunction(module.TypeOfFunction(function).Type, [.. locals], [.. code], body.MaxOperands);
    }

    private static ReferenceInstruction ReadInstruction(ref WasmReader reader, ModuleDefinition module)
    {
        int offset = reader.Position;
        var opcode = (Opcode)reader.ReadByte();
        var plain = new ReferenceInstruction(opcode, 0, 0, 0, default, null, offset);
        switch (opcode)
        {
            case Opcode.Block or Opcode.Loop or Opcode.If:
                var type = BlockType.Read(ref reader, module);
                return plain with { A = type.Parameters.Length, B = type.Results.Length };
            case Opcode.Br or Opcode.BrIf or Opcode.Call or Opcode.ReturnCall or Opcode.RefFunc or (>= Opcode.LocalGet and <= Opcode.TableSet):
                return plain with { A = (int)reader.ReadU32() };
            case Opcode.BrTable:
                var targets = new int[reader.ReadU32() + 1];
                for (int i = 0; i < targets.Length; i++)
                    targets[i] = (int)reader.ReadU32();
                return plain with { Targets = targets };
            case Opcode.CallIndirect or Opcode.ReturnCallIndirect:
                return plain with { A = (int)reader.ReadU32(), B = (int)reader.ReadU32() };
            case Opcode.SelectTyped:
                reader.ReadU32();
                reader.ReadByte();
                return plain;
            case >= Opcode.I32Load and <= Opcode.I64Store32:
                return Access(plain, ref reader);
            case Opcode.MemorySize or Opcode.MemoryGrow:
                return plain with { A = (int)reader.ReadU32() };
            case Opcode.RefNull:
                reader.ReadByte();
                return plain;
            case Opcode.I32Const:
                return plain with { Constant = Cell.Of(reader.ReadS32()) };
            case Opcode.I64Const:
                return plain with { Constant = Cell.Of(reader.ReadS64()) };
            case Opcode.F32Const:
                return plain with { Constant = Cell.Of(reader.ReadF32Bits()) };
            case Opcode.F64Const:
                return plain with { Constant = new Cell(reader.ReadF64Bits()) };
            case Opcode.PrefixFC:
                return ReadExtended(plain with { Code = reader.ReadU32() }, ref reader);
            case Opcode.PrefixVector:
                return ReadVector(plain with { Code = reader.ReadU32() }, ref reader);
            default:
                return plain;
        }
    }

    private static ReferenceInstruction ReadExtended(ReferenceInstruction instruction, ref WasmReader reader)
    {
        int immediates = (ExtendedOpcode)instruction.Code switch
        {
            <= ExtendedOpcode.I64TruncSatF64U => 0,
            ExtendedOpcode.MemoryInit or ExtendedOpcode.MemoryCopy or ExtendedOpcode.TableInit or ExtendedOpcode.TableCopy => 2,
            _ => 1,
        };
        if (immediates > 0)
            instruction = instruction with { A = (int)reader.ReadU32() };
        return immediates > 1 ? instruction with { B = (int)reader.ReadU32() } : instruction;
    }

    private static ReferenceInstruction ReadVector(ReferenceInstruction instruction, ref WasmReader reader)
    {
        var shape = VectorInstructions.Of(instruction.Code);
        if (shape.AccessBytes > 0)
            instruction = Access(instruction, ref reader);

        if (shape.Lanes > 0)
            instruction = instruction with { A = reader.ReadByte() };
        return shape.HasLongImmediate ? instruction with { Constant = new Cell(reader.ReadF64Bits(), reader.ReadF64Bits()) } : instruction;
    }

    private static ReferenceInstruction Access(ReferenceInstruction instruction, ref WasmReader reader)
    {
        var operand = MemoryOperand.Read(ref reader);
        return instruction with { B = operand.Memory, Constant = Cell.Of(operand.Offset) };
    }
}

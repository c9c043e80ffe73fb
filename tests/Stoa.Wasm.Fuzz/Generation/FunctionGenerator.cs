using System.Collections.Immutable;
using Stoa.Wasm.Binary;
using static Stoa.Wasm.ValueKind;
using Cell = Stoa.Wasm.Fuzz.Reference.Cell;

namespace Stoa.Wasm.Fuzz.Generation;

/// <summary>Writes the body of one function. One use.</summary>
/// <remarks>
/// Every loop and every function takes from the budget first and ends when it is used up, so whatever is generated ends.
/// What is generated is valid by construction; an instruction that only takes operands and gives a value needs no more than its row in
/// <see cref="Production"/>.
/// </remarks>
internal sealed partial class FunctionGenerator
{
    private const int BudgetGlobal = 0;
    private const int MaxDepth = 9;

    private readonly ModuleShape _shape;
    private readonly FunctionType _type;
    private readonly int _function;
    private readonly SeededRandom _random;
    private readonly CodeWriter _code = new();
    private readonly List<ValueKind> _locals;
    private readonly int _assignable;
    private readonly bool _endsByTrap;
    private readonly List<int> _addresses = [];
    private readonly List<Label> _labels = [];
    private readonly Dictionary<(ValueKind Kind, string Use), int> _scratch = [];
    private int _left;

    /// <summary>What a branch to a block takes along; of a loop the local that counts its turns.</summary>
    private readonly record struct Label(ImmutableArray<ValueKind> Kinds, int Counter)
    {
        public bool IsLoop => Counter >= 0;
    }

    public FunctionGenerator(ModuleShape shape, FunctionType type, int function, SeededRandom random)
    {
        _shape = shape;
        _type = type;
        _function = function;
        _random = random;
        _locals = [.. type.Parameters, .. shape.Kinds(random, random.Chance(3) ? random.Between(20, 60) : random.Between(1, 8))];
        _assignable = _locals.Count;
        _endsByTrap = random.Chance(15);
    }

    /// <summary>Makes a body of about so many instructions, without its size.</summary>
    public byte[] Generate(int instructions)
    {
        _left = instructions;
        TakeFromBudget();
        _labels.Add(new Label(_type.Results, -1));
        Body([], _type.Results, depth: 0);
        // Above the results, which no longer matter.
        if (_random.Chance(15))
            TailCall(1);
        return End();
    }

    /// <summary>Ends the function, and puts its locals in front of it.</summary>
    private byte[] End()
    {
        _code.Op(Opcode.End);
        var body = new CodeWriter();
        int declared = _locals.Count - _type.Parameters.Length;
        body.Number((uint)declared);
        for (int i = _type.Parameters.Length; i < _locals.Count; i++)
        {
            body.Number(1);
            body.Byte((byte)_locals[i]);
        }

        body.Append(_code);
        return body.ToArray();
    }

    /// <summary>Writes the instruction of an interesting constant; of a reference a null.</summary>
    public static void WriteConstant(CodeWriter code, ValueKind kind, SeededRandom random) =>
        WriteConstant(code, kind, InterestingValues.Of(kind, random));

    /// <summary>Writes the instruction of a zero or null.</summary>
    public static void WriteZero(CodeWriter code, ValueKind kind) => WriteConstant(code, kind, default(Cell));

    private static void WriteConstant(CodeWriter code, ValueKind kind, Cell value)
    {
        switch (kind)
        {
            case I32:
                code.I32(value.I32);
                break;
            case I64:
                code.I64(value.I64);
                break;
            case F32:
                code.F32(value.U32);
                break;
            case F64:
                code.F64(value.Low);
                break;
            case V128:
                code.V128(value.Low, value.High);
                break;
            default:
                code.Op(Opcode.RefNull);
                code.Byte((byte)kind);
                break;
        }
    }

    /// <summary>Ends the function, or the whole call by a trap, when the budget is used up; else takes one from it.</summary>
    private void TakeFromBudget()
    {
        _code.Op(Opcode.GlobalGet, BudgetGlobal);
        _code.Op(Opcode.I32Eqz);
        _code.Op(Opcode.If);
        _code.Byte(0x40);
        if (_endsByTrap)
        {
            _code.Op(Opcode.Unreachable);
        }
        else
        {
            foreach (var kind in _type.Results)
                WriteZero(_code, kind);
            _code.Op(Opcode.Return);
        }

        _code.Op(Opcode.End);
        _code.Op(Opcode.GlobalGet, BudgetGlobal);
        _code.I32(1);
        _code.Op(Opcode.I32Sub);
        _code.Op(Opcode.GlobalSet, BudgetGlobal);
    }

    /// <summary>A local that random code does not assign to, by kind and use.</summary>
    private int Scratch(ValueKind kind, string use)
    {
        if (!_scratch.TryGetValue((kind, use), out int local))
        {
            local = NewLocal(kind);
            _scratch.Add((kind, use), local);
        }

        return local;
    }

    private int NewLocal(ValueKind kind)
    {
        _locals.Add(kind);
        return _locals.Count - 1;
    }

    /// <summary>A local of a kind that may be assigned to; -1 when there is none.</summary>
    private int FindLocal(ValueKind kind)
    {
        int start = _random.Below(Math.Max(_assignable, 1));
        for (int i = 0; i < _assignable; i++)
        {
            int local = (start + i) % _assignable;
            if (_locals[local] == kind)
                return local;
        }

        return -1;
    }

    private int FindGlobal(ValueKind kind, bool toAssign)
    {
        int start = _random.Below(_shape.Globals.Count);
        for (int i = 0; i < _shape.Globals.Count; i++)
        {
            int global = (start + i) % _shape.Globals.Count;
            if (_shape.Globals[global].Content == kind && (!toAssign || (global != BudgetGlobal && _shape.Globals[global].IsMutable)))
                return global;
        }

        return -1;
    }

    private int FindTable(ValueKind kind)
    {
        int start = _random.Below(Math.Max(_shape.Tables.Count, 1));
        for (int i = 0; i < _shape.Tables.Count; i++)
        {
            int table = (start + i) % _shape.Tables.Count;
            if (_shape.Tables[table].Element == kind)
                return table;
        }

        return -1;
    }

    /// <summary>Makes one value of all NaNs in what lies on top, or one of the quiet and one of the signalling ones.</summary>
    private void Canonicalise(NaNLanes lanes)
    {
        switch (lanes)
        {
            case NaNLanes.Single:
                CanonicaliseScalar(F32, Opcode.F32Eq, () =>
                {
                    if (!_shape.TellsSignalling)
                    {
                        _code.F32(0x7FC0_0000);
                        return;
                    }

                    // The complement of the quiet bit becomes the lowest bit of the payload.
                    _code.Op(Opcode.LocalGet, Scratch(F32, "nan"));
                    _code.Op(Opcode.I32ReinterpretF32);
                    _code.I32(22);
                    _code.Op(Opcode.I32ShrU);
                    _code.I32(1);
                    _code.Op(Opcode.I32And);
                    _code.I32(0x7FC0_0001);
                    _code.Op(Opcode.I32Xor);
                    _code.Op(Opcode.F32ReinterpretI32);
                });
                break;
            case NaNLanes.Double:
                CanonicaliseScalar(F64, Opcode.F64Eq, () =>
                {
                    if (!_shape.TellsSignalling)
                    {
                        _code.F64(0x7FF8_0000_0000_0000);
                        return;
                    }

                    _code.Op(Opcode.LocalGet, Scratch(F64, "nan"));
                    _code.Op(Opcode.I64ReinterpretF64);
                    _code.I64(51);
                    _code.Op(Opcode.I64ShrU);
                    _code.I64(1);
                    _code.Op(Opcode.I64And);
                    _code.I64(0x7FF8_0000_0000_0001);
                    _code.Op(Opcode.I64Xor);
                    _code.Op(Opcode.F64ReinterpretI64);
                });
                break;
            case NaNLanes.Singles:
                CanonicaliseVector(VectorOpcode.F32x4Eq, VectorOpcode.I32x4ShrU, 22, 0x0000_0001_0000_0001, 0x7FC0_0000_7FC0_0000);
                break;
            case NaNLanes.Doubles:
                CanonicaliseVector(VectorOpcode.F64x2Eq, VectorOpcode.I64x2ShrU, 51, 1, 0x7FF8_0000_0000_0000);
                break;
            default:
                break;
        }
    }

    private void CanonicaliseScalar(ValueKind kind, Opcode equal, Action writeCanonical)
    {
        int value = Scratch(kind, "nan");
        _code.Op(Opcode.LocalTee, value);
        writeCanonical();
        _code.Op(Opcode.LocalGet, value);
        _code.Op(Opcode.LocalGet, value);
        _code.Op(equal);
        _code.Op(Opcode.Select);
    }

    private void CanonicaliseVector(VectorOpcode equal, VectorOpcode shift, int quietBit, ulong lowest, ulong canonical)
    {
        int value = Scratch(V128, "nan");
        _code.Op(Opcode.LocalTee, value);
        if (_shape.TellsSignalling)
        {
            _code.Op(Opcode.LocalGet, value);
            _code.I32(quietBit);
            _code.Op(shift);
            _code.V128(lowest, lowest);
            _code.Op(VectorOpcode.V128And);
            _code.V128(canonical | lowest, canonical | lowest);
            _code.Op(VectorOpcode.V128Xor);
        }
        else
        {
            _code.V128(canonical, canonical);
        }

        _code.Op(Opcode.LocalGet, value);
        _code.Op(Opcode.LocalGet, value);
        _code.Op(equal);
        _code.Op(VectorOpcode.V128Bitselect);
    }
}

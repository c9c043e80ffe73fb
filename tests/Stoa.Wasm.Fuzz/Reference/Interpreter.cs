// Long because it holds one switch: every instruction that is not a number's.
using System.Numerics;
using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Fuzz.Reference;

/// <summary>Runs functions straight from the words of the specification (core specification 2.0, section 4.4): slow, and plain to read.</summary>
/// <remarks>Fuel is counted as <see cref="ExecutionLimits.Fuel"/> says, an instruction at a time.</remarks>
internal sealed class Interpreter(ReferenceInstance instance)
{
    /// <summary>Nested calls, so that a program whose budget was taken out ends too.</summary>
    private const int MaxDepth = 2_000;

    private Cell[] _stack = new Cell[1024];
    private int _height;
    private int _depth;

    /// <summary>A label: where a branch to it goes on, how many operands it takes along, and how many lie below it.</summary>
    private readonly record struct Label(int Continuation, int Arity, int Height);

    /// <summary>Units used so far.</summary>
    public long Fuel { get; private set; }

    /// <summary>Units after which a call ends; default: never.</summary>
    public long FuelLimit { get; init; } = long.MaxValue;

    /// <summary>Calls a function.</summary>
    /// <exception cref="TrapException">It trapped.</exception>
    public Cell[] Invoke(int function, ReadOnlySpan<Cell> arguments)
    {
        _height = 0;
        _depth = 0;
        foreach (var argument in arguments)
            Push(argument);
        Call(function);
        return _stack[.._height];
    }

    private void Push(Cell value)
    {
        if (_height == _stack.Length)
            Array.Resize(ref _stack, _height * 2);
        _stack[_height++] = value;
    }

    private Cell Pop() => _stack[--_height];

    private void Call(int function)
    {
        if (function >= instance.Definition.ImportedFunctions)
        {
            Run(instance.Function(function));
            return;
        }

        int parameters = instance.Definition.TypeOfFunction(function).Type.Parameters.Length;
        _height -= parameters;
        foreach (var result in instance.Host(function, _stack[_height..(_height + parameters)]))
            Push(result);
    }

    private void Run(ReferenceFunction function)
    {
        int parameters = function.Type.Parameters.Length;
        var locals = new Cell[parameters + function.Locals.Length];
        _height -= parameters;
        _stack.AsSpan(_height, parameters).CopyTo(locals);
        if (++_depth > MaxDepth)
            throw new TrapException(TrapCode.CallStackExhausted);
        var labels = new Stack<Label>();
        labels.Push(new Label(function.Code.Length, function.Type.Results.Length, _height));
        for (int at = 0; at < function.Code.Length;)
            at = Step(function, at, locals, labels);
        _depth--;
    }

    /// <summary>Executes an instruction.</summary>
    /// <returns>Where the next one is.</returns>
    private int Step(ReferenceFunction function, int at, Cell[] locals, Stack<Label> labels)
    {
        ref readonly var instruction = ref function.Code[at];
        var opcode = instruction.Opcode;
        if (opcode is not (Opcode.Nop or Opcode.Block or Opcode.Loop or Opcode.Else or Opcode.End))
            Fuel++;
        if (Fuel > FuelLimit)
            throw new TrapException(TrapCode.OutOfFuel);
        switch (opcode)
        {
            case Opcode.Unreachable:
                throw new TrapException(TrapCode.Unreachable);
            case Opcode.Nop:
                break;
            case Opcode.Block:
                labels.Push(new Label(function.Ends[at] + 1, instruction.B, _height - instruction.A));
                break;
            case Opcode.Loop:
                labels.Push(new Label(at, instruction.A, _height - instruction.A));
                break;
            case Opcode.If:
                bool condition = Pop().I32 != 0;
                if (!condition && function.Elses[at] == 0)
                    return function.Ends[at] + 1;
                labels.Push(new Label(function.Ends[at] + 1, instruction.B, _height - instruction.A));
                return condition ? at + 1 : function.Elses[at] + 1;
            case Opcode.Else:
                return function.Ends[at];
            case Opcode.End:
                labels.Pop();
                break;
            case Opcode.Br:
                return Branch(instruction.A, labels);
            case Opcode.BrIf:
                return Pop().I32 != 0 ? Branch(instruction.A, labels) : at + 1;
            case Opcode.BrTable:
                uint index = Pop().U32;
                var targets = instruction.Targets!;
                return Branch(index < (uint)targets.Length ? targets[index] : targets[^1], labels);
            case Opcode.Return:
                return Branch(labels.Count - 1, labels);
            case Opcode.Call:
                Call(instruction.A);
                break;
            case Opcode.CallIndirect:
                CallIndirect(instruction.A, instruction.B);
                break;
            case Opcode.Drop:
                Pop();
                break;
            case Opcode.Select or Opcode.SelectTyped:
                bool first = Pop().I32 != 0;
                var (right, left) = (Pop(), Pop());
                Push(first ? left : right);
                break;
            case Opcode.LocalGet:
                Push(locals[instruction.A]);
                break;
            case Opcode.LocalSet:
                locals[instruction.A] = Pop();
                break;
            case Opcode.LocalTee:
                locals[instruction.A] = _stack[_height - 1];
                break;
            case Opcode.GlobalGet:
                Push(instance.Globals[instruction.A]);
                break;
            case Opcode.GlobalSet:
                instance.Globals[instruction.A] = Pop();
                break;
            case Opcode.TableGet:
                Push(Cell.Of(instance.Element(instruction.A, Pop().U32)));
                break;
            case Opcode.TableSet:
                var element = Pop();
                instance.Element(instruction.A, Pop().U32) = element.U32;
                break;
            case >= Opcode.I32Load and <= Opcode.I64Load32U:
                Push(Load(opcode, Pop().U32 + instruction.Constant.Low));
                break;
            case >= Opcode.I32Store and <= Opcode.I64Store32:
                var stored = Pop();
                instance.Store(Pop().U32 + instruction.Constant.Low, StoreBytes(opcode), stored);
                break;
            case Opcode.MemorySize:
                Push(Cell.Of(instance.Memory.Length / Memory.PageBytes));
                break;
            case Opcode.MemoryGrow:
                uint pages = Pop().U32;
                int pagesBefore = instance.MemoryGrow(pages);
                Fuel += pagesBefore < 0 ? 0 : pages * 1024L;
                Push(Cell.Of(pagesBefore));
                break;
            case >= Opcode.I32Const and <= Opcode.F64Const:
                Push(instruction.Constant);
                break;
            case Opcode.RefNull:
                Push(default);
                break;
            case Opcode.RefIsNull:
                Push(Cell.Of(Pop().Low == 0));
                break;
            case Opcode.RefFunc:
                Push(Cell.Of(instruction.A + 1));
                break;
            case Opcode.PrefixFC:
                Extended(in instruction);
                break;
            case Opcode.PrefixVector:
                Vector(in instruction);
                break;
            default:
                Numeric(opcode);
                break;
        }

        return at + 1;
    }

    private int Branch(int depth, Stack<Label> labels)
    {
        for (; depth > 0; depth--)
            labels.Pop();
        var label = labels.Pop();
        _stack.AsSpan(_height - label.Arity, label.Arity).CopyTo(_stack.AsSpan(label.Height));
        _height = label.Height + label.Arity;
        return label.Continuation;
    }

    private void CallIndirect(int type, int table)
    {
        uint callee = instance.Element(table, Pop().U32);
        if (callee == 0)
            throw new TrapException(TrapCode.IndirectCallToNull);
        if (!instance.Definition.TypeOfFunction((int)callee - 1).Type.Equals(instance.Definition.Types[type].Type))
            throw new TrapException(TrapCode.IndirectCallTypeMismatch);
        Call((int)callee - 1);
    }

    private void Numeric(Opcode opcode)
    {
        var second = Instructions.Shapes[(int)opcode].Second == 0 ? default : Pop();
        Push(ScalarSemantics.Compute(opcode, Pop(), second));
    }

    private Cell Load(Opcode opcode, ulong address)
    {
        switch (opcode)
        {
            case Opcode.I32Load or Opcode.F32Load or Opcode.I64Load32U:
                return instance.Load(address, 4);
            case Opcode.I64Load or Opcode.F64Load:
                return instance.Load(address, 8);
            case Opcode.I32Load8U or Opcode.I64Load8U:
                return instance.Load(address, 1);
            case Opcode.I32Load16U or Opcode.I64Load16U:
                return instance.Load(address, 2);
            case Opcode.I32Load8S:
                return Cell.Of((int)(sbyte)instance.Load(address, 1).Low);
            case Opcode.I32Load16S:
                return Cell.Of((int)(short)instance.Load(address, 2).Low);
            case Opcode.I64Load8S:
                return Cell.Of((long)(sbyte)instance.Load(address, 1).Low);
            case Opcode.I64Load16S:
                return Cell.Of((long)(short)instance.Load(address, 2).Low);
            default:
                return Cell.Of((long)instance.Load(address, 4).I32);
        }
    }

    private static int StoreBytes(Opcode opcode) => opcode switch
    {
        Opcode.I64Store or Opcode.F64Store => 8,
        Opcode.I32Store or Opcode.F32Store or Opcode.I64Store32 => 4,
        Opcode.I32Store16 or Opcode.I64Store16 => 2,
        _ => 1,
    };

    private void Extended(in ReferenceInstruction instruction)
    {
        var opcode = (ExtendedOpcode)instruction.Code;
        switch (opcode)
        {
            case <= ExtendedOpcode.I64TruncSatF64U:
                Push(ScalarSemantics.Saturate(opcode, Pop()));
                return;
            case ExtendedOpcode.DataDrop:
                instance.DropData(instruction.A);
                return;
            case ExtendedOpcode.ElemDrop:
                instance.DropElements(instruction.A);
                return;
            case ExtendedOpcode.TableSize:
                Push(Cell.Of(instance.Tables[instruction.A].Length));
                return;
            case ExtendedOpcode.TableGrow:
                uint elements = Pop().U32;
                int before = instance.TableGrow(instruction.A, elements, Pop().U32);
                Fuel += before < 0 ? 0 : elements / 2;
                Push(Cell.Of(before));
                return;
            default:
                break;
        }

        var (third, second, first) = (Pop().U32, Pop().U32, Pop().U32);
        switch (opcode)
        {
            case ExtendedOpcode.MemoryInit:
                instance.MemoryInit(instruction.A, first, second, third);
                break;
            case ExtendedOpcode.MemoryCopy:
                instance.MemoryCopy(first, second, third);
                break;
            case ExtendedOpcode.MemoryFill:
                instance.MemoryFill(first, (byte)second, third);
                break;
            case ExtendedOpcode.TableInit:
                instance.TableInit(instruction.A, instruction.B, first, second, third);
                break;
            case ExtendedOpcode.TableCopy:
                instance.TableCopy(instruction.A, instruction.B, first, second, third);
                break;
            default:
                instance.TableFill(instruction.A, first, second, third);
                break;
        }

        Fuel += opcode is ExtendedOpcode.MemoryInit or ExtendedOpcode.MemoryCopy or ExtendedOpcode.MemoryFill ? third / 16 : third / 2;
    }

    private void Vector(in ReferenceInstruction instruction)
    {
        var opcode = (VectorOpcode)instruction.Code;
        var shape = VectorInstructions.Of(opcode);
        if (shape.AccessBytes > 0)
        {
            VectorAccess(opcode, shape, in instruction);
            return;
        }

        switch (opcode)
        {
            case VectorOpcode.V128Const:
                Push(instruction.Constant);
                break;
            case VectorOpcode.I8x16Shuffle:
                var (b, a) = (Pop(), Pop());
                Push(VectorSemantics.Shuffle(a, b, instruction.Constant));
                break;
            default:
                var third = shape.Third != 0 ? Pop() : default;
                var second = shape.Second != 0 ? Pop() : default;
                Push(VectorSemantics.Compute(opcode, Pop(), second, third, instruction.A));
                break;
        }
    }

    private void VectorAccess(VectorOpcode opcode, VectorShape shape, in ReferenceInstruction instruction)
    {
        int bits = shape.AccessBytes * 8;
        var operand = shape.Second != 0 ? Pop() : default;
        ulong address = Pop().U32 + instruction.Constant.Low;
        switch (opcode)
        {
            case VectorOpcode.V128Store:
                instance.Store(address, 16, operand);
                break;
            case >= VectorOpcode.V128Store8Lane and <= VectorOpcode.V128Store64Lane:
                instance.Store(address, shape.AccessBytes, new Cell(operand.Lane(bits, instruction.A)));
                break;
            case >= VectorOpcode.V128Load8Lane and <= VectorOpcode.V128Load64Lane:
                Push(operand.WithLane(bits, instruction.A, instance.Load(address, shape.AccessBytes).Low));
                break;
            case >= VectorOpcode.V128Load8x8S and <= VectorOpcode.V128Load32x2U:
                Push(VectorSemantics.Widen(opcode, instance.Load(address, 8).Low));
                break;
            case >= VectorOpcode.V128Load8Splat and <= VectorOpcode.V128Load64Splat:
                var splat = (VectorOpcode)((int)VectorOpcode.I8x16Splat + BitOperations.Log2(shape.AccessBytes));
                Push(VectorSemantics.Compute(splat, instance.Load(address, shape.AccessBytes), default, default, 0));
                break;
            default:
                Push(instance.Load(address, shape.AccessBytes));
                break;
        }
    }
}

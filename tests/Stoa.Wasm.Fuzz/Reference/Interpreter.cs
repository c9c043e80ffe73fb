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

    /// <summary>In place of the next instruction: there is none, since the call trapped. A trap is too frequent for an exception.</summary>
    private const int Trapped = -1;

    private Cell[] _stack = new Cell[1024];
    private Label[] _labels = new Label[256];
    private int _height;
    private int _labelCount;
    private int _depth;
    private TrapCode _trap;
    private ReferenceFunction? _tail;

    /// <summary>A label: where a branch to it goes on, how many operands it takes along, and how many lie below it.</summary>
    private readonly record struct Label(int Continuation, int Arity, int Height);

    /// <summary>Units used so far.</summary>
    public long Fuel { get; private set; }

    /// <summary>Units after which a call ends; default: never.</summary>
    public long FuelLimit { get; init; } = long.MaxValue;

    /// <summary>Calls a function.</summary>
    /// <returns>Its results, and null; or why it trapped.</returns>
    public (Cell[] Results, TrapCode? Trap) Invoke(int function, ReadOnlySpan<Cell> arguments)
    {
        _height = 0;
        _labelCount = 0;
        _depth = 0;
        foreach (var argument in arguments)
            Push(argument);
        try
        {
            return Call(function) ? (_stack[.._height], null) : ([], _trap);
        }
        catch (TrapException trap)
        {
            return ([], trap.Code);
        }
    }

    private void Push(Cell value)
    {
        if (_height == _stack.Length)
            Array.Resize(ref _stack, _height * 2);
        _stack[_height++] = value;
    }

    private Cell Pop() => _stack[--_height];

    private void PushLabel(Label label)
    {
        if (_labelCount == _labels.Length)
            Array.Resize(ref _labels, _labelCount * 2);
        _labels[_labelCount++] = label;
    }

    private int Trap(TrapCode code)
    {
        _trap = code;
        return Trapped;
    }

    /// <summary>Calls a function with the operands on top.</summary>
    /// <returns>Whether it returned; else it trapped.</returns>
    private bool Call(int function)
    {
        if (function >= instance.Definition.ImportedFunctions)
            return Run(instance.Function(function));
        int parameters = instance.Definition.TypeOfFunction(function).Type.Parameters.Length;
        _height -= parameters;
        foreach (var result in instance.Host(function, _stack[_height..(_height + parameters)]))
            Push(result);
        return true;
    }

    /// <summary>Runs a function, and those that it is left to by tail calls.</summary>
    private bool Run(ReferenceFunction function)
    {
        int start = _height - function.Type.Parameters.Length;
        int firstLabel = _labelCount;
        if (++_depth > MaxDepth)
            return Trap(TrapCode.CallStackExhausted) != Trapped;
        for (ReferenceFunction? next = function; next is not null; next = _tail)
        {
            _tail = null;
            function = next;
            for (int i = function.Locals.Length; i > 0; i--)
                Push(default);
            PushLabel(new Label(function.Code.Length, function.Type.Results.Length, _height));
            for (int at = 0; at < function.Code.Length;)
            {
                at = Step(function, at, start, firstLabel);
                if (at == Trapped)
                    return false;
            }

            // The results, or the arguments of the next function, take the place of the locals.
            int kept = _tail?.Type.Parameters.Length ?? function.Type.Results.Length;
            _stack.AsSpan(_height - kept, kept).CopyTo(_stack.AsSpan(start));
            _height = start + kept;
            _labelCount = firstLabel;
        }

        _depth--;
        return true;
    }

    /// <summary>Calls in place of the present function.</summary>
    /// <returns>Behind the end of it.</returns>
    private int TailCall(ReferenceFunction caller, int function)
    {
        if (function < instance.Definition.ImportedFunctions)
            Call(function);
        else
            _tail = instance.Function(function);
        return caller.Code.Length;
    }

    /// <summary>Executes an instruction.</summary>
    /// <returns>Where the next one is.</returns>
    private int Step(ReferenceFunction function, int at, int locals, int firstLabel)
    {
        ref readonly var instruction = ref function.Code[at];
        var opcode = instruction.Opcode;
        if (opcode is not (Opcode.Nop or Opcode.Block or Opcode.Loop or Opcode.Else or Opcode.End))
            Fuel++;
        if (Fuel > FuelLimit)
            return Trap(TrapCode.OutOfFuel);
        switch (opcode)
        {
            case Opcode.Unreachable:
                return Trap(TrapCode.Unreachable);
            case Opcode.Nop:
                break;
            case Opcode.Block:
                PushLabel(new Label(function.Ends[at] + 1, instruction.B, _height - instruction.A));
                break;
            case Opcode.Loop:
                PushLabel(new Label(at, instruction.A, _height - instruction.A));
                break;
            case Opcode.If:
                bool condition = Pop().I32 != 0;
                if (!condition && function.Elses[at] == 0)
                    return function.Ends[at] + 1;
                PushLabel(new Label(function.Ends[at] + 1, instruction.B, _height - instruction.A));
                return condition ? at + 1 : function.Elses[at] + 1;
            case Opcode.Else:
                return function.Ends[at];
            case Opcode.End:
                _labelCount--;
                break;
            case Opcode.Br:
                return Branch(instruction.A);
            case Opcode.BrIf:
                return Pop().I32 != 0 ? Branch(instruction.A) : at + 1;
            case Opcode.BrTable:
                uint index = Pop().U32;
                var targets = instruction.Targets!;
                return Branch(index < (uint)targets.Length ? targets[index] : targets[^1]);
            case Opcode.Return:
                return Branch(_labelCount - firstLabel - 1);
            case Opcode.Call:
                return Call(instruction.A) ? at + 1 : Trapped;
            case Opcode.CallIndirect:
                return Resolve(instruction.A, instruction.B) is var callee and not Trapped && Call(callee) ? at + 1 : Trapped;
            case Opcode.ReturnCall:
                return TailCall(function, instruction.A);
            case Opcode.ReturnCallIndirect:
                return Resolve(instruction.A, instruction.B) is var successor and not Trapped ? TailCall(function, successor) : Trapped;
            case Opcode.Drop:
                Pop();
                break;
            case Opcode.Select or Opcode.SelectTyped:
                bool first = Pop().I32 != 0;
                var (right, left) = (Pop(), Pop());
                Push(first ? left : right);
                break;
            case Opcode.LocalGet:
                Push(_stack[locals + instruction.A]);
                break;
            case Opcode.LocalSet:
                _stack[locals + instruction.A] = Pop();
                break;
            case Opcode.LocalTee:
                _stack[locals + instruction.A] = _stack[_height - 1];
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
                ulong source = Pop().U32 + instruction.Constant.Low;
                if (!instance.IsInMemory(instruction.B, source, 1 << Instructions.Shapes[(int)opcode].NaturalAlignment))
                    return Trap(TrapCode.MemoryOutOfBounds);
                Push(Load(opcode, instruction.B, source));
                break;
            case >= Opcode.I32Store and <= Opcode.I64Store32:
                var stored = Pop();
                ulong destination = Pop().U32 + instruction.Constant.Low;
                if (!instance.IsInMemory(instruction.B, destination, StoreBytes(opcode)))
                    return Trap(TrapCode.MemoryOutOfBounds);
                instance.Store(instruction.B, destination, StoreBytes(opcode), stored);
                break;
            case Opcode.MemorySize:
                Push(Cell.Of(instance.Memories[instruction.A].Length / Memory.PageBytes));
                break;
            case Opcode.MemoryGrow:
                uint pages = Pop().U32;
                int pagesBefore = instance.MemoryGrow(instruction.A, pages);
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
                return Vector(in instruction) ? at + 1 : Trap(TrapCode.MemoryOutOfBounds);
            default:
                return Numeric(opcode) ? at + 1 : Trapped;
        }

        return at + 1;
    }

    private int Branch(int depth)
    {
        _labelCount -= depth + 1;
        var label = _labels[_labelCount];
        _stack.AsSpan(_height - label.Arity, label.Arity).CopyTo(_stack.AsSpan(label.Height));
        _height = label.Height + label.Arity;
        return label.Continuation;
    }

    /// <summary>Finds the function of an indirect call by the index on top.</summary>
    private int Resolve(int type, int table)
    {
        uint index = Pop().U32;
        if (index >= (uint)instance.Tables[table].Length)
            return Trap(TrapCode.TableOutOfBounds);
        int callee = (int)instance.Element(table, index) - 1;
        if (callee < 0)
            return Trap(TrapCode.IndirectCallToNull);
        return instance.Definition.TypeOfFunction(callee).Type.Equals(instance.Definition.Types[type].Type)
            ? callee
            : Trap(TrapCode.IndirectCallTypeMismatch);
    }

    private bool Numeric(Opcode opcode)
    {
        var second = Instructions.Shapes[(int)opcode].Second == 0 ? default : Pop();
        var first = Pop();
        if (ScalarSemantics.TrapOf(opcode, first, second) is { } trap)
            return Trap(trap) != Trapped;
        Push(ScalarSemantics.Compute(opcode, first, second));
        return true;
    }

    private Cell Load(Opcode opcode, int memory, ulong address)
    {
        switch (opcode)
        {
            case Opcode.I32Load or Opcode.F32Load or Opcode.I64Load32U:
                return instance.Load(memory, address, 4);
            case Opcode.I64Load or Opcode.F64Load:
                return instance.Load(memory, address, 8);
            case Opcode.I32Load8U or Opcode.I64Load8U:
                return instance.Load(memory, address, 1);
            case Opcode.I32Load16U or Opcode.I64Load16U:
                return instance.Load(memory, address, 2);
            case Opcode.I32Load8S:
                return Cell.Of((int)(sbyte)instance.Load(memory, address, 1).Low);
            case Opcode.I32Load16S:
                return Cell.Of((int)(short)instance.Load(memory, address, 2).Low);
            case Opcode.I64Load8S:
                return Cell.Of((long)(sbyte)instance.Load(memory, address, 1).Low);
            case Opcode.I64Load16S:
                return Cell.Of((long)(short)instance.Load(memory, address, 2).Low);
            default:
                return Cell.Of((long)instance.Load(memory, address, 4).I32);
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
                instance.MemoryInit(instruction.A, instruction.B, first, second, third);
                break;
            case ExtendedOpcode.MemoryCopy:
                instance.MemoryCopy(instruction.A, instruction.B, first, second, third);
                break;
            case ExtendedOpcode.MemoryFill:
                instance.MemoryFill(instruction.A, first, (byte)second, third);
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

    /// <summary>Executes a vector instruction; whether its address is in bounds, if it has one.</summary>
    private bool Vector(in ReferenceInstruction instruction)
    {
        var opcode = (VectorOpcode)instruction.Code;
        var shape = VectorInstructions.Of(opcode);
        if (shape.AccessBytes > 0)
            return VectorAccess(opcode, shape, in instruction);

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

        return true;
    }

    private bool VectorAccess(VectorOpcode opcode, VectorShape shape, in ReferenceInstruction instruction)
    {
        int bits = shape.AccessBytes * 8;
        var operand = shape.Second != 0 ? Pop() : default;
        ulong address = Pop().U32 + instruction.Constant.Low;
        if (!instance.IsInMemory(instruction.B, address, shape.AccessBytes))
            return false;
        switch (opcode)
        {
            case VectorOpcode.V128Store:
                instance.Store(instruction.B, address, 16, operand);
                break;
            case >= VectorOpcode.V128Store8Lane and <= VectorOpcode.V128Store64Lane:
                instance.Store(instruction.B, address, shape.AccessBytes, new Cell(operand.Lane(bits, instruction.A)));
                break;
            case >= VectorOpcode.V128Load8Lane and <= VectorOpcode.V128Load64Lane:
                Push(operand.WithLane(bits, instruction.A, instance.Load(instruction.B, address, shape.AccessBytes).Low));
                break;
            case >= VectorOpcode.V128Load8x8S and <= VectorOpcode.V128Load32x2U:
                Push(VectorSemantics.Widen(opcode, instance.Load(instruction.B, address, 8).Low));
                break;
            case >= VectorOpcode.V128Load8Splat and <= VectorOpcode.V128Load64Splat:
                var splat = (VectorOpcode)((int)VectorOpcode.I8x16Splat + BitOperations.Log2(shape.AccessBytes));
                Push(VectorSemantics.Compute(splat, instance.Load(instruction.B, address, shape.AccessBytes), default, default, 0));
                break;
            default:
                Push(instance.Load(instruction.B, address, shape.AccessBytes));
                break;
        }

        return true;
    }
}

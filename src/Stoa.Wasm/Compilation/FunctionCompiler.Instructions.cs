using System.Reflection;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Compilation;

/// <summary>The instructions one by one.</summary>
internal sealed partial class FunctionCompiler
{
    private static readonly MethodInfo s_demote = Thunks.Find(typeof(Numerics), nameof(Numerics.Demote));

    private Opcode _previous;

    private void Compile(Opcode opcode, ref WasmReader reader)
    {
        _poppedDepth = 0;
        var previous = _previous;
        _previous = opcode;
        if (opcode is not (Opcode.Nop or Opcode.Block or Opcode.Loop or Opcode.Else or Opcode.End))
            Charge();
        if (Instructions.Shapes[(int)opcode].IsPlain)
        {
            if (Instructions.IsMemoryAccess(opcode))
                CompileMemoryAccess(opcode, ref reader);
            else
                CompileNumeric(opcode, previous);
            return;
        }

        switch (opcode)
        {
            case Opcode.Unreachable:
                EmitFuelStore();
                EmitDiscard();
                EmitCall(s_unreachable);
                _il.Emit([Il.LdNull, Il.Throw]);
                BecomeUnreachable();
                break;
            case Opcode.Nop:
                break;
            case Opcode.Block or Opcode.Loop:
                CompileBlock(opcode, ref reader);
                break;
            case Opcode.If:
                CompileIf(ref reader);
                break;
            case Opcode.Else:
                CompileElse();
                break;
            case Opcode.End:
                CompileEnd(ref reader);
                break;
            case Opcode.Br:
                CompileBranch((int)reader.ReadU32());
                break;
            case Opcode.BrIf:
                CompileBranchIf((int)reader.ReadU32());
                break;
            case Opcode.BrTable:
                CompileBranchTable(ref reader);
                break;
            case Opcode.Return:
                CompileBranch(_frameCount - 1);
                break;
            case Opcode.Call:
                CompileCall((int)reader.ReadU32());
                break;
            case Opcode.CallIndirect:
                CompileCallIndirect((int)reader.ReadU32(), (int)reader.ReadU32());
                break;
            case Opcode.ReturnCall:
                CompileTailCall((int)reader.ReadU32());
                break;
            case Opcode.ReturnCallIndirect:
                CompileTailCallIndirect((int)reader.ReadU32(), (int)reader.ReadU32());
                break;
            case Opcode.Drop:
                Pop();
                _il.Emit(Il.Pop);
                break;
            case Opcode.Select:
                CompileSelect();
                break;
            case Opcode.SelectTyped:
                reader.ReadU32();
                reader.ReadByte();
                CompileSelect();
                break;
            case Opcode.LocalGet:
                CompileLocalGet((int)reader.ReadU32());
                break;
            case Opcode.LocalSet:
                int set = (int)reader.ReadU32();
                Pop();
                EmitLocalSet(set);
                NoteLocal(set);
                break;
            case Opcode.LocalTee:
                int tee = (int)reader.ReadU32();
                Pop();
                _il.Emit(Il.Dup);
                EmitLocalSet(tee);
                NoteLocal(tee);
                PushLocal(tee);
                break;
            case Opcode.GlobalGet:
                CompileGlobalGet((int)reader.ReadU32());
                break;
            case Opcode.GlobalSet:
                CompileGlobalSet((int)reader.ReadU32());
                break;
            case Opcode.I32Const:
                CompileConstant(reader.ReadS32());
                break;
            case Opcode.I64Const:
                CompileConstant(reader.ReadS64());
                break;
            case Opcode.F32Const:
                EnsureLoaded();
                CompileSingle((int)reader.ReadF32Bits(), (Opcode)reader.PeekByte());
                Push(ValueKind.F32);
                break;
            case Opcode.F64Const:
                EnsureLoaded();
                CompileDouble((long)reader.ReadF64Bits(), (Opcode)reader.PeekByte());
                Push(ValueKind.F64);
                break;
            case Opcode.RefNull:
                var kind = (ValueKind)reader.ReadByte();
                EnsureLoaded();
                _il.Emit([Il.LdcI4_0, Il.ConvI]);
                Push(kind);
                break;
            case Opcode.RefIsNull:
                Pop();
                _il.Emit([Il.LdcI4_0, Il.ConvI, Il.Prefix, Il.Ceq]);
                Push(ValueKind.I32);
                break;
            case Opcode.RefFunc:
                CompileFunctionReference((int)reader.ReadU32());
                break;
            case Opcode.TableGet or Opcode.TableSet:
                CompileTableAccess(opcode, (int)reader.ReadU32());
                break;
            case Opcode.MemorySize:
                CompileMemorySize((int)reader.ReadU32());
                break;
            case Opcode.MemoryGrow:
                CompileRuntimeCall(s_memoryGrow, 1, ValueKind.I32, (int)reader.ReadU32());
                break;
            case Opcode.PrefixFC:
                CompileExtended((ExtendedOpcode)reader.ReadU32(), ref reader);
                break;
            case Opcode.PrefixVector:
                CompileVector((VectorOpcode)reader.ReadU32(), ref reader);
                break;
            default:
                throw new InvalidOperationException($"Instruction {opcode} passed validation and has no code.");
        }
    }

    private void CompileNumeric(Opcode opcode, Opcode previous)
    {
        var shape = Instructions.Shapes[(int)opcode];
        Pop(shape.Second == 0 ? 1 : 2);
        if (ConditionalBranch.Exists(opcode))
            EmitRotationBarriers(shape);
        bool isRotation = IsRotation(opcode);
        bool isLiteral = _operands[_height].IsLiteral && (shape.Second == 0 || _operands[_height + 1].IsLiteral);
        int start = _il.Length;
        if (IsDivisionByHarmlessConstant(opcode))
        {
            // The JIT multiplies by the inverse instead.
            _il.Emit(opcode == Opcode.I32DivS ? Il.Div : Il.Rem);
        }
        else if (opcode == Opcode.F32DemoteF64 && !IsNeverPromoted(previous))
        {
            // The JIT leaves out the demotion of a promotion, even through locals, and so the quieting of what is not a number.
            EmitCall(s_demote);
        }
        else
        {
            EmitNumeric(NumericCode.Of(opcode));
        }

        if (isLiteral && isRotation)
        {
            EmitRotationBarrier(shape.Result);
            isLiteral = false;
        }

        if (ConditionalBranch.Exists(opcode))
        {
            _comparison = opcode;
            _comparisonStart = start;
            _comparisonEnd = _il.Length;
        }

        var second = shape.Second == 0 ? default : _operands[_height + 1].Origin;
        long? constant = shape.Second == 0 ? null : _operands[_height + 1].Constant;
        Push(shape.Result, _loads.Result(opcode, _operands[_height].Origin, second, constant), isRotation);
        _operands[_height - 1].IsLiteral = isLiteral;
    }

    private bool IsDivisionByHarmlessConstant(Opcode opcode) =>
        opcode is Opcode.I32DivS or Opcode.I32RemS && _operands[_height + 1].Constant is not (null or 0 or -1);

    /// <summary>Whether an instruction leaves a double that the JIT does not take for the promotion of a float.</summary>
    private static bool IsNeverPromoted(Opcode opcode) =>
        opcode is Opcode.F64Const or Opcode.F64Load
            or (>= Opcode.F64Ceil and <= Opcode.F64Max)
            or (>= Opcode.F64ConvertI32S and <= Opcode.F64ConvertI64U);

    /// <summary>Whether an instruction, as the next one, does no arithmetic with a constant: that one may stay known to the JIT.</summary>
    private static bool IsHarmlessUse(Opcode next) =>
        next is Opcode.F32Store or Opcode.F64Store or (>= Opcode.F32Eq and <= Opcode.F64Ge);

    private void EmitNumeric(NumericCode code)
    {
        _il.Emit(code.Before);
        if (code.Call is { } method)
            EmitCall(method);
        _il.Emit(code.After);
    }

    private void CompileConstant(int value)
    {
        EnsureLoaded();
        _il.EmitConstant(value);
        PushConstant(ValueKind.I32, value);
    }

    private void CompileConstant(long value)
    {
        EnsureLoaded();
        _il.EmitConstant(value);
        PushConstant(ValueKind.I64, value);
    }

    private void PushConstant(ValueKind kind, long value)
    {
        Push(kind);
        ref var operand = ref _operands[_height - 1];
        operand.IsLiteral = true;
        operand.Constant = value;
    }

    // See OpaqueConstants for what the JIT may not know.
    private void CompileSingle(int bits, Opcode next)
    {
        float value = BitConverter.Int32BitsToSingle(bits);
        if (!float.IsFinite(value))
        {
            // What the JIT knows to be no number makes other operands needless, and their loads with them: see PartialLoads.
            _il.EmitConstant(bits);
            EmitLoad(OpaqueConstants.Zero, Il.LdindI4);
            _il.Emit(Il.Xor);
            EmitNumeric(NumericCode.Of(Opcode.F32ReinterpretI32));
        }
        else if (OpaqueConstants.IdentityAddress(value) is not 0 and var address && !IsHarmlessUse(next))
        {
            EmitLoad(address, Il.LdindR4);
        }
        else
        {
            EmitSingle(bits);
        }
    }

    private void CompileDouble(long bits, Opcode next)
    {
        double value = BitConverter.Int64BitsToDouble(bits);
        if (!double.IsFinite(value))
        {
            _il.EmitConstant(bits);
            EmitLoad(OpaqueConstants.Zero, Il.LdindI8);
            _il.Emit(Il.Xor);
            EmitNumeric(NumericCode.Of(Opcode.F64ReinterpretI64));
        }
        else if (OpaqueConstants.IdentityAddress(value) is not 0 and var address && !IsHarmlessUse(next))
        {
            EmitLoad(address, Il.LdindR8);
        }
        else
        {
            EmitDouble(bits);
        }
    }

    private void EmitLoad(nint address, byte indirect)
    {
        _il.EmitConstant((long)address);
        _il.Emit([Il.ConvI, indirect]);
    }

    private void EmitSingle(int bits) => _il.Emit(Il.LdcR4, bits);

    private void EmitDouble(long bits)
    {
        _il.Emit(Il.LdcR8, (int)bits);
        Span<byte> upper = stackalloc byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(upper, (int)(bits >> 32));
        _il.Emit(upper);
    }

    private void CompileLocalGet(int local)
    {
        EnsureLoaded();
        EmitLocalGet(local);
        PushLocal(local);
    }

    private void CompileSelect()
    {
        Pop(3);
        var first = _operands[_height];
        var second = _operands[_height + 1];
        if (_operands[_height + 2].IsRotated)
            EmitRotationBarrier(ValueKind.I32);
        EmitCall(Select(first.Kind));
        Push(first.Kind, _loads.Merge(first.Origin, second.Origin), first.IsRotated || second.IsRotated);
    }

    private static MethodInfo Select(ValueKind kind)
    {
        var type = Signature.ClrType(kind);
        return typeof(Numerics).GetMethod(nameof(Numerics.Select), [type, type, typeof(int)])!;
    }

    private void CompileGlobalGet(int global)
    {
        EnsureLoaded();
        var type = _definition.Globals[global];
        EmitGlobalAddress(global);
        EmitValueLoad(type.Content);
        Push(type.Content);
    }

    private void CompileGlobalSet(int global)
    {
        var kind = _definition.Globals[global].Content;
        Pop();
        int value = Temporary(kind);
        EmitStloc(value);
        EmitGlobalAddress(global);
        EmitLdloc(value);
        EmitValueStore(kind);
    }

    private void EmitGlobalAddress(int global)
    {
        EmitContextAddress(_layout.Global(global, out bool isShared));
        if (isShared)
            _il.Emit(Il.LdindI);
    }

    /// <summary>Forgets the operands of the present block that lie on the evaluation stack.</summary>
    private void EmitDiscard()
    {
        if (_isFlushed)
            return;
        for (; _height > CurrentFrame.Height; _height--)
            _il.Emit(Il.Pop);
    }
}

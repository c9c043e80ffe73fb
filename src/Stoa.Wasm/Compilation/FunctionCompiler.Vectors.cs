using System.Runtime.Intrinsics;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Compilation;

/// <summary>Vector instructions.</summary>
internal sealed partial class FunctionCompiler
{
    private const byte NoLane = 0xFF;

    private int _vectorToken;

    private bool HasVectorFloats => (_body.Facts & FunctionFacts.HasVectorFloats) != 0;

    private void CompileVector(VectorOpcode opcode, ref WasmReader reader)
    {
        var shape = VectorInstructions.Of(opcode);
        if (shape.AccessBytes > 0)
        {
            CompileVectorAccess(opcode, shape, ref reader);
            return;
        }

        if (shape.HasLongImmediate)
        {
            if (opcode == VectorOpcode.I8x16Shuffle)
                CompileShuffle(reader.ReadBytes(VectorInstructions.ImmediateBytes));
            else
                CompileVectorConstant(Forms.ReadVector(ref reader));
            return;
        }

        Pop(shape.Operands);
        for (int i = 0; i < shape.Operands; i++)
            _loads.Shorten(_operands[_height + i].Origin);
        if (shape.Lanes > 0)
        {
            int lane = reader.ReadByte();
            // The lane of a constant would be one, and a signalling NaN in it quiet: see OpaqueConstants.
            if (opcode == VectorOpcode.F32x4ExtractLane)
                EmitOpaque();
            if (shape.Result == ValueKind.V128)
                EmitBeneath(shape.Second, lane);
            else
                _il.EmitConstant(lane);
        }
        else if (shape.First is ValueKind.I32 or ValueKind.I64 && HasVectorFloats)
        {
            // A splat of a constant would be one: see OpaqueConstants.
            EmitLoad(OpaqueConstants.Zero, shape.First == ValueKind.I32 ? Il.LdindI4 : Il.LdindI8);
            _il.Emit(Il.Xor);
        }

        EmitVectorCall(VectorCode.Of(opcode));
        Push(shape.Result);
    }

    private void CompileVectorConstant(UInt128 bits)
    {
        EnsureLoaded();
        EmitVectorConstant(bits);
        if (HasVectorFloats && OpaqueConstants.IsNotArithmetic(bits))
            EmitOpaque();
        Push(ValueKind.V128);
    }

    private void EmitVectorConstant(UInt128 bits)
    {
        _il.EmitConstant((long)(ulong)bits);
        _il.EmitConstant((long)(ulong)(bits >> 64));
        EmitCall(VectorCode.Create.Method);
    }

    /// <summary>Hides from the JIT what it knows of the vector on top.</summary>
    private void EmitOpaque()
    {
        _il.EmitConstant((long)OpaqueConstants.Zero);
        _il.Emit(Il.ConvI);
        EmitVectorLoad();
        EmitCall(VectorCode.Of(VectorOpcode.V128Xor).Method);
    }

    /// <summary>Vectors of zeros for the locals that begin as such; in the first of them, if there is one, the zeros already lie.</summary>
    private void EmitVectorZero(int first)
    {
        if (first >= 0)
        {
            EmitLocalGet(first);
            return;
        }

        EmitVectorConstant(0);
        if (HasVectorFloats)
            EmitOpaque();
    }

    private void CompileShuffle(ReadOnlySpan<byte> lanes)
    {
        Pop(2);
        const int Count = VectorInstructions.ImmediateBytes;
        Span<byte> first = stackalloc byte[Count];
        Span<byte> second = stackalloc byte[Count];
        bool staysInPlace = true;
        for (int i = 0; i < Count; i++)
        {
            bool isFirst = lanes[i] < Count;
            first[i] = isFirst ? lanes[i] : NoLane;
            second[i] = isFirst ? NoLane : (byte)(lanes[i] - Count);
            staysInPlace &= lanes[i] % Count == i;
        }

        if (!second.ContainsAnyExcept(NoLane))
        {
            _il.Emit(Il.Pop);
            EmitShuffle(first);
        }
        else if (!first.ContainsAnyExcept(NoLane))
        {
            int vector = Temporary(ValueKind.V128);
            EmitStloc(vector);
            _il.Emit(Il.Pop);
            EmitLdloc(vector);
            EmitShuffle(second);
        }
        else if (staysInPlace)
        {
            for (int i = 0; i < Count; i++)
                first[i] = first[i] == NoLane ? (byte)0 : (byte)0xFF;
            EmitVectorConstant(ToBits(first));
            EmitVectorCall(VectorCode.Of(VectorOpcode.V128Bitselect));
        }
        else
        {
            int vector = Temporary(ValueKind.V128);
            EmitStloc(vector);
            EmitShuffle(first);
            EmitLdloc(vector);
            EmitShuffle(second);
            EmitVectorCall(VectorCode.Of(VectorOpcode.V128Or));
        }

        Push(ValueKind.V128);
    }

    /// <summary>Replaces the vector on top by its own lanes in another order, and zeros.</summary>
    private void EmitShuffle(ReadOnlySpan<byte> lanes)
    {
        Span<byte> words = stackalloc byte[VectorInstructions.ImmediateBytes];
        words.Clear();
        bool movesWords = true;
        for (int i = 0; i < lanes.Length; i += 4)
        {
            words[i] = (byte)(lanes[i] / 4);
            movesWords &= lanes[i] != NoLane && lanes[i] % 4 == 0
                && lanes[i + 1] == lanes[i] + 1 && lanes[i + 2] == lanes[i] + 2 && lanes[i + 3] == lanes[i] + 3;
        }

        EmitVectorConstant(ToBits(movesWords ? words : lanes));
        EmitVectorCall(movesWords ? VectorCode.ShuffleWords : VectorCode.Shuffle);
    }

    private static UInt128 ToBits(ReadOnlySpan<byte> bytes)
    {
        var reader = new WasmReader(bytes, 0, bytes.Length);
        return Forms.ReadVector(ref reader);
    }

    private void CompileVectorAccess(VectorOpcode opcode, VectorShape shape, ref WasmReader reader)
    {
        var operand = MemoryOperand.Read(ref reader);
        if (shape.Second == 0)
        {
            Pop();
            var whole = _hasGuardPages && operand.Memory == 0 && opcode == VectorOpcode.V128Load ? WholeLoads.Of(ValueKind.V128) : null;
            EmitAddress(operand, shape.AccessBytes, _operands[_height].Source, isShortened: whole is null);
            if (whole is null)
                EmitVectorLoadAs(opcode, shape.AccessBytes);
            else
                EmitCall(whole);
        }
        else if (shape.Lanes > 0)
        {
            CompileLaneAccess(opcode, shape, operand, reader.ReadByte());
        }
        else
        {
            Pop(2);
            int vector = Temporary(ValueKind.V128);
            EmitStloc(vector);
            EmitAddress(operand, shape.AccessBytes, _operands[_height].Source, isShortened: false);
            EmitLdloc(vector);
            EmitStorePrefix();
            EmitVectorStore();
        }

        if (shape.Result != 0)
            Push(shape.Result);
    }

    private void EmitVectorLoadAs(VectorOpcode opcode, int bytes)
    {
        if (opcode == VectorOpcode.V128Load)
        {
            EmitVectorLoad();
            return;
        }

        EmitAccess(MemoryAccess.Of(ScalarLoad(bytes)));
        if (opcode is >= VectorOpcode.V128Load8x8S and <= VectorOpcode.V128Load32x2U)
            EmitVectorCall(VectorCode.Of(VectorOpcode.V128Load64Zero));
        EmitVectorCall(VectorCode.Of(opcode));
    }

    private void CompileLaneAccess(VectorOpcode opcode, VectorShape shape, MemoryOperand operand, int lane)
    {
        Pop(2);
        int source = _operands[_height].Source;
        int scalar = Temporary(shape.AccessBytes == 8 ? ValueKind.I64 : ValueKind.I32);
        if (shape.Result == 0)
        {
            var store = MemoryAccess.Of(ScalarStore(shape.AccessBytes));
            _il.EmitConstant(lane);
            EmitVectorCall(VectorCode.Of(opcode));
            if (shape.AccessBytes > 1 && !BitConverter.IsLittleEndian)
                EmitCall(store.Reverse!);
            EmitStloc(scalar);
            EmitAddress(operand, shape.AccessBytes, source, isShortened: false);
            EmitLdloc(scalar);
            EmitAccess(store);
            return;
        }

        int vector = Temporary(ValueKind.V128);
        EmitStloc(vector);
        EmitAddress(operand, shape.AccessBytes, source, isShortened: true);
        EmitAccess(MemoryAccess.Of(ScalarLoad(shape.AccessBytes)));
        EmitStloc(scalar);
        EmitLdloc(vector);
        _il.EmitConstant(lane);
        EmitLdloc(scalar);
        EmitVectorCall(VectorCode.Of(opcode));
    }

    private static Opcode ScalarLoad(int bytes) => bytes switch
    {
        1 => Opcode.I32Load8S,
        2 => Opcode.I32Load16S,
        4 => Opcode.I32Load,
        _ => Opcode.I64Load,
    };

    private static Opcode ScalarStore(int bytes) => bytes switch
    {
        1 => Opcode.I32Store8,
        2 => Opcode.I32Store16,
        4 => Opcode.I32Store,
        _ => Opcode.I64Store,
    };

    /// <summary>Puts a number beneath the operand on top.</summary>
    private void EmitBeneath(ValueKind top, int number)
    {
        int local = Temporary(top);
        EmitStloc(local);
        _il.EmitConstant(number);
        EmitLdloc(local);
    }

    private void EmitVectorLoad() => EmitVectorAccess(Il.Ldobj);

    private void EmitVectorStore() => EmitVectorAccess(Il.Stobj);

    private void EmitVectorAccess(byte opcode)
    {
        if (_vectorToken == 0)
            _vectorToken = _info.GetTokenFor(typeof(Vector128<byte>).TypeHandle);
        _il.Emit([Il.Prefix, Il.Unaligned, 1]);
        _il.Emit(opcode, _vectorToken);
    }

    /// <summary>Calls the method of an instruction, with operands whose lanes have the machine's byte order.</summary>
    private void EmitVectorCall(VectorCode code)
    {
        var method = code.Method;
        var parameters = method.GetParameters();
        var last = parameters[^1].ParameterType;
        if (last == typeof(sbyte))
            _il.Emit(Il.ConvI1);
        else if (last == typeof(short))
            _il.Emit(Il.ConvI2);
        if (BitConverter.IsLittleEndian)
        {
            EmitCall(method);
            return;
        }

        var locals = new int[parameters.Length];
        for (int i = parameters.Length - 1; i >= 0; i--)
        {
            locals[i] = NewLocal(Il.TypeOf(VectorCode.KindOf(parameters[i].ParameterType)));
            EmitStloc(locals[i]);
        }

        for (int i = 0; i < parameters.Length; i++)
        {
            EmitLdloc(locals[i]);
            EmitLaneReversal(parameters[i].ParameterType);
        }

        EmitCall(method);
        EmitLaneReversal(method.ReturnType);
    }

    private void EmitLaneReversal(Type type)
    {
        if (ByteOrder.LaneReversal(type) is { } reversal)
            EmitCall(reversal);
    }

    private void EmitValueLoad(ValueKind kind)
    {
        if (kind == ValueKind.V128)
            EmitVectorLoad();
        else
            _il.Emit(Il.LoadOf(kind));
    }

    private void EmitValueStore(ValueKind kind)
    {
        if (kind == ValueKind.V128)
            EmitVectorStore();
        else
            _il.Emit(Il.StoreOf(kind));
    }
}

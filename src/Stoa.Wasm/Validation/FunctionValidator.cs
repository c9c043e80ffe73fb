// Long because it holds one switch: the validation rule of every instruction.
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Validation;

/// <summary>Checks the bodies of functions, by the algorithm of the core specification's appendix.</summary>
/// <remarks>One object for one thread; several may check different bodies of a module at the same time.</remarks>
internal sealed partial class FunctionValidator(ModuleDefinition module, byte[] bytes, EngineOptions options)
{
    private const ValueKind Unknown = 0;

    private ValueKind[] _operands = new ValueKind[256];
    private int _height;
    private Frame[] _frames = new Frame[64];
    private int _deepest = Math.Min(64, options.MaxNestingDepth);
    private int _depth;
    private ValueKind[] _locals = new ValueKind[64];
    private int _localCount;
    private int _at;
    private int _maxOperands;
    private FunctionFacts _facts;

    /// <summary>The calls of the bodies that were checked, in their order.</summary>
    public CallList Calls { get; } = new(module.ImportedFunctions, module.FunctionTypes.Count - module.ImportedFunctions);

    /// <summary>Checks a body.</summary>
    /// <returns>The body with what was seen in it.</returns>
    public FunctionBody Validate(int function, FunctionBody body)
    {
        var reader = new WasmReader(bytes, body.Offset, body.Offset + body.Length);
        var type = module.TypeOfFunction(function).Type;
        _facts = FunctionFacts.None;
        _moves = 0;
        ReadLocals(ref reader, type);
        _indexed.SetLocals(_locals.AsSpan(0, _localCount));
        _height = Underlay;
        _depth = 0;
        // The results are there at the end even when nothing reaches it and nothing pushed them.
        _maxOperands = Underlay + type.Results.Length;
        PushFrame(Opcode.Block, module.FunctionTypes[function], type);
        while (_depth > 0)
        {
            CheckFrequent(ref reader);
            _at = reader.Position;
            if (reader.IsAtEnd)
                reader.Malformed("unexpected end of section or function");
            Check((Opcode)reader.ReadByte(), ref reader);
        }

        if (!reader.IsAtEnd)
            reader.Malformed("section size mismatch");
        int maxOperands = _maxOperands - Underlay;
        if (maxOperands > options.MaxOperands)
            Forms.Exceeded($"more than {options.MaxOperands} operands on the stack", body.Offset);
        RequireFewMoves(body.Offset);
        body = body with { MaxOperands = maxOperands, Facts = _facts };
        module.CallGraph.AddFunction(function, body, _localCount, Calls.EndFunction());
        return body;
    }

    private void ReadLocals(ref WasmReader reader, FunctionType type)
    {
        _localCount = 0;
        AddLocals(type.Parameters.AsSpan(), reader.Position);
        int groups = reader.ReadCount(int.MaxValue, "groups of locals");
        long total = _localCount;
        for (; groups > 0; groups--)
        {
            int at = reader.Position;
            uint count = reader.ReadU32();
            total += count;
            if (total > uint.MaxValue)
                WasmReader.Malformed("too many locals", at);
            var kind = Forms.ReadValueKind(ref reader);
            if (total > options.MaxLocals)
                continue;
            EnsureLocals((int)total);
            _locals.AsSpan(_localCount, (int)count).Fill(kind);
            SeeValue(kind);
            _localCount += (int)count;
        }

        if (total > options.MaxLocals)
            Forms.Exceeded($"more than {options.MaxLocals} locals", reader.Position);
    }

    private void AddLocals(ReadOnlySpan<ValueKind> kinds, int at)
    {
        if (kinds.Length > options.MaxLocals)
            Forms.Exceeded($"more than {options.MaxLocals} locals", at);
        EnsureLocals(kinds.Length);
        kinds.CopyTo(_locals);
        _localCount = kinds.Length;
        if (kinds.Contains(ValueKind.V128))
            SeeValue(ValueKind.V128);
    }

    private void SeeValue(ValueKind kind)
    {
        if (kind == ValueKind.V128)
            _facts |= FunctionFacts.HasVectors;
    }

    private void EnsureLocals(int count)
    {
        if (count > _locals.Length)
            Array.Resize(ref _locals, Math.Max(count, _locals.Length * 2));
    }

    private void Check(Opcode opcode, ref WasmReader reader)
    {
        ref readonly var shape = ref Instructions.Shapes[(int)opcode];
        if (shape.IsPlain)
        {
            CheckPlain(opcode, in shape, ref reader);
            return;
        }

        switch (opcode)
        {
            case Opcode.Unreachable:
                SetUnreachable();
                break;
            case Opcode.Nop:
                break;
            case Opcode.Block:
                EnterBlock(opcode, ref reader);
                break;
            case Opcode.Loop:
                _facts |= FunctionFacts.HasLoop;
                EnterBlock(opcode, ref reader);
                break;
            case Opcode.If:
                int ifIndex = BlockType.ReadIndex(ref reader, module);
                var ifType = BlockType.Of(ifIndex, module);
                Pop(ValueKind.I32);
                CountMoves();
                Pop(ifType.Parameters);
                PushFrame(Opcode.If, ifIndex, ifType);
                break;
            case Opcode.Else:
                CountMoves();
                var frame = PopFrame();
                if (frame.Opcode != Opcode.If)
                    WasmReader.Malformed("else without if", _at);
                PushFrame(Opcode.Else, frame.Type, BlockType.Of(frame.Type, module));
                break;
            case Opcode.End:
                CheckEnd();
                break;
            case Opcode.Br:
                CountMoves();
                Pop(Label(reader.ReadU32()));
                SetUnreachable();
                break;
            case Opcode.BrIf:
                var target = Label(reader.ReadU32());
                CountMoves();
                Pop(ValueKind.I32);
                Pop(target);
                Push(target);
                break;
            case Opcode.BrTable:
                CheckBranchTable(ref reader);
                break;
            case Opcode.Return:
                CountMoves();
                Pop(BlockType.Of(_frames[0].Type, module).Results);
                SetUnreachable();
                break;
            case Opcode.Call:
                CheckCall(Callee(ref reader));
                break;
            case Opcode.CallIndirect:
                CheckCall(IndirectCallee(ref reader));
                break;
            case Opcode.ReturnCall:
                Require(WasmFeatures.TailCalls);
                CheckTailCall(Callee(ref reader));
                break;
            case Opcode.ReturnCallIndirect:
                Require(WasmFeatures.TailCalls);
                CheckTailCall(IndirectCallee(ref reader));
                break;
            case Opcode.Drop:
                Pop();
                break;
            case Opcode.Select:
                CheckSelect();
                break;
            case Opcode.SelectTyped:
                if (reader.ReadU32() != 1)
                    Forms.Invalid("invalid result arity", _at);
                var selected = Forms.ReadValueKind(ref reader);
                Pop(ValueKind.I32);
                Pop(selected);
                Pop(selected);
                Push(selected);
                break;
            case Opcode.LocalGet:
                Push(Local(ref reader));
                break;
            case Opcode.LocalSet:
                Pop(Local(ref reader));
                break;
            case Opcode.LocalTee:
                var local = Local(ref reader);
                Pop(local);
                Push(local);
                break;
            case Opcode.GlobalGet:
                var content = module.Globals[Index(ref reader, module.Globals.Count, "unknown global")].Content;
                SeeValue(content);
                Push(content);
                break;
            case Opcode.GlobalSet:
                var global = module.Globals[Index(ref reader, module.Globals.Count, "unknown global")];
                if (!global.IsMutable)
                    Forms.Invalid("global is immutable", _at);
                Pop(global.Content);
                break;
            case Opcode.TableGet:
                var got = Table(ref reader);
                Pop(ValueKind.I32);
                Push(got);
                break;
            case Opcode.TableSet:
                var set = Table(ref reader);
                Pop(set);
                Pop(ValueKind.I32);
                break;
            case Opcode.MemorySize:
                CheckMemoryIndex(ref reader);
                Push(ValueKind.I32);
                break;
            case Opcode.MemoryGrow:
                CheckMemoryIndex(ref reader);
                Pop(ValueKind.I32);
                Push(ValueKind.I32);
                break;
            case Opcode.I32Const:
                reader.ReadS32();
                Push(ValueKind.I32);
                break;
            case Opcode.I64Const:
                reader.ReadS64();
                Push(ValueKind.I64);
                break;
            case Opcode.F32Const:
                reader.ReadBytes(4);
                Push(ValueKind.F32);
                break;
            case Opcode.F64Const:
                reader.ReadBytes(8);
                Push(ValueKind.F64);
                break;
            case Opcode.RefNull:
                Push(Forms.ReadReferenceKind(ref reader));
                break;
            case Opcode.RefIsNull:
                var reference = Pop();
                if (reference is not (Unknown or ValueKind.FuncRef or ValueKind.ExternRef))
                    Mismatch();
                Push(ValueKind.I32);
                break;
            case Opcode.RefFunc:
                int function = Index(ref reader, module.FunctionTypes.Count, "unknown function");
                if (!module.ReferencedFunctions.Contains(function))
                    Forms.Invalid("undeclared function reference", _at);
                Push(ValueKind.FuncRef);
                break;
            case Opcode.PrefixFC:
                CheckExtended(ref reader);
                break;
            case Opcode.PrefixVector:
                CheckVector(ref reader);
                break;
            default:
                WasmReader.Malformed("illegal opcode", _at);
                break;
        }
    }

    private void CheckPlain(Opcode opcode, in Instructions.Shape shape, ref WasmReader reader)
    {
        if (Instructions.IsMemoryAccess(opcode))
            CheckMemoryOperand(shape.NaturalAlignment, ref reader);
        if (shape.Second != 0)
            Pop(shape.Second);
        Pop(shape.First);
        if (shape.Result != 0)
            Push(shape.Result);
    }

    private void CheckMemoryOperand(int naturalAlignment, ref WasmReader reader)
    {
        uint alignment = reader.ReadU32();
        if ((alignment & MemoryOperand.HasMemory) != 0 && HasMultipleMemories)
        {
            alignment -= MemoryOperand.HasMemory;
            RequireMemory(reader.ReadU32());
        }
        else
        {
            RequireMemory(0);
        }

        if (alignment >= 32)
            WasmReader.Malformed("malformed memop flags", _at);
        if (alignment > naturalAlignment)
            Forms.Invalid("alignment must not be larger than natural", _at);
        reader.ReadU32();
    }

    private void CheckVector(ref WasmReader reader)
    {
        uint code = reader.ReadU32();
        var shape = VectorInstructions.Of(code);
        if (!shape.IsKnown)
            WasmReader.Malformed("illegal opcode", _at);
        var opcode = (VectorOpcode)code;
        if (VectorInstructions.IsRelaxed(opcode))
            Require(WasmFeatures.RelaxedVectors);
        _facts |= FunctionFacts.HasVectors;
        if (VectorInstructions.IsFloatArithmetic(opcode))
            _facts |= FunctionFacts.HasVectorFloats;
        if (shape.AccessBytes > 0)
            CheckMemoryOperand(BitOperations.Log2(shape.AccessBytes), ref reader);
        if (shape.Lanes > 0)
            CheckLane(reader.ReadByte(), shape.Lanes);
        if (shape.HasLongImmediate)
        {
            foreach (byte lane in reader.ReadBytes(VectorInstructions.ImmediateBytes))
            {
                if (opcode == VectorOpcode.I8x16Shuffle)
                    CheckLane(lane, 2 * VectorInstructions.ImmediateBytes);
            }
        }

        if (shape.Third != 0)
            Pop(shape.Third);
        if (shape.Second != 0)
            Pop(shape.Second);
        if (shape.First != 0)
            Pop(shape.First);
        if (shape.Result != 0)
            Push(shape.Result);
    }

    private void CheckLane(byte lane, int lanes)
    {
        if (lane >= lanes)
            Forms.Invalid("invalid lane index", _at);
    }

    private void CheckExtended(ref WasmReader reader)
    {
        var opcode = (ExtendedOpcode)reader.ReadU32();
        switch (opcode)
        {
            case <= ExtendedOpcode.I64TruncSatF64U:
                var (source, result) = Instructions.SaturatingConversion(opcode);
                Pop(source);
                Push(result);
                break;
            case ExtendedOpcode.MemoryInit:
                DataIndex(ref reader);
                CheckMemoryIndex(ref reader);
                PopThreeIntegers();
                break;
            case ExtendedOpcode.DataDrop:
                DataIndex(ref reader);
                break;
            case ExtendedOpcode.MemoryCopy:
                CheckMemoryIndex(ref reader);
                CheckMemoryIndex(ref reader);
                PopThreeIntegers();
                break;
            case ExtendedOpcode.MemoryFill:
                CheckMemoryIndex(ref reader);
                PopThreeIntegers();
                break;
            case ExtendedOpcode.TableInit:
                var element = module.Elements[Index(ref reader, module.Elements.Count, "unknown elem segment")].Element;
                if (Table(ref reader) != element)
                    Mismatch();
                PopThreeIntegers();
                break;
            case ExtendedOpcode.ElemDrop:
                Index(ref reader, module.Elements.Count, "unknown elem segment");
                break;
            case ExtendedOpcode.TableCopy:
                if (Table(ref reader) != Table(ref reader))
                    Mismatch();
                PopThreeIntegers();
                break;
            case ExtendedOpcode.TableGrow:
                var grown = Table(ref reader);
                Pop(ValueKind.I32);
                Pop(grown);
                Push(ValueKind.I32);
                break;
            case ExtendedOpcode.TableSize:
                Table(ref reader);
                Push(ValueKind.I32);
                break;
            case ExtendedOpcode.TableFill:
                var filled = Table(ref reader);
                Pop(ValueKind.I32);
                Pop(filled);
                Pop(ValueKind.I32);
                break;
            default:
                WasmReader.Malformed("illegal opcode", _at);
                break;
        }
    }

    private void EnterBlock(Opcode opcode, ref WasmReader reader)
    {
        int index = BlockType.ReadIndex(ref reader, module);
        var type = BlockType.Of(index, module);
        CountMoves();
        Pop(type.Parameters);
        PushFrame(opcode, index, type);
    }

    private void CheckEnd()
    {
        CountMoves();
        var frame = PopFrame();
        var type = BlockType.Of(frame.Type, module);
        if (frame.Opcode == Opcode.If && !type.Parameters.AsSpan().SequenceEqual(type.Results.AsSpan()))
            Mismatch();
        if (_depth > 0)
            Push(type.Results);
    }

    private void CheckCall(Signature signature)
    {
        _facts |= signature.HasVectors ? FunctionFacts.HasCall | FunctionFacts.HasVectors : FunctionFacts.HasCall;
        CountMoves(signature.Type.Parameters.Length + signature.Type.Results.Length);
        Pop(signature.Type.Parameters);
        Push(signature.Type.Results);
    }

    private void CheckTailCall(Signature signature)
    {
        if (!signature.Type.Results.AsSpan().SequenceEqual(BlockType.Of(_frames[0].Type, module).Results.AsSpan()))
            Mismatch();
        CountMoves();
        CheckCall(signature);
        SetUnreachable();
    }

    private Signature Callee(ref WasmReader reader)
    {
        int function = Index(ref reader, module.FunctionTypes.Count, "unknown function");
        Calls.Add(function);
        return module.TypeOfFunction(function);
    }

    private Signature IndirectCallee(ref WasmReader reader)
    {
        int type = Index(ref reader, module.Types.Length, "unknown type");
        int table = Index(ref reader, module.Tables.Count, "unknown table");
        if (module.Tables[table].Element != ValueKind.FuncRef)
            Mismatch();
        Pop(ValueKind.I32);
        Calls.AddAny();
        return module.Types[type];
    }

    /// <summary>Refuses an instruction that is not admitted as one that is not known.</summary>
    private void Require(WasmFeatures feature)
    {
        if ((options.Features & feature) == 0)
            WasmReader.Malformed("illegal opcode", _at);
    }

    private void CheckSelect()
    {
        Pop(ValueKind.I32);
        var first = Pop();
        var second = Pop();
        if (IsReference(first) || IsReference(second) || (first != second && first != Unknown && second != Unknown))
            Mismatch();
        Push(first == Unknown ? second : first);
    }

    private static bool IsReference(ValueKind kind) => kind is ValueKind.FuncRef or ValueKind.ExternRef;

    private void CheckBranchTable(ref WasmReader reader)
    {
        int count = reader.ReadCount(options.MaxBranchTargets, "branch targets");
        CountMoves();
        Pop(ValueKind.I32);
        int arity = -1;
        for (int i = 0; i <= count; i++)
        {
            ref readonly var target = ref LabelFrame(reader.ReadU32());
            if (arity >= 0 && target.LabelArity != arity)
                Mismatch();
            arity = target.LabelArity;
            CountMoves(arity);
            if (arity > 0)
                CheckOperands(LabelTypes(in target));
        }

        SetUnreachable();
    }

    /// <summary>Checks what lies on top without taking it.</summary>
    private void CheckOperands(ImmutableArray<ValueKind> types)
    {
        ref var frame = ref _frames[_depth - 1];
        for (int i = 1; i <= types.Length; i++)
        {
            if (_height - i < frame.Height)
            {
                if (!frame.IsUnreachable)
                    Mismatch();
                return;
            }

            var actual = _operands[_height - i];
            if (actual != types[^i] && actual != Unknown)
                Mismatch();
        }
    }

    private void CheckMemoryIndex(ref WasmReader reader)
    {
        if (HasMultipleMemories)
        {
            RequireMemory(reader.ReadU32());
            return;
        }

        if (reader.ReadByte() != 0)
            WasmReader.Malformed("zero byte expected", reader.Position - 1);
        RequireMemory(0);
    }

    private bool HasMultipleMemories => (options.Features & WasmFeatures.MultipleMemories) != 0;

    private void RequireMemory(uint index)
    {
        if (index >= (uint)module.Memories.Count)
            Forms.Invalid("unknown memory", _at);
        _facts |= FunctionFacts.UsesMemory;
    }

    private void DataIndex(ref WasmReader reader)
    {
        uint index = reader.ReadU32();
        if (module.DataCount is not { } count)
            WasmReader.Malformed("data count section required", _at);
        else if (index >= (uint)count)
            Forms.Invalid("unknown data segment", _at);
    }

    private int Index(ref WasmReader reader, int count, string refusal)
    {
        uint index = reader.ReadU32();
        if (index >= (uint)count)
            Forms.Invalid(refusal, _at);
        return (int)index;
    }

    private ValueKind Local(ref WasmReader reader) => _locals[Index(ref reader, _localCount, "unknown local")];

    private ValueKind Table(ref WasmReader reader) =>
        module.Tables[Index(ref reader, module.Tables.Count, "unknown table")].Element;

    private ImmutableArray<ValueKind> Label(uint depth) => LabelTypes(in LabelFrame(depth));

    private ImmutableArray<ValueKind> LabelTypes(in Frame frame)
    {
        var type = BlockType.Of(frame.Type, module);
        return frame.Opcode == Opcode.Loop ? type.Parameters : type.Results;
    }

    private ref readonly Frame LabelFrame(uint depth)
    {
        if (depth >= (uint)_depth)
            Forms.Invalid("unknown label", _at);
        return ref _frames[_depth - 1 - (int)depth];
    }

    private void PopThreeIntegers()
    {
        Pop(ValueKind.I32);
        Pop(ValueKind.I32);
        Pop(ValueKind.I32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Push(ValueKind kind)
    {
        if (_height == _operands.Length)
            Array.Resize(ref _operands, _height * 2);
        _operands[_height++] = kind;
        if (_height > _maxOperands)
            _maxOperands = _height;
    }

    private void Push(ImmutableArray<ValueKind> kinds)
    {
        foreach (var kind in kinds)
            Push(kind);
    }

    private ValueKind Pop()
    {
        ref var frame = ref _frames[_depth - 1];
        if (_height == frame.Height)
        {
            if (!frame.IsUnreachable)
                Mismatch();
            return Unknown;
        }

        return _operands[--_height];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Pop(ValueKind expected)
    {
        var actual = Pop();
        if (actual != expected && actual != Unknown)
            Mismatch();
    }

    private void Pop(ImmutableArray<ValueKind> expected)
    {
        for (int i = expected.Length - 1; i >= 0; i--)
            Pop(expected[i]);
    }

    private void PushFrame(Opcode opcode, int index, FunctionType type)
    {
        if (_depth >= options.MaxNestingDepth)
            Forms.Exceeded($"blocks nest deeper than {options.MaxNestingDepth}", _at);
        if (_depth == _frames.Length)
        {
            Array.Resize(ref _frames, _depth * 2);
            _deepest = Math.Min(_frames.Length, options.MaxNestingDepth);
        }

        _frames[_depth++] = Frame.Of(opcode, index, type, _height);
        if (_depth > 1)
            Push(type.Parameters);
    }

    private Frame PopFrame()
    {
        var frame = _frames[_depth - 1];
        Pop(BlockType.Of(frame.Type, module).Results);
        if (_height != frame.Height)
            Mismatch();
        _depth--;
        return frame;
    }

    private void SetUnreachable()
    {
        ref var frame = ref _frames[_depth - 1];
        _height = frame.Height;
        frame.IsUnreachable = true;
    }

    [DoesNotReturn]
    private void Mismatch() => Forms.Invalid("type mismatch", _at);
}

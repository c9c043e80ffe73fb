using System.Reflection;
using System.Reflection.Emit;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Compilation;

/// <summary>Turns the body of one function, known to be valid, into a method for the JIT. One use.</summary>
/// <remarks>
/// A compiled function takes the declared parameters and then the instance's context, and returns its first result.
/// Operands live on the evaluation stack as long as control flows straight; where it may join they are kept in
/// slots, locals of the method, one for each height and type. So every label is reached with an empty evaluation stack.
/// </remarks>
internal sealed partial class FunctionCompiler
{
    /// <summary>The JIT does not optimise a method that refers more often than this to its locals and arguments.</summary>
    private const int MaxLocalReferences = 8_000;

    private const int KindCount = 6;

    private static readonly MethodInfo s_unreachable = Thunks.Find(typeof(Trap), nameof(Trap.Unreachable));

    private readonly Module _module;
    private readonly ModuleDefinition _definition;
    private readonly ContextLayout _layout;
    private readonly int _function;
    private readonly FunctionType _type;
    private readonly FunctionBody _body;
    private readonly DynamicMethod _method;
    private readonly DynamicILInfo _info;
    private readonly IlBuffer _il = new();
    private readonly List<byte> _localTypes = [];
    private readonly Dictionary<MemberInfo, int> _tokens = [];
    private readonly int _context;
    private readonly Operand[] _operands;
    private readonly PartialLoads _loads = new();
    private readonly int[] _slots;
    private readonly int[] _temporaries = new int[KindCount];
    private readonly bool _isFrugal;
    private readonly bool _hasGuardPages;
    private ValueKind[] _localKinds = [];
    private int _localCount;
    private int _localReferences;

    private FunctionCompiler(Module module, int function, bool isFrugal)
    {
        _module = module;
        _isFrugal = isFrugal;
        _hasGuardPages = module.Engine.HasGuardPages;
        _definition = module.Definition;
        _layout = module.Layout;
        _function = function;
        var signature = _definition.TypeOfFunction(function);
        _type = signature.Type;
        _body = _definition.Bodies[function - _definition.ImportedFunctions];
        _context = _type.Parameters.Length;
        _method = Thunks.NewMethod($"wasm[{function}]", signature.ReturnType, signature.ParameterTypes);
        _method.InitLocals = false;
        _info = _method.GetDynamicILInfo();
        int operands = _body.MaxOperands + 1;
        _operands = new Operand[operands];
        _slots = new int[operands * KindCount];
        Array.Fill(_slots, -1);
        Array.Fill(_temporaries, -1);
    }

    /// <summary>Makes the method for a function.</summary>
    public static DynamicMethod Compile(Module module, int function)
    {
        var compiler = new FunctionCompiler(module, function, isFrugal: false);
        var method = compiler.Compile();
        return compiler._localReferences <= MaxLocalReferences
            ? method
            : new FunctionCompiler(module, function, isFrugal: true).Compile();
    }

    private DynamicMethod Compile()
    {
        var reader = new WasmReader(_definition.Bytes.Span, _body.Offset, _body.Offset + _body.Length);
        DeclareLocals(ref reader);
        EmitEntry();
        EmitZeroes();
        PushFrame(Opcode.Block, _type);
        while (_frameCount > 0)
        {
            var opcode = (Opcode)reader.ReadByte();
            if (_isReachable)
                Compile(opcode, ref reader);
            else
                SkipUnreachable(opcode, ref reader);
        }

        EmitExit();
        EmitColdEnds();
        _accounts.Settle(_il);
        MakeWholeLoadsPlain();
        _info.SetCode(_il.ToArray(), _body.MaxOperands + 16);
        _info.SetLocalSignature(LocalSignature());
        return _method;
    }

    private void DeclareLocals(ref WasmReader reader)
    {
        var kinds = new List<ValueKind>(_type.Parameters);
        for (uint groups = reader.ReadU32(); groups > 0; groups--)
        {
            uint count = reader.ReadU32();
            var kind = (ValueKind)reader.ReadByte();
            for (; count > 0; count--)
            {
                kinds.Add(kind);
                NewLocal(Il.TypeOf(kind));
            }
        }

        _localKinds = [.. kinds];
    }

    /// <summary>Locals begin as zeros; the JIT drops what is assigned before it is read.</summary>
    private void EmitZeroes()
    {
        int firstVector = -1;
        for (int i = _context; i < _localKinds.Length; i++)
        {
            switch (_localKinds[i])
            {
                case ValueKind.I32:
                    _il.EmitConstant(0);
                    break;
                case ValueKind.I64:
                    _il.EmitConstant(0L);
                    break;
                case ValueKind.F32:
                    EmitLoad(OpaqueConstants.Zero, Il.LdindR4);
                    break;
                case ValueKind.F64:
                    EmitLoad(OpaqueConstants.Zero, Il.LdindR8);
                    break;
                case ValueKind.V128:
                    EmitVectorZero(firstVector);
                    if (firstVector < 0)
                        firstVector = i;
                    break;
                default:
                    _il.Emit([Il.LdcI4_0, Il.ConvI]);
                    break;
            }

            EmitLocalSet(i);
        }
    }

    private byte[] LocalSignature()
    {
        var signature = new List<byte>(_localTypes.Count + 4) { Il.LocalSignature };
        Il.WriteCompressed(signature, _localCount);
        signature.AddRange(_localTypes);
        return [.. signature];
    }

    private int NewLocal(params ReadOnlySpan<byte> type)
    {
        _localTypes.AddRange(type);
        return _localCount++;
    }

    /// <summary>A local of a type for use within one instruction.</summary>
    private int Temporary(ValueKind kind)
    {
        ref int local = ref _temporaries[KindIndex(kind)];
        if (local < 0)
            local = NewLocal(Il.TypeOf(kind));
        return local;
    }

    private static int KindIndex(ValueKind kind) => kind switch
    {
        ValueKind.I32 => 0,
        ValueKind.I64 => 1,
        ValueKind.F32 => 2,
        ValueKind.F64 => 3,
        ValueKind.V128 => 4,
        _ => 5,
    };

    private void EmitLdloc(int local) => EmitVariable(Il.Ldloc_0, Il.Ldloc_S, Il.Ldloc, local);

    private void EmitStloc(int local) => EmitVariable(Il.Stloc_0, Il.Stloc_S, Il.Stloc, local);

    private void EmitLdarg(int argument) => EmitVariable(Il.Ldarg_0, Il.Ldarg_S, Il.Ldarg, argument);

    /// <summary>Emits the shortest of the three forms of an instruction on a local or an argument.</summary>
    private void EmitVariable(byte first, byte shortForm, byte wideForm, int index)
    {
        _localReferences++;
        if (index < 4)
        {
            _il.Emit((byte)(first + index));
        }
        else if (index < 256)
        {
            _il.Emit(shortForm);
            _il.Emit((byte)index);
        }
        else
        {
            _il.EmitWide(wideForm, index);
        }
    }

    private void EmitLocalGet(int local)
    {
        if (local < _context)
            EmitLdarg(local);
        else
            EmitLdloc(local - _context);
    }

    private void EmitLocalSet(int local)
    {
        if (local >= _context)
        {
            EmitStloc(local - _context);
        }
        else if (local < 256)
        {
            _il.Emit(Il.Starg_S);
            _il.Emit((byte)local);
        }
        else
        {
            _il.EmitWide(Il.Starg, local);
        }
    }

    private void EmitContext() => EmitLdarg(_context);

    /// <summary>Leaves the address of a part of the context.</summary>
    private void EmitContextAddress(int offset)
    {
        EmitContext();
        if (offset == 0)
            return;
        _il.EmitConstant(offset);
        _il.Emit(Il.Add);
    }

    private void EmitField(byte opcode, FieldInfo field)
    {
        if (!_tokens.TryGetValue(field, out int token))
        {
            token = _info.GetTokenFor(field.FieldHandle);
            _tokens.Add(field, token);
        }

        _il.Emit(opcode, token);
    }

    private void EmitCall(MethodInfo method)
    {
        if (!_tokens.TryGetValue(method, out int token))
        {
            token = _info.GetTokenFor(method.MethodHandle);
            _tokens.Add(method, token);
        }

        _il.Emit(Il.Call, token);
    }
}

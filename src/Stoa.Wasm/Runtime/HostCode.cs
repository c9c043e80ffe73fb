using System.Collections.Concurrent;
using System.Reflection.Emit;
using System.Runtime.Intrinsics;
using Stoa.Wasm.Compilation;

namespace Stoa.Wasm.Runtime;

/// <summary>What a guest calls when it calls the host: an address with the signature's shape, and the delegate behind it.</summary>
internal sealed unsafe class HostCode
{
    private static readonly ConcurrentDictionary<Type, Shape> s_shapes = new();

    [ThreadStatic]
    private static bool s_isInHost;

    private readonly Shape? _shape;
    private readonly Signature _signature;

    private HostCode(Delegate target, Signature signature, Shape? shape)
    {
        Target = target;
        _signature = signature;
        _shape = shape;
    }

    /// <summary>
    /// Whether this thread is inside a function of the host that a guest called. Then an exception is the host's own, and
    /// an arithmetic one does not mean a trap.
    /// </summary>
    public static bool IsInHost
    {
        get => s_isInHost;
        set => s_isInHost = value;
    }

    public Delegate Target { get; }

    public Signature Signature => _signature;

    public nint Code => _shape is null ? _signature.HostThunk : _shape.Code;

    public static HostCode OfUntyped(FunctionType type, HostFunction body) => new(body, Signature.Of(type), null);

    public static HostCode OfDelegate(Delegate body)
    {
        var shape = s_shapes.GetOrAdd(body.GetType(), static type => new Shape(type));
        return new HostCode(body, shape.Signature, shape);
    }

    /// <summary>Gives a function of the host an owner of its own, for use where no instance imports it.</summary>
    public static FunctionRecord* Bind(Function function, InstanceGroup group, out ContextOwner owner)
    {
        int resultsAt = sizeof(InstanceContext) + sizeof(FunctionRecord);
        resultsAt = (resultsAt + Slot.Bytes - 1) / Slot.Bytes * Slot.Bytes;
        int results = Math.Max(function.Type.Results.Length - 1, 0);
        owner = new ContextOwner(null, resultsAt + (results * Slot.Bytes), group) { HostFunctions = [function] };
        var context = owner.Context;
        owner.SetResults(resultsAt, results);
        var record = (FunctionRecord*)(context + 1);
        Fill(record, context, function, 0);
        return record;
    }

    public static void Fill(FunctionRecord* record, InstanceContext* context, Function function, int index)
    {
        var host = function.Host!;
        *record = new FunctionRecord { Code = host.Code, Context = context, SignatureId = host._signature.Id, Index = index };
        context->HostIndex = index;
    }

    internal static Delegate Enter(nint context)
    {
        var owner = ContextOwner.Of((InstanceContext*)context);
        s_isInHost = true;
        return owner.HostFunctions[((InstanceContext*)context)->HostIndex].Host!.Target;
    }

    internal static void Leave() => s_isInHost = false;

    internal static Caller CallerOf(nint context) => new(ContextOwner.Of((InstanceContext*)context).Instance);

    internal static void CallUntyped(nint contextAddress, nint slotsAddress)
    {
        var context = (InstanceContext*)contextAddress;
        var slots = (byte*)slotsAddress;
        var owner = ContextOwner.Of(context);
        var function = owner.HostFunctions[context->HostIndex];
        s_isInHost = true;
        var type = function.Type;
        var values = new Value[type.Parameters.Length + type.Results.Length];
        var arguments = values.AsSpan(0, type.Parameters.Length);
        var results = values.AsSpan(type.Parameters.Length);
        for (int i = 0; i < arguments.Length; i++)
            arguments[i] = Slot.Read(slots + (i * Slot.Bytes), type.Parameters[i]);
        for (int i = 0; i < results.Length; i++)
            results[i] = Value.Zero(type.Results[i]);
        ((HostFunction)function.Host!.Target)(new Caller(owner.Instance), arguments, results);
        for (int i = 0; i < results.Length; i++)
        {
            if (results[i].Kind != type.Results[i])
                throw new InvalidOperationException($"Result {i} of the host function is {results[i].Kind}; its type is {type}.");
            Slot.Write(i == 0 ? slots : context->Results + ((i - 1) * Slot.Bytes), results[i], owner.Group);
        }

        s_isInHost = false;
    }

    /// <summary>The signature that a delegate type means, and the code for it.</summary>
    private sealed class Shape
    {
        private readonly Lazy<(DynamicMethod Method, nint Code)> _thunk;

        public Shape(Type delegateType)
        {
            var invoke = delegateType.GetMethod("Invoke")!;
            var parameters = invoke.GetParameters().AsSpan();
            if (parameters.Length > 0 && parameters[0].ParameterType == typeof(Caller))
                parameters = parameters[1..];
            var kinds = new ValueKind[parameters.Length];
            for (int i = 0; i < kinds.Length; i++)
                kinds[i] = KindOf(parameters[i].ParameterType, delegateType);
            ReadOnlySpan<ValueKind> results =
                invoke.ReturnType == typeof(void) ? [] : [KindOf(invoke.ReturnType, delegateType)];
            Signature = Signature.Of(new FunctionType(kinds, results));
            _thunk = new(() =>
            {
                var method = Thunks.TypedHost(Signature, invoke);
                return (method, NativeCode.Compile(method));
            });
        }

        public Signature Signature { get; }

        public nint Code => _thunk.Value.Code;

        private static ValueKind KindOf(Type type, Type delegateType)
        {
            if (type == typeof(int) || type == typeof(uint))
                return ValueKind.I32;
            if (type == typeof(long) || type == typeof(ulong))
                return ValueKind.I64;
            if (type == typeof(float))
                return ValueKind.F32;
            if (type == typeof(double))
                return ValueKind.F64;
            if (type == typeof(Vector128<byte>))
                return ValueKind.V128;
            throw new ArgumentException($"{type.Name} is no WebAssembly number or vector; {delegateType} cannot be imported.");
        }
    }
}

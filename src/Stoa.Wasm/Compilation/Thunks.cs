using System.Reflection;
using System.Reflection.Emit;
using Stoa.Wasm.Runtime;
using static System.Reflection.BindingFlags;

namespace Stoa.Wasm.Compilation;

/// <summary>The pieces of code between host and guest: one for each signature or delegate type, not for each function.</summary>
internal static class Thunks
{
    private static readonly MethodInfo s_enterHost = Find(typeof(HostCode), nameof(HostCode.Enter));
    private static readonly MethodInfo s_leaveHost = Find(typeof(HostCode), nameof(HostCode.Leave));
    private static readonly MethodInfo s_callerOf = Find(typeof(HostCode), nameof(HostCode.CallerOf));
    private static readonly MethodInfo s_callUntyped = Find(typeof(HostCode), nameof(HostCode.CallUntyped));
    private static readonly MethodInfo s_callStackExhausted = Find(typeof(Trap), nameof(Trap.CallStackExhausted));
    private static readonly MethodInfo s_compilePending = Find(typeof(LazyCode), nameof(LazyCode.CompilePending));

    /// <inheritdoc cref="Signature.Entry"/>
    public static DynamicMethod Entry(Signature signature)
    {
        var method = NewMethod("entry", typeof(void), [typeof(nint), typeof(nint), typeof(byte*)]);
        var il = method.GetILGenerator();
        bool returns = signature.ReturnType != typeof(void);
        if (returns)
            il.Emit(OpCodes.Ldarg_2);
        for (int i = 0; i < signature.Type.Parameters.Length; i++)
        {
            EmitSlotAddress(il, OpCodes.Ldarg_2, i);
            EmitLoad(il, signature.ParameterTypes[i]);
        }

        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Ldarg_0);
        il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, signature.ReturnType, signature.ParameterTypes, null);
        if (returns)
            EmitStore(il, signature.ReturnType);
        il.Emit(OpCodes.Ret);
        return method;
    }

    /// <inheritdoc cref="Signature.LazyStub"/>
    public static DynamicMethod LazyStub(Signature signature)
    {
        var method = NewMethod("lazy", signature.ReturnType, signature.ParameterTypes);
        var il = method.GetILGenerator();
        int context = signature.ParameterTypes.Length - 1;
        for (int i = 0; i <= context; i++)
            EmitArgument(il, i);
        EmitArgument(il, context);
        il.Emit(OpCodes.Call, s_compilePending);

        // Else each function that is compiled in a chain of tail calls would leave a frame behind.
        il.Emit(OpCodes.Tailcall);
        il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, signature.ReturnType, signature.ParameterTypes, null);
        il.Emit(OpCodes.Ret);
        return method;
    }

    /// <summary>Has the signature; calls a function if the stack has room for a frame of so many bytes.</summary>
    public static DynamicMethod StackGuard(Signature signature, nint address, long frameBytes)
    {
        var method = NewMethod("guard", signature.ReturnType, signature.ParameterTypes);
        var il = method.GetILGenerator();
        int context = signature.ParameterTypes.Length - 1;
        var exhausted = il.DefineLabel();
        il.DeclareLocal(typeof(int));
        il.Emit(OpCodes.Ldloca_S, (byte)0);
        il.Emit(OpCodes.Conv_U);
        EmitArgument(il, context);
        il.Emit(OpCodes.Ldfld, ContextFields.StackLimit);
        il.Emit(OpCodes.Ldc_I8, frameBytes);
        il.Emit(OpCodes.Conv_I);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Blt_Un, exhausted);
        for (int i = 0; i <= context; i++)
            EmitArgument(il, i);
        il.Emit(OpCodes.Ldc_I8, (long)address);
        il.Emit(OpCodes.Conv_I);
        il.Emit(OpCodes.Tailcall);
        il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, signature.ReturnType, signature.ParameterTypes, null);
        il.Emit(OpCodes.Ret);
        il.MarkLabel(exhausted);
        il.Emit(OpCodes.Call, s_callStackExhausted);
        il.Emit(OpCodes.Ldnull);
        il.Emit(OpCodes.Throw);
        return method;
    }

    /// <inheritdoc cref="Signature.HostThunk"/>
    public static DynamicMethod UntypedHost(Signature signature)
    {
        var method = NewMethod("host", signature.ReturnType, signature.ParameterTypes);
        MethodOrigin.OfHost(method);
        var il = method.GetILGenerator();
        int parameters = signature.Type.Parameters.Length;
        bool returns = signature.ReturnType != typeof(void);
        var slots = il.DeclareLocal(typeof(byte*));
        il.Emit(OpCodes.Ldc_I4, Math.Max(parameters, returns ? 1 : 0) * Slot.Bytes + Slot.Bytes);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Localloc);
        il.Emit(OpCodes.Stloc, slots);
        for (int i = 0; i < parameters; i++)
        {
            EmitSlotAddress(il, OpCodes.Ldloc_0, i);
            EmitArgument(il, i);
            EmitStore(il, signature.ParameterTypes[i]);
        }

        EmitArgument(il, parameters);
        il.Emit(OpCodes.Ldloc, slots);
        il.Emit(OpCodes.Call, s_callUntyped);
        if (returns)
        {
            il.Emit(OpCodes.Ldloc, slots);
            EmitLoad(il, signature.ReturnType);
        }

        il.Emit(OpCodes.Ret);
        return method;
    }

    /// <summary>Has the signature of a delegate type, less its caller; calls the delegate that the context means.</summary>
    public static DynamicMethod TypedHost(Signature signature, MethodInfo invoke)
    {
        var method = NewMethod("host", signature.ReturnType, signature.ParameterTypes);
        MethodOrigin.OfHost(method);
        var il = method.GetILGenerator();
        int parameters = signature.Type.Parameters.Length;
        EmitArgument(il, parameters);
        il.Emit(OpCodes.Call, s_enterHost);
        if (invoke.GetParameters().Length > parameters)
        {
            EmitArgument(il, parameters);
            il.Emit(OpCodes.Call, s_callerOf);
        }

        for (int i = 0; i < parameters; i++)
            EmitArgument(il, i);
        il.Emit(OpCodes.Callvirt, invoke);
        il.Emit(OpCodes.Call, s_leaveHost);
        il.Emit(OpCodes.Ret);
        return method;
    }

    public static DynamicMethod NewMethod(string name, Type returnType, Type[] parameterTypes) =>
        new(name, returnType, parameterTypes, typeof(Thunks).Module, skipVisibility: true);

    public static MethodInfo Find(Type type, string name) =>
        type.GetMethod(name, Static | Public | NonPublic) ?? throw new MissingMethodException(type.Name, name);

    private static void EmitArgument(ILGenerator il, int index) => il.Emit(OpCodes.Ldarg, (short)index);

    private static void EmitSlotAddress(ILGenerator il, OpCode slots, int index)
    {
        il.Emit(slots);
        il.Emit(OpCodes.Ldc_I4, index * Slot.Bytes);
        il.Emit(OpCodes.Add);
    }

    private static void EmitLoad(ILGenerator il, Type type) => il.Emit(OpCodes.Ldobj, type);

    private static void EmitStore(ILGenerator il, Type type) => il.Emit(OpCodes.Stobj, type);
}

using System.Diagnostics.CodeAnalysis;

namespace Stoa.Wasm.Runtime;

/// <summary>How compiled code ends a guest.</summary>
internal static unsafe class Trap
{
    /// <summary>Whether an exception that left compiled code is a trap that the hardware or the runtime noticed.</summary>
    /// <remarks>
    /// Compiled code checks bounds by a checked addition, or leaves that to <see cref="GuardPages"/>: so <see cref="OverflowException"/> and
    /// <see cref="NullReferenceException"/> are accesses out of bounds. It divides with the plain instruction where overflow cannot happen.
    /// </remarks>
    public static bool Means(Exception exception, out TrapCode code)
    {
        code = exception is DivideByZeroException ? TrapCode.IntegerDivideByZero : TrapCode.MemoryOutOfBounds;
        return !HostCode.IsInHost && exception is OverflowException or NullReferenceException or DivideByZeroException;
    }

    /// <summary>Ends a guest whose fuel is below its floor.</summary>
    [DoesNotReturn]
    public static void OutOfFuel(nint context) => throw new TrapException(ReasonBelowFloor((InstanceContext*)context));

    [DoesNotReturn]
    public static void Unreachable() => throw new TrapException(TrapCode.Unreachable);

    [DoesNotReturn]
    public static void CallStackExhausted() => throw new TrapException(TrapCode.CallStackExhausted);

    /// <summary>Charges what is known only when it runs, and polls.</summary>
    public static void Charge(InstanceContext* context, long units)
    {
        long fuel = context->Fuel - units;
        context->Fuel = fuel;
        if (fuel < Volatile.Read(ref context->FuelFloor))
            throw new TrapException(ReasonBelowFloor(context));
    }

    private static TrapCode ReasonBelowFloor(InstanceContext* context)
    {
        if (context->Fuel < 0)
            return TrapCode.OutOfFuel;
        return ContextOwner.Of(context).Group.Interruption?.Reason ?? TrapCode.Cancelled;
    }
}

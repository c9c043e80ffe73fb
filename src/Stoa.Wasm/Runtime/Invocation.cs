namespace Stoa.Wasm.Runtime;

/// <summary>One call from the host into a guest.</summary>
internal static unsafe class Invocation
{
    public static Value[] Run(
        ContextOwner owner, FunctionRecord* record, Signature signature, ReadOnlySpan<Value> arguments, CancellationToken cancellationToken)
    {
        var type = signature.Type;
        var slots = stackalloc byte[(Math.Max(arguments.Length, 1) * Slot.Bytes) + Slot.Bytes];
        slots += Slot.Bytes - ((nint)slots & (Slot.Bytes - 1));
        for (int i = 0; i < arguments.Length; i++)
            Slot.Write(slots + (i * Slot.Bytes), arguments[i], owner.Group);
        Call(owner, record, signature, slots, cancellationToken);
        if (type.Results.IsEmpty)
            return [];
        var results = new Value[type.Results.Length];
        for (int i = 0; i < results.Length; i++)
            results[i] = Slot.Read(i == 0 ? slots : record->Context->Results + ((i - 1) * Slot.Bytes), type.Results[i]);
        return results;
    }

    private static void Call(
        ContextOwner owner, FunctionRecord* record, Signature signature, byte* slots, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(owner.IsFreed || owner.Instance is { IsDisposed: true }, typeof(Instance));
        nint entry = signature.Type.Parameters.IsEmpty && signature.Type.Results.IsEmpty ? 0 : signature.Entry;
        var guard = new ExecutionGuard(owner, cancellationToken);
        try
        {
            nint code = owner.CodeOf(record);
            if (entry == 0)
                ((delegate*<nint, void>)code)((nint)record->Context);
            else
                ((delegate*<nint, nint, byte*, void>)entry)(code, (nint)record->Context, slots);

            // Compiled code looks at its balance now and then; nobody gets more than the fuel there was.
            if (owner.Context->Fuel < 0)
                throw new TrapException(TrapCode.OutOfFuel);
        }
        catch (Exception exception) when (Trap.Means(exception, out _))
        {
            Trap.Means(exception, out var trap);
            throw new TrapException(trap, exception);
        }
        finally
        {
            guard.End();
            GC.KeepAlive(owner);
        }
    }
}

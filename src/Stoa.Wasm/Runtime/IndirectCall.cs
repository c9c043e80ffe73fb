using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Stoa.Wasm.Runtime;

/// <summary>Finds what <c>call_indirect</c> calls, and where results of tail calls go.</summary>
internal static unsafe class IndirectCall
{
    /// <summary>The record at an index of a table, once it is sure that it can be called.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Resolve(int index, nint tableAddress, int signatureId)
    {
        var table = (TableView*)tableAddress;
        if ((uint)index >= (ulong)table->Length)
            ThrowOutOfBounds();
        var record = (FunctionRecord*)table->Entries[(uint)index];
        if (record == null || record->SignatureId != signatureId)
            ThrowMismatch(record);
        if (record->Code == 0)
            Compile(record);
        return (nint)record;
    }

    /// <summary>
    /// Before a tail call of several results: has the callee leave them where those who called the caller look for them. They look into the
    /// context of what they called, and the callee's may be another one.
    /// </summary>
    public static void ShareResults(nint recordAddress, nint contextAddress)
    {
        var context = (InstanceContext*)contextAddress;
        if (((FunctionRecord*)recordAddress)->Context->Results != context->Results)
            ContextOwner.Of(context).Group.ShareResults();
    }

    [DoesNotReturn]
    private static void ThrowOutOfBounds() => throw new TrapException(TrapCode.TableOutOfBounds);

    [DoesNotReturn]
    private static void ThrowMismatch(FunctionRecord* record) =>
        throw new TrapException(record == null ? TrapCode.IndirectCallToNull : TrapCode.IndirectCallTypeMismatch);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Compile(FunctionRecord* record) => ContextOwner.Of(record->Context).CodeOf(record);
}

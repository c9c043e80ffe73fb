using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Stoa.Wasm.Runtime;

/// <summary>A value where compiled code keeps it in memory: 16 bytes, the number in the first ones.</summary>
internal static unsafe class Slot
{
    public const int Bytes = 16;

    public static Value Read(byte* slot, ValueKind kind) => kind switch
    {
        ValueKind.I32 => Value.FromInt32(*(int*)slot),
        ValueKind.I64 => Value.FromInt64(*(long*)slot),
        ValueKind.F32 => Value.FromBits(ValueKind.F32, *(uint*)slot),
        ValueKind.F64 => Value.FromBits(ValueKind.F64, *(ulong*)slot),
        ValueKind.V128 => Value.FromVector(*(Vector128<byte>*)slot),
        _ => FromReference(kind, *(nint*)slot),
    };

    public static void Write(byte* slot, Value value, InstanceGroup group)
    {
        switch (value.Kind)
        {
            case ValueKind.I32:
            case ValueKind.F32:
                *(uint*)slot = (uint)value.Bits;
                break;
            case ValueKind.I64:
            case ValueKind.F64:
                *(ulong*)slot = value.Bits;
                break;
            case ValueKind.V128:
                *(Vector128<byte>*)slot = value.ToVector();
                break;
            default:
                *(nint*)slot = ToReference(value, group);
                break;
        }
    }

    public static Value FromReference(ValueKind kind, nint reference)
    {
        if (kind == ValueKind.ExternRef)
            return Value.FromExtern(reference == 0 ? null : GCHandle.FromIntPtr(reference).Target);
        return Value.FromFunction(reference == 0 ? null : ContextOwner.FunctionOf((FunctionRecord*)reference));
    }

    public static nint ToReference(Value value, InstanceGroup group)
    {
        if (value.Kind == ValueKind.ExternRef)
            return value.ToExtern() is { } target ? group.HandleOf(target) : 0;
        return value.ToFunction() is { } function ? (nint)function.Enter(group) : 0;
    }
}

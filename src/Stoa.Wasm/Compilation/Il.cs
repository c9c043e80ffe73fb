using System.Runtime.Intrinsics;

namespace Stoa.Wasm.Compilation;

/// <summary>The opcodes of the Common Intermediate Language that the compiler uses (ECMA-335, partition III).</summary>
internal static class Il
{
    public const byte Nop = 0x00;
    public const byte Dup = 0x25;
    public const byte Pop = 0x26;
    public const byte Call = 0x28;
    public const byte Calli = 0x29;
    public const byte Ret = 0x2A;
    public const byte LdcI4_0 = 0x16;
    public const byte LdcI4_S = 0x1F;
    public const byte LdcI4 = 0x20;
    public const byte LdcI8 = 0x21;
    public const byte LdcR4 = 0x22;
    public const byte LdcR8 = 0x23;
    public const byte LdNull = 0x14;
    public const byte Ldarg_0 = 0x02;
    public const byte Ldloc_0 = 0x06;
    public const byte Stloc_0 = 0x0A;
    public const byte Ldarg_S = 0x0E;
    public const byte Starg_S = 0x10;
    public const byte Ldloc_S = 0x11;
    public const byte Stloc_S = 0x13;
    public const byte Br = 0x38;
    public const byte Brfalse = 0x39;
    public const byte Brtrue = 0x3A;
    public const byte Beq = 0x3B;
    public const byte Bge = 0x3C;
    public const byte Bgt = 0x3D;
    public const byte Ble = 0x3E;
    public const byte Blt = 0x3F;
    public const byte BneUn = 0x40;
    public const byte BgeUn = 0x41;
    public const byte BgtUn = 0x42;
    public const byte BleUn = 0x43;
    public const byte BltUn = 0x44;
    public const byte Switch = 0x45;
    public const byte LdindI1 = 0x46;
    public const byte LdindU1 = 0x47;
    public const byte LdindI2 = 0x48;
    public const byte LdindU2 = 0x49;
    public const byte LdindI4 = 0x4A;
    public const byte LdindU4 = 0x4B;
    public const byte LdindI8 = 0x4C;
    public const byte LdindI = 0x4D;
    public const byte LdindR4 = 0x4E;
    public const byte LdindR8 = 0x4F;
    public const byte StindI1 = 0x52;
    public const byte StindI2 = 0x53;
    public const byte StindI4 = 0x54;
    public const byte StindI8 = 0x55;
    public const byte StindR4 = 0x56;
    public const byte StindR8 = 0x57;
    public const byte StindI = 0xDF;
    public const byte Add = 0x58;
    public const byte Sub = 0x59;
    public const byte Mul = 0x5A;
    public const byte Div = 0x5B;
    public const byte DivUn = 0x5C;
    public const byte Rem = 0x5D;
    public const byte RemUn = 0x5E;
    public const byte And = 0x5F;
    public const byte Or = 0x60;
    public const byte Xor = 0x61;
    public const byte Shl = 0x62;
    public const byte Shr = 0x63;
    public const byte ShrUn = 0x64;
    public const byte Neg = 0x65;
    public const byte Not = 0x66;
    public const byte ConvI1 = 0x67;
    public const byte ConvI2 = 0x68;
    public const byte ConvI4 = 0x69;
    public const byte ConvI8 = 0x6A;
    public const byte ConvR4 = 0x6B;
    public const byte ConvR8 = 0x6C;
    public const byte ConvU4 = 0x6D;
    public const byte ConvU8 = 0x6E;
    public const byte ConvRUn = 0x76;
    public const byte Ldobj = 0x71;
    public const byte Throw = 0x7A;
    public const byte Ldfld = 0x7B;
    public const byte Stfld = 0x7D;
    public const byte Stobj = 0x81;
    public const byte ConvI = 0xD3;
    public const byte AddOvfUn = 0xD7;
    public const byte ConvU = 0xE0;
    public const byte Prefix = 0xFE;

    // Behind the prefix.
    public const byte Ceq = 0x01;
    public const byte Cgt = 0x02;
    public const byte CgtUn = 0x03;
    public const byte Clt = 0x04;
    public const byte CltUn = 0x05;
    public const byte Ldarg = 0x09;
    public const byte Starg = 0x0B;
    public const byte Ldloc = 0x0C;
    public const byte Ldloca = 0x0D;
    public const byte Stloc = 0x0E;
    public const byte Unaligned = 0x12;
    public const byte Volatile = 0x13;
    public const byte Tail = 0x14;

    // Element types in signatures (partition II, 23.1.16).
    public const byte TypeVoid = 0x01;
    public const byte TypeI4 = 0x08;
    public const byte TypeI8 = 0x0A;
    public const byte TypeR4 = 0x0C;
    public const byte TypeR8 = 0x0D;
    public const byte TypeI = 0x18;
    public const byte TypeInternal = 0x21;
    public const byte LocalSignature = 0x07;

    // The runtime's own way to name a type that has no element type: by its handle, in the machine's byte order.
    private static readonly byte[] s_vector = nint.Size == 8
        ? [TypeInternal, .. BitConverter.GetBytes((long)typeof(Vector128<byte>).TypeHandle.Value)]
        : [TypeInternal, .. BitConverter.GetBytes((int)typeof(Vector128<byte>).TypeHandle.Value)];

    /// <summary>The type of a value as signatures have it.</summary>
    public static ReadOnlySpan<byte> TypeOf(ValueKind kind) => kind switch
    {
        ValueKind.I32 => [TypeI4],
        ValueKind.I64 => [TypeI8],
        ValueKind.F32 => [TypeR4],
        ValueKind.F64 => [TypeR8],
        ValueKind.V128 => s_vector,
        _ => [TypeI],
    };

    /// <summary>Loads a whole value, no vector, from an address.</summary>
    public static byte LoadOf(ValueKind kind) => kind switch
    {
        ValueKind.I32 => LdindI4,
        ValueKind.I64 => LdindI8,
        ValueKind.F32 => LdindR4,
        ValueKind.F64 => LdindR8,
        _ => LdindI,
    };

    /// <summary>Stores a whole value, no vector, to an address.</summary>
    public static byte StoreOf(ValueKind kind) => kind switch
    {
        ValueKind.I32 => StindI4,
        ValueKind.I64 => StindI8,
        ValueKind.F32 => StindR4,
        ValueKind.F64 => StindR8,
        _ => StindI,
    };

    /// <summary>Writes a count as signatures have it (partition II, 23.2).</summary>
    public static void WriteCompressed(List<byte> signature, int count)
    {
        if (count < 0x80)
        {
            signature.Add((byte)count);
        }
        else if (count < 0x4000)
        {
            signature.Add((byte)(0x80 | (count >> 8)));
            signature.Add((byte)count);
        }
        else
        {
            signature.AddRange([(byte)(0xC0 | (count >> 24)), (byte)(count >> 16), (byte)(count >> 8), (byte)count]);
        }
    }
}

using System.Buffers.Binary;
using System.Numerics;
using System.Reflection;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Compilation;

/// <summary>The code of each numeric instruction: opcodes, then perhaps a call, then perhaps opcodes again.</summary>
internal readonly record struct NumericCode(byte[] Before, MethodInfo? Call, byte[] After)
{
    private static readonly NumericCode[] s_all = Build();
    private static readonly NumericCode[] s_saturating = BuildSaturating();

    public static NumericCode Of(Opcode opcode) => s_all[(int)opcode];

    public static NumericCode Of(ExtendedOpcode saturating) => s_saturating[(int)saturating];

    private static NumericCode[] Build()
    {
        var all = new NumericCode[256];
        AddComparisons(all);
        AddIntegers(all);
        AddFloats(all, Opcode.F32Abs, typeof(MathF), typeof(float));
        AddFloats(all, Opcode.F64Abs, typeof(Math), typeof(double));
        AddConversions(all);
        return all;
    }

    private static void AddComparisons(NumericCode[] all)
    {
        byte[] equal = [Il.Prefix, Il.Ceq];
        byte[] not = [Il.LdcI4_0, Il.Prefix, Il.Ceq];
        byte[][] integer =
        [
            equal, [.. equal, .. not],
            [Il.Prefix, Il.Clt], [Il.Prefix, Il.CltUn], [Il.Prefix, Il.Cgt], [Il.Prefix, Il.CgtUn],
            [Il.Prefix, Il.Cgt, .. not], [Il.Prefix, Il.CgtUn, .. not],
            [Il.Prefix, Il.Clt, .. not], [Il.Prefix, Il.CltUn, .. not],
        ];
        byte[][] real =
        [
            equal, [.. equal, .. not], [Il.Prefix, Il.Clt], [Il.Prefix, Il.Cgt],
            [Il.Prefix, Il.CgtUn, .. not], [Il.Prefix, Il.CltUn, .. not],
        ];
        Plain(all, Opcode.I32Eqz, not);
        Plain(all, Opcode.I32Eq, integer);
        Plain(all, Opcode.I64Eqz, [Il.LdcI4_0, Il.ConvI8, Il.Prefix, Il.Ceq]);
        Plain(all, Opcode.I64Eq, integer);
        Plain(all, Opcode.F32Eq, real);
        Plain(all, Opcode.F64Eq, real);
    }

    private static void AddIntegers(NumericCode[] all)
    {
        byte[] shiftCount32 = [Il.LdcI4_S, 31, Il.And];
        byte[] shiftCount64 = [Il.ConvI4, Il.LdcI4_S, 63, Il.And];
        foreach (bool is64 in (ReadOnlySpan<bool>)[false, true])
        {
            var first = is64 ? Opcode.I64Clz : Opcode.I32Clz;
            byte[] count = is64 ? shiftCount64 : shiftCount32;
            byte[] widen = is64 ? [Il.ConvI8] : [];
            byte[] narrow = is64 ? [Il.ConvI4] : [];
            var unsigned = is64 ? typeof(ulong) : typeof(uint);
            var signed = is64 ? typeof(long) : typeof(int);
            all[(int)first] = new([], Bits(nameof(BitOperations.LeadingZeroCount), unsigned), widen);
            all[(int)first + 1] = new([], Bits(nameof(BitOperations.TrailingZeroCount), unsigned), widen);
            all[(int)first + 2] = new([], Bits(nameof(BitOperations.PopCount), unsigned), widen);
            Plain(all, first + 3, [Il.Add], [Il.Sub], [Il.Mul]);
            all[(int)first + 6] = new([], Own(nameof(Numerics.DivS), signed, signed), []);
            Plain(all, first + 7, [Il.DivUn]);
            all[(int)first + 8] = new([], Own(nameof(Numerics.RemS), signed, signed), []);
            Plain(all, first + 9, [Il.RemUn], [Il.And], [Il.Or], [Il.Xor]);
            Plain(all, first + 13, [.. count, Il.Shl], [.. count, Il.Shr], [.. count, Il.ShrUn]);
            all[(int)first + 16] = new(narrow, Bits(nameof(BitOperations.RotateLeft), unsigned, typeof(int)), []);
            all[(int)first + 17] = new(narrow, Bits(nameof(BitOperations.RotateRight), unsigned, typeof(int)), []);
        }
    }

    private static void AddFloats(NumericCode[] all, Opcode abs, Type math, Type type)
    {
        int first = (int)abs;
        all[first] = ByCall(math, nameof(Math.Abs), type);
        Plain(all, abs + 1, [Il.Neg]);
        all[first + 2] = ByCall(math, nameof(Math.Ceiling), type);
        all[first + 3] = ByCall(math, nameof(Math.Floor), type);
        all[first + 4] = ByCall(math, nameof(Math.Truncate), type);
        all[first + 5] = ByCall(math, nameof(Math.Round), type);
        all[first + 6] = ByCall(math, nameof(Math.Sqrt), type);
        Plain(all, abs + 7, [Il.Add], [Il.Sub], [Il.Mul], [Il.Div]);
        all[first + 11] = ByCall(typeof(Numerics), nameof(Numerics.Min), type, type);
        all[first + 12] = ByCall(typeof(Numerics), nameof(Numerics.Max), type, type);
        all[first + 13] = ByCall(math, nameof(Math.CopySign), type, type);
    }

    private static void AddConversions(NumericCode[] all)
    {
        Plain(all, Opcode.I32WrapI64, [Il.ConvI4]);
        all[(int)Opcode.I32TruncF32S] = ByCall(typeof(Numerics), nameof(Numerics.TruncI32S), typeof(float));
        all[(int)Opcode.I32TruncF32U] = ByCall(typeof(Numerics), nameof(Numerics.TruncI32U), typeof(float));
        all[(int)Opcode.I32TruncF64S] = ByCall(typeof(Numerics), nameof(Numerics.TruncI32S), typeof(double));
        all[(int)Opcode.I32TruncF64U] = ByCall(typeof(Numerics), nameof(Numerics.TruncI32U), typeof(double));
        Plain(all, Opcode.I64ExtendI32S, [Il.ConvI8], [Il.ConvU8]);
        all[(int)Opcode.I64TruncF32S] = ByCall(typeof(Numerics), nameof(Numerics.TruncI64S), typeof(float));
        all[(int)Opcode.I64TruncF32U] = ByCall(typeof(Numerics), nameof(Numerics.TruncI64U), typeof(float));
        all[(int)Opcode.I64TruncF64S] = ByCall(typeof(Numerics), nameof(Numerics.TruncI64S), typeof(double));
        all[(int)Opcode.I64TruncF64U] = ByCall(typeof(Numerics), nameof(Numerics.TruncI64U), typeof(double));
        Plain(all, Opcode.F32ConvertI32S, [Il.ConvR4]);
        all[(int)Opcode.F32ConvertI32U] = ByCall(typeof(Numerics), nameof(Numerics.ConvertF32U), typeof(int));
        Plain(all, Opcode.F32ConvertI64S, [Il.ConvR4]);
        all[(int)Opcode.F32ConvertI64U] = ByCall(typeof(Numerics), nameof(Numerics.ConvertF32U), typeof(long));
        Plain(all, Opcode.F32DemoteF64, [Il.ConvR4]);
        Plain(all, Opcode.F64ConvertI32S, [Il.ConvR8]);
        all[(int)Opcode.F64ConvertI32U] = ByCall(typeof(Numerics), nameof(Numerics.ConvertF64U), typeof(int));
        Plain(all, Opcode.F64ConvertI64S, [Il.ConvR8]);
        all[(int)Opcode.F64ConvertI64U] = ByCall(typeof(Numerics), nameof(Numerics.ConvertF64U), typeof(long));
        Plain(all, Opcode.F64PromoteF32, [Il.ConvR8]);
        all[(int)Opcode.I32ReinterpretF32] = ByCall(typeof(BitConverter), nameof(BitConverter.SingleToInt32Bits), typeof(float));
        all[(int)Opcode.I64ReinterpretF64] = ByCall(typeof(BitConverter), nameof(BitConverter.DoubleToInt64Bits), typeof(double));
        AddReinterpretations(all);
        Plain(all, Opcode.I32Extend8S, [Il.ConvI1], [Il.ConvI2]);
        Plain(all, Opcode.I64Extend8S, [Il.ConvI1, Il.ConvI8], [Il.ConvI2, Il.ConvI8], [Il.ConvI4, Il.ConvI8]);
    }

    // The integer may be a constant, and then what becomes of it would be one: see OpaqueConstants.
    private static void AddReinterpretations(NumericCode[] all)
    {
        byte[] zero = [Il.LdcI8, 0, 0, 0, 0, 0, 0, 0, 0, Il.ConvI];
        BinaryPrimitives.WriteInt64LittleEndian(zero.AsSpan(1), OpaqueConstants.Zero);
        all[(int)Opcode.F32ReinterpretI32] = new(
            [.. zero, Il.LdindI4, Il.Xor], Find(typeof(BitConverter), nameof(BitConverter.Int32BitsToSingle), [typeof(int)]), []);
        all[(int)Opcode.F64ReinterpretI64] = new(
            [.. zero, Il.LdindI8, Il.Xor], Find(typeof(BitConverter), nameof(BitConverter.Int64BitsToDouble), [typeof(long)]), []);
    }

    private static NumericCode[] BuildSaturating() =>
    [
        ByCall(typeof(Numerics), nameof(Numerics.SaturateI32S), typeof(float)),
        ByCall(typeof(Numerics), nameof(Numerics.SaturateI32U), typeof(float)),
        ByCall(typeof(Numerics), nameof(Numerics.SaturateI32S), typeof(double)),
        ByCall(typeof(Numerics), nameof(Numerics.SaturateI32U), typeof(double)),
        ByCall(typeof(Numerics), nameof(Numerics.SaturateI64S), typeof(float)),
        ByCall(typeof(Numerics), nameof(Numerics.SaturateI64U), typeof(float)),
        ByCall(typeof(Numerics), nameof(Numerics.SaturateI64S), typeof(double)),
        ByCall(typeof(Numerics), nameof(Numerics.SaturateI64U), typeof(double)),
    ];

    private static void Plain(NumericCode[] all, Opcode first, params ReadOnlySpan<byte[]> code)
    {
        for (int i = 0; i < code.Length; i++)
            all[(int)first + i] = new(code[i], null, []);
    }

    private static NumericCode ByCall(Type type, string name, params Type[] parameters) => new([], Find(type, name, parameters), []);

    private static MethodInfo Bits(string name, params Type[] parameters) => Find(typeof(BitOperations), name, parameters);

    private static MethodInfo Own(string name, params Type[] parameters) => Find(typeof(Numerics), name, parameters);

    private static MethodInfo Find(Type type, string name, Type[] parameters) =>
        type.GetMethod(name, BindingFlags.Static | BindingFlags.Public, parameters)
        ?? throw new MissingMethodException(type.Name, name);
}

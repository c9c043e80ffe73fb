using System.Reflection;
using System.Runtime.Intrinsics;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Runtime;
using static Stoa.Wasm.Binary.VectorOpcode;

namespace Stoa.Wasm.Compilation;

/// <summary>The method that a vector instruction is: one of the framework that the JIT knows, or one of the engine that it inlines.</summary>
/// <remarks>
/// Compiled code keeps every vector as one of bytes, in the order of memory, and calls these methods with it whatever lanes they are
/// declared with: to the JIT the sixteen bytes are the same, and a method of the framework that is called directly costs no inlining.
/// </remarks>
internal sealed class VectorCode
{
    private static readonly VectorCode?[] s_all = Build();

    private readonly Type _owner;
    private readonly string _name;
    private readonly Type[] _parameters;
    private MethodInfo? _method;

    private VectorCode(Type owner, string name, Type[] parameters)
    {
        _owner = owner;
        _name = name;
        _parameters = parameters;
    }

    /// <summary>Two vectors of bytes, the second one of lanes to choose from the first or zeros.</summary>
    public static VectorCode Shuffle { get; } = Framework(nameof(Vector128.Shuffle), Vector(typeof(byte)), Vector(typeof(byte)));

    /// <summary>The same with lanes of four bytes.</summary>
    public static VectorCode ShuffleWords { get; } = Framework(nameof(Vector128.Shuffle), Vector(typeof(int)), Vector(typeof(int)));

    /// <summary>Makes a vector of its two halves.</summary>
    public static VectorCode Create { get; } = Framework(nameof(Vector128.Create), typeof(ulong), typeof(ulong));

    /// <summary>The code of an instruction; of an access to memory the part that is left when the scalar is loaded, or before it is stored.</summary>
    public static VectorCode Of(VectorOpcode opcode) => s_all[(int)opcode]!;

    /// <summary>Found when it is first needed; the JIT is told of no method that no guest uses.</summary>
    public MethodInfo Method => _method ??= Find();

    /// <summary>How compiled code keeps a parameter of such a method.</summary>
    public static ValueKind KindOf(Type type)
    {
        if (type.IsGenericType)
            return ValueKind.V128;
        if (type == typeof(float))
            return ValueKind.F32;
        if (type == typeof(double))
            return ValueKind.F64;
        return type == typeof(long) || type == typeof(ulong) ? ValueKind.I64 : ValueKind.I32;
    }

    private static Type Vector(Type lane) => typeof(Vector128<>).MakeGenericType(lane);

    private MethodInfo Find()
    {
        foreach (var candidate in _owner.GetMethods(BindingFlags.Static | BindingFlags.Public))
        {
            if (candidate.Name != _name || candidate.GetParameters().Length != _parameters.Length)
                continue;
            var method = candidate;
            if (candidate.IsGenericMethodDefinition)
            {
                var lane = _parameters[0].IsGenericType ? _parameters[0].GetGenericArguments()[0] : _parameters[0];
                method = candidate.MakeGenericMethod(lane);
            }

            if (method.GetParameters().Select(parameter => parameter.ParameterType).SequenceEqual(_parameters))
                return method;
        }

        throw new MissingMethodException(_owner.Name, _name);
    }

    private static VectorCode Framework(string name, params Type[] parameters) => new(typeof(Vector128), name, parameters);

    private static VectorCode?[] Build()
    {
        var all = new VectorCode?[VectorInstructions.Opcodes];
        AddBits(all);
        AddLanes(all);
        AddComparisons(all);
        AddIntegers(all);
        AddWidening(all);
        AddFloats(all, F32x4Abs, typeof(float), typeof(uint));
        AddFloats(all, F64x2Abs, typeof(double), typeof(ulong));
        AddConversions(all);
        AddRelaxed(all);
        return all;
    }

    private static void AddBits(VectorCode?[] all)
    {
        Unary(all, V128Not, typeof(Vector128), nameof(Vector128.OnesComplement), typeof(byte));
        Binary(all, V128And, typeof(Vector128), nameof(Vector128.BitwiseAnd), typeof(byte));
        Binary(all, V128Andnot, typeof(Vector128), nameof(Vector128.AndNot), typeof(byte));
        Binary(all, V128Or, typeof(Vector128), nameof(Vector128.BitwiseOr), typeof(byte));
        Binary(all, V128Xor, typeof(Vector128), nameof(Vector128.Xor), typeof(byte));
        var bytes = Vector(typeof(byte));
        all[(int)V128Bitselect] = new(typeof(VectorIntegers), nameof(VectorIntegers.BitSelect), [bytes, bytes, bytes]);
        Unary(all, V128AnyTrue, typeof(VectorIntegers), nameof(VectorIntegers.AnyTrue), typeof(byte));
        Unary(all, I8x16Popcnt, typeof(VectorIntegers), nameof(VectorIntegers.PopCount), typeof(byte));
        Binary(all, I8x16Swizzle, typeof(VectorIntegers), nameof(VectorIntegers.Swizzle), typeof(byte));
    }

    private static void AddLanes(VectorCode?[] all)
    {
        ReadOnlySpan<Type> splats = [typeof(sbyte), typeof(short), typeof(int), typeof(long), typeof(float), typeof(double)];
        for (int i = 0; i < splats.Length; i++)
            all[(int)I8x16Splat + i] = Framework(nameof(Vector128.Create), splats[i]);
        for (int i = 0; i < 4; i++)
        {
            all[(int)V128Load8Splat + i] = Framework(nameof(Vector128.Create), splats[i]);
            all[(int)V128Load8Lane + i] = Replace(splats[i]);
            all[(int)V128Store8Lane + i] = Extract(splats[i]);
        }

        all[(int)I8x16ExtractLaneS] = Extract(typeof(sbyte));
        all[(int)I8x16ExtractLaneU] = Extract(typeof(byte));
        all[(int)I16x8ExtractLaneS] = Extract(typeof(short));
        all[(int)I16x8ExtractLaneU] = Extract(typeof(ushort));
        all[(int)I32x4ExtractLane] = Extract(typeof(int));
        all[(int)I64x2ExtractLane] = Extract(typeof(long));
        all[(int)F32x4ExtractLane] = Extract(typeof(float));
        all[(int)F64x2ExtractLane] = Extract(typeof(double));
        all[(int)I8x16ReplaceLane] = Replace(typeof(sbyte));
        all[(int)I16x8ReplaceLane] = Replace(typeof(short));
        all[(int)I32x4ReplaceLane] = Replace(typeof(int));
        all[(int)I64x2ReplaceLane] = Replace(typeof(long));
        all[(int)F32x4ReplaceLane] = Replace(typeof(float));
        all[(int)F64x2ReplaceLane] = Replace(typeof(double));
        all[(int)V128Load32Zero] = Framework(nameof(Vector128.CreateScalar), typeof(int));
        all[(int)V128Load64Zero] = Framework(nameof(Vector128.CreateScalar), typeof(long));

        static VectorCode Extract(Type lane) => Framework(nameof(Vector128.GetElement), Vector(lane), typeof(int));

        static VectorCode Replace(Type lane) => Framework(nameof(Vector128.WithElement), Vector(lane), typeof(int), lane);
    }

    private static void AddComparisons(VectorCode?[] all)
    {
        ReadOnlySpan<string> orders =
            [nameof(Vector128.LessThan), nameof(Vector128.GreaterThan), nameof(Vector128.LessThanOrEqual), nameof(Vector128.GreaterThanOrEqual)];
        ReadOnlySpan<(VectorOpcode First, Type Signed, Type? Unsigned)> kinds =
        [
            (I8x16Eq, typeof(sbyte), typeof(byte)), (I16x8Eq, typeof(short), typeof(ushort)), (I32x4Eq, typeof(int), typeof(uint)),
            (F32x4Eq, typeof(float), null), (F64x2Eq, typeof(double), null), (I64x2Eq, typeof(long), null),
        ];
        foreach (var (first, signed, unsigned) in kinds)
        {
            var opcode = first;
            Binary(all, opcode++, typeof(Vector128), nameof(Vector128.Equals), signed);
            Binary(all, opcode++, typeof(VectorIntegers), nameof(VectorIntegers.NotEqual), signed);
            foreach (string order in orders)
            {
                Binary(all, opcode++, typeof(Vector128), order, signed);
                if (unsigned is not null)
                    Binary(all, opcode++, typeof(Vector128), order, unsigned);
            }
        }
    }

    private static void AddIntegers(VectorCode?[] all)
    {
        ReadOnlySpan<(VectorOpcode Abs, VectorOpcode Shl, Type Signed, Type Unsigned)> kinds =
        [
            (I8x16Abs, I8x16Shl, typeof(sbyte), typeof(byte)), (I16x8Abs, I16x8Shl, typeof(short), typeof(ushort)),
            (I32x4Abs, I32x4Shl, typeof(int), typeof(uint)), (I64x2Abs, I64x2Shl, typeof(long), typeof(ulong)),
        ];
        foreach (var (abs, shl, signed, unsigned) in kinds)
        {
            Unary(all, abs, typeof(VectorIntegers), nameof(VectorIntegers.Abs), signed);
            Unary(all, abs + 1, typeof(Vector128), nameof(Vector128.Negate), signed);
            Unary(all, abs + 3, typeof(VectorIntegers), nameof(VectorIntegers.AllTrue), signed);
            Unary(all, abs + 4, typeof(Vector128), nameof(Vector128.ExtractMostSignificantBits), signed);
            Shift(all, shl, nameof(VectorIntegers.ShiftLeft), unsigned);
            Shift(all, shl + 1, nameof(VectorIntegers.ShiftRight), signed);
            Shift(all, shl + 2, nameof(VectorIntegers.ShiftRight), unsigned);
            Binary(all, shl + 3, typeof(Vector128), nameof(Vector128.Add), signed);
            Binary(all, shl + 6, typeof(Vector128), nameof(Vector128.Subtract), signed);
        }

        foreach (var (add, signed, unsigned) in (ReadOnlySpan<(VectorOpcode, Type, Type)>)
            [(I8x16Add, typeof(sbyte), typeof(byte)), (I16x8Add, typeof(short), typeof(ushort))])
        {
            Binary(all, add + 1, typeof(Vector128), nameof(Vector128.AddSaturate), signed);
            Binary(all, add + 2, typeof(Vector128), nameof(Vector128.AddSaturate), unsigned);
            Binary(all, add + 4, typeof(Vector128), nameof(Vector128.SubtractSaturate), signed);
            Binary(all, add + 5, typeof(Vector128), nameof(Vector128.SubtractSaturate), unsigned);
        }

        foreach (var (min, signed, unsigned) in (ReadOnlySpan<(VectorOpcode, Type, Type)>)
            [(I8x16MinS, typeof(sbyte), typeof(byte)), (I16x8MinS, typeof(short), typeof(ushort)), (I32x4MinS, typeof(int), typeof(uint))])
        {
            Binary(all, min, typeof(Vector128), nameof(Vector128.Min), signed);
            Binary(all, min + 1, typeof(Vector128), nameof(Vector128.Min), unsigned);
            Binary(all, min + 2, typeof(Vector128), nameof(Vector128.Max), signed);
            Binary(all, min + 3, typeof(Vector128), nameof(Vector128.Max), unsigned);
        }

        Binary(all, I16x8Mul, typeof(Vector128), nameof(Vector128.Multiply), typeof(short));
        Binary(all, I32x4Mul, typeof(Vector128), nameof(Vector128.Multiply), typeof(int));
        Binary(all, I64x2Mul, typeof(Vector128), nameof(Vector128.Multiply), typeof(long));
        Binary(all, I8x16AvgrU, typeof(VectorIntegers), nameof(VectorIntegers.Average), typeof(byte));
        Binary(all, I16x8AvgrU, typeof(VectorIntegers), nameof(VectorIntegers.Average), typeof(ushort));
        Binary(all, I16x8Q15mulrSatS, typeof(VectorIntegers), nameof(VectorIntegers.MultiplyFixedPoint), typeof(short));
        Binary(all, I32x4DotI16x8S, typeof(VectorIntegers), nameof(VectorIntegers.Dot), typeof(int));
        Unary(all, I16x8ExtaddPairwiseI8x16S, typeof(VectorIntegers), nameof(VectorIntegers.AddPairs), typeof(short));
        Unary(all, I16x8ExtaddPairwiseI8x16U, typeof(VectorIntegers), nameof(VectorIntegers.AddPairs), typeof(ushort));
        Unary(all, I32x4ExtaddPairwiseI16x8S, typeof(VectorIntegers), nameof(VectorIntegers.AddPairs), typeof(int));
        Unary(all, I32x4ExtaddPairwiseI16x8U, typeof(VectorIntegers), nameof(VectorIntegers.AddPairs), typeof(uint));
        Binary(all, I8x16NarrowI16x8S, typeof(Vector128), nameof(Vector128.NarrowWithSaturation), typeof(short));
        Binary(all, I8x16NarrowI16x8U, typeof(VectorIntegers), nameof(VectorIntegers.NarrowUnsigned), typeof(short));
        Binary(all, I16x8NarrowI32x4S, typeof(Vector128), nameof(Vector128.NarrowWithSaturation), typeof(int));
        Binary(all, I16x8NarrowI32x4U, typeof(VectorIntegers), nameof(VectorIntegers.NarrowUnsigned), typeof(int));
    }

    private static void AddWidening(VectorCode?[] all)
    {
        ReadOnlySpan<(VectorOpcode Extend, VectorOpcode Multiply, VectorOpcode Load, Type Signed, Type Unsigned)> kinds =
        [
            (I16x8ExtendLowI8x16S, I16x8ExtmulLowI8x16S, V128Load8x8S, typeof(sbyte), typeof(byte)),
            (I32x4ExtendLowI16x8S, I32x4ExtmulLowI16x8S, V128Load16x4S, typeof(short), typeof(ushort)),
            (I64x2ExtendLowI32x4S, I64x2ExtmulLowI32x4S, V128Load32x2S, typeof(int), typeof(uint)),
        ];
        foreach (var (extend, multiply, load, signed, unsigned) in kinds)
        {
            Unary(all, load, typeof(Vector128), nameof(Vector128.WidenLower), signed);
            Unary(all, load + 1, typeof(Vector128), nameof(Vector128.WidenLower), unsigned);
            Unary(all, extend, typeof(Vector128), nameof(Vector128.WidenLower), signed);
            Unary(all, extend + 1, typeof(Vector128), nameof(Vector128.WidenUpper), signed);
            Unary(all, extend + 2, typeof(Vector128), nameof(Vector128.WidenLower), unsigned);
            Unary(all, extend + 3, typeof(Vector128), nameof(Vector128.WidenUpper), unsigned);
            Binary(all, multiply, typeof(VectorIntegers), nameof(VectorIntegers.MultiplyLower), signed);
            Binary(all, multiply + 1, typeof(VectorIntegers), nameof(VectorIntegers.MultiplyUpper), signed);
            Binary(all, multiply + 2, typeof(VectorIntegers), nameof(VectorIntegers.MultiplyLower), unsigned);
            Binary(all, multiply + 3, typeof(VectorIntegers), nameof(VectorIntegers.MultiplyUpper), unsigned);
        }
    }

    private static void AddFloats(VectorCode?[] all, VectorOpcode abs, Type type, Type bits)
    {
        Unary(all, abs, typeof(VectorFloats), nameof(VectorFloats.Abs), bits);
        Unary(all, abs + 1, typeof(VectorFloats), nameof(VectorFloats.Negate), bits);
        Unary(all, abs + 3, typeof(Vector128), nameof(Vector128.Sqrt), type);
        Binary(all, abs + 4, typeof(Vector128), nameof(Vector128.Add), type);
        Binary(all, abs + 5, typeof(Vector128), nameof(Vector128.Subtract), type);
        Binary(all, abs + 6, typeof(Vector128), nameof(Vector128.Multiply), type);
        Binary(all, abs + 7, typeof(Vector128), nameof(Vector128.Divide), type);
        Binary(all, abs + 8, typeof(VectorFloats), nameof(VectorFloats.Min), type);
        Binary(all, abs + 9, typeof(VectorFloats), nameof(VectorFloats.Max), type);
        Binary(all, abs + 10, typeof(VectorFloats), nameof(VectorFloats.PseudoMin), type);
        Binary(all, abs + 11, typeof(VectorFloats), nameof(VectorFloats.PseudoMax), type);
        bool isSingle = type == typeof(float);
        Unary(all, isSingle ? F32x4Ceil : F64x2Ceil, typeof(Vector128), nameof(Vector128.Ceiling), type);
        Unary(all, isSingle ? F32x4Floor : F64x2Floor, typeof(Vector128), nameof(Vector128.Floor), type);
        Unary(all, isSingle ? F32x4Trunc : F64x2Trunc, typeof(Vector128), nameof(Vector128.Truncate), type);
        Unary(all, isSingle ? F32x4Nearest : F64x2Nearest, typeof(Vector128), nameof(Vector128.Round), type);
    }

    private static void AddConversions(VectorCode?[] all)
    {
        Unary(all, F32x4DemoteF64x2Zero, typeof(VectorFloats), nameof(VectorFloats.Demote), typeof(double));
        Unary(all, F64x2PromoteLowF32x4, typeof(Vector128), nameof(Vector128.WidenLower), typeof(float));
        Unary(all, I32x4TruncSatF32x4S, typeof(Vector128), nameof(Vector128.ConvertToInt32), typeof(float));
        Unary(all, I32x4TruncSatF32x4U, typeof(VectorFloats), nameof(VectorFloats.TruncateUnsigned), typeof(float));
        Unary(all, F32x4ConvertI32x4S, typeof(Vector128), nameof(Vector128.ConvertToSingle), typeof(int));
        Unary(all, F32x4ConvertI32x4U, typeof(Vector128), nameof(Vector128.ConvertToSingle), typeof(uint));
        Unary(all, I32x4TruncSatF64x2SZero, typeof(VectorFloats), nameof(VectorFloats.TruncateSigned), typeof(double));
        Unary(all, I32x4TruncSatF64x2UZero, typeof(VectorFloats), nameof(VectorFloats.TruncateUnsigned), typeof(double));
        Unary(all, F64x2ConvertLowI32x4S, typeof(VectorFloats), nameof(VectorFloats.ConvertLower), typeof(int));
        Unary(all, F64x2ConvertLowI32x4U, typeof(VectorFloats), nameof(VectorFloats.ConvertLower), typeof(uint));
    }

    // Where the specification leaves a choice it is that of its deterministic profile, on every machine.
    private static void AddRelaxed(VectorCode?[] all)
    {
        ReadOnlySpan<(VectorOpcode Relaxed, VectorOpcode Same)> pairs =
        [
            (I8x16RelaxedSwizzle, I8x16Swizzle),
            (I32x4RelaxedTruncF32x4S, I32x4TruncSatF32x4S), (I32x4RelaxedTruncF32x4U, I32x4TruncSatF32x4U),
            (I32x4RelaxedTruncF64x2SZero, I32x4TruncSatF64x2SZero), (I32x4RelaxedTruncF64x2UZero, I32x4TruncSatF64x2UZero),
            (I8x16RelaxedLaneselect, V128Bitselect), (I16x8RelaxedLaneselect, V128Bitselect),
            (I32x4RelaxedLaneselect, V128Bitselect), (I64x2RelaxedLaneselect, V128Bitselect),
            (F32x4RelaxedMin, F32x4Min), (F32x4RelaxedMax, F32x4Max), (F64x2RelaxedMin, F64x2Min), (F64x2RelaxedMax, F64x2Max),
            (I16x8RelaxedQ15mulrS, I16x8Q15mulrSatS),
        ];
        foreach (var (relaxed, same) in pairs)
            all[(int)relaxed] = all[(int)same];
        foreach (var (multiplyAdd, lane) in (ReadOnlySpan<(VectorOpcode, Type)>)[(F32x4RelaxedMadd, typeof(float)), (F64x2RelaxedMadd, typeof(double))])
        {
            Type[] operands = [Vector(lane), Vector(lane), Vector(lane)];
            all[(int)multiplyAdd] = new(typeof(RelaxedVectors), nameof(RelaxedVectors.MultiplyAdd), operands);
            all[(int)multiplyAdd + 1] = new(typeof(RelaxedVectors), nameof(RelaxedVectors.MultiplyNegatedAdd), operands);
        }

        Binary(all, I16x8RelaxedDotI8x16I7x16S, typeof(RelaxedVectors), nameof(RelaxedVectors.Dot), typeof(short));
        all[(int)I32x4RelaxedDotI8x16I7x16AddS] =
            new(typeof(RelaxedVectors), nameof(RelaxedVectors.DotAdd), [Vector(typeof(short)), Vector(typeof(short)), Vector(typeof(int))]);
    }

    private static void Unary(VectorCode?[] all, VectorOpcode opcode, Type owner, string name, Type lane) =>
        all[(int)opcode] = new(owner, name, [Vector(lane)]);

    private static void Binary(VectorCode?[] all, VectorOpcode opcode, Type owner, string name, Type lane) =>
        all[(int)opcode] = new(owner, name, [Vector(lane), Vector(lane)]);

    private static void Shift(VectorCode?[] all, VectorOpcode opcode, string name, Type lane) =>
        all[(int)opcode] = new(typeof(VectorIntegers), name, [Vector(lane), typeof(int)]);
}

using System.Runtime.Intrinsics;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Compilation;
using static Stoa.Wasm.Binary.VectorOpcode;
using static Stoa.Wasm.Tests.ModuleBuilder;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Tests.Compilation;

/// <summary>Vector instructions where the official suite does not look.</summary>
public sealed class VectorTests
{
    private const uint SignallingSingle = 0x7fa00000;
    private const uint QuietSingle = 0x7fe00000;

    private static readonly byte[] s_first = Ins(Opcode.LocalGet, 0);
    private static readonly byte[] s_second = Ins(Opcode.LocalGet, 1);

    public static TheoryData<string, byte[]> Identities => new()
    {
        { "x * 1", [.. s_first, .. Constant(Vector128.Create(1f)), .. Vector(F32x4Mul)] },
        { "1 * x", [.. Constant(Vector128.Create(1f)), .. s_first, .. Vector(F32x4Mul)] },
        { "x / 1", [.. s_first, .. Constant(Vector128.Create(1f)), .. Vector(F32x4Div)] },
        { "x - 0", [.. s_first, .. Constant(Vector128.Create(0f)), .. Vector(F32x4Sub)] },
        { "x + -0", [.. s_first, .. Constant(Vector128.Create(-0f)), .. Vector(F32x4Add)] },
        { "x * splat 1", [.. s_first, (byte)Opcode.F32Const, 0, 0, 0x80, 0x3F, .. Vector(F32x4Splat), .. Vector(F32x4Mul)] },
        { "x * splat of the bits of 1", [.. s_first, .. ConstI32(0x3f800000), .. Vector(I32x4Splat), .. Vector(F32x4Mul)] },
        { "x * (y = 1)", [.. Constant(Vector128.Create(1f)), .. Ins(Opcode.LocalSet, 1), .. s_first, .. s_second, .. Vector(F32x4Mul)] },
        { "x - a local that was never set", [.. s_first, .. Ins(Opcode.LocalGet, 2), .. Vector(F32x4Sub)] },
        { "min(x, x)", [.. s_first, .. s_first, .. Vector(F32x4Min)] },
        { "max(x, 1)", [.. s_first, .. Constant(Vector128.Create(1f)), .. Vector(F32x4Max)] },
        { "min(x, -0)", [.. s_first, .. Constant(Vector128.Create(-0f)), .. Vector(F32x4Min)] },
        { "ceil x", [.. s_first, .. Vector(F32x4Ceil)] },
        { "floor x", [.. s_first, .. Vector(F32x4Floor)] },
        { "trunc x", [.. s_first, .. Vector(F32x4Trunc)] },
        { "nearest x", [.. s_first, .. Vector(F32x4Nearest)] },
        { "sqrt x", [.. s_first, .. Vector(F32x4Sqrt)] },
    };

    [Theory]
    [MemberData(nameof(Identities))]
    public void Arithmetic_WithASignallingNaN_IsQuiet(string what, byte[] code) =>
        Run(code, Vector128.Create(SignallingSingle).AsByte()).AsUInt32().ShouldBe(Vector128.Create(QuietSingle), what);

    [Fact]
    public void DemoteOfPromotion_OfASignallingNaN_IsQuiet() =>
        Run([.. s_first, .. Vector(F64x2PromoteLowF32x4), .. Vector(F32x4DemoteF64x2Zero)], Vector128.Create(SignallingSingle).AsByte())
            .AsUInt32().ShouldBe(Vector128.Create(QuietSingle, QuietSingle, 0, 0));

    [Fact]
    public void SignallingConstant_InASum_IsQuiet() =>
        Run([.. s_first, .. Constant(Vector128.Create(SignallingSingle)), .. Vector(F32x4Add)], Vector128.Create(2f).AsByte())
            .AsUInt32().ShouldBe(Vector128.Create(QuietSingle));

    public static TheoryData<string, byte[]> Constants => new()
    {
        { "a constant", Constant(Vector128.Create(SignallingSingle, 1, 2, 3)) },
        { "constants together", [.. Constant(Vector128.Create(0x7f800000u)), .. Constant(Vector128.Create(0x200000u)), .. Vector(V128Or)] },
        { "a splat", [.. ConstI32(unchecked((int)SignallingSingle)), .. Vector(I32x4Splat)] },
        { "a lane that was put in", [.. Constant(Vector128<uint>.Zero), .. ConstI32(unchecked((int)SignallingSingle)), .. Vector(I32x4ReplaceLane), 0] },
    };

    [Theory]
    [MemberData(nameof(Constants))]
    public void Lane_OfASignallingConstant_KeepsItSignalling(string what, byte[] code) =>
        Run([.. code, .. Vector(F32x4ExtractLane), 0, .. Vector(F32x4Splat)], default).AsUInt32().ShouldBe(Vector128.Create(SignallingSingle), what);

    [Theory]
    [InlineData(F32x4Abs, 0x7fa00000u)]
    [InlineData(F32x4Neg, 0xffa00000u)]
    public void SignChange_OfASignallingNaN_KeepsItSignalling(object opcode, uint expected) =>
        Run([.. s_first, .. Vector((VectorOpcode)opcode)], Vector128.Create(SignallingSingle).AsByte()).AsUInt32().ShouldBe(Vector128.Create(expected));

    [Fact]
    public void PseudoMinimum_OfUnorderedOperands_IsTheFirst()
    {
        var a = Vector128.Create(float.NaN, 1, -0f, 0f).AsByte();
        var b = Vector128.Create(1, float.NaN, 0f, -0f).AsByte();
        Run([.. s_first, .. s_second, .. Vector(F32x4Pmin)], a, b).ShouldBe(a);
        Run([.. s_first, .. s_second, .. Vector(F32x4Pmax)], a, b).ShouldBe(a);
    }

    [Fact]
    public void Minimum_OfZeros_IsTheNegativeOne()
    {
        var a = Vector128.Create(-0d, 0d).AsByte();
        var b = Vector128.Create(0d, -0d).AsByte();
        Run([.. s_first, .. s_second, .. Vector(F64x2Min)], a, b).AsUInt64().ShouldBe(Vector128.Create(-0d).AsUInt64());
        Run([.. s_first, .. s_second, .. Vector(F64x2Max)], a, b).AsUInt64().ShouldBe(Vector128<ulong>.Zero);
    }

    // One lane each way; moves of whole words, blends and one-sided ones have code of their own.
    [Theory]
    [InlineData("00101011021203130414051506160717")]
    [InlineData("0C0D0E0F0001020308090A0B04050607")]
    [InlineData("1C1D1E1F1011121318191A1B14151617")]
    [InlineData("0F0E0D0C0B0A09080706050403020100")]
    [InlineData("1F1E1D1C1B1A19181716151413121110")]
    [InlineData("001102130415061708190A1B0C1D0E1F")]
    [InlineData("000102030405060708090A0B0C0D0E0F")]
    [InlineData("0405060708090A0B0C0D0E0F10111213")]
    public void Shuffle_OfAnyForm_TakesTheLanesItNames(string lanes)
    {
        byte[] immediate = Convert.FromHexString(lanes);
        byte[] a = [.. Enumerable.Range(100, 16).Select(lane => (byte)lane)];
        byte[] b = [.. Enumerable.Range(200, 16).Select(lane => (byte)lane)];
        byte[] expected = [.. immediate.Select(lane => lane < 16 ? a[lane] : b[lane - 16])];
        Run([.. s_first, .. s_second, .. Vector(I8x16Shuffle), .. immediate], Vector128.Create(a), Vector128.Create(b))
            .ShouldBe(Vector128.Create(expected));
    }

    [Fact]
    public void Swizzle_OutOfRange_IsZero()
    {
        byte[] lanes = [15, 0, 16, 17, 127, 128, 129, 255, 1, 2, 3, 4, 5, 6, 7, 31];
        byte[] expected = [115, 100, 0, 0, 0, 0, 0, 0, 101, 102, 103, 104, 105, 106, 107, 0];
        var a = Vector128.Create([.. Enumerable.Range(100, 16).Select(lane => (byte)lane)]);
        Run([.. s_first, .. s_second, .. Vector(I8x16Swizzle)], a, Vector128.Create(lanes)).ShouldBe(Vector128.Create(expected));
        Run([.. s_first, .. Constant(Vector128.Create(lanes)), .. Vector(I8x16Swizzle)], a).ShouldBe(Vector128.Create(expected));
    }

    [Theory]
    [InlineData(I8x16Shl, 8)]
    [InlineData(I16x8ShrS, 16)]
    [InlineData(I32x4ShrU, 32)]
    [InlineData(I64x2ShrS, 64)]
    [InlineData(I64x2Shl, -64)]
    public void Shift_ByTheWidthOfALane_ChangesNothing(object opcode, int count)
    {
        var a = Vector128.Create(0x8123456789ABCDEF, 0x7EDCBA9876543210).AsByte();
        Run([.. s_first, .. ConstI32(count), .. Vector((VectorOpcode)opcode)], a).ShouldBe(a);
    }

    [Fact]
    public void Code_OfEveryInstruction_IsThere()
    {
        var opcodes = Enum.GetValues<VectorOpcode>();
        opcodes.Length.ShouldBe(236 + 20);
        VectorOpcode[] own = [V128Load, V128Store, V128Const, I8x16Shuffle];
        foreach (var opcode in opcodes.Except(own))
        {
            var method = VectorCode.Of(opcode).Method;
            method.IsStatic.ShouldBeTrue(opcode.ToString());
        }
    }

    [Theory]
    [InlineData(I8x16ExtractLaneS, 16)]
    [InlineData(I16x8ReplaceLane, 8)]
    [InlineData(F32x4ExtractLane, 4)]
    [InlineData(I64x2ReplaceLane, 2)]
    [InlineData(I8x16ExtractLaneU, 255)]
    public void Compile_LaneThatDoesNotExist_IsRefused(object opcode, byte lane)
    {
        var shape = VectorInstructions.Of((VectorOpcode)opcode);
        byte[] scalar = shape.Second == I64 ? ConstI64(0) : shape.Second == I32 ? ConstI32(0) : [];
        var refusal = Refusal([.. s_first, .. scalar, .. Vector((VectorOpcode)opcode), lane, (byte)Opcode.Drop, .. s_first]);
        refusal.Kind.ShouldBe(InvalidModuleKind.Invalid);
        refusal.Reason.ShouldBe("invalid lane index");
    }

    [Fact]
    public void Compile_ShuffleOfALaneThatDoesNotExist_IsRefused() =>
        Refusal([.. s_first, .. s_first, .. Vector(I8x16Shuffle), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 32])
            .Reason.ShouldBe("invalid lane index");

    [Theory]
    [InlineData(0x9A)]
    [InlineData(0x114)]
    [InlineData(0x7FFFFFFF)]
    public void Compile_VectorInstructionThatDoesNotExist_IsMalformed(uint code)
    {
        var refusal = Refusal([.. s_first, (byte)Opcode.PrefixVector, .. Number(code)]);
        refusal.Kind.ShouldBe(InvalidModuleKind.Malformed);
        refusal.Reason.ShouldBe("illegal opcode");
    }

    [Fact]
    public void Fuel_OfAVectorInstruction_IsOneUnit()
    {
        using var instance = Samples.Instantiate(Binary([.. s_first, .. s_second, .. Vector(F32x4Min), .. Vector(I8x16Popcnt)]));
        instance.Invoke("f", Value.Zero(V128), Value.Zero(V128));
        instance.FuelConsumed.ShouldBe(4);
    }

    [Fact]
    public void UnreachableVectorCode_IsPassedOver()
    {
        byte[] code =
        [
            .. s_first, (byte)Opcode.Return, .. Constant(Vector128.Create(1f)), .. s_first, .. Vector(I8x16Shuffle), .. new byte[16],
            .. Vector(I32x4ExtractLane), 3, .. s_first, .. Vector(V128Load8Lane), 0, 0, 5, (byte)Opcode.Drop, .. Vector(V128Load), 4, 0x80, 1,
        ];
        byte[] module = new ModuleBuilder().Memory(1).Function("f", [V128, V128], [V128], Samples.None, code).Build();
        using var instance = Samples.Instantiate(module);
        var a = Vector128.Create((byte)7);
        instance.Invoke("f", Value.FromVector(a), Value.FromVector(a))[0].ToVector().ShouldBe(a);
    }

    private static Vector128<byte> Run(byte[] code, Vector128<byte> a, Vector128<byte> b = default)
    {
        using var instance = Samples.Instantiate(Binary(code));
        return instance.Invoke("f", Value.FromVector(a), Value.FromVector(b))[0].ToVector();
    }

    private static byte[] Binary(byte[] code) => new ModuleBuilder().Function("f", [V128, V128], [V128], [V128, V128], code).Build();

    private static InvalidModuleException Refusal(byte[] code) =>
        Should.Throw<InvalidModuleException>(() => new Engine().Compile(Binary(code)));

    private static byte[] Constant<T>(Vector128<T> value)
    {
        byte[] bytes = new byte[16];
        value.AsByte().CopyTo(bytes);
        return [.. Vector(V128Const), .. bytes];
    }
}

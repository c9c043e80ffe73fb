using Stoa.Wasm.Binary;
using static Stoa.Wasm.Tests.ModuleBuilder;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Tests.Compilation;

/// <summary>What an optimising JIT would leave out, because it changes nothing but signalling NaNs.</summary>
public sealed class NotANumberTests
{
    private const int SignallingSingle = 0x7fa00000;
    private const int QuietSingle = 0x7fe00000;
    private const long SignallingDouble = 0x7ff4000000000000;
    private const long QuietDouble = 0x7ffc000000000000;

    // Bits go in and out as integers: the JIT would quieten a constant of the test as well.
    private static readonly byte[] s_single = [.. Ins(Opcode.LocalGet, 0), (byte)Opcode.F32ReinterpretI32];
    private static readonly byte[] s_double = [.. Ins(Opcode.LocalGet, 0), (byte)Opcode.F64ReinterpretI64];

    public static TheoryData<string, byte[]> SingleIdentities => new()
    {
        { "x * 1", [.. s_single, .. Single(1), (byte)Opcode.F32Mul] },
        { "1 * x", [.. Single(1), .. s_single, (byte)Opcode.F32Mul] },
        { "x / 1", [.. s_single, .. Single(1), (byte)Opcode.F32Div] },
        { "x - 0", [.. s_single, .. Single(0), (byte)Opcode.F32Sub] },
        { "x + -0", [.. s_single, .. Single(-0f), (byte)Opcode.F32Add] },
        { "-0 + x", [.. Single(-0f), .. s_single, (byte)Opcode.F32Add] },
        { "x * reinterpreted 1", [.. s_single, .. ConstI32(0x3f800000), (byte)Opcode.F32ReinterpretI32, (byte)Opcode.F32Mul] },
        { "x - (y = 0)", [.. s_single, .. Single(0), .. Ins(Opcode.LocalTee, 1), (byte)Opcode.F32Sub] },
        { "demote promoted", [.. s_single, (byte)Opcode.F64PromoteF32, (byte)Opcode.F32DemoteF64] },
        { "demote promoted local", [.. s_single, (byte)Opcode.F64PromoteF32, .. Ins(Opcode.LocalSet, 2), .. Ins(Opcode.LocalGet, 2), (byte)Opcode.F32DemoteF64] },
    };

    public static TheoryData<string, byte[]> DoubleIdentities => new()
    {
        { "x * 1", [.. s_double, .. Double(1), (byte)Opcode.F64Mul] },
        { "1 * x", [.. Double(1), .. s_double, (byte)Opcode.F64Mul] },
        { "x / 1", [.. s_double, .. Double(1), (byte)Opcode.F64Div] },
        { "x - 0", [.. s_double, .. Double(0), (byte)Opcode.F64Sub] },
        { "x + -0", [.. s_double, .. Double(-0d), (byte)Opcode.F64Add] },
        { "-0 + x", [.. Double(-0d), .. s_double, (byte)Opcode.F64Add] },
    };

    [Theory]
    [MemberData(nameof(SingleIdentities))]
    public void SingleIdentity_OfASignallingNaN_IsQuiet(string identity, byte[] code)
    {
        byte[] module = new ModuleBuilder()
            .Function("f", [I32], [I32], [F32, F64], [.. code, (byte)Opcode.I32ReinterpretF32]).Build();
        using var instance = Samples.Instantiate(module);
        instance.Invoke("f", SignallingSingle)[0].ToInt32().ShouldBe(QuietSingle, identity);
    }

    [Theory]
    [MemberData(nameof(DoubleIdentities))]
    public void DoubleIdentity_OfASignallingNaN_IsQuiet(string identity, byte[] code)
    {
        byte[] module = new ModuleBuilder()
            .Function("f", [I64], [I64], Samples.None, [.. code, (byte)Opcode.I64ReinterpretF64]).Build();
        using var instance = Samples.Instantiate(module);
        instance.Invoke("f", SignallingDouble)[0].ToInt64().ShouldBe(QuietDouble, identity);
    }

    [Fact]
    public void SignallingConstants_UsedWithoutArithmetic_KeepTheirBits()
    {
        byte[] module = new ModuleBuilder()
            .Function("constant", [], [I32], Samples.None, [(byte)Opcode.F32Const, 0, 0, 0xa0, 0x7f, (byte)Opcode.I32ReinterpretF32])
            .Function("reinterpreted", [], [F32], Samples.None, [.. ConstI32(SignallingSingle), (byte)Opcode.F32ReinterpretI32])
            .Function("double", [], [F64], Samples.None, [(byte)Opcode.F64Const, .. BitConverter.GetBytes(SignallingDouble)])
            .Build();
        using var instance = Samples.Instantiate(module);
        instance.Invoke("constant")[0].ToInt32().ShouldBe(SignallingSingle);
        BitConverter.SingleToInt32Bits(instance.Invoke("reinterpreted")[0].ToSingle()).ShouldBe(SignallingSingle);
        BitConverter.DoubleToInt64Bits(instance.Invoke("double")[0].ToDouble()).ShouldBe(SignallingDouble);
    }

    private static byte[] Single(float value) => [(byte)Opcode.F32Const, .. BitConverter.GetBytes(value)];

    private static byte[] Double(double value) => [(byte)Opcode.F64Const, .. BitConverter.GetBytes(value)];
}

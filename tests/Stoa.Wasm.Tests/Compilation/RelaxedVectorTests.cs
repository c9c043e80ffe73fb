using System.Runtime.Intrinsics;
using Stoa.Wasm.Text;

namespace Stoa.Wasm.Tests.Compilation;

public sealed class RelaxedVectorTests
{
    private static readonly Engine s_engine = new();

    // Numbers at which the choices that the specification leaves differ.
    private static readonly double[] s_numbers =
        [0, -0.0, 1, -1.5, 2147483647, 2147483648, -2147483648, -2147483649, 4294967295, 4294967296, 1e300, double.NaN, double.PositiveInfinity, double.NegativeInfinity];

    [Theory]
    [InlineData("i8x16.relaxed_swizzle", "i8x16.swizzle", 2)]
    [InlineData("i32x4.relaxed_trunc_f32x4_s", "i32x4.trunc_sat_f32x4_s", 1)]
    [InlineData("i32x4.relaxed_trunc_f32x4_u", "i32x4.trunc_sat_f32x4_u", 1)]
    [InlineData("i32x4.relaxed_trunc_f64x2_s_zero", "i32x4.trunc_sat_f64x2_s_zero", 1)]
    [InlineData("i32x4.relaxed_trunc_f64x2_u_zero", "i32x4.trunc_sat_f64x2_u_zero", 1)]
    [InlineData("i8x16.relaxed_laneselect", "v128.bitselect", 3)]
    [InlineData("i16x8.relaxed_laneselect", "v128.bitselect", 3)]
    [InlineData("i32x4.relaxed_laneselect", "v128.bitselect", 3)]
    [InlineData("i64x2.relaxed_laneselect", "v128.bitselect", 3)]
    [InlineData("f32x4.relaxed_min", "f32x4.min", 2)]
    [InlineData("f32x4.relaxed_max", "f32x4.max", 2)]
    [InlineData("f64x2.relaxed_min", "f64x2.min", 2)]
    [InlineData("f64x2.relaxed_max", "f64x2.max", 2)]
    [InlineData("i16x8.relaxed_q15mulr_s", "i16x8.q15mulr_sat_s", 2)]
    public void Instruction_DoesAsItsStrictCounterpart(string relaxed, string strict, int operands)
    {
        string parameters = string.Concat(Enumerable.Repeat("v128 ", operands));
        string arguments = string.Concat(Enumerable.Range(0, operands).Select(i => $"(local.get {i})"));
        string text = $"""
            (func (export "relaxed") (param {parameters}) (result v128) ({relaxed} {arguments}))
            (func (export "strict") (param {parameters}) (result v128) ({strict} {arguments}))
            """;
        using var instance = s_engine.CompileText(text).Instantiate(new Imports());
        var random = new Random(1);
        for (int i = 0; i < 1_000; i++)
        {
            var values = Enumerable.Range(0, operands).Select(_ => Value.FromVector(Operand(random))).ToArray();
            Bytes(instance, "relaxed", values).ShouldBe(Bytes(instance, "strict", values));
        }
    }

    [Fact]
    public void MultiplyAdd_RoundsOnce()
    {
        // The square of 1 + 2^-23 (of 1 + 2^-52) has a last bit that only a fused operation keeps.
        const float Single = 1 + 1.1920929e-7f;
        const double Double = 1 + 2.220446049250313e-16;
        float[] singles = [Single, 3, -2, 1e30f];
        var product = Singles("f32x4.relaxed_madd", singles, singles, [-(Single * Single), 1, 0.5f, 0]);
        product.ShouldBe([float.FusedMultiplyAdd(Single, Single, -(Single * Single)), 10, 4.5f, float.PositiveInfinity]);
        product[0].ShouldBe(1.4210855e-14f);
        Singles("f32x4.relaxed_nmadd", singles, singles, [Single * Single, 1, 0.5f, 0])
            .ShouldBe([-1.4210855e-14f, -8, -3.5f, float.NegativeInfinity]);
        Doubles("f64x2.relaxed_madd", [Double, 3], [Double, 3], [-(Double * Double), 1]).ShouldBe([4.930380657631324e-32, 10]);
        Doubles("f64x2.relaxed_nmadd", [Double, 3], [Double, 3], [Double * Double, 1]).ShouldBe([-4.930380657631324e-32, -8]);
    }

    [Theory]
    [InlineData("relaxed_madd")]
    [InlineData("relaxed_nmadd")]
    public void MultiplyAdd_OfWhatIsNoNumber_IsTheCanonicalNaN(string name)
    {
        float odd = BitConverter.Int32BitsToSingle(unchecked((int)0xFFA1_2345));
        var single = Singles($"f32x4.{name}", [odd, 1, 1, float.PositiveInfinity], [1, odd, 1, 0], [1, 1, odd, 1]);
        single.Select(BitConverter.SingleToUInt32Bits).ShouldAllBe(bits => bits == 0x7FC0_0000);
        double oddDouble = BitConverter.Int64BitsToDouble(unchecked((long)0xFFF1_2345_6789_ABCD));
        Doubles($"f64x2.{name}", [oddDouble, double.PositiveInfinity], [1, 0], [1, 1])
            .Concat(Doubles($"f64x2.{name}", [1, 1], [oddDouble, 1], [1, oddDouble]))
            .Select(BitConverter.DoubleToUInt64Bits).ShouldAllBe(bits => bits == 0x7FF8_0000_0000_0000);
    }

    [Fact]
    public void MultiplyAdd_ByConstants_IsNotLeftOut()
    {
        // x * 1 + -0 is x, but not where x is a signalling NaN.
        const string Text = """
            (func (export "run") (param v128) (result v128)
              (f32x4.relaxed_madd (local.get 0) (v128.const f32x4 1 1 1 1) (v128.const f32x4 -0 -0 -0 -0)))
            """;
        using var instance = s_engine.CompileText(Text).Instantiate(new Imports());
        var operand = Vector128.Create(0x7FA0_0000u, 0x8000_0000, 0x3FC0_0000, 0xFF80_0000).AsByte();
        instance.Invoke("run", Value.FromVector(operand))[0].ToVector().AsUInt32()
            .ShouldBe(Vector128.Create(0x7FC0_0000u, 0x8000_0000, 0x3FC0_0000, 0xFF80_0000));
    }

    [Fact]
    public void Dot_OfSignedNumbers_WrapsAround()
    {
        var a = Vector128.Create((sbyte)-128, -128, 127, 127, -1, 1, 3, -4, 0, 0, -128, 127, 5, 6, 7, 8).AsByte();
        var b = Vector128.Create((sbyte)-128, -128, 127, 127, 1, -1, 5, 6, 9, 9, 127, -128, 1, 2, 3, 4).AsByte();
        short[] sums = [unchecked((short)32768), 32258, -2, -9, 0, -32512, 17, 53];
        Lanes("i16x8.relaxed_dot_i8x16_i7x16_s", a, b).AsInt16().ShouldBe(Vector128.Create(sums));
        var c = Vector128.Create(1, int.MaxValue, -1, 1000);
        int[] totals = [-32768 + 32258 + 1, unchecked(-11 + int.MaxValue), -32512 - 1, 17 + 53 + 1000];
        Lanes("i32x4.relaxed_dot_i8x16_i7x16_add_s", a, b, c.AsByte()).AsInt32().ShouldBe(Vector128.Create(totals));
    }

    [Fact]
    public void Opcodes_AreThoseOfTheSpecification()
    {
        byte[] swizzle = ModuleText.ToBinary("(func (param v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))");
        swizzle.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFD, 0x80, 0x02, 0x0B]).ShouldBeGreaterThan(0);
        byte[] last = ModuleText.ToBinary("(func (param v128) (result v128) (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get 0) (local.get 0) (local.get 0)))");
        last.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFD, 0x93, 0x02, 0x0B]).ShouldBeGreaterThan(0);
        byte[] unknown = [.. last[..^3], 0x94, .. last[^2..]];
        Should.Throw<InvalidModuleException>(() => s_engine.Compile(unknown)).Reason.ShouldBe("illegal opcode");
    }

    [Fact]
    public void Instruction_WithoutTheFeature_IsRefused()
    {
        var engine = new Engine(new EngineOptions { Features = WasmFeatures.All & ~WasmFeatures.RelaxedVectors });
        Should.Throw<InvalidModuleException>(() => engine.CompileText("(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))"))
            .Reason.ShouldBe("illegal opcode");
    }

    private static Vector128<byte> Operand(Random random)
    {
        var bytes = new byte[16];
        random.NextBytes(bytes);
        return random.Next(3) switch
        {
            0 => Vector128.Create(Number(random), Number(random)).AsByte(),
            1 => Vector128.Create((float)Number(random), (float)Number(random), (float)Number(random), (float)Number(random)).AsByte(),
            _ => Vector128.Create(bytes),
        };
    }

    private static double Number(Random random) => s_numbers[random.Next(s_numbers.Length)];

    private static string Bytes(Instance instance, string function, Value[] arguments) =>
        instance.Invoke(function, arguments)[0].ToVector().AsUInt64().ToString()!;

    private static float[] Singles(string instruction, params float[][] operands)
    {
        var result = new float[4];
        Lanes(instruction, [.. operands.Select(lanes => Vector128.Create(lanes).AsByte())]).AsSingle().CopyTo(result);
        return result;
    }

    private static double[] Doubles(string instruction, params double[][] operands)
    {
        var result = new double[2];
        Lanes(instruction, [.. operands.Select(lanes => Vector128.Create(lanes).AsByte())]).AsDouble().CopyTo(result);
        return result;
    }

    private static Vector128<byte> Lanes(string instruction, params Vector128<byte>[] operands)
    {
        string arguments = string.Concat(Enumerable.Range(0, operands.Length).Select(i => $"(local.get {i})"));
        string text = $"(func (export \"run\") (param {string.Concat(operands.Select(_ => "v128 "))}) (result v128) ({instruction} {arguments}))";
        using var instance = s_engine.CompileText(text).Instantiate(new Imports());
        return instance.Invoke("run", [.. operands.Select(Value.FromVector)])[0].ToVector();
    }
}

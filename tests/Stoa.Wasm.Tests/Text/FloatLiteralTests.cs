using System.Globalization;
using System.Text;
using Stoa.Wasm.Text;

namespace Stoa.Wasm.Tests.Text;

/// <summary>Floating-point numbers as text: rounded once and to the nearest.</summary>
public sealed class FloatLiteralTests
{
    [Theory]
    [InlineData("0x1.000001p0", 0x3F800000)] // halfway: to even, down
    [InlineData("0x1.000003p0", 0x3F800002)] // halfway: to even, up
    [InlineData("0x1.00000100000000000000000001p0", 0x3F800001)] // a digit far behind decides
    [InlineData("0x1.000000ffffffffffffffffffffp0", 0x3F800000)]
    [InlineData("0x1.fffffefp127", 0x7F7FFFFF)]
    [InlineData("0x1p-149", 1)]
    [InlineData("0x1p-150", 0)] // half of the smallest: to even
    [InlineData("0x1.8p-150", 1)]
    [InlineData("0x1.00000000000000000000000000000001p-150", 1)]
    [InlineData("0x1.8p-149", 2)]
    [InlineData("0x1p-151", 0)]
    [InlineData("0x0.fffffffp-126", 0x00800000)] // rounding makes it a normal number
    [InlineData("0x0.fffffep-126", 0x007FFFFF)]
    [InlineData("-0x1p-99999999999999999999", 0x80000000)]
    [InlineData("0x0p99999999999999999999", 0)]
    [InlineData("0x1_0.0_1p+0_0", 0x41800800)]
    [InlineData("16777217", 0x4B800000)] // decimals: halfway, to even
    [InlineData("16777219", 0x4B800002)]
    [InlineData("16777217.00000000000000000000000000000000000000000000000001", 0x4B800001)]
    [InlineData("1e-99999999999999999999", 0)]
    [InlineData("0e99999999999999999999", 0)]
    [InlineData("-0.0", 0x80000000)]
    [InlineData("340282356779733661637539395458142568447", 0x7F7FFFFF)]
    [InlineData("-inf", 0xFF800000)]
    [InlineData("nan", 0x7FC00000)]
    [InlineData("-nan:0x20_0001", 0xFFA00001)]
    public void F32_IsRoundedOnce(string text, uint bits)
    {
        FloatLiteral.TryParse(Encoding.ASCII.GetBytes(text), 32, out ulong value).ShouldBeTrue();
        value.ShouldBe(bits);
    }

    [Theory]
    [InlineData("0x1.00000000000008p0", 0x3FF0000000000000)]
    [InlineData("0x1.00000000000018p0", 0x3FF0000000000002)]
    [InlineData("0x1.000000000000080000000000000000000000001p0", 0x3FF0000000000001)]
    [InlineData("0x0.00000000000001p-1018", 1)]
    [InlineData("0x1p-1075", 0)]
    [InlineData("0x1.0000000000001p-1075", 1)]
    [InlineData("0x1.fffffffffffff7p1023", 0x7FEFFFFFFFFFFFFF)]
    [InlineData("9007199254740993", 0x4340000000000000)]
    [InlineData("9007199254740993.0000000000000000000001", 0x4340000000000001)]
    [InlineData("4.9406564584124654e-324", 1)]
    public void F64_IsRoundedOnce(string text, ulong bits)
    {
        FloatLiteral.TryParse(Encoding.ASCII.GetBytes(text), 64, out ulong value).ShouldBeTrue();
        value.ShouldBe(bits);
    }

    [Theory]
    [InlineData("0x1.ffffffp127", 32)]
    [InlineData("340282356779733661637539395458142568448", 32)]
    [InlineData("1e39", 32)]
    [InlineData("1e99999999999999999999", 64)]
    [InlineData("0x1.fffffffffffff8p1023", 64)]
    [InlineData("0x1p99999999999999999999", 64)]
    [InlineData("nan:0x0", 32)]
    [InlineData("nan:0x800000", 32)]
    [InlineData("nan:0x10000000000000", 64)]
    public void Numbers_OutOfRange_AreRefused(string text, int bits) =>
        FloatLiteral.TryParse(Encoding.ASCII.GetBytes(text), bits, out _).ShouldBeFalse();

    [Fact]
    public void F64_WrittenInFull_IsReadBack()
    {
        var random = new Random(7);
        for (int i = 0; i < 20_000; i++)
        {
            long bits = random.NextInt64();
            double number = BitConverter.Int64BitsToDouble(bits);
            if (!double.IsFinite(number))
                continue;
            long exponent = (bits >> 52) & 0x7FF;
            string[] forms =
            [
                number.ToString("E16", CultureInfo.InvariantCulture),
                string.Create(CultureInfo.InvariantCulture, $"0x{(exponent == 0 ? 0 : 1)}.{bits & 0xFFFFFFFFFFFFF:x13}p{(exponent == 0 ? -1022 : exponent - 1023)}"),
            ];
            foreach (string form in forms)
            {
                FloatLiteral.TryParse(Encoding.ASCII.GetBytes(form), 64, out ulong value).ShouldBeTrue(form);
                value.ShouldBe((ulong)bits, form);
            }
        }
    }
}

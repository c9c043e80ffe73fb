using System.Numerics;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;

namespace Stoa.Primitives.Tests;

public sealed class MoneyTests
{
    public static TheoryData<string, long, string> Amounts => new()
    {
        { "0", 0, "0.000000000" },
        { "-0", 0, "0.000000000" },
        { "0.00125", 1_250_000, "0.001250000" },
        { "-0.00125", -1_250_000, "-0.001250000" },
        { "1", 1_000_000_000, "1.000000000" },
        { "0.000000001", 1, "0.000000001" },
        { "-0.000000001", -1, "-0.000000001" },
        { "12.340000000", 12_340_000_000, "12.340000000" },
        { "9223372036.854775807", long.MaxValue, "9223372036.854775807" },
        { "-9223372036.854775808", long.MinValue, "-9223372036.854775808" },
    };

    [Theory, MemberData(nameof(Amounts))]
    public void Parse_Amount_GivesNanodollars(string text, long nanodollars, string written)
    {
        Money.Parse(text).ShouldBe(new Money(nanodollars));
        new Money(nanodollars).ToString().ShouldBe(written);
        JsonSerializer.Serialize(new Money(nanodollars)).ShouldBe($"\"{written}\"");
        JsonSerializer.Deserialize<Money>($"\"{text}\"").ShouldBe(new Money(nanodollars));
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("--1")]
    [InlineData("+1")]
    [InlineData("-+1")]
    [InlineData("1-")]
    [InlineData(".5")]
    [InlineData("5.")]
    [InlineData(".")]
    [InlineData("00")]
    [InlineData("01.5")]
    [InlineData("1.5.0")]
    [InlineData("1e3")]
    [InlineData("1E-3")]
    [InlineData("1,000")]
    [InlineData("$1")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("1.0000000000")]
    [InlineData("9223372036.854775808")]
    [InlineData("-9223372036.854775809")]
    [InlineData("9999999999")]
    [InlineData("99999999999999999999999999999999999999999999")]
    [InlineData("٣")]
    [InlineData("0x10")]
    [InlineData("NaN")]
    public void Parse_AnythingElse_IsRefused(string text)
    {
        Money.TryParse(text, out _).ShouldBeFalse();
        Should.Throw<FormatException>(() => Money.Parse(text)).Message.ShouldContain("amount");
        Should.Throw<JsonException>(() => JsonSerializer.Deserialize<Money>(JsonSerializer.Serialize(text)));
    }

    [Fact]
    public void Json_Number_IsRefused() => Should.Throw<JsonException>(() => JsonSerializer.Deserialize<Money>("1.5"));

    [Fact]
    public void Text_AnyAmount_ComesBack() =>
        Prop.ForAll(s_anyLong, nanodollars => Money.Parse(new Money(nanodollars).ToString()) == new Money(nanodollars)).ShouldHold();

    [Fact]
    public void FromDollars_AnyAmount_ComesBack() =>
        Prop.ForAll(s_anyLong, nanodollars => Money.FromDollars(nanodollars / 1_000_000_000m) == new Money(nanodollars)).ShouldHold();

    [Fact]
    public void FromDollars_InexactOrOutOfRange_IsRefused()
    {
        Should.Throw<ArgumentException>(() => Money.FromDollars(0.0000000001m));
        Should.Throw<OverflowException>(() => Money.FromDollars(9223372036.854775808m));
        Should.Throw<OverflowException>(() => Money.FromDollars(-9223372036.854775809m));
        Should.Throw<OverflowException>(() => Money.FromDollars(decimal.MaxValue));
        Should.Throw<OverflowException>(() => Money.FromDollars(decimal.MinValue));
    }

    [Fact]
    public void Arithmetic_WithinRange_IsExact()
    {
        var (two, three) = (new Money(2), new Money(3));
        (two + three).ShouldBe(new Money(5));
        (two - three).ShouldBe(new Money(-1));
        (-two).ShouldBe(new Money(-2));
        (two * 4).ShouldBe(new Money(8));
        (4 * two).ShouldBe(new Money(8));
        (two < three && two <= three && three > two && three >= two).ShouldBeTrue();
        Money.Min(two, three).ShouldBe(two);
        Money.Max(two, three).ShouldBe(three);
        Money.Zero.ShouldBe(default);
    }

    [Fact]
    public void Arithmetic_BeyondRange_Throws()
    {
        var (least, most) = (new Money(long.MinValue), new Money(long.MaxValue));
        Should.Throw<OverflowException>(() => most + new Money(1));
        Should.Throw<OverflowException>(() => least - new Money(1));
        Should.Throw<OverflowException>(() => -least);
        Should.Throw<OverflowException>(() => most * 2);
        Should.Throw<OverflowException>(() => least * -1);
    }

    public static TheoryData<long, long[], long[]> Splits => new()
    {
        { 100, [1, 1, 1], [34, 33, 33] },
        { 101, [1, 1, 1], [34, 34, 33] },
        { -100, [1, 1, 1], [-34, -33, -33] },
        { 1, [1, 1], [1, 0] },
        { 10, [70, 20, 10], [7, 2, 1] },
        { 7, [0, 1, 0], [0, 7, 0] },
        { 0, [1, 2], [0, 0] },
        { 5, [3], [5] },
        // The larger remainder wins over the lower index: 1.25 and 3.75.
        { 5, [1, 3], [1, 4] },
        { 3, [0, 1, 1], [0, 2, 1] },
        { long.MaxValue, [long.MaxValue, long.MaxValue], [(long.MaxValue / 2) + 1, long.MaxValue / 2] },
        { long.MinValue, [1], [long.MinValue] },
    };

    [Theory, MemberData(nameof(Splits))]
    public void Split_ByWeights_FollowsTheLargestRemainder(long amount, long[] weights, long[] parts) =>
        new Money(amount).Split(weights).ShouldBe(parts.Select(part => new Money(part)));

    [Fact]
    public void Split_AnyAmountByAnyWeights_LosesNothing() =>
        Prop.ForAll(s_anyLong, s_anyWeights, (amount, weights) =>
        {
            var parts = new Money(amount).Split(weights);
            var total = weights.Aggregate((Int128)0, (sum, weight) => sum + weight);
            Int128 sum = 0;
            for (var index = 0; index < parts.Length; index++)
            {
                var part = (Int128)parts[index].Nanodollars;
                sum += part;
                // |part - amount * weight / total| < 1, in exact integers.
                var error = BigInteger.Abs((BigInteger)part * total - (BigInteger)amount * weights[index]);
                if (error >= total || (weights[index] == 0 && part != 0))
                    return false;
            }
            return sum == amount && parts.Length == weights.Length;
        }).ShouldHold();

    [Theory]
    [InlineData(new long[0])]
    [InlineData(new long[] { 0, 0 })]
    [InlineData(new long[] { 3, -1 })]
    public void Split_BadWeights_AreRefused(long[] weights) =>
        Should.Throw<ArgumentException>(() => new Money(10).Split(weights));

    [Theory]
    [InlineData(1_000, 1_000_000, 1_000_000, 1_000)]
    [InlineData(1_000, 1, 1_000_000, 1)]
    [InlineData(1_000, 1_001, 1_000_000, 2)]
    [InlineData(1, 1, 1_000_000, 1)]
    [InlineData(1, 999_999, 1_000_000, 1)]
    [InlineData(1, 1_000_001, 1_000_000, 2)]
    [InlineData(1_000, 0, 1_000_000, 0)]
    [InlineData(0, 5, 1_000_000, 0)]
    [InlineData(long.MaxValue, long.MaxValue, long.MaxValue, long.MaxValue)]
    [InlineData(long.MaxValue, 1, long.MaxValue, 1)]
    public void MultiplyRatio_OfAPrice_RoundsUp(long price, long quantity, long unitSize, long expected) =>
        Money.MultiplyRatioRoundingUp(new Money(price), quantity, unitSize).ShouldBe(new Money(expected));

    [Fact]
    public void MultiplyRatio_BadArguments_AreRefused()
    {
        Should.Throw<OverflowException>(() => Money.MultiplyRatioRoundingUp(new Money(long.MaxValue), 2, 1));
        Should.Throw<ArgumentOutOfRangeException>(() => Money.MultiplyRatioRoundingUp(new Money(-1), 2, 1));
        Should.Throw<ArgumentOutOfRangeException>(() => Money.MultiplyRatioRoundingUp(new Money(1), -2, 1));
        Should.Throw<ArgumentOutOfRangeException>(() => Money.MultiplyRatioRoundingUp(new Money(1), 2, 0));
    }

    // FsCheck's own longs are small; shifts give every magnitude.
    private static readonly Gen<long> s_longs = ArbMap.Default.GeneratorFor<Guid>()
        .SelectMany(bits => Gen.Choose(0, 63), (bits, shift) => BitConverter.ToInt64(bits.ToByteArray()) >> shift);

    private static readonly Arbitrary<long> s_anyLong =
        Gen.OneOf(s_longs, Gen.Elements(long.MinValue, long.MaxValue, 0L, 1L, -1L)).ToArbitrary();

    private static readonly Arbitrary<long[]> s_anyWeights = s_longs.Select(weight => weight & long.MaxValue)
        .ArrayOf().Where(weights => weights.Any(weight => weight > 0)).ToArbitrary();
}

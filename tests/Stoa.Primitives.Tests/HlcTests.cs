using System.Text.Json;
using FsCheck.Fluent;

namespace Stoa.Primitives.Tests;

public sealed class HlcTests
{
    [Theory]
    [InlineData(0, 0, "0000000000000000")]
    [InlineData(1, 2, "0000000000010002")]
    [InlineData(1_700_000_000_000, 65_535, "018bcfe56800ffff")]
    [InlineData(Hlc.MaxUnixTimeMs, 65_535, "7fffffffffffffff")]
    public void Text_OfATimestamp_IsItsPackedHex(long unixTimeMs, int counter, string text)
    {
        var timestamp = new Hlc(unixTimeMs, (ushort)counter);
        timestamp.UnixTimeMs.ShouldBe(unixTimeMs);
        timestamp.Counter.ShouldBe((ushort)counter);
        timestamp.ToString().ShouldBe(text);
        Hlc.Parse(text).ShouldBe(timestamp);
        Hlc.FromPacked(timestamp.Packed).ShouldBe(timestamp);
        JsonSerializer.Serialize(timestamp).ShouldBe($"\"{text}\"");
        JsonSerializer.Deserialize<Hlc>($"\"{text}\"").ShouldBe(timestamp);
    }

    [Theory]
    [InlineData("")]
    [InlineData("018bcfe56800fff")]
    [InlineData("018bcfe56800fffff")]
    [InlineData("018BCFE56800FFFF")]
    [InlineData("818bcfe56800ffff")]
    [InlineData("018bcfe56800fffg")]
    [InlineData(" 18bcfe56800ffff")]
    [InlineData("-18bcfe56800ffff")]
    public void Parse_AnythingElse_IsRefused(string text)
    {
        Hlc.TryParse(text, out _).ShouldBeFalse();
        Should.Throw<FormatException>(() => Hlc.Parse(text)).Message.ShouldContain("16 lower-case hex digits");
    }

    [Fact]
    public void Constructor_OutOfRange_IsRefused()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => new Hlc(-1, 0));
        Should.Throw<ArgumentOutOfRangeException>(() => new Hlc(Hlc.MaxUnixTimeMs + 1, 0));
        Should.Throw<ArgumentOutOfRangeException>(() => Hlc.FromPacked(-1));
    }

    [Fact]
    public void Order_OfTimestamps_IsTheOrderOfTheirText() =>
        Prop.ForAll((Guid bits) =>
        {
            var bytes = bits.ToByteArray();
            var (a, b) = (Hlc.FromPacked(BitConverter.ToInt64(bytes) & long.MaxValue), Hlc.FromPacked(BitConverter.ToInt64(bytes, 8) & long.MaxValue));
            return Hlc.Parse(a.ToString()) == a
                && Math.Sign(a.CompareTo(b)) == Math.Sign(string.CompareOrdinal(a.ToString(), b.ToString()))
                && a.CompareTo((object)b) == a.CompareTo(b)
                && (a < b) == (b > a) && (a <= b) == (b >= a);
        }).ShouldHold();

    [Fact]
    public void Compare_WithAnotherKind_IsRefused()
    {
        new Hlc(1, 1).CompareTo(null).ShouldBePositive();
        Should.Throw<ArgumentException>(() => new Hlc(1, 1).CompareTo("0000000000010001"));
    }
}

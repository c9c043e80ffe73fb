using FsCheck.Fluent;

namespace Stoa.Primitives.Tests;

public sealed class Base58Tests
{
    // Bitcoin Core, src/test/data/base58_encode_decode.json.
    [Theory]
    [InlineData("", "")]
    [InlineData("61", "2g")]
    [InlineData("626262", "a3gV")]
    [InlineData("636363", "aPEr")]
    [InlineData("73696d706c792061206c6f6e6720737472696e67", "2cFupjhnEsSn59qHXstmK2ffpLv2")]
    [InlineData("00eb15231dfceb60925886b67d065299925915aeb172c06647", "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L")]
    [InlineData("516b6fcd0f", "ABnLTmg")]
    [InlineData("bf4f89001e670274dd", "3SEo3LWLoPntC")]
    [InlineData("572e4794", "3EFU7m")]
    [InlineData("ecac89cad93923c02321", "EJDM8drfXA6uyA")]
    [InlineData("10c8511e", "Rt5zm")]
    [InlineData("00000000000000000000", "1111111111")]
    [InlineData("000111d38e5fc9071ffcd20b4a763cc9ae4f252bb4e48fd66a835e252ada93ff480d6dd43dc62a641155a5", "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")]
    public void Bytes_OfBitcoinsVectors_HaveTheirText(string hex, string text)
    {
        Base58.Encode(Convert.FromHexString(hex)).ShouldBe(text);
        Base58.TryDecode(text, out var bytes).ShouldBeTrue();
        Convert.ToHexStringLower(bytes).ShouldBe(hex);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("O")]
    [InlineData("I")]
    [InlineData("l")]
    [InlineData("2g ")]
    [InlineData("2gé")]
    public void Decode_ForeignCharacter_IsRefused(string text) => Base58.TryDecode(text, out _).ShouldBeFalse();

    [Fact]
    public void Lengths_BeyondTheLimit_AreRefused()
    {
        Base58.Encode(Enumerable.Repeat((byte)0xff, Base58.MaxBytes).ToArray()).Length.ShouldBe(Base58.MaxTextLength);
        Should.Throw<ArgumentOutOfRangeException>(() => Base58.Encode(new byte[Base58.MaxBytes + 1]));
        Base58.TryDecode(new string('1', Base58.MaxTextLength), out _).ShouldBeTrue();
        Base58.TryDecode(new string('z', Base58.MaxTextLength), out _).ShouldBeTrue();
        Base58.TryDecode(new string('1', Base58.MaxTextLength + 1), out _).ShouldBeFalse();
    }

    [Fact]
    public void Bytes_Any_ComeBack() =>
        Prop.ForAll((byte[] bytes) => Base58.TryDecode(Base58.Encode(bytes), out var decoded) && decoded.SequenceEqual(bytes))
            .ShouldHold();
}

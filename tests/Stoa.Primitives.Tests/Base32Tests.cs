using System.Text;
using FsCheck.Fluent;

namespace Stoa.Primitives.Tests;

public sealed class Base32Tests
{
    // RFC 4648 section 10, lower-case and without the padding.
    [Theory]
    [InlineData("", "")]
    [InlineData("f", "my")]
    [InlineData("fo", "mzxq")]
    [InlineData("foo", "mzxw6")]
    [InlineData("foob", "mzxw6yq")]
    [InlineData("fooba", "mzxw6ytb")]
    [InlineData("foobar", "mzxw6ytboi")]
    public void Bytes_OfTheRfc_HaveTheirText(string bytes, string text)
    {
        Base32.Encode(Encoding.ASCII.GetBytes(bytes)).ShouldBe(text);
        Base32.TryDecode(text, out var decoded).ShouldBeTrue();
        Encoding.ASCII.GetString(decoded!).ShouldBe(bytes);
    }

    [Theory]
    [InlineData("MY")]
    [InlineData("my======")]
    [InlineData("m")]
    [InlineData("mzx")]
    [InlineData("a")]
    [InlineData("mya")]
    [InlineData("mzxw6a")]
    [InlineData("mzxw6y")]
    [InlineData("mz")]
    [InlineData("m1")]
    [InlineData("mé")]
    public void Decode_AnythingElse_IsRefused(string text) => Base32.TryDecode(text, out _).ShouldBeFalse();

    [Fact]
    public void Bytes_Any_ComeBack() =>
        Prop.ForAll((byte[] bytes) => Base32.TryDecode(Base32.Encode(bytes), out var decoded) && decoded.SequenceEqual(bytes))
            .ShouldHold();
}

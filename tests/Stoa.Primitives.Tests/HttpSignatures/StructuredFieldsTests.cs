using Stoa.Primitives.HttpSignatures;

namespace Stoa.Primitives.Tests.HttpSignatures;

public sealed class StructuredFieldsTests
{
    [Fact]
    public void Dictionary_OfAllThatIsKnown_IsRead()
    {
        var read = StructuredFields.ReadDictionary("""a=-12;x, b="q\"\\",  c=tok/en:1;n=5 ,d=:AQID:, e, f=?0, *g=("x" "y";k="v" );created=1""");

        read.Select(member => member.Key).ShouldBe(["a", "b", "c", "d", "e", "f", "*g"]);
        read[0].Value.Value.ShouldBe(-12L);
        read[0].Value.Parameters.Single().ShouldBe(new KeyValuePair<string, object>("x", true));
        read[1].Value.Value.ShouldBe("q\"\\");
        read[2].Value.Value.ShouldBe(new FieldToken("tok/en:1"));
        ((byte[])read[3].Value.Value).ShouldBe([1, 2, 3]);
        (read[4].Value.Value, read[5].Value.Value).ShouldBe(((object)true, (object)false));
        ((List<FieldItem>)read[6].Value.Value).Select(item => item.Value).ShouldBe(["x", "y"]);
        read[6].Value.Parameters.Single().ShouldBe(new KeyValuePair<string, object>("created", 1L));
    }

    [Theory]
    [InlineData("a=1,")]
    [InlineData("a=1 b=2")]
    [InlineData("A=1")]
    [InlineData("a=")]
    [InlineData("a=1, a=2")]
    [InlineData("a=1;x=1;x=2")]
    [InlineData("a=\"open")]
    [InlineData("a=\"bad \\n escape\"")]
    [InlineData("a=\"tab\tin it\"")]
    [InlineData("a=\"ümlaut\"")]
    [InlineData("a=:AQI:")]
    [InlineData("a=:AQID")]
    [InlineData("a=:A QI=:")]
    [InlineData("a=:AQJ=:")]
    [InlineData("a=1.5")]
    [InlineData("a=1234567890123456")]
    [InlineData("a=-")]
    [InlineData("a=?2")]
    [InlineData("a=@1")]
    [InlineData("a=(\"x\"\"y\")")]
    [InlineData("a=(\"x\"")]
    [InlineData("a=((\"x\"))")]
    public void Dictionary_InAnotherForm_IsRefused(string text) =>
        Should.Throw<FormatException>(() => StructuredFields.ReadDictionary(text));

    [Theory]
    [InlineData("sig=5")]
    [InlineData("sig=(\"Date\")")]
    [InlineData("sig=(date)")]
    [InlineData("sig=(\"date\" \"date\")")]
    [InlineData("sig=(\"date\";sf)")]
    public void Input_ThatIsNotKnown_IsRefused(string text) =>
        Should.Throw<FormatException>(() => SignatureInput.Read(StructuredFields.ReadDictionary(text).Single().Value));

    [Theory]
    [InlineData("two\nlines")]
    [InlineData("ümlaut")]
    [InlineData(null)]
    public void Base_OfAValueThatIsNoLine_IsRefused(string? value) =>
        Should.Throw<FormatException>(() => new SignatureInput(["x"], []).ToBase(_ => value));

    [Theory]
    [InlineData("sha-256=:AQID:")]
    [InlineData("md5=:AQID:")]
    [InlineData("sha-256=1")]
    [InlineData("")]
    public void Digest_ThatStatesNothing_IsRefused(string text) => Should.Throw<FormatException>(() => ContentDigest.Read(text));
}

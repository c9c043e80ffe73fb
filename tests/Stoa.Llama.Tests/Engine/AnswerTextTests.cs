using System.Text;
using Stoa.Llama.Engine;

namespace Stoa.Llama.Tests.Engine;

/// <summary>What is told of an answer, and when.</summary>
public sealed class AnswerTextTests
{
    [Fact]
    public void Characters_ThatComeInParts_AreToldWhole()
    {
        var text = new AnswerText([]);
        var bytes = Encoding.UTF8.GetBytes("a👋é");

        var told = bytes.Select(one => text.Add([one])).ToList();

        told.ShouldBe(["a", "", "", "", "👋", "", "é"]);
    }

    [Fact]
    public void Bytes_ThatAreNoCharacter_BecomeAReplacement()
    {
        var text = new AnswerText([]);

        text.Add([0xF0, 0x9F]).ShouldBe("");
        (text.Add("b"u8) + text.Add([0xC3]) + text.End()).ShouldBe("\uFFFDb\uFFFD");
    }

    [Theory]
    [InlineData(new[] { "one S", "TO", "P two" }, new[] { "STOP" }, "one ", true)]
    [InlineData(new[] { "one ST", "ILL" }, new[] { "STOP" }, "one STILL", false)]
    [InlineData(new[] { "one\n", "\n", "User:" }, new[] { "\n\nUser:" }, "one", true)]
    [InlineData(new[] { "aab", "aac" }, new[] { "aabaac", "b" }, "aa", true)]
    [InlineData(new[] { "abcabd" }, new[] { "abd", "cab" }, "ab", true)]
    public void StopTexts_AreFoundAcrossTokens(string[] pieces, string[] stops, string expected, bool isStopped)
    {
        var text = new AnswerText(stops);

        var told = string.Concat(pieces.Select(piece => text.Add(Encoding.UTF8.GetBytes(piece)))) + text.End();

        told.ShouldBe(expected);
        text.IsStopped.ShouldBe(isStopped);
    }

    [Fact]
    public void StopText_WithinACharacterOfManyBytes_IsFound()
    {
        var text = new AnswerText(["你好"]);
        var bytes = Encoding.UTF8.GetBytes("so: 你好!");

        var told = string.Concat(bytes.Chunk(2).Select(chunk => text.Add(chunk))) + text.End();

        told.ShouldBe("so: ");
        text.IsStopped.ShouldBeTrue();
    }

    [Fact]
    public void Text_ThatMayBecomeAStopText_IsHeldBackUntilItCannot()
    {
        var text = new AnswerText(["</end>"]);

        text.Add("a</e"u8).ShouldBe("a");
        text.Add("n"u8).ShouldBe("");
        text.Add("x"u8).ShouldBe("</enx");
    }
}

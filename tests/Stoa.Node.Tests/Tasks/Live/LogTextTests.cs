using System.Text;
using Stoa.Node.Tasks.Live;

namespace Stoa.Node.Tests.Tasks.Live;

public sealed class LogTextTests
{
    [Theory]
    [InlineData(new byte[] { }, 0)]
    [InlineData(new byte[] { 0x61 }, 0)]
    [InlineData(new byte[] { 0x61, 0xC3 }, 1)]
    [InlineData(new byte[] { 0xE2, 0x9C }, 2)]
    [InlineData(new byte[] { 0xF0, 0x9F, 0x98 }, 3)]
    [InlineData(new byte[] { 0xF0, 0x9F, 0x98, 0x80 }, 0)]
    // Bytes that can become no character are not waited for.
    [InlineData(new byte[] { 0x61, 0xFF }, 0)]
    [InlineData(new byte[] { 0x80, 0x80, 0x80 }, 0)]
    [InlineData(new byte[] { 0xC3, 0x28 }, 0)]
    [InlineData(new byte[] { 0xE0, 0x80 }, 0)]
    public void Unfinished_AtTheEnd_IsCounted(byte[] bytes, int count) => LogText.CountUnfinished(bytes).ShouldBe(count);

    [Fact]
    public void Text_CutAnywhere_IsPutTogetherAgain()
    {
        const string text = "a größe ✓ 😀 b";
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var first = bytes.AsSpan(0, cut);
            var whole = cut - LogText.CountUnfinished(first);

            (Encoding.UTF8.GetString(bytes.AsSpan(0, whole)) + Encoding.UTF8.GetString(bytes.AsSpan(whole))).ShouldBe(text);
            // One who begins in the middle of a character begins with the next.
            text.ShouldEndWith(Encoding.UTF8.GetString(bytes.AsSpan(cut)[LogText.CountTorn(bytes.AsSpan(cut))..]));
        }
    }
}

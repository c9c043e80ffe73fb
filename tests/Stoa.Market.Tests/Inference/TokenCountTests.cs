using System.Text;
using Stoa.Market.Inference;

namespace Stoa.Market.Tests.Inference;

public sealed class TokenCountTests
{
    // Beside each text what GPT-2's tokenizer makes of it: 2 for "Hello world", 1 for an empty line and so on. The count here is to be near.
    [Theory]
    [InlineData("", 0)]
    [InlineData("a", 1)]
    [InlineData("word", 1)]
    [InlineData("words", 2)]
    [InlineData("Hello world", 4)]
    [InlineData("1234567", 3)]
    [InlineData("a, b", 3)]
    [InlineData("a\n\nb", 3)]
    [InlineData("äö", 2)]
    [InlineData("日本", 3)]
    public void Text_IsCounted(string text, long expected) => TokenCount.Of(Encoding.UTF8.GetBytes(text)).ShouldBe(expected);

    [Theory]
    [InlineData(null, 40, 40, false)]
    [InlineData(40L, 40, 40, false)]
    [InlineData(10L, 40, 10, false)]
    [InlineData(96L, 40, 96, false)]
    [InlineData(97L, 40, 96, true)]
    [InlineData(long.MaxValue, 40, 96, true)]
    [InlineData(-1L, 40, 40, true)]
    [InlineData(16L, 0, 16, false)]
    public void Claim_BeyondTwiceWhatWasCounted_IsCut(long? claimed, long counted, long billed, bool isCorrected) =>
        TokenCount.Check(claimed, counted).ShouldBe((billed, isCorrected));
}

using Stoa.Cli.Terminal;

namespace Stoa.Cli.Tests.Terminal;

public sealed class FormatTests
{
    [Theory]
    [InlineData("0", "$0.00")]
    [InlineData("0.001250000", "$0.00125")]
    [InlineData("10.000000000", "$10.00")]
    [InlineData("10.500000000", "$10.50")]
    [InlineData("0.000000001", "$0.000000001")]
    [InlineData("-10.000000000", "-$10.00")]
    public void Money_LosesNothingButZeros(string given, string shown) => Format.Money(given).ShouldBe(shown);

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1_000, "1 kB")]
    [InlineData(1_234_567, "1.23 MB")]
    [InlineData(53_600, "53.6 kB")]
    [InlineData(999_999, "1 MB")]
    [InlineData(long.MaxValue, "9223372 TB")]
    public void Size_IsInDecimalUnits(long bytes, string shown) => Format.Size(bytes).ShouldBe(shown);

    [Theory]
    [InlineData(0, "0 ms")]
    [InlineData(8, "8 ms")]
    [InlineData(1_340, "1.3 s")]
    [InlineData(125_000, "2 min 5 s")]
    [InlineData(7_260_000, "2 h 1 min")]
    public void Duration_FitsItsLength(long milliseconds, string shown) => Format.Duration(TimeSpan.FromMilliseconds(milliseconds)).ShouldBe(shown);

    [Theory]
    [InlineData("plain\n\ttext", "plain\n\ttext")]
    [InlineData("\u001b[31mred", "\uFFFD[31mred")]
    [InlineData("a\u202Eb", "a\uFFFDb")]
    [InlineData("bell\a\r", "bell\uFFFD\uFFFD")]
    public void ForeignText_CannotSteerTheTerminal(string given, string shown) => Format.Clean(given).ShouldBe(shown);

    [Theory]
    [InlineData("submit", "sumbit", true)]
    [InlineData("submit", "sub", true)]
    [InlineData("list", "show", false)]
    public void Suggestion_IsForSlipsAndBeginnings(string candidate, string word, bool isSuggested) =>
        Suggestions.For(word, [candidate]).Count.ShouldBe(isSuggested ? 1 : 0);
}

using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Tests.Terminal;

public sealed class ProgressTextTests
{
    private static readonly TaskProgressData s_measured = new("task_1", 50, 200, 7, 1_200_000, 9_000_000, 1_300);

    [Fact]
    public void Progress_ThatIsMeasuredOnly_TellsOfTheInput()
    {
        ProgressText.Of(s_measured).ShouldBe("50 B of 200 B read, 7 B written, 1.2 Mfuel, 1.3 s");
        ProgressText.Fraction(s_measured).ShouldBe(0.25);
    }

    [Theory]
    [InlineData(310, 600L, "rows", "rows 310 of 600, 1.2 Mfuel, 1.3 s", 310.0 / 600)]
    [InlineData(12_345, null, null, "12,345, 1.2 Mfuel, 1.3 s", 0.0)]
    [InlineData(7, 0L, null, "7 of 0, 1.2 Mfuel, 1.3 s", 0.0)]
    [InlineData(9, 3L, "", " 9 of 3, 1.2 Mfuel, 1.3 s", 1.0)]
    [InlineData(1, 2L, "\u001b[2Jtwo\nlines\u202E", "\uFFFD[2Jtwo lines\uFFFD 1 of 2, 1.2 Mfuel, 1.3 s", 0.5)]
    public void Progress_ThatAnAgentTells_IsShownInItsWords(long done, long? total, string? message, string text, double fraction)
    {
        var told = s_measured with { Done = done, Total = total, Message = message };

        ProgressText.Of(told).ShouldBe(text);
        ProgressText.Fraction(told).ShouldBe(fraction);
    }
}

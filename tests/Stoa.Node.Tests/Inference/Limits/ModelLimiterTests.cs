using Stoa.Node.Inference.Limits;

namespace Stoa.Node.Tests.Inference.Limits;

public sealed class ModelLimiterTests
{
    [Theory]
    [InlineData(0, "0ms")]
    [InlineData(1, "1ms")]
    [InlineData(120 * TimeSpan.TicksPerMillisecond, "120ms")]
    [InlineData(8_640 * TimeSpan.TicksPerMillisecond, "8.64s")]
    [InlineData(60_000 * TimeSpan.TicksPerMillisecond, "1m0s")]
    [InlineData(90_500 * TimeSpan.TicksPerMillisecond, "1m30.5s")]
    public void Duration_IsWrittenAsOpenAiDoes(long ticks, string text) => ModelLimiter.Format(TimeSpan.FromTicks(ticks)).ShouldBe(text);
}

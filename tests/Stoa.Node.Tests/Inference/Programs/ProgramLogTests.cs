using Microsoft.Extensions.Logging;
using Stoa.Node.Inference.Programs;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Inference.Programs;

/// <summary>What of a program's complaints gets into the node's log.</summary>
public sealed class ProgramLogTests
{
    private readonly ManualTime _time = new(DateTimeOffset.UnixEpoch);
    private readonly Lines _lines = new();

    [Fact]
    public void Line_IsCutShort_AndActsOnNothing()
    {
        using var stream = Log().Open();

        stream.Write("one "u8);
        stream.Write("\u001b[2Jtwo\r\u2028\u202Ethree\n"u8);
        stream.Write(new byte[2_000]);
        stream.Write("\n\n"u8);
        stream.Write(Enumerable.Repeat((byte)'x', 600).ToArray());
        stream.Flush();

        _lines.All.ShouldBe(
        [
            "The model stoa/m@1.0.0 says: one  [2Jtwo   three",
            "The model stoa/m@1.0.0 says: " + new string(' ', 500),
            "The model stoa/m@1.0.0 says: " + new string('x', 500),
        ]);
    }

    [Fact]
    public void Lines_BeyondThoseOfAMinute_AreCounted_AndTheNextMinuteHasItsOwn()
    {
        var log = Log();
        using var one = log.Open();
        using var other = log.Open();
        for (var line = 0; line < ProgramLog.LinesOfMinute; line++)
        {
            one.Write("a\n"u8);
            other.Write("b\n"u8);
        }

        _lines.All.Count.ShouldBe(ProgramLog.LinesOfMinute);
        _time.Advance(TimeSpan.FromMinutes(1));
        one.Write("again\n"u8);

        _lines.All.Skip(ProgramLog.LinesOfMinute).ShouldBe(["The model stoa/m@1.0.0 has said 60 lines more, which are left out.", "The model stoa/m@1.0.0 says: again"]);
    }

    [Fact]
    public void Bytes_OfOneRun_AreBounded_AndAnotherRunHasItsOwn()
    {
        var log = Log();
        using var one = log.Open();
        using var other = log.Open();
        one.Write(new byte[ProgramLog.BytesOfRun - 1]);

        one.Write("\nlost\n"u8);
        other.Write("heard\n"u8);

        _lines.All.ShouldBe(["The model stoa/m@1.0.0 says: " + new string(' ', 500), "The model stoa/m@1.0.0 says: heard"]);
    }

    [Fact]
    public void Lines_ThatAreLeftOut_CostNothing()
    {
        using var stream = Log().Open();
        var line = "a line of the program\n"u8.ToArray();
        for (var number = 0; number < ProgramLog.LinesOfMinute; number++)
            stream.Write(line);
        var before = GC.GetAllocatedBytesForCurrentThread();

        for (var number = 0; number < 1_000; number++)
            stream.Write(line);

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(1_000, "no text is made of what nobody reads");
    }

    private ProgramLog Log() => new("stoa/m@1.0.0", _time, _lines);

    private sealed class Lines : ILogger
    {
        public List<string> All { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => All.Add(formatter(state, exception));
    }
}

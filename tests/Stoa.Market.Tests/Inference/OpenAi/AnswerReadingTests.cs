using System.Text;
using Stoa.Market.Inference.OpenAi;

namespace Stoa.Market.Tests.Inference.OpenAi;

public sealed class AnswerReadingTests
{
    [Fact]
    public void Answer_IsReadAsFarAsItMatters()
    {
        const string json = """{"id":"x","model":"up","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there"},"finish_reason":"stop"},{"index":1,"message":{"content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":12,"completion_tokens":9}}""";

        var reading = Read(json);

        reading.HasResult.ShouldBeTrue();
        reading.Results.ShouldBe(2);
        reading.HasOutput.ShouldBeTrue();
        reading.Finished.ShouldBe(2);
        // Hello there 4, f 1, {} 2.
        reading.OutputTokens.ShouldBe(7);
        reading.ClaimedInput.ShouldBe(12);
        reading.ClaimedOutput.ShouldBe(9);
        json[reading.Model].ShouldBe("\"up\"");
        json[reading.UsageOpen..].ShouldBe("\"prompt_tokens\":12,\"completion_tokens\":9}}");
        reading.IsError.ShouldBeFalse();
        reading.IsUsageAlone.ShouldBeFalse();
    }

    [Theory]
    [InlineData("""{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}""", false, false, 0)]
    [InlineData("""{"choices":[{"delta":{"content":" "},"finish_reason":null}]}""", true, false, 1)]
    [InlineData("""{"choices":[{"delta":{"reasoning_content":"hm"}}]}""", true, false, 1)]
    [InlineData("""{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}""", true, false, 0)]
    [InlineData("""{"choices":[{"delta":{},"finish_reason":"length"}]}""", true, true, 0)]
    [InlineData("""{"choices":[{"delta":{"content":"\u0077\u006f\u0072\u0064"}}]}""", true, false, 1)]
    [InlineData("""{"choices":[{"delta":{},"comment":{"content":"nobody sees this"}}]}""", false, false, 0)]
    [InlineData("""{"choices":[{"text":"word","logprobs":{"tokens":["word"],"text":"counted once"}}]}""", true, false, 1)]
    public void Event_HasOutput_OrHasNot(string json, bool hasOutput, bool isFinished, long tokens)
    {
        var reading = Read(json);

        (reading.HasOutput, reading.Finished > 0, reading.OutputTokens).ShouldBe((hasOutput, isFinished, tokens));
    }

    [Fact]
    public void Event_OfUsageAlone_IsKnown() => Read("""{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}""").IsUsageAlone.ShouldBeTrue();

    [Theory]
    [InlineData("""{"error":{"message":"overloaded","code":1}}""", "overloaded")]
    [InlineData("""{"error":"overloaded"}""", "overloaded")]
    [InlineData("""{"error":{}}""", null)]
    public void Error_IsSeen(string json, string? message)
    {
        var reading = Read(json);

        reading.IsError.ShouldBeTrue();
        reading.ErrorMessage.ShouldBe(message);
    }

    [Fact]
    public void Answer_WithErrorOfNothing_IsNone() => Read("""{"error":null,"choices":[]}""").IsError.ShouldBeFalse();

    [Theory]
    [InlineData("""{"data":[{"embedding":[0.1,0.2]},{"embedding":[0.3,0.4]}],"usage":{"prompt_tokens":4,"total_tokens":4}}""", 2)]
    [InlineData("""{"data":[]}""", 0)]
    public void Vectors_AreResults(string json, int results) => Read(json).Results.ShouldBe(results);

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("[]")]
    [InlineData("""{"choices":[""")]
    [InlineData("""{} {}""")]
    public void What_IsNoObject_IsNoAnswer(string json) => AnswerReading.TryRead(Encoding.UTF8.GetBytes(json), out _).ShouldBeFalse();

    [Theory]
    [InlineData("data: x\n\nrest", 9)]
    [InlineData("data: x\r\n\r\nrest", 11)]
    [InlineData("event: a\ndata: x\n\n", 18)]
    [InlineData("\ndata", 1)]
    [InlineData(": comment\n\n", 11)]
    public void Event_EndsWithAnEmptyLine(string text, int length)
    {
        var from = 0;
        EventLines.TryTake(Encoding.UTF8.GetBytes(text), ref from, out var taken).ShouldBeTrue();

        taken.ShouldBe(length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("data: x")]
    [InlineData("data: x\n")]
    [InlineData("data: x\r\n")]
    public void Event_ThatIsNotWhole_IsWaitedFor(string text)
    {
        var from = 0;
        EventLines.TryTake(Encoding.UTF8.GetBytes(text), ref from, out _).ShouldBeFalse();

        // Where the search goes on, so that what comes byte by byte is not searched again and again.
        EventLines.TryTake(Encoding.UTF8.GetBytes(text + "\n\n"), ref from, out var length).ShouldBeTrue();
        length.ShouldBeInRange(1, text.Length + 2);
    }

    [Theory]
    [InlineData("data: {}\n\n", "{}")]
    [InlineData("data:{}\r\n\r\n", "{}")]
    [InlineData("id: 1\nevent: e\ndata: {}\n\n", "{}")]
    [InlineData(": comment\n\n", "")]
    public void Data_IsFound(string text, string expected)
    {
        EventLines.TryFindData(Encoding.UTF8.GetBytes(text), out var range).ShouldBeTrue();

        text[range].ShouldBe(expected);
    }

    [Fact]
    public void Event_WithSeveralLinesOfData_IsNone() => EventLines.TryFindData("data: a\ndata: b\n\n"u8, out _).ShouldBeFalse();

    private static AnswerReading Read(string json)
    {
        AnswerReading.TryRead(Encoding.UTF8.GetBytes(json), out var reading).ShouldBeTrue();
        return reading;
    }
}

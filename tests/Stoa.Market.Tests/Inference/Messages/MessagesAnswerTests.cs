using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;
using Stoa.Market.Inference.Forms;
using Stoa.Market.Inference.Messages;
using Stoa.Market.Tests.Inference.Forms;

namespace Stoa.Market.Tests.Inference.Messages;

public sealed class MessagesAnswerTests
{
    public static TheoryData<string, AnswerFault> Hostile => FormAnswers.Hostile;

    [Fact]
    public void Whole_IsAMessage()
    {
        var message = FormAnswers.Whole(
            Answer(),
            """{"id":"c","model":"a/b@1.0.0","choices":[{"index":0,"message":{"role":"assistant","content":"Hello","reasoning_content":"Hm","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\": \"\\u00e4\"}"}},{"function":{"name":"g","arguments":""}},{"id":"c3","function":{"name":"h","arguments":"{oops"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":20,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":8}}}""");

        MessagesRequestTests.Canonical(message.ToJsonString()).ShouldBe(MessagesRequestTests.Canonical(
            """
            {"id":"msg_x1","type":"message","role":"assistant","model":"a/b@1.0.0","container":null,"content":[
              {"type":"text","text":"Hello","citations":null},
              {"type":"tool_use","id":"c1","name":"f","caller":{"type":"direct"},"input":{"a":"ä"}},
              {"type":"tool_use","id":"toolu_x1_2","name":"g","caller":{"type":"direct"},"input":{}},
              {"type":"tool_use","id":"c3","name":"h","caller":{"type":"direct"},"input":{"INVALID_JSON":"{oops"}}],
             "stop_reason":"tool_use","stop_sequence":null,"stop_details":null,
             "usage":{"input_tokens":12,"output_tokens":5,"cache_creation_input_tokens":0,"cache_read_input_tokens":8,"output_tokens_details":{"thinking_tokens":0},"server_tool_use":null,"cost":"0.1"}}
            """));
    }

    [Theory]
    [InlineData("\"stop\"", "", "end_turn")]
    [InlineData("\"length\"", "", "max_tokens")]
    [InlineData("\"content_filter\"", "", "refusal")]
    [InlineData("\"stop\"", ",\"stop_reason\":\"END\"", "stop_sequence")]
    [InlineData("\"stop\"", ",\"stop_reason\":\"other\"", "end_turn")]
    [InlineData("\"stop\"", ",\"stop_reason\":128001", "end_turn")]
    [InlineData("null", "", "end_turn")]
    public void StopReason_IsTranslated(string finish, string more, string expected)
    {
        var message = FormAnswers.Whole(Answer(""","stop_sequences":["END"]"""), $$"""{"choices":[{"message":{"content":"Hi"},"finish_reason":{{finish}}{{more}}}]}""");

        message["stop_reason"]!.GetValue<string>().ShouldBe(expected);
        (message["stop_sequence"]?.GetValue<string>()).ShouldBe(expected == "stop_sequence" ? "END" : null);
        message["model"]!.GetValue<string>().ShouldBe("asked");
    }

    [Fact]
    public void Usage_ThatTheServerDoesNotSay_IsWhatWasCounted()
    {
        var usage = FormAnswers.Whole(Answer(), """{"choices":[{"message":{"content":"Hello there"},"finish_reason":"stop"}]}""")["usage"]!;

        (usage["input_tokens"]!.GetValue<int>(), usage["output_tokens"]!.GetValue<int>(), usage["cost"]!.GetValue<string>()).ShouldBe((11, 4, "0.1"));
    }

    [Theory]
    [InlineData(""","thinking":{"type":"adaptive"}""", true)]
    [InlineData(""","thinking":{"type":"enabled","budget_tokens":1024}""", true)]
    [InlineData(""","thinking":{"type":"adaptive","display":"omitted"}""", false)]
    [InlineData(""","thinking":{"type":"disabled"}""", false)]
    [InlineData("", false)]
    public void Thinking_IsShown_WhenItIsAskedFor(string asked, bool isShown)
    {
        var content = FormAnswers.Whole(Answer(asked), """{"choices":[{"message":{"content":"Hello","reasoning_content":"Hm"},"finish_reason":"stop"}]}""")["content"]!.AsArray();

        content.Select(block => block!["type"]!.GetValue<string>()).ShouldBe(isShown ? ["thinking", "text"] : ["text"]);
        var events = FormAnswers.Stream(Answer(asked), FormAnswers.Delta("""{"reasoning":"Hm"}"""), FormAnswers.Text("Hello"), FormAnswers.Delta("{}", "\"stop\""));
        events.Count(one => one["delta"]?["type"]?.GetValue<string>() == "thinking_delta").ShouldBe(isShown ? 1 : 0);
    }

    [Fact]
    public void Stream_IsEventsOfBlocks()
    {
        var events = FormAnswers.Stream(
            Answer(""","thinking":{"type":"adaptive"}"""),
            FormAnswers.Delta("""{"role":"assistant","content":""}"""),
            FormAnswers.Delta("""{"reasoning_content":"Hm "}"""),
            FormAnswers.Text("Hel"),
            FormAnswers.Text("lo \\ud83d\\ude00"),
            FormAnswers.Call(0, "c1", "f", ""),
            FormAnswers.Call(0, null, null, "{\\\"a\\\":"),
            FormAnswers.Call(0, null, null, "1}"),
            FormAnswers.Call(1, "c2", "g", "{}"),
            FormAnswers.Delta("{}", "\"tool_calls\""),
            FormAnswers.Usage);

        FormAnswers.Types(events).ShouldBe(
            "message_start ping content_block_start content_block_delta content_block_stop content_block_start content_block_delta content_block_stop content_block_start content_block_delta content_block_stop "
            + "content_block_start content_block_delta content_block_stop message_delta message_stop");
        var start = events[0]["message"]!;
        (start["id"]!.GetValue<string>(), start["model"]!.GetValue<string>(), start["usage"]!["input_tokens"]!.GetValue<int>(), start["content"]!.AsArray().Count).ShouldBe(("msg_x1", "a/b@1.0.0", 11, 0));
        events.Where(one => one["type"]!.GetValue<string>() == "content_block_start").Select(one => $"{one["index"]} {one["content_block"]!["type"]} {one["content_block"]!["id"]}")
            .ShouldBe(["0 thinking ", "1 text ", "2 tool_use c1", "3 tool_use c2"]);
        Joined(events, 0, "thinking").ShouldBe("Hm ");
        Joined(events, 1, "text").ShouldBe("Hello 😀");
        Joined(events, 2, "partial_json").ShouldBe("""{"a":1}""");
        Joined(events, 3, "partial_json").ShouldBe("{}");
        var delta = events[^2];
        delta["delta"]!["stop_reason"]!.GetValue<string>().ShouldBe("tool_use");
        (delta["usage"]!["input_tokens"]!.GetValue<int>(), delta["usage"]!["output_tokens"]!.GetValue<int>(), delta["usage"]!["cost"]!.GetValue<string>()).ShouldBe((12, 5, "0.000011000"));
    }

    [Fact]
    public void Calls_AreToldApart_HoweverTheServerNumbersThem()
    {
        // All as the first; and none at all.
        foreach (var index in (string[])["\"index\":0,", ""])
        {
            var events = FormAnswers.Stream(
                Answer(),
                [.. ((string[])["c1", "c2"]).Select(id => FormAnswers.Delta("{\"tool_calls\":[{" + index + $"\"id\":\"{id}\",\"function\":{{\"name\":\"f\",\"arguments\":\"{{}}\"}}}}]}}")), FormAnswers.Delta("{}", "\"stop\"")]);

            events.Where(one => one["type"]!.GetValue<string>() == "content_block_start").Select(one => one["content_block"]!["id"]!.GetValue<string>()).ShouldBe(["c1", "c2"]);
            events[^2]["delta"]!["stop_reason"]!.GetValue<string>().ShouldBe("tool_use");
        }
    }

    [Fact]
    public void Stream_ThatIsCut_SaysSo() =>
        FormAnswers.Stream(Answer(), FormAnswers.Text("on and on"))[^2]["delta"]!["stop_reason"]!.GetValue<string>().ShouldBe("max_tokens");

    [Fact]
    public void Stream_OfThoughtsThatAreNotShown_PingsNowAndThen()
    {
        var events = FormAnswers.Stream(Answer(), Enumerable.Repeat(FormAnswers.Delta("""{"reasoning_content":"Hm "}"""), 64));

        events.Count(one => one["type"]!.GetValue<string>() == "ping").ShouldBe(3);
        FormAnswers.Types(events).ShouldBe("message_start ping message_delta message_stop");
    }

    [Fact]
    public void Refusal_IsText_AndTheReason()
    {
        var events = FormAnswers.Stream(Answer(), FormAnswers.Delta("""{"refusal":"No"}"""), FormAnswers.Delta("{}", "\"stop\""));

        Joined(events, 0, "text").ShouldBe("No");
        events[^2]["delta"]!["stop_details"]!["type"]!.GetValue<string>().ShouldBe("refusal");
    }

    [Fact]
    public void Error_InTheMiddle_IsAnEvent_AndTheLastOne()
    {
        var events = FormAnswers.Stream(Answer(), FormAnswers.Text("Half"), """{"error":{"message":"It broke.","type":"server_error","code":"answer_broken"}}""", FormAnswers.Text("more"));

        events[^1].ToJsonString().ShouldBe("""{"type":"error","error":{"type":"api_error","message":"It broke.","details":{"error_code":"answer_broken","param":null}},"request_id":null}""");
    }

    [Theory]
    [MemberData(nameof(Hostile))]
    public void Stream_ThatCannotBeFollowed_IsRefused_BeforeMuchOfIt(string stream, AnswerFault expected)
    {
        var (fault, written) = FormAnswers.Follow(Answer(), FormAnswers.HostileStream(stream));

        fault.ShouldBe(expected);
        written.ShouldBeLessThan(1 << 20);
    }

    [Theory]
    [InlineData("[]", AnswerFault.Malformed)]
    [InlineData("""{"choices":[{"message":{"tool_calls":[{"id":"c","function":{"arguments":"{}"}}]}}]}""", AnswerFault.CallUnnamed)]
    public void Whole_ThatIsNoAnswer_IsRefused(string chat, AnswerFault expected)
    {
        var output = new ArrayBufferWriter<byte>();

        Answer().WriteWhole(Encoding.UTF8.GetBytes(chat), "0.1", output).ShouldBe(expected);
        output.WrittenCount.ShouldBe(0);
    }

    private static MessagesAnswer Answer(string more = "")
    {
        MessagesRequest.TryRead(Encoding.UTF8.GetBytes($$"""{"model":"m","max_tokens":9,"messages":[]{{more}}}"""), false, out var request, out var fault).ShouldBeTrue(fault?.Reason);
        return new MessagesAnswer(request!, FormAnswers.Terms);
    }

    private static string Joined(IEnumerable<JsonNode> events, int index, string member) => string.Concat(events
        .Where(one => one["type"]!.GetValue<string>() == "content_block_delta" && one["index"]!.GetValue<int>() == index).Select(one => one["delta"]![member]!.GetValue<string>()));
}

using System.Buffers;
using System.Text;
using Stoa.Market.Inference.Forms;
using Stoa.Market.Inference.Responses;
using Stoa.Market.Tests.Inference.Forms;
using Stoa.Market.Tests.Inference.Messages;

namespace Stoa.Market.Tests.Inference.Responses;

public sealed class ResponsesAnswerTests
{
    public static TheoryData<string, AnswerFault> Hostile => FormAnswers.Hostile;

    [Fact]
    public void Whole_IsAResponse_ThatRepeatsWhatWasAsked()
    {
        var response = FormAnswers.Whole(
            Answer(""","instructions":"Be\n brief","temperature":0.5,"tools":[ {"type":"function",""" + "\r\n\t" + """ "name":"f"} ],"metadata":{"a":"b \" c"}"""),
            """{"id":"c","model":"a/b@1.0.0","choices":[{"index":0,"message":{"content":"Hello","reasoning_content":"Hm","tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{\"a\":1}"}},{"function":{"name":"g"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":20,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":9}}}""");

        MessagesRequestTests.Canonical(response.ToJsonString()).ShouldBe(MessagesRequestTests.Canonical(
            """
            {"id":"resp_x1","object":"response","created_at":1700000000,"status":"completed","background":false,"store":false,"error":null,"incomplete_details":null,"model":"a/b@1.0.0","output":[
              {"id":"rs_x1_1","type":"reasoning","status":"completed","summary":[],"content":[{"type":"reasoning_text","text":"Hm"}]},
              {"id":"msg_x1_2","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello","annotations":[],"logprobs":[]}]},
              {"id":"fc_x1_3","type":"function_call","status":"completed","call_id":"c1","name":"f","arguments":"{\"a\":1}"},
              {"id":"fc_x1_4","type":"function_call","status":"completed","call_id":"call_x1_4","name":"g","arguments":""}],
             "previous_response_id":null,"truncation":"disabled","instructions":"Be\n brief","max_output_tokens":null,"metadata":{"a":"b \" c"},"parallel_tool_calls":true,"reasoning":{"effort":null,"summary":null},
             "temperature":0.5,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[{"type":"function","name":"f"}],"top_p":null,"user":null,
             "usage":{"input_tokens":20,"input_tokens_details":{"cached_tokens":8,"cache_write_tokens":0},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":25,"cost":"0.1"}}
            """));
    }

    [Theory]
    [InlineData("stop", "completed", null)]
    [InlineData("length", "incomplete", "max_output_tokens")]
    [InlineData("content_filter", "incomplete", "content_filter")]
    public void Status_IsTranslated(string finish, string status, string? reason)
    {
        var response = FormAnswers.Whole(Answer(), $$"""{"choices":[{"message":{"content":"Hi"},"finish_reason":"{{finish}}"}]}""");

        (response["status"]!.GetValue<string>(), response["incomplete_details"]?["reason"]?.GetValue<string>()).ShouldBe((status, reason));
        response["output"]![0]!["status"]!.GetValue<string>().ShouldBe(status);
        // What the server does not say is what was counted.
        response["usage"]!["input_tokens"]!.GetValue<int>().ShouldBe(11);
        response["model"]!.GetValue<string>().ShouldBe("asked");
    }

    [Fact]
    public void Stream_IsNumberedEventsOfItems()
    {
        var events = FormAnswers.Stream(
            Answer(""","tools":[{"type":"function",""" + "\n" + """ "name":"f"}]"""),
            FormAnswers.Delta("""{"role":"assistant","content":""}"""),
            FormAnswers.Delta("""{"reasoning_content":"Hm"}"""),
            FormAnswers.Text("Hel"),
            FormAnswers.Text("lo \\ud83d"),
            FormAnswers.Text("\\ude00"),
            FormAnswers.Call(0, "c1", "f", ""),
            FormAnswers.Call(0, null, null, "{\\\"a\\\":"),
            FormAnswers.Call(0, null, null, "1}"),
            FormAnswers.Call(1, "c2", "g", "{}"),
            FormAnswers.Delta("{}", "\"tool_calls\""),
            FormAnswers.Usage);

        FormAnswers.Types(events).ShouldBe(string.Join(' ', (string[])[
            "response.created", "response.in_progress",
            "response.output_item.added", "response.content_part.added", "response.reasoning_text.delta", "response.reasoning_text.done", "response.content_part.done", "response.output_item.done",
            "response.output_item.added", "response.content_part.added", "response.output_text.delta", "response.output_text.done", "response.content_part.done", "response.output_item.done",
            "response.output_item.added", "response.function_call_arguments.delta", "response.function_call_arguments.done", "response.output_item.done",
            "response.output_item.added", "response.function_call_arguments.delta", "response.function_call_arguments.done", "response.output_item.done",
            "response.completed"]));
        events.Select(one => one["sequence_number"]!.GetValue<int>()).ShouldBe(Enumerable.Range(0, events.Count));
        events.First(one => one["type"]!.GetValue<string>() == "response.function_call_arguments.done")["arguments"]!.GetValue<string>().ShouldBe("""{"a":1}""");
        var response = events[^1]["response"]!;
        response["output"]!.AsArray().Select(item => $"{item!["type"]} {item["id"]} {item["status"]}")
            .ShouldBe(["reasoning rs_x1_1 completed", "message msg_x1_2 completed", "function_call fc_x1_3 completed", "function_call fc_x1_4 completed"]);
        // Two halves of one character, as servers send it that go by tokens.
        response["output"]![1]!["content"]![0]!["text"]!.GetValue<string>().ShouldBe("Hello 😀");
        (response["usage"]!["total_tokens"]!.GetValue<int>(), response["usage"]!["cost"]!.GetValue<string>()).ShouldBe((25, "0.000011000"));
        // What each event says of an item is what the item says of itself.
        foreach (var done in events.Where(one => one["type"]!.GetValue<string>() == "response.output_item.done"))
            done["item"]!.ToJsonString().ShouldBe(response["output"]![done["output_index"]!.GetValue<int>()]!.ToJsonString());
    }

    [Fact]
    public void Stream_ThatIsCut_IsIncomplete()
    {
        var events = FormAnswers.Stream(Answer(), FormAnswers.Text("on and on"));

        events[^1]["type"]!.GetValue<string>().ShouldBe("response.incomplete");
        events[^1]["response"]!["output"]![0]!["status"]!.GetValue<string>().ShouldBe("incomplete");
    }

    [Fact]
    public void Refusal_IsAPartOfItsOwn()
    {
        var events = FormAnswers.Stream(Answer(), FormAnswers.Delta("""{"refusal":"No"}"""), FormAnswers.Delta("{}", "\"stop\""));

        FormAnswers.Types(events).ShouldContain("response.refusal.delta response.refusal.done");
        events[^1]["response"]!["output"]![0]!["content"]!.ToJsonString().ShouldBe("""[{"type":"refusal","refusal":"No"}]""");
    }

    [Fact]
    public void Error_InTheMiddle_IsTold_AndTheResponseHasFailed()
    {
        var events = FormAnswers.Stream(Answer(), FormAnswers.Text("Half"), """{"error":{"message":"It broke.","type":"server_error","code":"answer_broken"}}""", FormAnswers.Text("more"));

        var error = events[^2];
        (error["type"]!.GetValue<string>(), error["code"]!.GetValue<string>(), error["message"]!.GetValue<string>()).ShouldBe(("error", "answer_broken", "It broke."));
        var response = events[^1]["response"]!;
        (response["status"]!.GetValue<string>(), response["error"]!["message"]!.GetValue<string>(), response["output"]![0]!["status"]!.GetValue<string>()).ShouldBe(("failed", "It broke.", "incomplete"));
    }

    [Theory]
    [MemberData(nameof(Hostile))]
    public void Stream_ThatCannotBeFollowed_IsRefused_BeforeMuchOfIt(string stream, AnswerFault expected)
    {
        var (fault, written) = FormAnswers.Follow(Answer(), FormAnswers.HostileStream(stream));

        fault.ShouldBe(expected);
        written.ShouldBeLessThan(1 << 20);
    }

    [Fact]
    public void Answer_OfMoreThanIsKept_IsRefused()
    {
        var blanks = FormAnswers.Text(new string(' ', 100_000));

        FormAnswers.Follow(Answer(), Enumerable.Repeat(blanks, 100)).Fault.ShouldBe(AnswerFault.TooLarge);
        Answer().WriteWhole(Encoding.UTF8.GetBytes("""{"choices":[{"message":{"content":""" + "\"" + new string(' ', 2 << 20) + "\"}}]}"), "0.1", new ArrayBufferWriter<byte>()).ShouldBe(AnswerFault.TooLarge);
    }

    private static ResponsesAnswer Answer(string more = "")
    {
        ResponsesRequest.TryRead(Encoding.UTF8.GetBytes($$"""{"model":"m","input":"x"{{more}}}"""), false, out var request, out var fault).ShouldBeTrue(fault?.Reason);
        return new ResponsesAnswer(request!, FormAnswers.Terms);
    }
}

using System.Text;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Responses;
using Stoa.Market.Tests.Inference.Messages;

namespace Stoa.Market.Tests.Inference.Responses;

public sealed class ResponsesRequestTests
{
    private const string Hello = """{"model":"m","input":"Hello" """;
    private const string HelloChat = """{"model":"m","messages":[{"role":"user","content":"Hello"}]""";

    [Theory]
    [InlineData("", "")]
    [InlineData(
        ""","store":false,"background":false,"previous_response_id":null,"truncation":"disabled","include":["reasoning.encrypted_content"],"service_tier":"auto","safety_identifier":"s","prompt_cache_key":"k","metadata":{"a":"b"},"top_logprobs":0""",
        "")]
    [InlineData(""","stream":true,"stream_options":{"include_obfuscation":false}""", ""","stream":true,"stream_options":{"include_usage":true}""")]
    [InlineData(""","max_output_tokens":9,"temperature":0.5,"top_p":0.9,"user":"u" """, ""","max_tokens":9,"temperature":0.5,"top_p":0.9,"user":"u" """)]
    [InlineData(""","reasoning":{"effort":"low","summary":"auto"},"text":{"verbosity":"low"}""", ""","reasoning_effort":"low","verbosity":"low" """)]
    [InlineData(""","text":{"format":{"type":"text"}}""", "")]
    [InlineData(""","text":{"format":{"type":"json_object"}}""", ""","response_format":{"type":"json_object"}""")]
    [InlineData(
        ""","text":{"format":{"type":"json_schema","name":"n","description":"d","strict":true,"schema":{"type":"object"}}}""",
        ""","response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","strict":true,"schema":{"type":"object"}}}""")]
    [InlineData(
        ""","tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":true}],"tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":false""",
        ""","tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true}}],"tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false""")]
    [InlineData(
        ""","tools":[{"type":"function","name":"f","parameters":null,"strict":null}],"tool_choice":"required" """,
        ""","tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required" """)]
    [InlineData(""","tools":[],"tool_choice":"auto","parallel_tool_calls":true""", "")]
    public void Members_AreTranslated(string given, string expected) => TranslationOf(Hello + given + "}").ShouldBe(MessagesRequestTests.Canonical(HelloChat + expected + "}"));

    [Theory]
    [InlineData("""{"role":"user","content":"Hi"}""", """{"role":"user","content":"Hi"}""")]
    [InlineData(
        """{"type":"message","role":"developer","content":[{"type":"input_text","text":"A"},{"type":"input_text","text":"B"}]},{"role":"system","content":"C"}""",
        """{"role":"system","content":"A\n\nB"},{"role":"system","content":"C"}""")]
    [InlineData(
        """{"role":"user","content":[{"type":"input_text","text":"What is it?"},{"type":"input_image","image_url":"data:image/png;base64,AA+/","detail":"low"}]}""",
        """{"role":"user","content":[{"type":"text","text":"What is it?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA+/","detail":"low"}}]}""")]
    [InlineData(
        """{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"short"}],"content":[{"type":"reasoning_text","text":"Hm"}]},{"type":"message","role":"assistant","id":"msg_1","status":"completed","content":[{"type":"output_text","text":"I look","annotations":[]}]},{"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"{\"a\":1}","status":"completed"},{"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"one"},{"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"two"}]},{"role":"assistant","content":"Done"}""",
        """{"role":"assistant","content":"I look","reasoning_content":"Hm","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"one"},{"role":"tool","tool_call_id":"c2","content":"two"},{"role":"assistant","content":"Done"}""")]
    [InlineData(
        """{"role":"assistant","content":[{"type":"refusal","refusal":"No"}]},{"role":"user","content":"Please"}""",
        """{"role":"assistant","content":"No"},{"role":"user","content":"Please"}""")]
    public void Input_IsTranslated(string given, string expected) =>
        TranslationOf($$"""{"model":"m","instructions":"Sys","input":[{{given}}]}""").ShouldBe(MessagesRequestTests.Canonical($$"""{"model":"m","messages":[{"role":"system","content":"Sys"},{{expected}}]}"""));

    [Theory]
    [InlineData(""","store":true""", "store")]
    [InlineData(""","background":true""", "background")]
    [InlineData(""","previous_response_id":"resp_1" """, "previous_response_id")]
    [InlineData(""","conversation":"c" """, "conversation")]
    [InlineData(""","prompt":{"id":"p"}""", "prompt")]
    [InlineData(""","max_tool_calls":3""", "max_tool_calls")]
    [InlineData(""","max_output_tokens":0""", "max_output_tokens")]
    [InlineData(""","truncation":"auto" """, "truncation")]
    [InlineData(""","service_tier":"flex" """, "service_tier")]
    [InlineData(""","top_logprobs":2""", "top_logprobs")]
    [InlineData(""","include":["message.output_text.logprobs"]""", "include.0")]
    [InlineData(""","include":[7]""", "include.0")]
    [InlineData(""","stream_options":{"include_obfuscation":true}""", "stream_options.include_obfuscation")]
    [InlineData(""","metadata":{"a":1}""", "metadata")]
    [InlineData(""","reasoning":{"context":"auto"}""", "reasoning.context")]
    [InlineData(""","text":{"format":{"type":"grammar"}}""", "text.format.type")]
    [InlineData(""","text":{"format":{"type":"json_schema","name":"n"}}""", "text.format.schema")]
    [InlineData(""","tools":[{"type":"web_search"}]""", "tools.0.type")]
    [InlineData(""","tools":[{"type":"function","parameters":{}}]""", "tools.0.name")]
    [InlineData(""","tools":[{"type":"function","name":"f","defer_loading":true}]""", "tools.0.defer_loading")]
    [InlineData(""","tool_choice":{"type":"allowed_tools","mode":"auto","tools":[]}""", "tool_choice.mode")]
    [InlineData(""","tool_choice":"some" """, "tool_choice")]
    [InlineData(""","tool_choice":7""", "tool_choice")]
    public void Member_WithoutCounterpart_IsRefusedByItsName(string given, string parameter) => FaultOf(Hello + given + "}").Parameter.ShouldBe(parameter);

    [Theory]
    [InlineData("""{"type":"item_reference","id":"msg_1"}""", "input.0.type")]
    [InlineData("""{"type":"web_search_call","id":"w"}""", "input.0.type")]
    [InlineData("""{"role":"tool","content":"x"}""", "input.0.role")]
    [InlineData("""{"role":"user"}""", "input.0.content")]
    [InlineData("""{"role":"user","content":[{"type":"input_file","file_url":"https://example.com/a.pdf"}]}""", "input.0.content.0.type")]
    [InlineData("""{"role":"user","content":[{"type":"input_image","image_url":"https://example.com/a.png"}]}""", "input.0.content.0.image_url")]
    [InlineData("""{"role":"user","content":[{"type":"input_image","file_id":"f"}]}""", "input.0.content.0.file_id")]
    [InlineData("""{"role":"assistant","content":[{"type":"input_image","image_url":"data:"}]}""", "input.0.content.0.type")]
    [InlineData("""{"type":"function_call","call_id":"c","name":"f"}""", "input.0.arguments")]
    [InlineData("""{"type":"function_call_output","call_id":"c"}""", "input.0.output")]
    [InlineData("""{"type":"function_call_output","call_id":"c","output":[{"type":"input_image","image_url":"data:"}]}""", "input.0.output.0.type")]
    [InlineData("""{"type":"function_call_output","output":"x"}""", "input.0.call_id")]
    [InlineData("""{"type":"reasoning","summary":[],"encrypted_content":"x"}""", "input.0.encrypted_content")]
    public void Item_WithoutCounterpart_IsRefusedByItsPlace(string item, string parameter) => FaultOf($$"""{"model":"m","input":[{{item}}]}""").Parameter.ShouldBe(parameter);

    [Theory]
    [InlineData("""{"model":"m"}""", "input")]
    [InlineData("""{"model":"m","input":7}""", "input")]
    [InlineData("""{"model":7,"input":"x"}""", "model")]
    [InlineData("7", null)]
    [InlineData("{", null)]
    public void Body_ThatIsNoRequest_IsRefused(string body, string? parameter) => FaultOf(body).Parameter.ShouldBe(parameter);

    [Fact]
    public void CacheKey_IsKept_ToFindTheSameServer()
    {
        ResponsesRequest.TryRead(Encoding.UTF8.GetBytes(Hello + ""","prompt_cache_key":"thread 7"}"""), false, out var request, out _).ShouldBeTrue();

        request!.CacheKey.ShouldBe("thread 7");
    }

    private static string TranslationOf(string body)
    {
        ResponsesRequest.TryRead(Encoding.UTF8.GetBytes(body), takesImageUrls: false, out var request, out var fault).ShouldBeTrue($"{fault?.Parameter}: {fault?.Reason}");
        return MessagesRequestTests.Canonical(Encoding.UTF8.GetString(request!.Chat.Span));
    }

    private static RequestFault FaultOf(string body)
    {
        ResponsesRequest.TryRead(Encoding.UTF8.GetBytes(body), takesImageUrls: false, out var request, out var fault).ShouldBeFalse();
        request.ShouldBeNull();
        return fault!;
    }
}

using System.Text;
using System.Text.Json.Nodes;
using Stoa.Market.Inference.Messages;
using Stoa.Market.Inference.OpenAi;

namespace Stoa.Market.Tests.Inference.Messages;

public sealed class MessagesRequestTests
{
    private const string Hello = """{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hello"}]""";

    [Theory]
    [InlineData("", "")]
    [InlineData(""","stream":false,"service_tier":"auto","cache_control":{"type":"ephemeral"},"speed":null""", "")]
    [InlineData(""","context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]}""", "")]
    [InlineData(""","stream":true""", ""","stream":true,"stream_options":{"include_usage":true}""")]
    [InlineData(""","temperature":0.5,"top_p":0.9,"top_k":40""", ""","temperature":0.5,"top_p":0.9,"top_k":40""")]
    [InlineData(""","stop_sequences":["a\n","b"]""", ""","stop":["a\n","b"]""")]
    [InlineData(""","metadata":{"user_id":"u1"}""", ""","user":"u1" """)]
    [InlineData(""","thinking":{"type":"enabled","budget_tokens":1024}""", ""","thinking_budget_tokens":1024""")]
    [InlineData(""","thinking":{"type":"disabled"}""", "")]
    [InlineData(
        ""","output_config":{"effort":"high","format":{"type":"json_schema","schema":{"type":"object"}}}""",
        ""","reasoning_effort":"high","response_format":{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"type":"object"}}}""")]
    [InlineData(
        ""","tools":[{"name":"weather","description":"Of a city","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}},{"type":"custom","name":"g","input_schema":{"type":"object"},"strict":true}]""",
        ""","tools":[{"type":"function","function":{"name":"weather","description":"Of a city","parameters":{"type":"object"}}},{"type":"function","function":{"name":"g","parameters":{"type":"object"},"strict":true}}]""")]
    public void Members_AreTranslated(string given, string expected) => TranslationOf(Hello + given + "}").ShouldBe(Canonical(Hello + expected + "}"));

    [Theory]
    [InlineData("""{"type":"auto"}""", """ "auto" """)]
    [InlineData("""{"type":"any","disable_parallel_tool_use":true}""", """ "required","parallel_tool_calls":false """)]
    [InlineData("""{"type":"none"}""", """ "none" """)]
    [InlineData("""{"type":"tool","name":"f"}""", """ {"type":"function","function":{"name":"f"}} """)]
    public void ToolChoice_IsTranslated(string given, string expected) =>
        TranslationOf(Hello + ""","tools":[{"name":"f","input_schema":{}}],"tool_choice":""" + given + "}")
            .ShouldBe(Canonical(Hello + ""","tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"tool_choice":""" + expected + "}"));

    [Fact]
    public void ToolChoice_WithoutTools_IsLeftOut() => TranslationOf(Hello + ""","tool_choice":{"type":"auto","disable_parallel_tool_use":false}}""").ShouldBe(Canonical(Hello + "}"));

    [Theory]
    [InlineData("""{"role":"user","content":[{"type":"text","text":"One \ud83d\ude00"},{"type":"text","text":"Two","cache_control":{"type":"ephemeral"}}]}""", """{"role":"user","content":"One 😀\n\nTwo"}""")]
    [InlineData("""{"role":"system","content":[{"type":"text","text":"Be brief"}]}""", """{"role":"system","content":"Be brief"}""")]
    [InlineData(
        """{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk+/w=="}},{"type":"text","text":"What is it?"}]}""",
        """{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk+/w=="}},{"type":"text","text":"What is it?"}]}""")]
    [InlineData(
        """{"role":"user","content":[{"type":"image","source":{"type":"url","url":"data:image/gif;base64,AA"}}]}""",
        """{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/gif;base64,AA"}}]}""")]
    [InlineData(
        """{"role":"assistant","content":[{"type":"thinking","thinking":"Hm","signature":"x"},{"type":"text","text":"I look"},{"type":"tool_use","id":"t1","name":"f","input":{"a":"\"q\""}},{"type":"tool_use","id":"t2","name":"g","input":{}}]}""",
        """{"role":"assistant","content":"I look","reasoning_content":"Hm","tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\":\"\\\"q\\\"\"}"}},{"id":"t2","type":"function","function":{"name":"g","arguments":"{}"}}]}""")]
    [InlineData(
        """{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{},"caller":{"type":"direct"}}]}""",
        """{"role":"assistant","content":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{}"}}]}""")]
    [InlineData(
        """{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"12 degrees"},{"type":"tool_result","tool_use_id":"t2","is_error":true,"content":[{"type":"text","text":"Broken"}]},{"type":"tool_result","tool_use_id":"t3"},{"type":"text","text":"Go on"}]}""",
        """{"role":"tool","tool_call_id":"t1","content":"12 degrees"},{"role":"tool","tool_call_id":"t2","content":"Error: Broken"},{"role":"tool","tool_call_id":"t3","content":""},{"role":"user","content":"Go on"}""")]
    [InlineData(
        """{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}""",
        """{"role":"tool","tool_call_id":"t1","content":"Error:\n\na\n\nb"}""")]
    public void Message_IsTranslated(string given, string expected) =>
        TranslationOf($$"""{"model":"m","max_tokens":9,"system":[{"type":"text","text":"Sys"}],"messages":[{{given}}]}""")
            .ShouldBe(Canonical($$"""{"model":"m","max_tokens":9,"messages":[{"role":"system","content":"Sys"},{{expected}}]}"""));

    [Fact]
    public void ImageByAddress_IsTaken_WhereTheOperatorSaysSo()
    {
        var body = """{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://example.com/a.png"}}]}]}"""u8.ToArray();

        MessagesRequest.TryRead(body, takesImageUrls: false, out _, out var fault).ShouldBeFalse();
        fault!.Parameter.ShouldBe("messages.0.content.0.source.url");
        MessagesRequest.TryRead(body, takesImageUrls: true, out var request, out _).ShouldBeTrue();
        Encoding.UTF8.GetString(request!.Chat.Span).ShouldContain("https://example.com/a.png");
    }

    [Theory]
    [InlineData(""","mcp_servers":[]""", "mcp_servers")]
    [InlineData(""","container":"c" """, "container")]
    [InlineData(""","Top_P":1""", "Top_P")]
    [InlineData(""","temperature":"hot" """, "temperature")]
    [InlineData(""","stream":1""", "stream")]
    [InlineData(""","stop_sequences":[""]""", "stop_sequences.0")]
    [InlineData(""","metadata":{"user_id":"u","more":1}""", "metadata.more")]
    [InlineData(""","context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}""", "context_management.edits.0.type")]
    [InlineData(""","context_management":{"edits":[{"type":"clear_thinking_20251015","keep":{"type":"thinking_turns","value":1}}]}""", "context_management.edits.0.keep")]
    [InlineData(""","service_tier":"fast" """, "service_tier")]
    [InlineData(""","speed":"fast" """, "speed")]
    [InlineData(""","thinking":{"type":"enabled"}""", "thinking.budget_tokens")]
    [InlineData(""","thinking":{"type":"sometimes"}""", "thinking.type")]
    [InlineData(""","output_config":{"effort":"some"}""", "output_config.effort")]
    [InlineData(""","output_config":{"format":{"type":"json_schema"}}""", "output_config.format.schema")]
    [InlineData(""","tools":[{"type":"web_search_20250305","name":"web_search"}]""", "tools.0.type")]
    [InlineData(""","tools":[{"name":"f"}]""", "tools.0.input_schema")]
    [InlineData(""","tools":[{"name":"f","input_schema":{},"input_examples":[]}]""", "tools.0.input_examples")]
    [InlineData(""","tools":[{"name":"f","input_schema":{},"defer_loading":true}]""", "tools.0.defer_loading")]
    [InlineData(""","tools":[{"name":"f","input_schema":{},"allowed_callers":[7]}]""", "tools.0.allowed_callers.0")]
    [InlineData(""","tool_choice":{"type":"tool"}""", "tool_choice.name")]
    [InlineData(""","tool_choice":{"type":"all"}""", "tool_choice.type")]
    [InlineData(""","system":[{"type":"image"}]""", "system.0.type")]
    public void Member_WithoutCounterpart_IsRefusedByItsName(string given, string parameter) => FaultOf(Hello + given + "}").Parameter.ShouldBe(parameter);

    [Theory]
    [InlineData("""{"role":"user"}""", "messages.0.content")]
    [InlineData("""{"role":"developer","content":"x"}""", "messages.0.role")]
    [InlineData("""{"role":"user","content":7}""", "messages.0.content")]
    [InlineData("""{"role":"user","content":[7]}""", "messages.0.content.0")]
    [InlineData("""{"role":"user","content":[{"type":"text"}]}""", "messages.0.content.0.text")]
    [InlineData("""{"role":"user","content":[{"type":"document","source":{}}]}""", "messages.0.content.0.type")]
    [InlineData("""{"role":"user","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]}""", "messages.0.content.0.type")]
    [InlineData("""{"role":"user","content":[{"type":"text","text":"a"},{"type":"tool_result","tool_use_id":"t"}]}""", "messages.0.content.1.type")]
    [InlineData("""{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{}}]}]}""", "messages.0.content.0.content.0.type")]
    [InlineData("""{"role":"user","content":[{"type":"tool_result","content":"x"}]}""", "messages.0.content.0.tool_use_id")]
    [InlineData("""{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/svg+xml","data":"AA"}}]}""", "messages.0.content.0.source.media_type")]
    [InlineData("""{"role":"user","content":[{"type":"image","source":{"type":"file","file_id":"f"}}]}""", "messages.0.content.0.source.type")]
    [InlineData("""{"role":"user","content":[{"type":"image","source":{"type":"url","url":"\u0064ata:x"}}]}""", "messages.0.content.0.source.url")]
    [InlineData("""{"role":"assistant","content":[{"type":"redacted_thinking","data":"x"}]}""", "messages.0.content.0.type")]
    [InlineData("""{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":"{}"}]}""", "messages.0.content.0.input")]
    [InlineData("""{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{},"caller":{"type":"code_execution_20250825"}}]}""", "messages.0.content.0.caller.type")]
    public void Message_WithoutCounterpart_IsRefusedByItsPlace(string message, string parameter) =>
        FaultOf($$"""{"model":"m","max_tokens":9,"messages":[{{message}}]}""").Parameter.ShouldBe(parameter);

    [Theory]
    [InlineData("""{"model":"m","messages":[]}""", "max_tokens")]
    [InlineData("""{"model":"m","max_tokens":0,"messages":[]}""", "max_tokens")]
    [InlineData("""{"model":"m","max_tokens":9}""", "messages")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":{}}""", "messages")]
    [InlineData("[]", null)]
    [InlineData("", null)]
    [InlineData("""{"model":"m","model":"n"}""", null)]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[],"stop_sequences":["\ud800"]}""", null)]
    public void Body_ThatIsNoRequest_IsRefused(string body, string? parameter) => FaultOf(body).Parameter.ShouldBe(parameter);

    [Fact]
    public void Body_OfMoreThanIsTaken_IsRefused()
    {
        FaultOf($$"""{"model":"m","max_tokens":9,"messages":[{{string.Join(',', Enumerable.Repeat("{}", 16_385))}}]}""").Parameter.ShouldBe("messages");
        FaultOf($"[{string.Join(',', Enumerable.Repeat("0", 1 << 20))}]").Parameter.ShouldBeNull();
        FaultOf(new string('[', 100_000)).Parameter.ShouldBeNull();
    }

    [Fact]
    public void Translation_IsARequestThatTheGatewayReads()
    {
        MessagesRequest.TryRead(Encoding.UTF8.GetBytes(Hello + ""","stream":true,"thinking":{"type":"adaptive"}}"""), false, out var request, out _).ShouldBeTrue();

        InferenceRequest.TryRead(InferenceKind.Chat, request!.Chat, out var chat, out var fault).ShouldBeTrue(fault?.Reason);
        (chat!.Model, chat.MaxTokens, chat.IsStream, chat.WantsUsage, request.IsStream, request.ShowsThinking).ShouldBe(("m", 9, true, true, true, true));
    }

    private static string TranslationOf(string body)
    {
        MessagesRequest.TryRead(Encoding.UTF8.GetBytes(body), takesImageUrls: false, out var request, out var fault).ShouldBeTrue($"{fault?.Parameter}: {fault?.Reason}");
        return Canonical(Encoding.UTF8.GetString(request!.Chat.Span));
    }

    private static RequestFault FaultOf(string body)
    {
        MessagesRequest.TryRead(Encoding.UTF8.GetBytes(body), takesImageUrls: false, out var request, out var fault).ShouldBeFalse();
        request.ShouldBeNull();
        return fault!;
    }

    /// <summary>With its members in order, so that two that say the same are the same.</summary>
    internal static string Canonical(string json) => Sort(JsonNode.Parse(json))?.ToJsonString() ?? "null";

    private static JsonNode? Sort(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members.OrderBy(member => member.Key, StringComparer.Ordinal).Select(member => KeyValuePair.Create(member.Key, Sort(member.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Sort)]),
        _ => node?.DeepClone(),
    };
}

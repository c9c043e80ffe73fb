using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Stoa.Market.Inference.Forms;
using Stoa.Market.Inference.Messages;
using Stoa.Market.Inference.Responses;

namespace Stoa.Market.Tests.Inference.Forms;

/// <summary>Whatever stands in place of whatever, in requests and in answers: it is translated or refused, and never an exception or broken JSON.</summary>
public sealed class AnythingTests
{
    private const string Message =
        """
        {"model":"m","max_tokens":9,"stream":true,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"temperature":1,"top_p":1,"top_k":1,"stop_sequences":["a"],"metadata":{"user_id":"u"},
         "tools":[{"type":"custom","name":"f","description":"d","input_schema":{"type":"object"},"strict":true,"allowed_callers":["direct"],"defer_loading":false}],"tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true},
         "thinking":{"type":"enabled","budget_tokens":1024,"display":"omitted"},"output_config":{"effort":"low","format":{"type":"json_schema","schema":{}}},"service_tier":"auto","speed":"standard",
         "messages":[{"role":"user","content":[{"type":"text","text":"t"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}},{"type":"image","source":{"type":"url","url":"data:"}}]},
          {"role":"assistant","content":[{"type":"thinking","thinking":"h","signature":"s"},{"type":"text","text":"t"},{"type":"tool_use","id":"c","name":"f","input":{},"caller":{"type":"direct"}}]},
          {"role":"user","content":[{"type":"tool_result","tool_use_id":"c","is_error":true,"content":[{"type":"text","text":"t"}]}]},{"role":"system","content":"s"}]}
        """;

    private const string Response =
        """
        {"model":"m","instructions":"s","stream":true,"stream_options":{"include_obfuscation":false},"max_output_tokens":9,"temperature":1,"top_p":1,"parallel_tool_calls":true,"store":false,"background":false,
         "tools":[{"type":"function","name":"f","description":"d","parameters":{},"strict":true,"async":false,"defer_loading":false,"allowed_callers":["direct"]}],"tool_choice":{"type":"function","name":"f"},
         "text":{"verbosity":"low","format":{"type":"json_schema","name":"n","description":"d","schema":{},"strict":true}},"reasoning":{"effort":"low","summary":"auto"},"metadata":{"a":"b"},"user":"u",
         "include":["reasoning.encrypted_content"],"service_tier":"auto","truncation":"disabled","top_logprobs":0,"prompt_cache_key":"k",
         "input":[{"role":"user","content":[{"type":"input_text","text":"t"},{"type":"input_image","image_url":"data:","detail":"low"}]},{"type":"message","role":"developer","content":"d"},
          {"type":"reasoning","summary":[{"type":"summary_text","text":"t"}],"content":[{"type":"reasoning_text","text":"t"}]},{"role":"assistant","content":[{"type":"output_text","text":"t"},{"type":"refusal","refusal":"r"}]},
          {"type":"function_call","call_id":"c","name":"f","arguments":"{}","caller":{"type":"direct"}},{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"t"}]}]}
        """;

    private const string Answer =
        """
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"t","reasoning_content":"h","refusal":"r","tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]},"message":{"content":"t"},
         "finish_reason":"stop","stop_reason":"x"}],"usage":{"prompt_tokens":5,"completion_tokens":4,"cost":"1","prompt_tokens_details":{"cached_tokens":1},"completion_tokens_details":{"reasoning_tokens":1}},"error":null}
        """;

    // The last but one is half a character; the last is what is not there.
    private static readonly string?[] s_anything = ["null", "true", "7", "-1.5e300", "\"\"", "\"x\"", "[]", "[7]", "[[]]", "{}", "{\"type\":7}", "[{\"type\":\"text\"}]", "\"\\ud800\"", null];

    [Fact]
    public void Request_WithAnything_IsTranslatedOrRefused()
    {
        var (taken, refused) = (0, 0);
        foreach (var body in Variations(Message))
            Count(MessagesRequest.TryRead(body, false, out var request, out _), request?.Chat);
        foreach (var body in Variations(Response))
            Count(ResponsesRequest.TryRead(body, false, out var request, out _), request?.Chat);

        taken.ShouldBeGreaterThan(200);
        refused.ShouldBeGreaterThan(1_000);

        void Count(bool isTaken, ReadOnlyMemory<byte>? chat)
        {
            if (isTaken)
                IsWhole(chat!.Value.Span);
            (taken, refused) = isTaken ? (taken + 1, refused) : (taken, refused + 1);
        }
    }

    [Fact]
    public void Answer_WithAnything_IsToldOrRefused()
    {
        MessagesRequest.TryRead("""{"model":"m","max_tokens":9,"messages":[],"thinking":{"type":"adaptive"}}"""u8.ToArray(), false, out var message, out _).ShouldBeTrue();
        ResponsesRequest.TryRead("""{"model":"m","input":""}"""u8.ToArray(), false, out var response, out _).ShouldBeTrue();
        var told = 0;
        foreach (var chat in Variations(Answer))
        {
            foreach (var make in (Func<IAnswerForm>[])[() => new MessagesAnswer(message!, FormAnswers.Terms), () => new ResponsesAnswer(response!, FormAnswers.Terms)])
            {
                var output = new ArrayBufferWriter<byte>();
                if (make().WriteWhole(chat, "0.1", output) is null)
                    IsWhole(output.WrittenSpan);
                output = new ArrayBufferWriter<byte>();
                var form = make();
                if (form.WriteEvent(chat, output) is null && form.WriteEvent(chat, output) is null)
                    form.WriteEnd(output);
                else
                    form.WriteBreak("answer_broken", "It broke.", output);
                foreach (var one in Encoding.UTF8.GetString(output.WrittenSpan).Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
                {
                    IsWhole(Encoding.UTF8.GetBytes(one.Split('\n')[1]["data: ".Length..]));
                    told++;
                }
            }
        }

        told.ShouldBeGreaterThan(5_000);
    }

    /// <summary>The JSON with each of its values replaced by each of many, and left out.</summary>
    private static IEnumerable<byte[]> Variations(string json)
    {
        yield return Encoding.UTF8.GetBytes(json);
        var places = new List<string>();
        Walk(JsonNode.Parse(json)!, places);
        foreach (var place in places)
        {
            foreach (var anything in s_anything)
                yield return Encoding.UTF8.GetBytes(With(json, place, anything));
        }
    }

    private static void Walk(JsonNode node, List<string> places)
    {
        places.Add(node.GetPath());
        foreach (var inner in node is JsonObject members ? members.Select(member => member.Value) : node is JsonArray items ? items : [])
        {
            if (inner is not null)
                Walk(inner, places);
        }
    }

    private static string With(string json, string place, string? anything)
    {
        const string Mark = "in its place";
        var root = JsonNode.Parse(json)!;
        foreach (var (node, parent) in All(root, null))
        {
            if (node.GetPath() != place)
                continue;
            if (parent is null)
                return anything ?? "";
            if (anything is not null)
                node.ReplaceWith(Mark);
            else if (parent is JsonObject members)
                members.Remove(node.GetPropertyName());
            else
                parent.AsArray().RemoveAt(node.GetElementIndex());
            return root.ToJsonString().Replace($"\"{Mark}\"", anything, StringComparison.Ordinal);
        }

        throw new InvalidOperationException($"{place} is not there.");
    }

    private static IEnumerable<(JsonNode Node, JsonNode? Parent)> All(JsonNode node, JsonNode? parent)
    {
        yield return (node, parent);
        foreach (var inner in node is JsonObject members ? members.Select(member => member.Value) : node is JsonArray items ? items : [])
        {
            if (inner is null)
                continue;
            foreach (var one in All(inner, node))
                yield return one;
        }
    }

    // One value, and nothing behind it; halves of characters are as they came.
    private static void IsWhole(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read().ShouldBeTrue();
        reader.TokenType.ShouldBe(JsonTokenType.StartObject);
        while (reader.Read())
        {
        }
    }
}

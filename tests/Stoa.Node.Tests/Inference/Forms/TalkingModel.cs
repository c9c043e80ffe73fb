using System.Text.Json.Nodes;

namespace Stoa.Node.Tests.Inference.Forms;

/// <summary>A model that does what its last message says, as the judges of translated APIs want it.</summary>
internal static class TalkingModel
{
    private const string Calls =
        """[{"index":0,"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Ulm\"}"}},{"index":1,"id":"call_2","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Rom\"}"}}]""";

    public static async Task BehaveAsync(ModelCall call)
    {
        var last = call.Request["messages"]!.AsArray()[^1]!;
        var isStream = call.Request["stream"]?.GetValue<bool>() is true;
        switch (last["content"])
        {
            case JsonArray parts:
                await call.AnswerAsync(parts[0]!["image_url"]!["url"]!.GetValue<string>().Replace("\"", "", StringComparison.Ordinal));
                break;
            case JsonValue when last["role"]!.GetValue<string>() == "tool":
                await call.AnswerAsync(string.Join(" and ", call.Request["messages"]!.AsArray().Where(one => one!["role"]!.GetValue<string>() == "tool").Select(one => $"{one!["tool_call_id"]}: {one["content"]}")));
                break;
            case var content when content!.GetValue<string>() == "call tools":
                call.Request["tool_choice"]!.GetValue<string>().ShouldBe("required");
                call.Request["tools"]![0]!["function"]!["name"]!.GetValue<string>().ShouldBe("weather");
                await SayAsync(call, isStream, $$"""{"tool_calls":{{Calls}}}""", "tool_calls");
                break;
            case var content when content!.GetValue<string>() == "think":
                await SayAsync(call, isStream, """{"content":"Done","reasoning_content":"Hm"}""", "stop");
                break;
            case var content when content!.GetValue<string>() == "too long":
                await SayAsync(call, isStream, """{"content":"On and"}""", "length");
                break;
            case var content when content!.GetValue<string>() == "as JSON":
                await SayAsync(call, isStream, $$"""{"content":"{\"asked\":\"{{call.Request["response_format"]!["json_schema"]!["name"]}}\"}"}""", "stop");
                break;
            case var content when content!.GetValue<string>() == "break off":
                await call.BeginAsync();
                await call.WordAsync("Half ");
                call.End();
                break;
            default:
                await call.AnswerAsync("Hello there");
                break;
        }
    }

    /// <summary>Answers a message, whole or as a stream of one event.</summary>
    public static async Task SayAsync(ModelCall call, bool isStream, string message, string finish)
    {
        const string Usage = """{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14}""";
        if (!isStream)
        {
            await call.RawAsync(ModelCall.Whole(200, $$$"""{"id":"c","object":"chat.completion","created":1,"model":"tiny","choices":[{"index":0,"message":{{{message}}},"finish_reason":"{{{finish}}}"}],"usage":{{{Usage}}} }"""));
            return;
        }

        await call.BeginAsync();
        await call.EventAsync("""{"id":"c","model":"tiny","choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}]}""");
        await call.EventAsync($$$"""{"id":"c","model":"tiny","choices":[{"index":0,"delta":{{{message}}},"finish_reason":null}]}""");
        await call.EventAsync($$$"""{"id":"c","model":"tiny","choices":[{"index":0,"delta":{},"finish_reason":"{{{finish}}}"}]}""");
        await call.EventAsync($$$"""{"id":"c","model":"tiny","choices":[],"usage":{{{Usage}}} }""");
        await call.ChunkAsync("data: [DONE]\n\n");
        await call.RawAsync("0\r\n\r\n");
    }
}

using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Stoa.Market.Inference.Forms;

namespace Stoa.Market.Tests.Inference.Forms;

/// <summary>What tests of answers in other forms have in common.</summary>
internal static class FormAnswers
{
    public static AnswerTerms Terms { get; } = new("x1", DateTimeOffset.FromUnixTimeSeconds(1_700_000_000), "asked", 11, 1 << 20);

    /// <summary>An event of a streamed answer with this in its delta.</summary>
    public static string Delta(string delta, string finish = "null", string more = "") =>
        $$"""{"id":"c","model":"a/b@1.0.0","choices":[{"index":0,"delta":{{delta}},"finish_reason":{{finish}}{{more}}}]}""";

    public static string Text(string text) => Delta($$"""{"content":"{{text}}"}""");

    public static string Call(int index, string? id, string? name, string arguments) =>
        Delta(string.Create(CultureInfo.InvariantCulture, $"{{\"tool_calls\":[{{\"index\":{index}{(id is null ? "" : $",\"id\":\"{id}\"")},\"function\":{{{(name is null ? "" : $"\"name\":\"{name}\",")}\"arguments\":\"{arguments}\"}}}}]}}"));

    public static string Usage { get; } =
        """{"model":"a/b@1.0.0","choices":[],"usage":{"cost":"0.000011000","prompt_tokens":20,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":2}}}""";

    /// <summary>The events that follow from those of chat completions, and from the end.</summary>
    public static List<JsonNode> Stream(IAnswerForm form, params IEnumerable<string> chunks)
    {
        var output = new ArrayBufferWriter<byte>();
        foreach (var chunk in chunks)
            form.WriteEvent(Encoding.UTF8.GetBytes(chunk), output).ShouldBeNull();
        form.WriteEnd(output);
        return Events(output);
    }

    /// <summary>Events as they were written, each with the name that its data say.</summary>
    public static List<JsonNode> Events(ArrayBufferWriter<byte> output)
    {
        var events = new List<JsonNode>();
        foreach (var one in Encoding.UTF8.GetString(output.WrittenSpan).Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            one.Split('\n').Length.ShouldBe(2, one);
            var data = JsonNode.Parse(one.Split('\n')[1]["data: ".Length..])!;
            one.Split('\n')[0].ShouldBe($"event: {data["type"]}");
            events.Add(data);
        }

        return events;
    }

    /// <summary>The types of events, those in a row told once.</summary>
    public static string Types(IEnumerable<JsonNode> events)
    {
        var types = new List<string>();
        foreach (var one in events.Select(one => one["type"]!.GetValue<string>()))
        {
            if (types.Count == 0 || types[^1] != one)
                types.Add(one);
        }

        return string.Join(' ', types);
    }

    public static JsonNode Whole(IAnswerForm form, string chat)
    {
        var output = new ArrayBufferWriter<byte>();
        form.WriteWhole(Encoding.UTF8.GetBytes(chat), "0.1", output).ShouldBeNull();
        return JsonNode.Parse(output.WrittenSpan)!;
    }

    /// <summary>What comes of a stream that a server makes hard to follow, and how much was written until then.</summary>
    public static (AnswerFault? Fault, int Written) Follow(IAnswerForm form, IEnumerable<string> chunks)
    {
        var (output, written) = (new ArrayBufferWriter<byte>(), 0);
        foreach (var chunk in chunks)
        {
            var fault = form.WriteEvent(Encoding.UTF8.GetBytes(chunk), output);
            written += output.WrittenCount;
            output.ResetWrittenCount();
            if (fault is not null)
                return (fault, written);
        }

        return (null, written);
    }

    /// <summary>Streams that no form takes, and why.</summary>
    public static TheoryData<string, AnswerFault> Hostile => new()
    {
        { "calls", AnswerFault.TooManyItems },
        { "callsAtOnce", AnswerFault.TooManyItems },
        { "turns", AnswerFault.TooManyItems },
        { "longName", AnswerFault.CallUnnamed },
        { "longId", AnswerFault.CallUnnamed },
        { "noName", AnswerFault.CallUnnamed },
        { "resumed", AnswerFault.CallResumed },
        { "text", AnswerFault.Malformed },
    };

    public static IEnumerable<string> HostileStream(string name) => name switch
    {
        "calls" => Enumerable.Range(0, 1_000_000).Select(index => Call(index, $"c{index}", "f", "")),
        "callsAtOnce" => [Delta("{\"tool_calls\":[" + string.Join(',', Enumerable.Range(0, 20_000).Select(index => $"{{\"index\":{index},\"id\":\"{index}\",\"function\":{{\"name\":\"f\"}}}}")) + "]}")],
        "turns" => Enumerable.Range(0, 1_000_000).Select(index => Delta(index % 2 == 0 ? """{"content":"a"}""" : """{"tool_calls":[{"id":"c","function":{"name":"f"}}]}""")),
        "longName" => [Call(0, "c", new string('f', 600), "{}")],
        "longId" => [Call(0, new string('c', 600), "f", "{}")],
        "noName" => [Call(0, "c", null, "{}")],
        "resumed" => [Call(0, "c0", "f", "{"), Call(1, "c1", "g", "{"), Call(0, null, null, "}")],
        _ => ["Hello"],
    };
}

using System.ClientModel;
using System.Text.Json.Nodes;
using OpenAI;
using OpenAI.Chat;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Inference.Forms;

namespace Stoa.Node.Tests.Inference;

/// <summary>The official clients are the judges: whoever has one changes its base address and its key, and nothing else.</summary>
public sealed class OpenAiClientTests : IAsyncLifetime
{
    private InferenceNode _node = null!;
    private ModelServer _server = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string Vectors => $"{_node.Publisher}/vectors";

    public async ValueTask InitializeAsync()
    {
        // A stream may stand still for so long that one which ends sooner was ended by its client.
        _node = await InferenceNode.StartAsync("--Inference:IdleMs", "3600000");
        _server = ModelServer.Start(BehaveAsync);
        await _node.PublishAsync("1.0.0", "vectors", capability: "embeddings");
        await _node.RegisterAsync(_server);
        await _node.RegisterAsync(_server, $"{Vectors}@1.0.0");
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task ClientOfNpm_IsServed()
    {
        var folder = await NpmJudge.InstallAsync("openai", Stop);

        var (judged, output) = await NpmJudge.RunAsync(
            "node", folder, [Path.Combine(folder, "client.mjs"), new Uri(_node.Http.BaseAddress!, "v1").ToString(), _node.Node.Client.Options.ApiKey!, _node.Model, Vectors], null, Stop);

        judged.ShouldBeTrue(output);
        var got = JsonNode.Parse(output)!;
        got["models"]!.AsArray().Select(model => model!.GetValue<string>()).ShouldBe([_node.Model, $"{Vectors}@1.0.0"]);
        got["chat"]!.GetValue<string>().ShouldBe("Hello there");
        got["usage"]!["completion_tokens"]!.GetValue<int>().ShouldBe(2);
        got["cost"]!.GetValue<string>().ShouldBe("0.000011000");
        got["streamed"]!.GetValue<string>().ShouldBe("Hello there ");
        got["streamedUsage"]!["cost"]!.GetValue<string>().ShouldBe("0.000011000");
        got["streamedModel"]!.GetValue<string>().ShouldBe(_node.Model);
        got["retrieved"]!.GetValue<string>().ShouldBe(_node.Model);
        got["tool"]!["arguments"]!.GetValue<string>().ShouldBe("""{"city":"Ulm"}""");
        got["streamedTools"]!.AsArray().Select(call => string.Join(' ', call!.AsArray())).ShouldBe(["weather {\"city\":\"Ulm\"}", "weather {\"city\":\"Rom\"}"]);
        got["toolsAnswered"]!.GetValue<string>().ShouldBe("call_1: sunny in Ulm and call_2: sunny in Rom");
        got["parsed"]!.ToJsonString().ShouldBe("""{"asked":"answer"}""");
        got["streamedParsed"]!.ToJsonString().ShouldBe("""{"asked":"answer"}""");
        got["streamedCompletion"]!.GetValue<string>().ShouldBe(" a time");
        got["streamedCompletionUsage"]!["cost"]!.GetValue<string>().ShouldBe("0.000007000");
        got["vector"]!.AsArray().Select(number => number!.GetValue<double>()).ShouldBe([0.25, -0.5]);
        got["completion"]!.GetValue<string>().ShouldBe(" a time");
        got["unknownModel"]!.ToJsonString().ShouldBe("""{"name":"NotFoundError","status":404,"code":"model_not_found","type":"invalid_request_error"}""");
        got["wrongKey"]!["name"]!.GetValue<string>().ShouldBe("AuthenticationError");
        got["half"]!.GetValue<string>().ShouldBe("Half ");
        got["broken"]!["code"]!.GetValue<string>().ShouldBe("answer_broken");
        got["aborted"]!.GetValue<bool>().ShouldBeTrue();
        await Eventually.IsSoAsync(() => _server.GivenUp == 1);
    }

    [Fact]
    public async Task ClientOfNuGet_IsServed()
    {
        var options = new OpenAIClientOptions { Endpoint = new Uri(_node.Http.BaseAddress!, "v1") };
        var key = new ApiKeyCredential(_node.Node.Client.Options.ApiKey!);
        var chat = new ChatClient(_node.Model, key, options);

        var whole = await chat.CompleteChatAsync([new UserChatMessage("Say hello")], new ChatCompletionOptions { MaxOutputTokenCount = 50 }, Stop);
        whole.Value.Content[0].Text.ShouldBe("Hello there");
        whole.Value.Usage.OutputTokenCount.ShouldBe(2);

        var (text, tokens) = ("", 0);
        await foreach (var update in chat.CompleteChatStreamingAsync([new UserChatMessage("Say hello")], cancellationToken: Stop))
        {
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
            tokens = update.Usage?.OutputTokenCount ?? tokens;
        }

        (text, tokens).ShouldBe(("Hello there ", 2));
        (await new OpenAI.Models.OpenAIModelClient(key, options).GetModelAsync(_node.Model, Stop)).Value.Id.ShouldBe(_node.Model);

        var asked = new ChatCompletionOptions
        {
            Tools = { ChatTool.CreateFunctionTool("weather", functionParameters: BinaryData.FromString("""{"type":"object"}""")) },
            ToolChoice = ChatToolChoice.CreateRequiredChoice(),
        };
        var called = (await chat.CompleteChatAsync([new UserChatMessage("call tools")], asked, Stop)).Value;
        called.ToolCalls.Select(call => $"{call.Id} {call.FunctionName} {call.FunctionArguments}").ShouldBe(["call_1 weather {\"city\":\"Ulm\"}", "call_2 weather {\"city\":\"Rom\"}"]);
        var format = ChatResponseFormat.CreateJsonSchemaFormat("answer", BinaryData.FromString("""{"type":"object"}"""), jsonSchemaIsStrict: true);
        (await chat.CompleteChatAsync([new UserChatMessage("as JSON")], new ChatCompletionOptions { ResponseFormat = format }, Stop)).Value.Content[0].Text.ShouldBe("""{"asked":"answer"}""");
        var vector = await new OpenAI.Embeddings.EmbeddingClient(Vectors, key, options).GenerateEmbeddingAsync("some text", cancellationToken: Stop);
        vector.Value.ToFloats().ToArray().ShouldBe([0.25f, -0.5f]);
        var refused = await Should.ThrowAsync<ClientResultException>(() => new ChatClient("nobody/nothing", key, options).CompleteChatAsync([new UserChatMessage("Say hello")], cancellationToken: Stop));
        refused.Status.ShouldBe(404);
    }

    private static async Task BehaveAsync(ModelCall call)
    {
        var asked = call.Request["messages"]?[0]?["content"]?.ToString();
        switch (asked)
        {
            case null when call.Request["prompt"] is not null && call.Request["stream"]?.GetValue<bool>() is true:
                await call.BeginAsync();
                foreach (var (word, finish) in new[] { (" a", "null"), (" time", "\"length\"") })
                    await call.EventAsync($$"""{"id":"c","object":"text_completion","created":1,"model":"tiny","choices":[{"text":"{{word}}","index":0,"finish_reason":{{finish}},"logprobs":null}]}""");
                await call.EventAsync("""{"id":"c","object":"text_completion","created":1,"model":"tiny","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}""");
                await call.ChunkAsync("data: [DONE]\n\n");
                await call.RawAsync("0\r\n\r\n");
                break;
            case null when call.Request["prompt"] is not null:
                await call.RawAsync(ModelCall.Whole(200, """{"id":"c","object":"text_completion","created":1,"model":"tiny","choices":[{"text":" a time","index":0,"finish_reason":"length","logprobs":null}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"""));
                break;
            case null:
                await AnswerVectorsAsync(call);
                break;
            case "call a tool":
                call.Request["tools"]![0]!["function"]!["name"]!.GetValue<string>().ShouldBe("weather");
                await call.RawAsync(ModelCall.Whole(200, """{"id":"c","object":"chat.completion","created":1,"model":"tiny","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Ulm\"}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14}}"""));
                break;
            case "call tools" or "as JSON":
                await TalkingModel.BehaveAsync(call);
                break;
            case "break off":
                await call.BeginAsync();
                await call.WordAsync("Half ");
                call.End();
                break;
            case "never end":
                await call.BeginAsync();
                await call.WordAsync("word ");
                await call.HangAsync();
                break;
            default:
                await call.AnswerAsync("Hello there");
                break;
        }
    }

    private static Task AnswerVectorsAsync(ModelCall call)
    {
        // The client of NuGet asks for the numbers as bytes.
        var vector = call.Request["encoding_format"]?.GetValue<string>() == "base64"
            ? $"\"{Convert.ToBase64String([.. BitConverter.GetBytes(0.25f), .. BitConverter.GetBytes(-0.5f)])}\""
            : "[0.25,-0.5]";
        return call.RawAsync(ModelCall.Whole(200, $$"""{"object":"list","model":"tiny","data":[{"object":"embedding","index":0,"embedding":{{vector}}}],"usage":{"prompt_tokens":2,"total_tokens":2} }"""));
    }
}

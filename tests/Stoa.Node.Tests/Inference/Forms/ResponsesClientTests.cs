using System.ClientModel;
using System.Text.Json.Nodes;
using OpenAI.Responses;
using Stoa.Node.Tests.Hosting;

// Its authors may change this client; what it sends and takes is what its version does.
#pragma warning disable OPENAI001

namespace Stoa.Node.Tests.Inference.Forms;

/// <summary>OpenAI's official clients judge the Responses API.</summary>
public sealed class ResponsesClientTests : IAsyncLifetime
{
    private InferenceNode _node = null!;
    private ModelServer _server = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await InferenceNode.StartAsync();
        _server = ModelServer.Start(TalkingModel.BehaveAsync);
        await _node.RegisterAsync(_server);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _node.DisposeAsync();
    }

    [Fact]
    [Trait("needs", "node")]
    public async Task ClientOfNpm_IsServed()
    {
        var folder = await NpmJudge.InstallAsync("openai", Stop);

        var (judged, output) = await NpmJudge.RunAsync(
            "node", folder, [Path.Combine(folder, "responses.mjs"), new Uri(_node.Http.BaseAddress!, "v1").ToString(), _node.Node.Client.Options.ApiKey!, _node.Model], null, Stop);

        judged.ShouldBeTrue(output);
        var got = JsonNode.Parse(output)!;
        var whole = got["whole"]!;
        (whole["text"]!.GetValue<string>(), whole["status"]!.GetValue<string>(), whole["model"]!.GetValue<string>(), whole["instructions"]!.GetValue<string>(), whole["store"]!.GetValue<bool>())
            .ShouldBe(("Hello there", "completed", _node.Model, "Be brief", false));
        (whole["usage"]!["input_tokens"]!.GetValue<int>(), whole["usage"]!["output_tokens"]!.GetValue<int>(), whole["usage"]!["cost"]!.GetValue<string>()).ShouldBe((7, 2, "0.000011000"));
        whole["metadata"]!["a"]!.GetValue<string>().ShouldBe("b");
        got["cost"]!.GetValue<string>().ShouldBe("0.000011000");
        string.Join(' ', got["events"]!.AsArray()).ShouldBe(
            "response.created response.in_progress response.output_item.added response.content_part.added response.output_text.delta response.output_text.done response.content_part.done response.output_item.done response.completed");
        var streamed = got["streamed"]!;
        (streamed["text"]!.GetValue<string>(), streamed["status"]!.GetValue<string>(), streamed["usage"]!["total_tokens"]!.GetValue<int>(), streamed["usage"]!["cost"]!.GetValue<string>(), streamed["id"]!.GetValue<string>())
            .ShouldBe(("Hello there ", "completed", 9, "0.000011000", "resp_"));
        got["reasoning"]!.ToJsonString().ShouldBe("""[["reasoning","Hm"],["message","Done"]]""");
        foreach (var tools in got["tools"]!.AsArray())
        {
            tools!["calls"]!.AsArray().Select(call => string.Join(' ', call!.AsArray())).ShouldBe(["call_1 weather {\"city\":\"Ulm\"}", "call_2 weather {\"city\":\"Rom\"}"]);
            tools["answer"]!.GetValue<string>().ShouldBe("call_1: sunny in Ulm and call_2: sunny in Rom");
        }

        got["image"]!.GetValue<string>().ShouldBe("data:image/png;base64,iVBORw0KGgo=");
        got["parsed"]!.GetValue<string>().ShouldBe("""{"asked":"answer"}""");
        got["cut"]!.ToJsonString().ShouldBe("""["incomplete","max_output_tokens"]""");
        got["unknownModel"]!.ToJsonString().ShouldBe("""{"name":"NotFoundError","status":404,"code":"model_not_found","param":"model"}""");
        got["wrongKey"]!.ToJsonString().ShouldBe("""{"name":"AuthenticationError","status":401,"code":"unauthenticated","param":null}""");
        got["refused"]!.ToJsonString().ShouldBe("""{"name":"BadRequestError","status":400,"code":"invalid_request","param":"previous_response_id"}""");
        got["half"]!.GetValue<string>().ShouldBe("Half ");
        got["broken"]!["code"]!.GetValue<string>().ShouldBe("answer_broken");
    }

    [Fact]
    public async Task ClientOfNuGet_IsServed()
    {
        var client = new ResponsesClient(new ApiKeyCredential(_node.Node.Client.Options.ApiKey!), new ResponsesClientOptions { Endpoint = new Uri(_node.Http.BaseAddress!, "v1") });

        var whole = (await client.CreateResponseAsync(_node.Model, "Say hello", cancellationToken: Stop)).Value;
        (whole.GetOutputText(), whole.Status, whole.Usage.TotalTokenCount).ShouldBe(("Hello there", ResponseStatus.Completed, 9));

        var (text, last) = ("", (ResponseResult?)null);
        await foreach (var update in await client.CreateResponseStreamingAsync(_node.Model, "Say hello", cancellationToken: Stop))
        {
            text += update is StreamingResponseOutputTextDeltaUpdate delta ? delta.Delta : "";
            last = (update as StreamingResponseCompletedUpdate)?.Response ?? last;
        }

        (text, last!.GetOutputText(), last.Usage.OutputTokenCount).ShouldBe(("Hello there ", "Hello there ", 2));

        var asked = new CreateResponseOptions(_node.Model, [ResponseItem.CreateUserMessageItem("call tools")])
        {
            Tools = { ResponseTool.CreateFunctionTool("weather", BinaryData.FromString("""{"type":"object"}"""), strictModeEnabled: null) },
            ToolChoice = ResponseToolChoice.CreateRequiredChoice(),
        };
        var called = (await client.CreateResponseAsync(asked, Stop)).Value;
        called.OutputItems.OfType<FunctionCallResponseItem>().Select(call => $"{call.CallId} {call.FunctionName} {call.FunctionArguments}").ShouldBe(["call_1 weather {\"city\":\"Ulm\"}", "call_2 weather {\"city\":\"Rom\"}"]);
        foreach (var item in called.OutputItems)
            asked.InputItems.Add(item);
        foreach (var call in called.OutputItems.OfType<FunctionCallResponseItem>())
            asked.InputItems.Add(ResponseItem.CreateFunctionCallOutputItem(call.CallId, "sunny"));
        (await client.CreateResponseAsync(asked, Stop)).Value.GetOutputText().ShouldBe("call_1: sunny and call_2: sunny");

        var refused = await Should.ThrowAsync<ClientResultException>(() => client.CreateResponseAsync("nobody/nothing", "Say hello", cancellationToken: Stop));
        refused.Status.ShouldBe(404);
    }
}

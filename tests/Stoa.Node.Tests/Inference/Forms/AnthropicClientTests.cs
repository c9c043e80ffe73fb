using System.Text.Json.Nodes;
using Stoa.Node.Tests.Hosting;

namespace Stoa.Node.Tests.Inference.Forms;

/// <summary>Anthropic's official client is the judge: whoever has it changes its base address and its key, and nothing else.</summary>
public sealed class AnthropicClientTests : IAsyncLifetime
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
        var folder = await NpmJudge.InstallAsync("anthropic", Stop);

        var (judged, output) = await NpmJudge.RunAsync(
            "node", folder, [Path.Combine(folder, "client.mjs"), _node.Http.BaseAddress!.ToString().TrimEnd('/'), _node.Node.Client.Options.ApiKey!, _node.Model], null, Stop);

        judged.ShouldBeTrue(output);
        var got = JsonNode.Parse(output)!;
        var whole = got["whole"]!;
        (TextOf(whole), whole["stop_reason"]!.GetValue<string>(), whole["model"]!.GetValue<string>(), whole["role"]!.GetValue<string>()).ShouldBe(("Hello there", "end_turn", _node.Model, "assistant"));
        whole["id"]!.GetValue<string>().ShouldStartWith("msg_");
        (whole["usage"]!["input_tokens"]!.GetValue<int>(), whole["usage"]!["output_tokens"]!.GetValue<int>(), whole["usage"]!["cost"]!.GetValue<string>()).ShouldBe((7, 2, "0.000011000"));
        got["cost"]!.GetValue<string>().ShouldBe("0.000011000");
        string.Join(' ', got["events"]!.AsArray()).ShouldBe("message_start content_block_start content_block_delta content_block_stop message_delta message_stop");
        var streamed = got["streamed"]!;
        (TextOf(streamed), streamed["stop_reason"]!.GetValue<string>(), streamed["usage"]!["input_tokens"]!.GetValue<int>(), streamed["usage"]!["output_tokens"]!.GetValue<int>())
            .ShouldBe(("Hello there ", "end_turn", 7, 2));
        foreach (var thinking in (string[])["thinking", "thoughtInStream"])
            got[thinking]!.AsArray().Select(block => $"{block!["type"]}: {block["thinking"] ?? block["text"]}").ShouldBe(["thinking: Hm", "text: Done"]);
        foreach (var tools in got["tools"]!.AsArray())
        {
            tools!["stop"]!.GetValue<string>().ShouldBe("tool_use");
            tools["content"]!.AsArray().Select(block => $"{block!["type"]} {block["id"]} {block["name"]} {block["input"]!["city"]}").ShouldBe(["tool_use call_1 weather Ulm", "tool_use call_2 weather Rom"]);
            tools["answer"]!.GetValue<string>().ShouldBe("call_1: sunny in Ulm and call_2: sunny in Rom");
        }

        got["image"]!.GetValue<string>().ShouldBe("data:image/png;base64,iVBORw0KGgo=");
        got["parsed"]!.GetValue<string>().ShouldBe("""{"asked":"answer"}""");
        got["byToken"]!.GetValue<string>().ShouldBe("Hello there");
        got["wrongKey"]!.ToJsonString().ShouldBe("""{"name":"AuthenticationError","status":401,"type":"authentication_error","code":"unauthenticated","param":null}""");
        got["unknownModel"]!.ToJsonString().ShouldBe("""{"name":"NotFoundError","status":404,"type":"not_found_error","code":"model_not_found","param":"model"}""");
        got["refused"]!.ToJsonString().ShouldBe("""{"name":"BadRequestError","status":400,"type":"invalid_request_error","code":"invalid_request","param":"tools.0.type"}""");
        got["half"]!.GetValue<string>().ShouldBe("Half ");
        got["broken"]!.ToJsonString().ShouldBe("""{"name":"APIError","status":null,"type":"api_error","code":"answer_broken","param":null}""");
        var first = _server.Requests.First();
        first["messages"]!.ToJsonString().ShouldBe("""[{"role":"system","content":"Be brief"},{"role":"user","content":"Say hello"}]""");
        first["stop"]!.ToJsonString().ShouldBe("""["END"]""");
    }

    private static string TextOf(JsonNode message) => string.Concat(message["content"]!.AsArray().Select(block => block!["text"]?.GetValue<string>()));
}

using System.Net;
using Stoa.Client.Contracts;

namespace Stoa.Node.Tests.Inference;

/// <summary>What whoever asks says that a request may cost at most. One of fifty tokens may cost some more than 100 millionths of a dollar, by the listing's price alone.</summary>
public sealed class PriceCapTests : IAsyncLifetime
{
    private const string Header = "Stoa-Max-Price";

    private InferenceNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _node = await InferenceNode.StartAsync();

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Theory]
    [InlineData("chat/completions")]
    [InlineData("completions")]
    [InlineData("messages")]
    [InlineData("responses")]
    public async Task Request_ThatMayCostMore_IsRefused_BeforeAnybodyIsAsked(string path)
    {
        await using var server = ModelServer.Start();
        await _node.RegisterAsync(server);

        using var refused = await _node.AskAsync(Asked(path), path, headers: (Header, "0.0001"));

        refused.StatusCode.ShouldBe(HttpStatusCode.PaymentRequired);
        (await refused.Content.ReadAsStringAsync(Stop)).ShouldContain("price_above_most");
        server.Requests.ShouldBeEmpty();
        await _node.HasUsedAsync(0, 0, 0, "0");
    }

    [Theory]
    [InlineData("chat/completions")]
    [InlineData("messages")]
    [InlineData("responses")]
    public async Task Request_ThatMayCostNoMore_IsAnswered(string path)
    {
        await using var server = ModelServer.Start();
        await _node.RegisterAsync(server);

        using var answer = await _node.AskAsync(Asked(path), path, headers: (Header, "0.0002"));

        await InferenceNode.ReadAsync(answer);
        answer.Headers.GetValues("Stoa-Cost").ShouldBe(["0.000011000"]);
    }

    [Theory]
    [InlineData("cheap")]
    [InlineData("-1")]
    [InlineData("0.0000000001")]
    [InlineData("1,5")]
    public async Task Cap_ThatCannotBeRead_IsRefused_AndNotPassedOver(string cap)
    {
        await using var server = ModelServer.Start();
        await _node.RegisterAsync(server);

        using var refused = await _node.AskAsync(_node.Chat(), headers: (Header, cap));

        (await InferenceNode.ReadAsync(refused, HttpStatusCode.BadRequest))["error"]!["param"]!.GetValue<string>().ShouldBe(Header);
        server.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Request_GoesToServersWithinItsCap_AndWhenOneFailsToTheOthersOfThem()
    {
        await using var cheap = ModelServer.Start();
        await using var middling = ModelServer.Start();
        await using var dear = ModelServer.Start();
        await _node.RegisterAsync(cheap);
        // Fifty tokens of it may cost ten thousand millionths.
        await PriceAsync(_node.Model, dear, "200");
        await AskAsync();
        (cheap.Requests.Count, dear.Requests.Count).ShouldBe((1, 0));

        // Its requests go on to the one that has had the first.
        await PriceAsync(_node.Model, middling, "1");
        cheap.Behaviour = call => call.ErrorAsync(500);
        await AskAsync();

        (cheap.Requests.Count, middling.Requests.Count, dear.Requests.Count).ShouldBe((2, 1, 0));

        async Task AskAsync() => await InferenceNode.ReadAsync(await _node.AskAsync(_node.Chat(), headers: [(Header, "0.002"), ("Stoa-Session", "one")]));
    }

    [Fact]
    public async Task Request_ForAnyModel_PassesOverThoseAboveItsCap()
    {
        await using var dear = ModelServer.Start();
        await using var free = ModelServer.Start();
        await _node.PublishAsync("1.0.0", "other", isFree: true);
        // By what a page costs that is summed up the first one is cheaper; by fifty tokens written it is not.
        await PriceAsync(_node.Model, dear, "0");
        await PriceAsync($"{_node.Publisher}/other@1.0.0", free, "0", input: "3.1");

        var answered = await InferenceNode.ReadAsync(await _node.AskAsync(_node.Chat("auto"), headers: (Header, "0.0001")));

        answered["model"]!.GetValue<string>().ShouldBe($"{_node.Publisher}/other@1.0.0");
        (dear.Requests.Count, free.Requests.Count).ShouldBe((0, 1));
    }

    [Fact]
    public async Task WhatCostsNothing_IsAnsweredForNothing()
    {
        await using var server = ModelServer.Start();
        await _node.PublishAsync("1.0.0", "gift", isFree: true);
        await _node.RegisterAsync(server, $"{_node.Publisher}/gift@1.0.0");

        await InferenceNode.ReadAsync(await _node.AskAsync(_node.Chat($"{_node.Publisher}/gift"), headers: (Header, "0")));
    }

    private object Asked(string path) => path switch
    {
        "messages" => new { model = _node.Model, max_tokens = 50, messages = new[] { new { role = "user", content = "Say hello" } } },
        "responses" => new { model = _node.Model, max_output_tokens = 50, input = "Say hello" },
        "completions" => new { model = _node.Model, max_tokens = 50, prompt = "Say hello" },
        _ => _node.Chat(),
    };

    private Task<ReplicaResponse> PriceAsync(string model, ModelServer server, string output, string input = "0") =>
        _node.Node.Client.AddReplicaAsync(new AddReplicaRequest(model, server.Address, UpstreamModel: "tiny", ServingPrice: new ModelPriceBody(input, output), SkipCheck: true), Stop);
}

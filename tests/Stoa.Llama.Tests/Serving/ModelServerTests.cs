using System.Net;
using System.Net.Http.Json;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using Stoa.Llama.Tests.Models;

namespace Stoa.Llama.Tests.Serving;

/// <summary>A tiny model over HTTP, as OpenAI's clients ask it.</summary>
[Trait("needs", "node")]
public sealed class ModelServerTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    /// <summary>Rules out that the model ends by itself.</summary>
    private static readonly Dictionary<string, int> s_noEnd = Enumerable.Range(TinyModel.Vocabulary.FirstControl, 3).ToDictionary(token => $"{token}", _ => -100);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Models_AreListed()
    {
        var http = await fixture.StartAsync();

        var list = JsonNode.Parse(await http.GetStringAsync("/v1/models", Stop))!;

        var model = list["data"]!.AsArray().ShouldHaveSingleItem()!;
        model["id"]!.GetValue<string>().ShouldBe("tiny");
        model["context_length"]!.GetValue<int>().ShouldBe(512);
    }

    [Fact]
    public async Task Chat_IsAnswered_AndCounted()
    {
        await fixture.StartAsync();

        var answer = await AskAsync(new { model = "tiny", messages = Turns("Say hello"), max_tokens = 12, temperature = 0, logit_bias = s_noEnd });

        var choice = answer["choices"]!.AsArray().ShouldHaveSingleItem()!;
        choice["message"]!["role"]!.GetValue<string>().ShouldBe("assistant");
        choice["message"]!["content"]!.GetValue<string>().ShouldNotBeEmpty();
        choice["finish_reason"]!.GetValue<string>().ShouldBe("length");
        answer["usage"]!["completion_tokens"]!.GetValue<int>().ShouldBe(12);
        var prompt = answer["usage"]!["prompt_tokens"]!.GetValue<int>();
        prompt.ShouldBeGreaterThan(8);
        answer["usage"]!["total_tokens"]!.GetValue<int>().ShouldBe(prompt + 12);
    }

    [Fact]
    public async Task Stream_SaysTheSame_AndWhatWasUsed()
    {
        await fixture.StartAsync();
        object Body(bool stream) => new { messages = Turns("Say hello"), max_tokens = 12, temperature = 0, logit_bias = s_noEnd, stream, stream_options = stream ? new { include_usage = true } : null };
        var whole = await AskAsync(Body(stream: false));

        var events = await StreamAsync(Body(stream: true));

        events[^1].ShouldBe("[DONE]");
        var pieces = events[..^1].Select(one => JsonNode.Parse(one)!).ToList();
        pieces[0]["object"]!.GetValue<string>().ShouldBe("chat.completion.chunk");
        pieces[0]["choices"]![0]!["delta"]!["role"]!.GetValue<string>().ShouldBe("assistant");
        string.Concat(pieces.Select(piece => piece["choices"]!.AsArray() is [{ } choice] ? choice["delta"]!["content"]?.GetValue<string>() : null))
            .ShouldBe(whole["choices"]![0]!["message"]!["content"]!.GetValue<string>());
        pieces[^2]["choices"]![0]!["finish_reason"]!.GetValue<string>().ShouldBe("length");
        pieces[^1]["choices"]!.AsArray().Count.ShouldBe(0);
        pieces[^1]["usage"]!["completion_tokens"]!.GetValue<int>().ShouldBe(12);
    }

    [Fact]
    public async Task Completion_OfSeveralPrompts_HasAChoiceForEach()
    {
        await fixture.StartAsync();

        var answer = await AskAsync(new { prompt = new[] { "Say hello", "Why is the sky" }, n = 2, max_tokens = 4, seed = 5, logit_bias = s_noEnd }, "completions");

        answer["choices"]!.AsArray().Select(choice => choice!["index"]!.GetValue<int>()).ShouldBe([0, 1, 2, 3]);
        answer["usage"]!["completion_tokens"]!.GetValue<int>().ShouldBe(16);
    }

    [Fact]
    public async Task Completion_OfTokens_IsThatOfTheirText()
    {
        await fixture.StartAsync();
        var byText = await AskAsync(new { prompt = "A", max_tokens = 6, temperature = 0, logit_bias = s_noEnd }, "completions");

        // The beginning of a text, and the byte of A.
        var byTokens = await AskAsync(new { prompt = new[] { TinyModel.Vocabulary.FirstControl, 'A' }, max_tokens = 6, temperature = 0, logit_bias = s_noEnd }, "completions");

        byTokens["choices"]![0]!["text"]!.GetValue<string>().ShouldBe(byText["choices"]![0]!["text"]!.GetValue<string>());
    }

    [Fact]
    public async Task Conversation_ThatGoesOn_IsNotReadAgain()
    {
        await fixture.StartAsync();
        object[] before = [new { role = "user", content = string.Concat(Enumerable.Repeat("The node gives it to whoever asks. ", 8)) }];
        var first = await AskAsync(new { messages = before, max_tokens = 8, temperature = 0, logit_bias = s_noEnd });

        var second = await AskAsync(new { messages = (object[])[.. before, new { role = "assistant", content = first["choices"]![0]!["message"]!["content"]!.GetValue<string>() }, new { role = "user", content = "And?" }], max_tokens = 8 });

        second["usage"]!["prompt_tokens_details"]!["cached_tokens"]!.GetValue<int>().ShouldBeGreaterThan(first["usage"]!["prompt_tokens"]!.GetValue<int>() / 2);
    }

    [Fact]
    public async Task Format_OfASchema_IsKeptTo()
    {
        await fixture.StartAsync();
        var schema = JsonNode.Parse("""{ "type": "object", "properties": { "sky": { "enum": ["blue", "grey"] }, "sure": { "type": "boolean" } }, "required": ["sky", "sure"], "additionalProperties": false }""");

        var answer = await AskAsync(new { messages = Turns("What colour?"), response_format = new { type = "json_schema", json_schema = new { name = "sky", strict = true, schema } } });

        var said = JsonNode.Parse(answer["choices"]![0]!["message"]!["content"]!.GetValue<string>())!;
        said["sky"]!.GetValue<string>().ShouldBeOneOf("blue", "grey");
        said["sure"]!.GetValue<bool>().ShouldBeOneOf(true, false);
        answer["choices"]![0]!["finish_reason"]!.GetValue<string>().ShouldBe("stop");
    }

    [Fact]
    public async Task Embeddings_AreNumbers_OrTheirBytes()
    {
        await fixture.StartAsync();

        var numbers = (await AskAsync(new { input = "some text" }, "embeddings"))["data"]![0]!["embedding"]!.AsArray().Select(number => number!.GetValue<float>()).ToArray();
        var list = await AskAsync(new { input = new[] { "other", "some text" }, encoding_format = "base64" }, "embeddings");

        var bytes = Convert.FromBase64String(list["data"]![1]!["embedding"]!.GetValue<string>());
        MemoryMarshal.Cast<byte, float>(bytes).ToArray().Zip(numbers).ShouldAllBe(pair => Math.Abs(pair.First - pair.Second) < 1e-4);
        list["usage"]!["prompt_tokens"]!.GetValue<int>().ShouldBeGreaterThan(4);
    }

    [Fact]
    public async Task Client_ThatGoesAway_FreesItsSlot()
    {
        var http = await fixture.StartAsync();
        // A tiny model has written all of it in a moment, in which a busy machine may not come to go away.
        await Eventually.IsSoAsync(async () =>
        {
            var before = fixture.Server.Engine.Figures.WrittenTokens;
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = JsonContent.Create(new { prompt = "Hello", max_tokens = 500, stream = true, logit_bias = s_noEnd }) };
            using (var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop))
            {
                answer.StatusCode.ShouldBe(HttpStatusCode.OK);
            }

            await Eventually.IsSoAsync(() => fixture.Server.Engine.Figures.BusySlots == 0);
            return fixture.Server.Engine.Figures.WrittenTokens - before < 400;
        });
        var health = JsonNode.Parse(await http.GetStringAsync("/health", Stop))!;
        health["slots"]!.GetValue<int>().ShouldBe(3);
        health["steps"]!.GetValue<long>().ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData("chat/completions", """{"messages":[{"role":"user","content":"a"}],"model":"other"}""", 404, "model_not_found")]
    [InlineData("chat/completions", """{"messages":[]}""", 400, "invalid_request")]
    [InlineData("chat/completions", """{"messages":[{"role":"wizard","content":"a"}]}""", 400, "invalid_request")]
    [InlineData("chat/completions", """{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"a"}}]}]}""", 400, "invalid_request")]
    [InlineData("chat/completions", """{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function"}]}""", 400, "invalid_request")]
    [InlineData("chat/completions", """{"messages":[{"role":"user","content":"a"}],"temperature":3}""", 400, "invalid_request")]
    [InlineData("chat/completions", """{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema","json_schema":{"schema":{"$ref":"#/\ud800"}}}}""", 400, "invalid_request")]
    [InlineData("chat/completions", """{"messages":[{"role":"user","content":"a"}],"n":4}""", 400, "invalid_request")]
    [InlineData("chat/completions", """{"messages":[{"role":"user","content":"a"}],"max_tokens":0}""", 400, "invalid_request")]
    [InlineData("chat/completions", """{"messages":[{"role":"user","content":"a"}],"stop":""}""", 400, "invalid_request")]
    [InlineData("chat/completions", """{"messages":[{"role":"user","content":"a"}],"logit_bias":{"999999":1}}""", 400, "invalid_request")]
    [InlineData("chat/completions", """{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"string","pattern":"a"}}}}""", 400, "invalid_request")]
    [InlineData("chat/completions", """{"messages":[{"role":"user","content":"\ud800"}]}""", 400, "invalid_request")]
    [InlineData("chat/completions", """{"messages":""", 400, "invalid_request")]
    [InlineData("chat/completions", "[]", 400, "invalid_request")]
    [InlineData("completions", """{"prompt":[]}""", 400, "invalid_request")]
    [InlineData("completions", """{"prompt":[1,-1]}""", 400, "invalid_request")]
    [InlineData("completions", """{"prompt":"a","echo":true}""", 400, "invalid_request")]
    [InlineData("embeddings", """{"input":"a","dimensions":3}""", 400, "invalid_request")]
    [InlineData("nothing", "{}", 404, "not_found")]
    public async Task Request_ThatCannotBeTaken_IsRefused(string path, string body, int status, string code)
    {
        var http = await fixture.StartAsync();

        using var answer = await http.PostAsync("/v1/" + path, new StringContent(body, Encoding.UTF8, "application/json"), Stop);

        ((int)answer.StatusCode).ShouldBe(status);
        var error = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Stop))!["error"]!;
        error["code"]!.GetValue<string>().ShouldBe(code);
        error["message"]!.GetValue<string>().ShouldNotBeEmpty();
    }

    [Fact]
    public async Task Prompt_ThatIsTooLong_IsRefused()
    {
        var http = await fixture.StartAsync();
        async Task<(HttpStatusCode, string)> TryAsync(string text)
        {
            using var answer = await http.PostAsJsonAsync("/v1/completions", new { prompt = text }, Stop);
            return (answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync(Stop))!["error"]!["code"]!.GetValue<string>());
        }

        (await TryAsync(new string('z', 600))).ShouldBe((HttpStatusCode.BadRequest, "context_length_exceeded"));
        (await TryAsync(new string('z', 200_000))).ShouldBe((HttpStatusCode.RequestEntityTooLarge, "request_too_large"));
    }

    [Fact]
    public async Task Caller_WithoutTheKey_IsRefused()
    {
        var http = await fixture.StartAsync();
        using var stranger = new HttpClient { BaseAddress = http.BaseAddress };

        using var answer = await stranger.GetAsync("/v1/models", Stop);

        answer.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    private static object[] Turns(string text) => [new { role = "user", content = text }];

    private async Task<JsonNode> AskAsync(object body, string path = "chat/completions")
    {
        using var answer = await fixture.Http.PostAsJsonAsync("/v1/" + path, body, Stop);
        var text = await answer.Content.ReadAsStringAsync(Stop);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        return JsonNode.Parse(text)!;
    }

    private async Task<List<string>> StreamAsync(object body)
    {
        using var answer = await fixture.Http.PostAsJsonAsync("/v1/chat/completions", body, Stop);
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        return [.. (await answer.Content.ReadAsStringAsync(Stop)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(one => one["data: ".Length..])];
    }
}

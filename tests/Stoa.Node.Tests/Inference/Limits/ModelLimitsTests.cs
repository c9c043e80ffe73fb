using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Node.Hosting;

namespace Stoa.Node.Tests.Inference.Limits;

/// <summary>Tokens and requests a minute that API keys and organisations may ask of models, as whoever asks sees them. What time brings back comes only when a test says so.</summary>
public sealed class ModelLimitsTests : IAsyncLifetime
{
    private readonly StandingStopwatch _time = new();
    private InferenceNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _node = await InferenceNode.StartAsync(NodePhysics.Real with { Time = _time });

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Request_CountsWithAllThatItMayCome_AndGivesBackWhatItHasNotUsed()
    {
        await using var server = ModelServer.Start();
        await _node.RegisterAsync(server);
        using var http = await KeyAsync(1_000);

        using var first = await _node.AskAsync(_node.Chat(maxTokens: 900), http: http);
        await InferenceNode.ReadAsync(first);
        using var second = await _node.AskAsync(_node.Chat(maxTokens: 900), http: http);
        await InferenceNode.ReadAsync(second);
        using var stream = await _node.AskAsync(_node.Chat(maxTokens: 900, stream: true), http: http);
        (await InferenceNode.ReadEventsAsync(stream))[^1].ShouldBe("[DONE]");
        using var fourth = await _node.AskAsync(_node.Chat(maxTokens: 900), http: http);

        HeaderOf(first, "limit").ShouldBe("1000");
        HeaderOf(first, "reset").ShouldMatch(@"^5\d(\.\d+)?s$");
        var most = 1_000 - RemainingOf(first);
        most.ShouldBeInRange(901, 950);
        // 7 tokens read and 2 written, as the server says.
        RemainingOf(second).ShouldBe(1_000 - 9 - most);
        RemainingOf(stream).ShouldBe(1_000 - 18 - most);
        RemainingOf(fourth).ShouldBe(1_000 - 27 - most);
    }

    [Fact]
    public async Task SixtyFourAtOnce_TakeNoMoreThanThereIs_AndTheRestIsToldWhenToComeAgain()
    {
        var goOn = new TaskCompletionSource();
        await using var server = ModelServer.Start(async call =>
        {
            await goOn.Task;
            await call.AnswerAsync("Hello there");
        });
        await _node.RegisterAsync(server);
        using var http = await KeyAsync(1_000);

        // One alone says with what each counts, and uses 9.
        var alone = _node.AskAsync(_node.Chat(maxTokens: 90), http: http);
        await Eventually.IsSoAsync(() => Task.FromResult(server.Requests.Count == 1));
        goOn.SetResult();
        using var first = await alone;
        await InferenceNode.ReadAsync(first);
        goOn = new TaskCompletionSource();
        var fit = (1_000 - 9) / (1_000 - (int)RemainingOf(first));

        var asked = Enumerable.Range(0, 64).Select(_ => _node.AskAsync(_node.Chat(maxTokens: 90), http: http)).ToList();
        await Eventually.IsSoAsync(() => Task.FromResult(asked.Count(one => one.IsCompleted) >= 64 - fit));
        var refused = asked.Where(one => one.IsCompleted).ToList();
        goOn.SetResult();
        var answers = await Task.WhenAll(asked);

        fit.ShouldBeInRange(8, 10);
        refused.Count.ShouldBe(64 - fit);
        foreach (var one in refused)
        {
            var error = (await InferenceNode.ReadAsync(await one, HttpStatusCode.TooManyRequests))["error"]!;
            (Text(error, "type"), Text(error, "code")).ShouldBe(("rate_limit_error", "tokens_exceeded"));
            var answer = await one;
            answer.Headers.RetryAfter!.Delta!.Value.ShouldBeInRange(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(7));
            RemainingOf(answer).ShouldBeLessThan(1_000 - RemainingOf(first));
        }

        answers.Count(answer => answer.StatusCode is HttpStatusCode.OK).ShouldBe(fit);
        server.Requests.Count.ShouldBe(fit + 1);
        using var next = await _node.AskAsync(_node.Chat(maxTokens: 1), http: http);
        RemainingOf(next).ShouldBe(1_000 - (9 * (fit + 1)) - (1_000 - RemainingOf(first) - 89));
        foreach (var answer in answers)
            answer.Dispose();
    }

    [Fact]
    public async Task UsedUp_ComesBackWithTime()
    {
        await using var server = ModelServer.Start(call => call.AnswerAsync(string.Concat(Enumerable.Repeat("word ", 300))));
        await _node.RegisterAsync(server);
        using var http = await KeyAsync(120);
        using var first = await _node.AskAsync(_node.Chat(maxTokens: 100), http: http);
        await InferenceNode.ReadAsync(first);

        using var refused = await _node.AskAsync(_node.Chat(maxTokens: 100), http: http);
        var wait = refused.Headers.RetryAfter!.Delta!.Value;
        _time.Advance(wait);
        using var later = await _node.AskAsync(_node.Chat(maxTokens: 100), http: http);

        refused.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        later.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Key_WithFewCallsAMinute_OrLittleMoneyADay_IsRefusedBeyond()
    {
        await using var server = ModelServer.Start();
        await _node.RegisterAsync(server);
        using var slow = HttpOf((await _node.Node.Client.CreateApiKeyAsync(new CreateApiKeyRequest("slow", CallsPerMinute: 2), Stop)).Secret!);
        // One request costs 0.000011 and may cost 0.000124 at most.
        using var poor = HttpOf((await _node.Node.Client.CreateApiKeyAsync(new CreateApiKeyRequest("poor", SpendPerDay: "0.00013"), Stop)).Secret!);

        using var first = await _node.AskAsync(_node.Chat(), http: slow);
        HttpResponseMessage? refused = null;
        // A slow machine may come into the next minute with it.
        await Eventually.IsSoAsync(async () => (refused = await _node.AskAsync(_node.Chat(), http: slow)).StatusCode is not HttpStatusCode.OK);
        using var taken = await _node.AskAsync(_node.Chat(), http: poor);
        var asked = server.Requests.Count;
        using var tooDear = await _node.AskAsync(_node.Chat(), http: poor);

        (first.StatusCode, taken.StatusCode).ShouldBe((HttpStatusCode.OK, HttpStatusCode.OK));
        var error = (await InferenceNode.ReadAsync(refused!, HttpStatusCode.TooManyRequests))["error"]!;
        (Text(error, "type"), Text(error, "code")).ShouldBe(("rate_limit_error", "rateLimited"));
        refused!.Headers.RetryAfter.ShouldNotBeNull();
        error = (await InferenceNode.ReadAsync(tooDear, HttpStatusCode.PaymentRequired))["error"]!;
        (Text(error, "type"), Text(error, "code")).ShouldBe(("insufficient_quota", "spending_limit_reached"));
        server.Requests.Count.ShouldBe(asked);
    }

    [Fact]
    public async Task RequestThatNeverFits_IsToldSo_AndNotToTryAgain()
    {
        using var http = await KeyAsync(1_000);

        using var refused = await _node.AskAsync(_node.Chat(maxTokens: 5_000), http: http);
        using var unsaid = await _node.AskAsync(_node.Chat(maxTokens: null), http: http);

        foreach (var answer in (HttpResponseMessage[])[refused, unsaid])
        {
            var error = (await InferenceNode.ReadAsync(answer, HttpStatusCode.TooManyRequests))["error"]!;
            (Text(error, "code"), Text(error, "param")).ShouldBe(("tokens_exceeded", "max_tokens"));
            answer.Headers.RetryAfter.ShouldBeNull();
            answer.Headers.GetValues("x-should-retry").ShouldBe(["false"]);
            RemainingOf(answer).ShouldBe(1_000);
        }
    }

    [Fact]
    public async Task RequestThatNobodyAnswers_OrWhoseClientGoes_GivesBack()
    {
        var isGone = false;
        await using var server = ModelServer.Start(async call =>
        {
            if (!isGone)
            {
                await call.RawAsync(ModelCall.Whole(500, "{}"));
                return;
            }

            await call.BeginAsync();
            await call.WordAsync("first");
            await call.HangAsync();
        });
        await _node.RegisterAsync(server);
        using var http = await KeyAsync(1_000);

        using var failed = await _node.AskAsync(_node.Chat(maxTokens: 900), http: http);
        await InferenceNode.ReadAsync(failed, HttpStatusCode.BadGateway);
        isGone = true;
        // What has failed may still be on its way out.
        HttpResponseMessage? stream = null;
        await Eventually.IsSoAsync(async () => (stream = await _node.AskAsync(_node.Chat(maxTokens: 900, stream: true), http: http)).StatusCode is HttpStatusCode.OK);
        RemainingOf(stream!).ShouldBe(RemainingOf(failed));
        stream!.Dispose();
        isGone = false;
        HttpResponseMessage? next = null;
        await Eventually.IsSoAsync(async () => (next = await _node.AskAsync(_node.Chat(maxTokens: 900), http: http)).StatusCode is not HttpStatusCode.TooManyRequests);
        // A word was written, and the prompt read.
        RemainingOf(next!).ShouldBeInRange(RemainingOf(failed) - 40, RemainingOf(failed) - 1);
        next!.Dispose();
    }

    [Theory]
    [InlineData("messages")]
    [InlineData("responses")]
    public async Task Forms_AreLimitedAlike_AndToldInTheirForm(string path)
    {
        await using var server = ModelServer.Start();
        await _node.RegisterAsync(server);
        using var http = await KeyAsync(1_000);
        object Asked(int most) => path == "messages"
            ? new { model = _node.Model, max_tokens = most, messages = new[] { new { role = "user", content = "Say hello" } } }
            : new { model = _node.Model, max_output_tokens = most, input = "Say hello" };

        using var answer = await _node.AskAsync(Asked(900), path, http);
        await InferenceNode.ReadAsync(answer);
        using var next = await _node.AskAsync(Asked(500), path, http);
        await InferenceNode.ReadAsync(next);
        using var refused = await _node.AskAsync(Asked(990), path, http);
        var error = (await InferenceNode.ReadAsync(refused, HttpStatusCode.TooManyRequests))["error"]!;

        RemainingOf(next).ShouldBe(RemainingOf(answer) + 400 - 9);
        Text(error, "type").ShouldBe("rate_limit_error");
        (path == "messages" ? Text(error["details"]!, "error_code") : Text(error, "code")).ShouldBe("tokens_exceeded");
        refused.Headers.RetryAfter.ShouldNotBeNull();
    }

    [Fact]
    public async Task Organisation_IsLimitedAsAWhole_AndNobodyInHisOwnName()
    {
        await using var server = ModelServer.Start();
        await _node.PublishAsync("1.0.0", "free", isFree: true);
        var free = $"{_node.Publisher}/free@1.0.0";
        await _node.RegisterAsync(server, free);
        var client = _node.Node.Client;
        await client.CreateOrganisationAsync(new CreateOrganisationRequest("acme", "Acme"), Stop);
        using var acting = new StoaClient(client.Options with { Organisation = "acme" });
        using var deploy = HttpOf((await acting.CreateApiKeyAsync(new CreateApiKeyRequest("deploy"), Stop)).Secret!);
        Task<HttpResponseMessage> MemberAsync(int most) => _node.AskAsync(_node.Chat(free, maxTokens: most), headers: ("Stoa-Organisation", "acme"));
        using var before = await MemberAsync(5_000);
        before.Headers.Contains("x-ratelimit-limit-tokens").ShouldBeFalse();

        (await client.LimitModelsAsync("acme", new ModelLimitsBody(4, 1_000), Stop)).ModelLimits.ShouldBe(new ModelLimitsBody(4, 1_000));
        using var member = await MemberAsync(900);
        await InferenceNode.ReadAsync(member);
        using var key = await _node.AskAsync(_node.Chat(free, maxTokens: 900), http: deploy);
        await InferenceNode.ReadAsync(key);
        using var tooMuch = await _node.AskAsync(_node.Chat(free, maxTokens: 985), http: deploy);
        using var fourth = await MemberAsync(10);
        using var fifth = await MemberAsync(10);
        using var own = await _node.AskAsync(_node.Chat(free, maxTokens: 5_000));

        RemainingOf(key).ShouldBe(RemainingOf(member) - 9);
        Text((await InferenceNode.ReadAsync(tooMuch, HttpStatusCode.TooManyRequests))["error"]!, "code").ShouldBe("tokens_exceeded");
        fourth.StatusCode.ShouldBe(HttpStatusCode.OK);
        HeaderOf(fourth, "remaining", "requests").ShouldBe("0");
        Text((await InferenceNode.ReadAsync(fifth, HttpStatusCode.TooManyRequests))["error"]!, "code").ShouldBe("requests_exceeded");
        fifth.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(15));
        own.StatusCode.ShouldBe(HttpStatusCode.OK);
        own.Headers.Contains("x-ratelimit-limit-tokens").ShouldBeFalse();

        (await client.LimitModelsAsync("acme", new ModelLimitsBody(), Stop)).ModelLimits.ShouldBeNull();
        using var after = await MemberAsync(5_000);
        after.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task KeyAndOrganisation_BothHold_AndWhatOneRefusesCountsForNeither()
    {
        await using var server = ModelServer.Start();
        await _node.PublishAsync("1.0.0", "free", isFree: true);
        var free = $"{_node.Publisher}/free@1.0.0";
        await _node.RegisterAsync(server, free);
        var client = _node.Node.Client;
        await client.CreateOrganisationAsync(new CreateOrganisationRequest("acme", "Acme"), Stop);
        await client.LimitModelsAsync("acme", new ModelLimitsBody(TokensPerMinute: 500), Stop);
        using var acting = new StoaClient(client.Options with { Organisation = "acme" });
        using var http = HttpOf((await acting.CreateApiKeyAsync(new CreateApiKeyRequest("deploy", TokensPerMinute: 1_000), Stop)).Secret!);

        using var refused = await _node.AskAsync(_node.Chat(free, maxTokens: 900), http: http);
        await client.LimitModelsAsync("acme", new ModelLimitsBody(TokensPerMinute: 100_000), Stop);
        using var taken = await _node.AskAsync(_node.Chat(free, maxTokens: 900), http: http);

        refused.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        HeaderOf(refused, "limit").ShouldBe("500");
        taken.StatusCode.ShouldBe(HttpStatusCode.OK);
        HeaderOf(taken, "limit").ShouldBe("1000", "that of the key is the first to be used up");
    }

    [Fact]
    public async Task Organisation_ThatIsLimitedToNothingOrTooMuch_IsRefused()
    {
        var client = _node.Node.Client;
        await client.CreateOrganisationAsync(new CreateOrganisationRequest("acme", "Acme"), Stop);

        foreach (var limits in (ModelLimitsBody[])[new(0, 5), new(1_000_001, 5), new(5, 0), new(5, 1_000_000_001), new(-1, -1)])
        {
            var refused = await Should.ThrowAsync<StoaException>(() => client.LimitModelsAsync("acme", limits, Stop));
            refused.Problem.Code.ShouldBe("organisationInvalid");
        }

        (await client.GetOrganisationAsync("acme", Stop)).ModelLimits.ShouldBeNull();
    }

    private async Task<HttpClient> KeyAsync(int tokensPerMinute) => HttpOf(
        (await _node.Node.Client.CreateApiKeyAsync(new CreateApiKeyRequest("limited", Scopes: ["models:use", "tasks:submit"], TokensPerMinute: tokensPerMinute), Stop)).Secret!);

    private HttpClient HttpOf(string secret)
    {
        var http = new HttpClient { BaseAddress = _node.Http.BaseAddress, Timeout = TimeSpan.FromMinutes(3) };
        http.DefaultRequestHeaders.Authorization = new("Bearer", secret);
        return http;
    }

    private static string HeaderOf(HttpResponseMessage answer, string which, string what = "tokens") => answer.Headers.GetValues($"x-ratelimit-{which}-{what}").ShouldHaveSingleItem();

    private static long RemainingOf(HttpResponseMessage answer) => long.Parse(HeaderOf(answer, "remaining"), CultureInfo.InvariantCulture);

    private static string Text(JsonNode node, string member) => node[member]!.GetValue<string>();

    /// <summary>Time passes for what measures it only when a test says so; what asks for the date has the machine's.</summary>
    private sealed class StandingStopwatch : TimeProvider
    {
        private long _ticks = TimeSpan.TicksPerDay;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Read(ref _ticks);

        public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);
    }
}

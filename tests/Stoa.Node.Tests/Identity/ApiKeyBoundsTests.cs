using System.Net;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Hosting;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Identity;

/// <summary>What bounds an API key: scopes, expiry, calls a minute, money a day.</summary>
public sealed class ApiKeyBoundsTests : IAsyncLifetime
{
    private static readonly AgentPriceBody s_oneDollar = new("1", "0", "0");

    private readonly SettableTime _clock = new(DateTimeOffset.UtcNow.Date.AddHours(12));
    private TestNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _node = await TestNode.StartAsync(null, NodePhysics.Real with { Time = _clock });

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Key_MadeWithAKey_HasNoMoreThanThat()
    {
        var parent = await MakeAsync(new CreateApiKeyRequest("parent", _clock.GetUtcNow().AddDays(2), ["keys:manage", "tasks:read"], 100, TokensPerMinute: 5_000));

        var child = await parent.Client.CreateApiKeyAsync(new CreateApiKeyRequest("child"), Stop);

        child.Scopes.ShouldBe(["tasks:read", "keys:manage"]);
        (child.ExpiresAt, child.CallsPerMinute, child.TokensPerMinute).ShouldBe((parent.Key.ExpiresAt, 100, 5_000));
        foreach (var more in new[]
        {
            new CreateApiKeyRequest("x", Scopes: ["tasks:submit"]), new CreateApiKeyRequest("x", _clock.GetUtcNow().AddDays(3)), new CreateApiKeyRequest("x", CallsPerMinute: 101),
            new CreateApiKeyRequest("x", Scopes: []), new CreateApiKeyRequest("x", CallsPerMinute: 0), new CreateApiKeyRequest("x", SpendPerDay: "-1"),
            new CreateApiKeyRequest("x", Scopes: ["keys:manage"], SpendPerDay: "1"), new CreateApiKeyRequest("x", TokensPerMinute: 5_001), new CreateApiKeyRequest("x", TokensPerMinute: 0),
        })
        {
            await RefusedAsync("apiKeyInvalid", () => parent.Client.CreateApiKeyAsync(more, Stop));
        }

        await RefusedAsync("requestInvalid", () => parent.Client.CreateApiKeyAsync(new CreateApiKeyRequest("x", Scopes: ["everything"]), Stop));
        await RefusedAsync("requestInvalid", () => parent.Client.CreateApiKeyAsync(new CreateApiKeyRequest("x", SpendPerDay: "much"), Stop));
    }

    [Fact]
    public async Task Calls_AboveTheLimitOfTheKey_AreRefused_AndCountForNobodyElse()
    {
        var slow = await MakeAsync(new CreateApiKeyRequest("slow", CallsPerMinute: 3));
        using var http = new HttpClient { BaseAddress = slow.Client.Options.Address };
        http.DefaultRequestHeaders.Authorization = new("Bearer", slow.Key.Secret);
        for (var call = 2; call >= 0; call--)
        {
            using var let = await http.GetAsync("/api/v1/users/me", Stop);
            let.StatusCode.ShouldBe(HttpStatusCode.OK);
            let.Headers.GetValues("RateLimit-Policy").ShouldContain("\"key\";q=3;w=60");
            let.Headers.GetValues("RateLimit").ShouldContain($"\"key\";r={call}");
        }

        using var refused = await http.GetAsync("/api/v1/users/me", Stop);

        refused.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        (await RunningNode.ReadProblemAsync(refused)).Code.ShouldBe("rateLimited");
        refused.Headers.RetryAfter!.Delta!.Value.ShouldBeInRange(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
        (await _node.Client.GetMeAsync(Stop)).Handle.ShouldBe("stoa");
    }

    [Fact]
    public async Task Spending_IsRefusedBeforeTheHold_AndWhatWasNotSpentComesBack()
    {
        var echo = await TestNode.PublishAsync(_node.Client, "dear", GuestPrograms.Echo, price: s_oneDollar);
        var failing = await TestNode.PublishAsync(_node.Client, "dear-loop", GuestPrograms.EndlessLoop, price: s_oneDollar);
        var key = await MakeAsync(new CreateApiKeyRequest("two a day", SpendPerDay: "2"));
        (await RunAsync(key.Client, echo)).State.ShouldBe("succeeded");
        (await RunAsync(key.Client, failing)).State.ShouldBe("failed", "which costs nothing");
        (await RunAsync(key.Client, echo)).State.ShouldBe("succeeded", "what the failed one held has come back");
        var before = await _node.Client.GetWalletAsync(Stop);

        var refusal = (await Should.ThrowAsync<StoaException>(() => RunAsync(key.Client, echo))).Problem;

        (refusal.Code, refusal.Status).ShouldBe(("spendingLimitReached", 402));
        refusal.Detail.ShouldContain("2.000000000 USD a day");
        (await _node.Client.GetWalletAsync(Stop)).ShouldBe(before, "nothing was held");
        (await FindAsync(key.Key.Id)).SpentToday.ShouldBe("2.000000000");
        (await RunAsync(_node.Client, echo)).State.ShouldBe("succeeded", "the limit is the key's alone");
        _clock.Advance(TimeSpan.FromDays(1));
        (await RunAsync(key.Client, echo)).State.ShouldBe("succeeded", "a new day");
        (await FindAsync(key.Key.Id)).SpentToday.ShouldBe("1.000000000");
    }

    [Fact]
    public async Task Spending_OfABatch_IsAllOrNothing_AndOfRacingTasksNoMoreThanTheLimit()
    {
        var echo = await TestNode.PublishAsync(_node.Client, "dear", GuestPrograms.Echo, price: s_oneDollar);
        var key = await MakeAsync(new CreateApiKeyRequest("two a day", SpendPerDay: "2"));
        var one = new SubmitTaskRequest(echo, new TaskInputBody(Text: "x"));

        await RefusedAsync("spendingLimitReached", () => key.Client.SubmitBatchAsync(new SubmitBatchRequest([one, one, one]), cancellationToken: Stop));
        (await FindAsync(key.Key.Id)).SpentToday.ShouldBe("0.000000000");
        var raced = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            try
            {
                await key.Client.SubmitAsync(one, cancellationToken: Stop);
                return true;
            }
            catch (StoaException refusal) when (refusal.Problem.Code == "spendingLimitReached")
            {
                return false;
            }
        }));

        raced.Count(taken => taken).ShouldBe(2);
    }

    [Theory]
    [InlineData("schedules")]
    [InlineData("channels")]
    [InlineData("api-keys")]
    [InlineData("organisations")]
    public async Task Key_WithASpendingLimit_CannotSpendPastIt(string collection)
    {
        var key = await MakeAsync(new CreateApiKeyRequest("limited", SpendPerDay: "1"));
        using var http = new HttpClient { BaseAddress = key.Client.Options.Address };
        http.DefaultRequestHeaders.Authorization = new("Bearer", key.Key.Secret);

        using var response = await http.PostAsync("/api/v1/" + collection, new StringContent("{}", null, "application/json"), Stop);

        response.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await RunningNode.ReadProblemAsync(response)).Code.ShouldBe("forbidden");
    }

    [Fact]
    public async Task Use_IsShownInTheList()
    {
        var key = await MakeAsync(new CreateApiKeyRequest("used"));
        (await FindAsync(key.Key.Id)).LastUsedAt.ShouldBeNull();

        await key.Client.GetMeAsync(Stop);

        (await FindAsync(key.Key.Id)).LastUsedAt!.Value.ShouldBe(_clock.GetUtcNow(), TimeSpan.FromMilliseconds(1));
    }

    private static async Task RefusedAsync(string code, Func<Task> act) => (await Should.ThrowAsync<StoaException>(act)).Problem.Code.ShouldBe(code);

    private static async Task<TaskResponse> RunAsync(StoaClient client, string agent)
    {
        var task = await client.SubmitTextAsync(agent, "hello", new SubmitOptions { Wait = TimeSpan.FromSeconds(60) }, Stop);
        return task.State is "queued" or "running" ? await client.ExecuteTaskAsync(task.Id, TimeSpan.FromSeconds(60), Stop) : task;
    }

    private async Task<ApiKeyResponse> FindAsync(string id)
    {
        await foreach (var key in _node.Client.ListApiKeysAsync(Stop))
        {
            if (key.Id == id)
                return key;
        }

        throw new InvalidOperationException($"{id} is in no list.");
    }

    private async Task<(ApiKeyResponse Key, StoaClient Client)> MakeAsync(CreateApiKeyRequest request)
    {
        var key = await _node.Client.CreateApiKeyAsync(request, Stop);
        return (key, new StoaClient(_node.Client.Options with { ApiKey = key.Secret, MaxAttempts = 1 }));
    }
}

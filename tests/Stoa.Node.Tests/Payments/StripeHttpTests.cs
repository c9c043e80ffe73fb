using System.Net;
using Stoa.Node.Payments;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Payments;

/// <summary>How Stripe is asked: what is sent, what is tried again, what is never said.</summary>
public sealed class StripeHttpTests : IDisposable
{
    private readonly ManualTime _time = new(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000));
    private readonly Scripted _script = new();
    private readonly StripeHttp _http;

    public StripeHttpTests() => _http = new StripeHttp(
        new PaymentsOptions { StripeKey = FakeStripe.Key, WebhookSecrets = [FakeStripe.WebhookSecret], MaxAttempts = 3 }, _time, new Random(1), _script);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<string, int, string?, bool> Refusals => new()
    {
        { "bad request", 400, null, true },
        { "card error", 402, null, true },
        { "not found", 404, null, true },
        { "bad request that says try", 400, "true", true },
        { "wrong key", 401, null, false },
        { "key in use", 409, null, false },
        { "too many", 429, null, false },
        { "broken", 500, null, false },
        { "away", 503, null, false },
        { "broken, says do not try", 500, "false", false },
    };

    public void Dispose() => _http.Dispose();

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task Refusal_IsTriedAgainAsStripeSaysAndFinalOnlyWhenNothingWasDone(string what, int status, string? shouldRetry, bool isFinal)
    {
        for (var attempt = 0; attempt < 3; attempt++)
            _script.Answer(status, """{"error":{"type":"invalid_request_error","code":"some_code","message":"No."}}""", shouldRetry);

        var failure = await Should.ThrowAsync<StripeException>(PostAsync(), what);

        failure.IsFinal.ShouldBe(isFinal, what);
        var tries = shouldRetry is { } said ? said == "true" : status is 409 or 429 or >= 500;
        _script.Keys.Count.ShouldBe(tries ? 3 : 1, what);
        _script.Keys.Distinct().ShouldBe(["the-key"], what);
        failure.ToString().ShouldNotContain(FakeStripe.Key);
    }

    [Fact]
    public async Task Request_CarriesVersionKeyAndFormAndIsAnsweredAfterAFailure()
    {
        _script.Break();
        _script.Answer(500, "<html>");
        _script.Answer(200, """{"id":"x_1"}""");

        var answer = await PostAsync();

        answer.Text("id").ShouldBe("x_1");
        _script.Last!.Headers.GetValues("Stripe-Version").ShouldBe([StripeHttp.ApiVersion]);
        _script.Last.Headers.Authorization!.ToString().ShouldBe("Bearer " + FakeStripe.Key);
        _script.LastBody.ShouldBe("a%5Bb%5D=c%20%26%20d&n=5");
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("")]
    public async Task Answer_ThatIsNoObject_IsNotTakenForOne(string body)
    {
        for (var attempt = 0; attempt < 3; attempt++)
            _script.Answer(200, body);

        (await Should.ThrowAsync<StripeException>(PostAsync())).IsFinal.ShouldBeFalse();
    }

    [Fact]
    public async Task Answer_WithoutEnd_IsCutOff()
    {
        for (var attempt = 0; attempt < 3; attempt++)
            _script.Answer(200, "{\"id\":\"" + new string('x', 2 << 20) + "\"}");

        (await Should.ThrowAsync<StripeException>(PostAsync())).IsFinal.ShouldBeFalse();
    }

    [Fact]
    public void Options_ShowNoSecretWhenTheyArePrinted()
    {
        var options = new PaymentsOptions { StripeKey = FakeStripe.Key, WebhookSecrets = [FakeStripe.WebhookSecret] };

        options.ToString().ShouldBe("PaymentsOptions { Mode = test }");
        options.Validate().ShouldBeEmpty();
    }

    [Theory]
    [InlineData("StripeKey", "pk_test_1")]
    [InlineData("StripeUrl", "http://api.stripe.com")]
    [InlineData("StripeUrl", "http://127.0.0.1:1")]
    [InlineData("StripeUrl", "https://api.stripe.com/v1")]
    [InlineData("MinCredit", "0.49")]
    [InlineData("MinCredit", "1.001")]
    [InlineData("MaxCredit", "1")]
    [InlineData("MinPayout", "0")]
    [InlineData("ReturnUrl", "javascript:alert(1)")]
    public void Options_ThatCannotBeUsed_AreTold(string option, string value)
    {
        var good = new PaymentsOptions { StripeKey = FakeStripe.Key, WebhookSecrets = [FakeStripe.WebhookSecret] };
        typeof(PaymentsOptions).GetProperty(option)!.SetValue(good, value);

        string.Concat(good.Validate()).ShouldContain("Payments:" + option);
    }

    [Fact]
    public void Options_WithAKey_NeedASecretOfWebhooks()
    {
        string.Concat(new PaymentsOptions { StripeKey = FakeStripe.Key }.Validate()).ShouldContain("Payments:WebhookSecrets");
        new PaymentsOptions().Validate().ShouldBeEmpty();
        string.Concat(new PaymentsOptions { StripeUrl = "http://127.0.0.1:1", AllowLoopback = true }.Validate()).ShouldBeEmpty();
        string.Concat(new PaymentsOptions { StripeUrl = "http://10.0.0.1:1", AllowLoopback = true }.Validate()).ShouldContain("Payments:StripeUrl");
    }

    /// <summary>Sends, and moves the clock over the pauses.</summary>
    private async Task<System.Text.Json.JsonElement> PostAsync()
    {
        var sending = _http.PostAsync("v1/things", new StripeForm().Add("a[b]", "c & d").Add("n", 5).Add("none", null), "the-key", Stop);
        while (!sending.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(6));
            await Task.Yield();
        }

        return await sending;
    }

    /// <summary>Answers one after another.</summary>
    private sealed class Scripted : HttpMessageHandler
    {
        private readonly Queue<Func<HttpResponseMessage>> _answers = new();

        public List<string> Keys { get; } = [];

        public HttpRequestMessage? Last { get; private set; }

        public string? LastBody { get; private set; }

        public void Break() => _answers.Enqueue(() => throw new HttpRequestException("broken"));

        public void Answer(int status, string body, string? shouldRetry = null) => _answers.Enqueue(() =>
        {
            var response = new HttpResponseMessage((HttpStatusCode)status) { Content = new StringContent(body) };
            if (shouldRetry is not null)
                response.Headers.Add("Stripe-Should-Retry", shouldRetry);
            return response;
        });

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Keys.AddRange(request.Headers.GetValues("Idempotency-Key"));
            (Last, LastBody) = (request, await request.Content!.ReadAsStringAsync(cancellationToken));
            return _answers.Dequeue()();
        }
    }
}

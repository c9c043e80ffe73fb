using System.Net;
using Stoa.Market.Identity;
using Stoa.Market.Webhooks;
using Stoa.Node.Webhooks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Webhooks;

public sealed class WebhookSenderTests : IAsyncLifetime
{
    private static readonly WebhooksOptions s_open = new() { AllowHttp = true, AllowPrivateAddresses = true };
    private static readonly WebhookSecret s_secret = new(new byte[32]);

    private WebhookReceiver _receiver = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _receiver = await WebhookReceiver.StartAsync();

    public ValueTask DisposeAsync() => _receiver.DisposeAsync();

    [Fact]
    public async Task Delivery_IsPostedAndSigned()
    {
        var (attempt, got) = (await SendAsync(s_open, _receiver.Url), await _receiver.NextAsync());

        attempt.ShouldSatisfyAllConditions(() => attempt.IsSuccess.ShouldBeTrue(), () => attempt.Status.ShouldBe(204));
        got.IsSignedWith(s_secret.Text).ShouldBeTrue();
        got.IsSignedWith(new WebhookSecret(new byte[] { 1 }).Text).ShouldBeFalse();
        System.Text.Encoding.UTF8.GetString(got.Body).ShouldBe("""{"a":"ä"}""");
        got.Headers["content-type"].ShouldBe("application/cloudevents+json; charset=utf-8");
        got.Headers.Keys.ShouldNotContain("traceparent");
    }

    [Theory]
    [InlineData(500, "500")]
    [InlineData(404, "404")]
    [InlineData(410, "410")]
    public async Task Answer_ThatIsNoSuccess_IsAnError(int status, string word)
    {
        _receiver.Answers.Enqueue(status);

        var attempt = await SendAsync(s_open, _receiver.Url);

        attempt.Status.ShouldBe(status);
        attempt.Error!.ShouldContain(word);
        attempt.IsGone.ShouldBe(status == 410);
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task Redirect_IsNotFollowed(int status)
    {
        await using var other = await WebhookReceiver.StartAsync();
        _receiver.Answers.Enqueue(status);
        _receiver.Location = other.Url;

        var attempt = await SendAsync(s_open, _receiver.Url);

        attempt.Error!.ShouldContain("redirects are not followed");
        other.Count.ShouldBe(0);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::1")]
    [InlineData("169.254.169.254")]
    [InlineData("10.0.0.1")]
    public async Task Name_ThatResolvesToAPrivateAddress_IsRefusedAtTheConnection(string address)
    {
        var attempt = await SendAsync(s_open with { AllowPrivateAddresses = false }, $"http://innocent.example:{_receiver.Port}/", IPAddress.Parse(address));

        attempt.Error!.ShouldBe("The name has no address on the public internet.");
        _receiver.Count.ShouldBe(0);
    }

    [Fact]
    public async Task Name_ThatResolves_IsConnectedToWhatItResolvedTo()
    {
        (await SendAsync(s_open, $"http://innocent.example:{_receiver.Port}/", IPAddress.Loopback)).IsSuccess.ShouldBeTrue();

        (await _receiver.NextAsync()).Headers["host"].ShouldBe($"innocent.example:{_receiver.Port}");
    }

    [Fact]
    public async Task LiteralPrivateAddress_IsRefusedEvenWhenItWasRegisteredBefore() =>
        (await SendAsync(s_open with { AllowPrivateAddresses = false }, _receiver.Url)).Error!.ShouldContain("public internet");

    [Fact]
    public async Task PlainHttp_IsRefusedEvenWhenItWasRegisteredBefore() =>
        (await SendAsync(s_open with { AllowHttp = false }, _receiver.Url)).Error!.ShouldContain("https://");

    [Fact]
    public async Task Receiver_ThatDoesNotAnswer_IsLeft()
    {
        var silence = new TaskCompletionSource();
        _receiver.MayAnswer = silence.Task;

        var attempt = await SendAsync(s_open with { TimeoutMs = 200 }, _receiver.Url);

        attempt.Error!.ShouldContain("within 200 ms");
        silence.SetResult();
    }

    [Fact]
    public async Task Receiver_ThatIsNotThere_IsAnError() =>
        (await SendAsync(s_open, "http://127.0.0.1:1/")).Error!.ShouldBe("No connection could be made.");

    private static async Task<DeliveryAttempt> SendAsync(WebhooksOptions options, string url, params IPAddress[] addresses)
    {
        var ids = new IdSource(TimeProvider.System, new SecureRandom());
        using var sender = new WebhookSender(options, (_, _) => Task.FromResult(addresses), TimeProvider.System);
        var now = TimeProvider.System.GetUtcNow();
        var webhook = new Webhook(ids.Next<Webhook>(), ids.Next<User>(), url, "", WebhookEvents.Default, s_secret, now, null, null, null);
        return await sender.SendAsync(
            webhook, SqlWebhookQueue.New(ids.Next<WebhookDelivery>(), webhook.Id, 1, "stoa.test", "one", """{"a":"ä"}""", now), Stop);
    }
}

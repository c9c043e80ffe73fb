using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Webhooks;

public sealed class WebhooksEndpointsTests : IAsyncLifetime
{
    private TestNode _node = null!;
    private WebhookReceiver _receiver = null!;

    private StoaClient Client => _node.Client;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _receiver = await WebhookReceiver.StartAsync();
        _node = await TestNode.StartAsync(null, "--Webhooks:AllowHttp", "true", "--Webhooks:AllowPrivateAddresses", "true", "--Webhooks:TimeoutMs", "5000");
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        await _receiver.DisposeAsync();
    }

    [Fact]
    public async Task EndOfATask_IsToldAndSigned()
    {
        var webhook = await CreateAsync();
        var echo = await _node.PublishAsync("echo", GuestPrograms.Echo);
        var task = await _node.RunAsync(echo);

        var got = await _receiver.NextAsync();

        got.IsSignedWith(webhook.Secret!).ShouldBeTrue();
        var told = JsonSerializer.Deserialize(got.Body, StoaJson.Default.CloudEvent)!;
        (told.Type, told.Subject).ShouldBe(("stoa.task.succeeded", task.Id));
        var delivery = await EndAsync(webhook.Id);
        (delivery.Id, delivery.State, delivery.Status, delivery.Attempts, delivery.EventId).ShouldBe((got.Id, "delivered", 204, 1, told.Id));
        (await Client.GetWebhookAsync(webhook.Id, Stop)).Secret.ShouldBeNull();
    }

    [Fact]
    public async Task Test_ThatFails_IsSentAgainUnderTheSameId()
    {
        var webhook = await CreateAsync();
        _receiver.Answers.Enqueue(500);

        var test = await Client.TestWebhookAsync(webhook.Id, Stop);
        (await _receiver.NextAsync()).Id.ShouldBe(test.Id);
        await Eventually.IsSoAsync(async () => await LastAsync(webhook.Id) is { Attempts: 1, Status: 500, DueAt: not null });
        await Client.RedeliverWebhookAsync(webhook.Id, test.Id, Stop);

        (await _receiver.NextAsync()).Id.ShouldBe(test.Id);
        (await EndAsync(webhook.Id)).State.ShouldBe("delivered");
        (await Client.GetWebhookAsync(webhook.Id, Stop)).FailingSince.ShouldBeNull();
    }

    [Fact]
    public async Task DisabledWebhook_TakesNoTestAndWorksAgainOnceEnabled()
    {
        var webhook = await CreateAsync();

        (await Client.UpdateWebhookAsync(webhook.Id, new UpdateWebhookRequest(Enabled: false), Stop)).State.ShouldBe("disabled");
        (await Should.ThrowAsync<StoaException>(() => Client.TestWebhookAsync(webhook.Id, Stop))).Problem.Code.ShouldBe("webhookDisabled");
        (await Client.UpdateWebhookAsync(webhook.Id, new UpdateWebhookRequest(Enabled: true, Types: ["stoa.task.*"]), Stop)).Types.Count.ShouldBe(6);
        await Client.TestWebhookAsync(webhook.Id, Stop);
        await _receiver.NextAsync();
    }

    [Fact]
    public async Task DeletedWebhook_IsGone()
    {
        var webhook = await CreateAsync();
        await Client.TestWebhookAsync(webhook.Id, Stop);
        await EndAsync(webhook.Id);

        await Client.DeleteWebhookAsync(webhook.Id, Stop);

        (await Should.ThrowAsync<StoaException>(() => Client.GetWebhookAsync(webhook.Id, Stop))).Problem.Code.ShouldBe("webhookUnknown");
        (await Client.ListWebhooksAsync(Stop).CountAsync(Stop)).ShouldBe(0);
    }

    [Fact]
    public async Task PrivateAddress_IsRefusedUnlessTheOperatorAllowsIt()
    {
        await using var strict = await TestNode.StartAsync();

        var refused = await Should.ThrowAsync<StoaException>(() => strict.Client.CreateWebhookAsync(new CreateWebhookRequest(_receiver.Url, ["no.such"]), Stop));

        refused.Problem.Code.ShouldBe("webhookInvalid");
        refused.Problem.Errors!.Select(error => error.Pointer).ShouldBe(["/url", "/url", "/types"]);
    }

    private Task<WebhookResponse> CreateAsync() => Client.CreateWebhookAsync(new CreateWebhookRequest(_receiver.Url, Name: "test"), Stop);

    private async Task<WebhookDeliveryResponse?> LastAsync(string webhook) =>
        await Client.ListWebhookDeliveriesAsync(webhook, cancellationToken: Stop).FirstOrDefaultAsync(Stop);

    private Task<WebhookDeliveryResponse> EndAsync(string webhook) =>
        Eventually.FoundAsync(async () => await LastAsync(webhook) is { FinishedAt: not null } ended ? ended : null);
}

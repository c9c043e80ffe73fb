using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Webhooks;
using Stoa.Node.Events;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Webhooks;

/// <summary>The outer door of webhooks. One that belongs to somebody else is one that does not exist.</summary>
public static class WebhooksEndpoints
{
    public static void MapWebhooks(this IEndpointRouteBuilder api)
    {
        var webhooks = api.MapGroup("/webhooks").WithTags("Webhooks");
        webhooks.MapPost("/", CreateAsync)
            .Needs(Permission.WebhooksManage)
            .WithName("createWebhook").WithSummary("Be told of events")
            .WithDescription("Registers an address that your events are sent to, signed by the Standard Webhooks scheme. The secret is in this answer and never again. It is told of what happens from now on.")
            .Idempotent()
            .Produces<WebhookResponse>(StatusCodes.Status201Created)
            .Refuses(WebhookRefusal.WebhookInvalid, WebhookRefusal.WebhooksTooMany);
        webhooks.MapGet("/", ListAsync)
            .Needs(Permission.WebhooksRead)
            .WithName("listWebhooks").WithSummary("List your webhooks, newest first")
            .WithDescription("Without their secrets.")
            .Produces<ListResponse<WebhookResponse>>();
        webhooks.MapGet("/{id}", GetAsync)
            .Needs(Permission.WebhooksRead)
            .WithName("getWebhook").WithSummary("Get a webhook")
            .WithDescription("Whether it is in use, since when its receiver fails, and why it was disabled.")
            .Produces<WebhookResponse>()
            .Refuses(WebhookRefusal.WebhookUnknown);
        webhooks.MapPatch("/{id}", UpdateAsync)
            .Needs(Permission.WebhooksManage)
            .WithName("updateWebhook").WithSummary("Change a webhook")
            .WithDescription("What is left out stays. One that is enabled again is told of what happens from then on.")
            .Produces<WebhookResponse>()
            .Refuses(WebhookRefusal.WebhookUnknown, WebhookRefusal.WebhookInvalid);
        webhooks.MapDelete("/{id}", DeleteAsync)
            .Needs(Permission.WebhooksManage)
            .WithName("deleteWebhook").WithSummary("Delete a webhook")
            .WithDescription("With its deliveries. What is on its way just now may still arrive.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(WebhookRefusal.WebhookUnknown);
        webhooks.MapPost("/{id}/test", TestAsync)
            .Needs(Permission.WebhooksManage)
            .WithName("testWebhook").WithSummary("Send a test event")
            .WithDescription("An event of type stoa.webhook.test, delivered, signed and retried as all are. The deliveries tell what came of it.")
            .Produces<WebhookDeliveryResponse>(StatusCodes.Status202Accepted)
            .Refuses(WebhookRefusal.WebhookUnknown, WebhookRefusal.WebhookDisabled);
        webhooks.MapGet("/{id}/deliveries", ListDeliveriesAsync)
            .Needs(Permission.WebhooksRead)
            .WithName("listWebhookDeliveries").WithSummary("List what was sent, newest first")
            .WithDescription("Each with its attempts and what came of the last. They are kept for a month unless the operator says otherwise.")
            .Produces<ListResponse<WebhookDeliveryResponse>>()
            .Refuses(WebhookRefusal.WebhookUnknown);
        webhooks.MapPost("/{id}/deliveries/{deliveryId}/redelivery", RedeliverAsync)
            .Needs(Permission.WebhooksManage)
            .WithName("redeliverWebhook").WithSummary("Send a delivery again")
            .WithDescription("Under the same webhook-id, so that a receiver that has had it knows. One that waits for its next attempt is sent at once.")
            .Produces<WebhookDeliveryResponse>(StatusCodes.Status202Accepted)
            .Refuses(WebhookRefusal.WebhookUnknown, WebhookRefusal.WebhookDisabled, WebhookRefusal.DeliveryUnknown);
    }

    private static async Task<IResult> CreateAsync(
        Body<CreateWebhookRequest> body,
        MadeId id,
        Caller caller,
        WebhookRules rules,
        SqlWebhookStore store,
        WebhookWorker worker,
        Random random,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (url, asked, name) = body.Value;
        var errors = new List<FieldError>([.. rules.CheckUrl(url), .. WebhookRules.CheckName(name ?? "")]);
        var types = WebhookRules.ExpandTypes(asked, errors);
        if (errors.Count > 0)
            return Invalid(errors);
        var webhook = new Webhook(
            id.For<Webhook>(), caller.UserId, new Uri(url).AbsoluteUri, name ?? "", types, WebhookSecret.Create(random), time.GetUtcNow(), null, null, null);
        var made = await store.PutAsync(webhook, cancellationToken);
        worker.Wake();
        return made.Match<IResult>(
            accepted => TypedResults.Created($"/api/v1/webhooks/{accepted.Id}", ToContract(accepted) with { Secret = accepted.Secret.Text }),
            refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListAsync([AsParameters] ListQuery query, Caller caller, SqlWebhookStore store, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await store.ListAsync(caller.UserId, query.ToPage(), cancellationToken), ToContract));

    private static async Task<IResult> GetAsync(Id<Webhook> id, Caller caller, SqlWebhookStore store, CancellationToken cancellationToken) =>
        await store.FindAsync(id, caller.UserId, cancellationToken) is { } webhook ? TypedResults.Ok(ToContract(webhook)) : Unknown(id);

    private static async Task<IResult> UpdateAsync(
        Id<Webhook> id,
        Body<UpdateWebhookRequest> body,
        Caller caller,
        WebhookRules rules,
        SqlWebhookStore store,
        WebhookWorker worker,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (await store.FindAsync(id, caller.UserId, cancellationToken) is not { } webhook)
            return Unknown(id);
        var asked = body.Value;
        List<FieldError> errors = [.. asked.Url is null ? [] : rules.CheckUrl(asked.Url), .. WebhookRules.CheckName(asked.Name ?? "")];
        var types = asked.Types is null ? webhook.Types : WebhookRules.ExpandTypes(asked.Types, errors);
        if (errors.Count > 0)
            return Invalid(errors);
        var changed = webhook with { Url = asked.Url is null ? webhook.Url : new Uri(asked.Url).AbsoluteUri, Name = asked.Name ?? webhook.Name, Types = types };
        var isUsedAgain = asked.Enabled is true && webhook.DisabledAt is not null;
        if (isUsedAgain)
            changed = changed with { DisabledAt = null, DisabledReason = null, FailingSince = null };
        else if (asked.Enabled is false && webhook.DisabledAt is null)
            changed = changed with { DisabledAt = time.GetUtcNow(), DisabledReason = "Disabled by its owner." };
        await store.UpdateAsync(changed, isUsedAgain, cancellationToken);
        worker.Wake();
        return TypedResults.Ok(ToContract(changed));
    }

    private static async Task<IResult> DeleteAsync(Id<Webhook> id, Caller caller, SqlWebhookStore store, CancellationToken cancellationToken) =>
        await store.DeleteAsync(id, caller.UserId, cancellationToken) ? TypedResults.NoContent() : Unknown(id);

    private static async Task<IResult> TestAsync(
        Id<Webhook> id,
        Caller caller,
        SqlWebhookStore store,
        WebhookWorker worker,
        PublicKey node,
        IdSource ids,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (await store.FindAsync(id, caller.UserId, cancellationToken) is not { } webhook)
            return Unknown(id);
        if (webhook.DisabledAt is not null)
            return Disabled(webhook);
        var (made, now) = (ids.Next<WebhookDelivery>(), time.GetUtcNow());
        var data = JsonSerializer.Serialize(new Dictionary<string, string> { ["webhookId"] = id.ToString() });
        var happened = new FeedEvent(null, new NewEvent(WebhookEvents.Test, id.ToString(), caller.UserId, now, data)).ToContract(node.PeerId) with { Id = made.ToString() };
        var test = await store.AddTestAsync(
            SqlWebhookQueue.New(made, id, null, WebhookEvents.Test, id.ToString(), JsonSerializer.Serialize(happened, StoaJson.Default.CloudEvent), now),
            cancellationToken);
        worker.Wake();
        return TypedResults.Accepted($"/api/v1/webhooks/{id}/deliveries", ToContract(test));
    }

    private static async Task<IResult> ListDeliveriesAsync(
        Id<Webhook> id, [AsParameters] ListQuery list, string? state, Caller caller, SqlWebhookStore store, CancellationToken cancellationToken)
    {
        DeliveryState? wanted = state switch
        {
            null => null,
            "pending" => DeliveryState.Pending,
            "delivered" => DeliveryState.Delivered,
            "failed" => DeliveryState.Failed,
            _ => throw new RequestRefusedException(
                RequestRefusal.RequestInvalid, errors: [new FieldError("", "The parameter state is one of pending, delivered, failed.")]),
        };
        return await store.FindAsync(id, caller.UserId, cancellationToken) is null
            ? Unknown(id)
            : TypedResults.Ok(ListQuery.Answer(await store.ListDeliveriesAsync(id, wanted, list.ToPage(), cancellationToken), ToContract));
    }

    private static async Task<IResult> RedeliverAsync(
        Id<Webhook> id, Id<WebhookDelivery> deliveryId, Caller caller, SqlWebhookStore store, WebhookWorker worker, CancellationToken cancellationToken)
    {
        if (await store.FindAsync(id, caller.UserId, cancellationToken) is not { } webhook)
            return Unknown(id);
        if (webhook.DisabledAt is not null)
            return Disabled(webhook);
        var again = await store.RedeliverAsync(id, deliveryId, cancellationToken);
        worker.Wake();
        return again is null
            ? new Refusal<WebhookRefusal>(WebhookRefusal.DeliveryUnknown, $"The webhook {id} has no delivery {deliveryId}. List those that it has.").ToProblem()
            : TypedResults.Accepted($"/api/v1/webhooks/{id}/deliveries", ToContract(again));
    }

    private static WebhookResponse ToContract(Webhook webhook) => new(
        webhook.Id.ToString(),
        webhook.Url,
        webhook.Types,
        webhook.DisabledAt is null ? "active" : "disabled",
        webhook.CreatedAt,
        webhook.Name.Length == 0 ? null : webhook.Name,
        webhook.FailingSince,
        webhook.DisabledAt,
        webhook.DisabledReason);

    private static WebhookDeliveryResponse ToContract(WebhookDelivery delivery) => new(
        delivery.Id.ToString(),
        delivery.Type,
        delivery.Subject,
        delivery.State switch
        {
            DeliveryState.Pending => "pending",
            DeliveryState.Delivered => "delivered",
            DeliveryState.Failed => "failed",
            _ => throw new InvalidOperationException("Every state has a name."),
        },
        delivery.Attempts,
        delivery.CreatedAt,
        delivery.Sequence?.ToString(System.Globalization.CultureInfo.InvariantCulture),
        delivery.State is DeliveryState.Pending ? delivery.DueAt : null,
        delivery.AttemptedAt,
        delivery.Status,
        delivery.Error,
        delivery.DurationMs,
        delivery.FinishedAt);

    private static ProblemResult Unknown(Id<Webhook> id) =>
        new Refusal<WebhookRefusal>(WebhookRefusal.WebhookUnknown, $"You have no webhook {id}. List those that you have with GET /api/v1/webhooks.").ToProblem();

    private static ProblemResult Disabled(Webhook webhook) => new Refusal<WebhookRefusal>(
        WebhookRefusal.WebhookDisabled, $"The webhook is disabled: {webhook.DisabledReason} Enable it first with PATCH /api/v1/webhooks/{webhook.Id}.").ToProblem();

    private static ProblemResult Invalid(IReadOnlyList<FieldError> errors) =>
        new Refusal<WebhookRefusal>(WebhookRefusal.WebhookInvalid, "Correct what is listed in errors and try again.", errors).ToProblem();
}

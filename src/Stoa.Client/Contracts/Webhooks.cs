namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/webhooks</c>.</summary>
/// <param name="Url">Where events are sent by POST; <c>https://</c>, on the public internet, without redirects.</param>
/// <param name="Types">Event types such as <c>stoa.task.succeeded</c>, or all below a name such as <c>stoa.task.*</c>; null for the ends of tasks.</param>
/// <param name="Name">What you call it, at most 100 characters.</param>
public sealed record CreateWebhookRequest(string Url, IReadOnlyList<string>? Types = null, string? Name = null);

/// <summary><c>PATCH /api/v1/webhooks/{id}</c>. What is null stays.</summary>
/// <param name="Url">As in <see cref="CreateWebhookRequest"/>.</param>
/// <param name="Types">As in <see cref="CreateWebhookRequest"/>; of what happens from now on.</param>
/// <param name="Name">What you call it.</param>
/// <param name="Enabled">False stops it and gives up what waits; true puts it to use again.</param>
public sealed record UpdateWebhookRequest(string? Url = null, IReadOnlyList<string>? Types = null, string? Name = null, bool? Enabled = null);

/// <summary>A webhook. The secret is there only in the answer that made it.</summary>
/// <param name="Id">TypeID with prefix <c>hook</c>.</param>
/// <param name="Url">Where events are sent.</param>
/// <param name="Types">Of which events, written out.</param>
/// <param name="State"><c>active</c> or <c>disabled</c>.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Name">What you call it.</param>
/// <param name="FailingSince">The first failure since the last success.</param>
/// <param name="DisabledAt">Nothing is sent since then.</param>
/// <param name="DisabledReason">Why.</param>
/// <param name="Secret">Checks signatures: <c>whsec_</c> and base64.</param>
public sealed record WebhookResponse(
    string Id,
    string Url,
    IReadOnlyList<string> Types,
    string State,
    DateTimeOffset CreatedAt,
    string? Name = null,
    DateTimeOffset? FailingSince = null,
    DateTimeOffset? DisabledAt = null,
    string? DisabledReason = null,
    string? Secret = null);

/// <summary>One event on its way to a webhook, or there.</summary>
/// <param name="Id">TypeID with prefix <c>dlvr</c>; the <c>webhook-id</c> of every attempt.</param>
/// <param name="Type">Of the event.</param>
/// <param name="Subject">Of the event.</param>
/// <param name="State"><c>pending</c>, <c>delivered</c> or <c>failed</c>.</param>
/// <param name="Attempts">Sent so many times.</param>
/// <param name="CreatedAt">When the event was taken up.</param>
/// <param name="EventId">Position of the event in the stream; null for a test.</param>
/// <param name="DueAt">While pending: not sent before.</param>
/// <param name="AttemptedAt">When it was last sent.</param>
/// <param name="Status">HTTP status of the last answer; null when there was none.</param>
/// <param name="Error">What went wrong last.</param>
/// <param name="DurationMs">Time of the last attempt.</param>
/// <param name="FinishedAt">When it was delivered or given up.</param>
public sealed record WebhookDeliveryResponse(
    string Id,
    string Type,
    string Subject,
    string State,
    int Attempts,
    DateTimeOffset CreatedAt,
    string? EventId = null,
    DateTimeOffset? DueAt = null,
    DateTimeOffset? AttemptedAt = null,
    int? Status = null,
    string? Error = null,
    long? DurationMs = null,
    DateTimeOffset? FinishedAt = null);

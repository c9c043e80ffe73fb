using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Webhooks;

/// <summary>An address of a consumer that is told of the consumer's events.</summary>
/// <param name="Id">Never reused.</param>
/// <param name="OwnerId">Whose events it is told of.</param>
/// <param name="Url">Where they are sent, as <see cref="WebhookRules"/> has it.</param>
/// <param name="Name">What the owner calls it; may be empty.</param>
/// <param name="Types">Event types, written out.</param>
/// <param name="Secret">Signs what is sent.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="DisabledAt">Nothing is sent since then; null while it is in use.</param>
/// <param name="DisabledReason">Why, for its owner.</param>
/// <param name="FailingSince">The first failure since the last success; null when the last attempt succeeded.</param>
public sealed record Webhook(
    Id<Webhook> Id,
    Id<User> OwnerId,
    string Url,
    string Name,
    IReadOnlyList<string> Types,
    WebhookSecret Secret,
    DateTimeOffset CreatedAt,
    DateTimeOffset? DisabledAt,
    string? DisabledReason,
    DateTimeOffset? FailingSince) : IIdentified
{
    public static string IdPrefix => "hook";

    /// <summary>Most webhooks of one user.</summary>
    public const int MaxPerUser = 20;
}

/// <summary>One event on its way to one webhook. Its id is the <c>webhook-id</c> of every attempt, so that a receiver recognises what it has had.</summary>
/// <param name="Id">Never reused.</param>
/// <param name="WebhookId">Where it goes.</param>
/// <param name="Sequence">Position of the event in the stream; null for a test.</param>
/// <param name="Type">Of the event.</param>
/// <param name="Subject">Of the event.</param>
/// <param name="Body">What is sent: the CloudEvent as JSON.</param>
/// <param name="State">See <see cref="DeliveryState"/>.</param>
/// <param name="Attempts">Sent so many times.</param>
/// <param name="DueAt">Not sent before.</param>
/// <param name="AttemptedAt">When it was last sent.</param>
/// <param name="Status">HTTP status of the last answer; null when there was none.</param>
/// <param name="Error">What went wrong last; null after a success.</param>
/// <param name="DurationMs">Time of the last attempt.</param>
/// <param name="CreatedAt">When the event was taken up.</param>
/// <param name="FinishedAt">When it was delivered or given up.</param>
public sealed record WebhookDelivery(
    Id<WebhookDelivery> Id,
    Id<Webhook> WebhookId,
    long? Sequence,
    string Type,
    string Subject,
    string Body,
    DeliveryState State,
    int Attempts,
    DateTimeOffset DueAt,
    DateTimeOffset? AttemptedAt,
    int? Status,
    string? Error,
    long? DurationMs,
    DateTimeOffset CreatedAt,
    DateTimeOffset? FinishedAt) : IIdentified
{
    public static string IdPrefix => "dlvr";
}

/// <summary>Where a delivery stands.</summary>
public enum DeliveryState
{
    /// <summary>It waits for its first or its next attempt.</summary>
    Pending,

    /// <summary>The receiver answered with a status of success.</summary>
    Delivered,

    /// <summary>All attempts failed, or the webhook was disabled.</summary>
    Failed,
}

/// <summary>What one attempt came to.</summary>
/// <param name="At">When it began.</param>
/// <param name="DurationMs">How long it took.</param>
/// <param name="Status">HTTP status of the answer; null when there was none.</param>
/// <param name="Error">What went wrong, for the owner; null after a success.</param>
public sealed record DeliveryAttempt(DateTimeOffset At, long DurationMs, int? Status, string? Error)
{
    /// <summary>Whether the receiver has it.</summary>
    public bool IsSuccess => Error is null;

    /// <summary>Whether the receiver says that there is nobody any more (410).</summary>
    public bool IsGone => Status is 410;
}

/// <summary>The events that webhooks can be told of.</summary>
public static class WebhookEvents
{
    /// <summary>What a webhook gets on request, to see that it works; it is in no stream.</summary>
    public const string Test = "stoa.webhook.test";

    /// <summary>Those that have an owner.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        EventTypes.TaskQueued, EventTypes.TaskStarted, EventTypes.TaskRetried, EventTypes.TaskSucceeded, EventTypes.TaskFailed,
        EventTypes.TaskCancelled, EventTypes.BatchProgress, EventTypes.BatchEnded, EventTypes.RoyaltyEarned,
        EventTypes.WorkflowStarted, EventTypes.WorkflowProgress, EventTypes.WorkflowAsked, EventTypes.WorkflowSignalled, EventTypes.WorkflowEnded, EventTypes.WorkflowResumed,
        EventTypes.AuctionAnnounced, EventTypes.AuctionAwarded, EventTypes.BiddingFaulted,
        EventTypes.ScheduleRefused, EventTypes.ReviewWritten, EventTypes.ReviewWithdrawn, EventTypes.ReviewAnswered,
        EventTypes.ChannelOpened, EventTypes.ChannelToppedUp, EventTypes.ChannelSettled, EventTypes.ChannelClosing, EventTypes.ChannelClosed,
        EventTypes.ErasureRequested, EventTypes.ErasureUndone,
    ];

    /// <summary>When none are named: the ends of tasks.</summary>
    public static IReadOnlyList<string> Default { get; } = [EventTypes.TaskSucceeded, EventTypes.TaskFailed, EventTypes.TaskCancelled];
}

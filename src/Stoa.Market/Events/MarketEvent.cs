using System.Text;
using System.Text.Json;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Events;

/// <summary>Something that happened, written in the same transaction as the change that it tells of.</summary>
/// <param name="Type">Reverse-dotted name such as <c>stoa.task.succeeded</c>; see <see cref="EventTypes"/>.</param>
/// <param name="Subject">Id of the thing that it is about.</param>
/// <param name="Audience">The user who may see it; null when everyone may.</param>
/// <param name="Time">When it happened, UTC.</param>
/// <param name="DataJson">The data member of the CloudEvent, a JSON object.</param>
public sealed record NewEvent(string Type, string Subject, Id<User>? Audience, DateTimeOffset Time, string DataJson)
{
    /// <summary>An event whose data are the members that a function writes.</summary>
    public static NewEvent Create(string type, string subject, Id<User>? audience, DateTimeOffset time, Action<Utf8JsonWriter> members) => new(
        type, subject, audience, time, Encoding.UTF8.GetString(SignedJson.Written(json =>
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        })));
}

/// <summary>An event in the stream.</summary>
/// <param name="Sequence">Position: strictly increasing in the order in which changes became visible, so that a reader who
/// continues after the last one that it saw misses none.</param>
/// <param name="Event">What was written.</param>
public sealed record MarketEvent(long Sequence, NewEvent Event);

/// <summary>The event types of this version.</summary>
public static class EventTypes
{
    public const string TaskQueued = "stoa.task.queued";
    public const string TaskStarted = "stoa.task.started";
    public const string TaskRetried = "stoa.task.retried";
    public const string TaskSucceeded = "stoa.task.succeeded";
    public const string TaskFailed = "stoa.task.failed";
    public const string TaskCancelled = "stoa.task.cancelled";
    public const string AgentPublished = "stoa.agent.published";
    public const string RoyaltyEarned = "stoa.ledger.royalty";

    /// <summary>A version of an agent is offered no more, or with the publisher all of theirs: told to everybody.</summary>
    public const string AgentWithdrawn = "stoa.agent.withdrawn";

    /// <summary>A version of an agent that was withdrawn is offered again: told to everybody.</summary>
    public const string AgentReinstated = "stoa.agent.reinstated";

    /// <summary>A person has asked to be erased, or has thought better of it: told to that person.</summary>
    public const string ErasureRequested = "stoa.account.erasureRequested";

    public const string ErasureUndone = "stoa.account.erasureUndone";

    /// <summary>A webhook failed for so long that nothing is sent to it any more, or its receiver said that it is gone.</summary>
    public const string WebhookDisabled = "stoa.webhook.disabled";

    /// <summary>The submission for a tick of a schedule was refused.</summary>
    public const string ScheduleRefused = "stoa.schedule.refused";

    /// <summary>Measured progress of a running task: live only, never stored, so it carries no sequence.</summary>
    public const string TaskProgress = "stoa.task.progress";

    /// <summary>A piece of a task's log: told to those who follow that log, and to nobody else, so it is not among <see cref="All"/>.</summary>
    public const string TaskLog = "stoa.task.log";

    /// <summary>A batch was taken, came a step on, or has ended: told of the batch, not of each of its tasks.</summary>
    public const string BatchProgress = "stoa.batch.progress";

    public const string BatchEnded = "stoa.batch.ended";

    /// <summary>An agent is not chosen for a while, for its faults: told to its publisher.</summary>
    public const string AgentSuspended = "stoa.agent.suspended";

    /// <summary>A task is put out to bids: told to a publisher whose own service bids.</summary>
    public const string AuctionAnnounced = "stoa.auction.announced";

    /// <summary>Somebody has won a task: told to its consumer.</summary>
    public const string AuctionAwarded = "stoa.auction.awarded";

    /// <summary>A publisher's bidding program did not bid, for a fault of its own; at most once an hour.</summary>
    public const string BiddingFaulted = "stoa.bidding.faulted";

    /// <summary>A review of an agent was written or changed: told to its publisher.</summary>
    public const string ReviewWritten = "stoa.review.written";

    /// <summary>A review of an agent was withdrawn: told to its publisher.</summary>
    public const string ReviewWithdrawn = "stoa.review.withdrawn";

    /// <summary>The publisher answered a review: told to who wrote it.</summary>
    public const string ReviewAnswered = "stoa.review.answered";

    /// <summary>A payment channel was opened: told to both of its sides, as all that follows is.</summary>
    public const string ChannelOpened = "stoa.channel.opened";

    public const string ChannelToppedUp = "stoa.channel.toppedUp";

    /// <summary>A voucher was paid.</summary>
    public const string ChannelSettled = "stoa.channel.settled";

    /// <summary>The challenge window has begun: a payee that has a higher voucher sends it now.</summary>
    public const string ChannelClosing = "stoa.channel.closing";

    public const string ChannelClosed = "stoa.channel.closed";

    /// <summary>A payment for credit is in the wallet: told to who paid, as all that follows is.</summary>
    public const string PaymentCredited = "stoa.payment.credited";

    /// <summary>All or a part of a payment went back to the payer, or came back from there.</summary>
    public const string PaymentRefunded = "stoa.payment.refunded";

    /// <summary>A bank has taken a payment back, or has decided who keeps it.</summary>
    public const string PaymentDisputed = "stoa.payment.disputed";

    /// <summary>Nobody has paid, or the payer's method was refused.</summary>
    public const string PaymentFailed = "stoa.payment.failed";

    /// <summary>A payment is paid at Stripe and cannot be credited: told to administrators.</summary>
    public const string PaymentUncredited = "stoa.payment.uncredited";

    /// <summary>A run of a workflow was begun, came further, asks a person, or is over: told of the run, beside what is told of its tasks.</summary>
    public const string WorkflowStarted = "stoa.workflow.started";

    public const string WorkflowProgress = "stoa.workflow.progress";

    public const string WorkflowAsked = "stoa.workflow.asked";

    /// <summary>Somebody has sent an event to a run, has answered what it asks, or wants it stopped.</summary>
    public const string WorkflowSignalled = "stoa.workflow.signalled";

    public const string WorkflowEnded = "stoa.workflow.ended";

    /// <summary>A run that was over goes on.</summary>
    public const string WorkflowResumed = "stoa.workflow.resumed";

    /// <summary>A payout is in the creator's account at Stripe: told to the creator.</summary>
    public const string PayoutPaid = "stoa.payout.paid";

    /// <summary>A payout was refused, or came back.</summary>
    public const string PayoutFailed = "stoa.payout.failed";

    /// <summary>A dispute about a receipt was opened: told to the owner of the task.</summary>
    public const string DisputeOpened = "stoa.dispute.opened";

    public const string DisputeDecided = "stoa.dispute.decided";

    /// <summary>So many percent of a budget are used up: told to its owner, once a period for each threshold.</summary>
    public const string BudgetThreshold = "stoa.budget.threshold";

    /// <summary>A wallet has less than its owner wants to be told of: told once, until it has had more again.</summary>
    public const string BalanceLow = "stoa.balance.low";

    /// <summary>An hour of storage could not be paid: told to whose content it is, once until one is.</summary>
    public const string StorageUnpaid = "stoa.storage.unpaid";

    /// <summary>An hour of storage is paid again.</summary>
    public const string StoragePaid = "stoa.storage.paid";

    /// <summary>A user has a plan: told to that user, as all that follows is.</summary>
    public const string SubscriptionStarted = "stoa.subscription.started";

    /// <summary>Another plan, now or from the next period on; cancelled, or not cancelled after all.</summary>
    public const string SubscriptionChanged = "stoa.subscription.changed";

    /// <summary>The next period is paid.</summary>
    public const string SubscriptionRenewed = "stoa.subscription.renewed";

    /// <summary>The next period could not be paid: the days of grace have begun.</summary>
    public const string SubscriptionPastDue = "stoa.subscription.pastDue";

    public const string SubscriptionEnded = "stoa.subscription.ended";

    /// <summary>There is credit more, by a plan, a coupon or a refund.</summary>
    public const string CreditGranted = "stoa.credit.granted";

    /// <summary>Credit was not spent in time.</summary>
    public const string CreditExpired = "stoa.credit.expired";

    public const string CouponRedeemed = "stoa.coupon.redeemed";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        TaskQueued, TaskStarted, TaskRetried, TaskSucceeded, TaskFailed, TaskCancelled, TaskProgress, AgentPublished, RoyaltyEarned,
        WebhookDisabled, ScheduleRefused, BatchProgress, BatchEnded, WorkflowStarted, WorkflowProgress, WorkflowAsked, WorkflowSignalled, WorkflowEnded, WorkflowResumed, AgentSuspended,
        AuctionAnnounced, AuctionAwarded, BiddingFaulted,
        ReviewWritten, ReviewWithdrawn, ReviewAnswered,
        ChannelOpened, ChannelToppedUp, ChannelSettled, ChannelClosing, ChannelClosed,
        PaymentCredited, PaymentRefunded, PaymentDisputed, PaymentFailed, PaymentUncredited, PayoutPaid, PayoutFailed,
        DisputeOpened, DisputeDecided,
        BudgetThreshold, BalanceLow, StorageUnpaid, StoragePaid,
        AgentWithdrawn, AgentReinstated, ErasureRequested, ErasureUndone,
        SubscriptionStarted, SubscriptionChanged, SubscriptionRenewed, SubscriptionPastDue, SubscriptionEnded, CreditGranted, CreditExpired, CouponRedeemed,
    ];
}

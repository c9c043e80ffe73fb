namespace Stoa.Market.Tasks;

/// <summary>Every reason for which an act on a task is refused.</summary>
public enum TaskRefusal
{
    /// <summary>What the task produced was deleted since.</summary>
    ResultDeleted,

    /// <summary>No such task, or it belongs to somebody else.</summary>
    TaskUnknown,

    /// <summary>No agent of that name and version.</summary>
    AgentUnknown,

    /// <summary>The agent, or this version of it, was withdrawn by its publisher: when, why and what to take instead is told.</summary>
    AgentWithdrawn,

    /// <summary>The agent was published elsewhere in the network, and a task like this one is not given to other operators' nodes.</summary>
    NotSupplied,

    /// <summary>The agent was published elsewhere in the network, and no supplier of this node has it to offer now.</summary>
    SupplierUnavailable,

    /// <summary>Fewer executors than runs are asked for could run the task now.</summary>
    ExecutorsTooFew,

    /// <summary>No agent fits what is required; every filter is listed with how many it removed and what to change.</summary>
    NoCandidate,

    /// <summary>No node that is alive stands in any of the regions: those that are served are named.</summary>
    RegionUnserved,

    /// <summary>A parameter is not declared by the agent or has the wrong form; every reason is listed.</summary>
    ParametersInvalid,

    /// <summary>A limit is not positive, is above what the agent's manifest allows, or above what this node can give.</summary>
    LimitsInvalid,

    /// <summary>The input does not fit the agent's JSON Schema; every reason is listed.</summary>
    InputInvalid,

    /// <summary>The inline input is larger than 1 MiB: upload it as a blob. Or a JSON input is larger than what is checked against a schema.</summary>
    InputTooLarge,

    /// <summary>The input digest is not stored here, or belongs to somebody else.</summary>
    InputUnknown,

    /// <summary>The input is stored as the consumer's own, who has not paid for storage for too long.</summary>
    StorageUnpaid,

    /// <summary>The input is said to be sealed, and does not begin as sealed inputs do.</summary>
    SealInvalid,

    /// <summary>The input is sealed to a key that this node does not have, or has no more.</summary>
    SealingKeyUnknown,

    /// <summary>This node has no key that inputs could be sealed to.</summary>
    SealingOff,

    /// <summary>The input is sealed, and the agent calls others: of what they are given and give, the receipt would tell digests.</summary>
    CallsNotSealed,

    /// <summary>The price at the task's limits is beyond any amount of money: ask for lower limits.</summary>
    PriceOutOfRange,

    /// <summary>The price at the task's limits is above the most that the consumer wants to pay.</summary>
    BudgetTooSmall,

    /// <summary>The wallet does not cover the hold.</summary>
    InsufficientFunds,

    /// <summary>The hold does not fit into what a budget of the consumer has left in its period.</summary>
    BudgetExhausted,

    /// <summary>As many tasks of the consumer wait or run as may.</summary>
    OpenTasksTooMany,

    /// <summary>With what the task would hold, the API key would have spent more today than it may.</summary>
    SpendingLimitReached,

    /// <summary>The idempotency key was used for another submission.</summary>
    IdempotencyKeyReused,

    /// <summary>The task would be due more than a year from now.</summary>
    DueTooLate,

    /// <summary>Only a task that failed or was cancelled is replayed.</summary>
    NotReplayable,

    /// <summary>The task has ended: there is nothing to cancel.</summary>
    AlreadyFinal,

    /// <summary>The consumer named the agent: nothing was chosen.</summary>
    NoSelection,

    /// <summary>As many tasks of the consumer are out to bids as may be.</summary>
    AuctionsTooMany,

    /// <summary>There is no result: the task has not ended, failed or was cancelled.</summary>
    NoResult,

    /// <summary>No such batch, or it belongs to somebody else.</summary>
    BatchUnknown,

    /// <summary>A batch has 1 to 10,000 tasks.</summary>
    BatchSizeInvalid,

    /// <summary>A task of the batch is refused, so all are; every reason is listed, with the place of its task.</summary>
    BatchInvalid,

    /// <summary>The task is of a batch, whose events tell of it too: it has no stream of its own.</summary>
    ToldOfBatch,
}

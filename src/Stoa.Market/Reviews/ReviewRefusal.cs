namespace Stoa.Market.Reviews;

/// <summary>Every reason for which an act on a review is refused.</summary>
public enum ReviewRefusal
{
    /// <summary>No such review, or it was withdrawn.</summary>
    ReviewUnknown,

    /// <summary>Stars or text are not as they must be; every reason is listed.</summary>
    ReviewInvalid,

    /// <summary>The task did not succeed, so there is no receipt that a review could stand on.</summary>
    NothingToReview,

    /// <summary>The caller published the agent.</summary>
    OwnAgent,

    /// <summary>The review was changed a moment ago.</summary>
    ReviewTooSoon,

    /// <summary>Only the publisher of the agent answers its reviews.</summary>
    NotThePublisher,

    /// <summary>The publisher has answered the review as it is.</summary>
    ReviewAnswered,
}

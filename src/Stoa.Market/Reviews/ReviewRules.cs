using Stoa.Market.Identity;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Reviews;

/// <summary>What a review must be like, and who may write what when.</summary>
public static class ReviewRules
{
    /// <summary>Most characters of a text.</summary>
    public const int MaxTextLength = StatementLimits.MaxReviewLength;

    /// <summary>The publisher of agents that were published elsewhere in the network.</summary>
    public static readonly Id<User> NobodyHere;

    /// <summary>The least time between two changes: each is told to the publisher.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    /// <summary>Every reason against the words of a review.</summary>
    public static IReadOnlyList<FieldError> Check(int stars, string? text)
    {
        var errors = new List<FieldError>();
        if (stars is < StatementLimits.MinStars or > StatementLimits.MaxStars)
            errors.Add(new FieldError("/stars", $"{StatementLimits.MinStars} to {StatementLimits.MaxStars} stars are expected."));
        if (text is not null && !ReviewVerdict.IsText(text))
            errors.Add(new FieldError("/text", TextMustBe));
        return errors;
    }

    /// <summary>Every reason against the words of an answer.</summary>
    public static IReadOnlyList<FieldError> CheckAnswer(string text) => ReviewVerdict.IsText(text) ? [] : [new FieldError("/text", TextMustBe)];

    /// <summary>The review that a consumer may write of a task; where one of the same agent is there, it takes its place.</summary>
    /// <param name="id">Of a new one.</param>
    /// <param name="task">The reviewer's own.</param>
    /// <param name="publisher">Of the version that did it, or <see cref="NobodyHere"/>.</param>
    /// <param name="reviewer">Handle of the task's owner.</param>
    /// <param name="stars">1 to 5.</param>
    /// <param name="text">Null for none.</param>
    /// <param name="now">UTC.</param>
    public static Outcome<ReceiptedReview, ReviewRefusal> Write(
        Id<Review> id, AgentTask task, Id<User> publisher, string reviewer, int stars, string? text, DateTimeOffset now)
    {
        if (publisher == task.OwnerId)
            return new Refusal<ReviewRefusal>(ReviewRefusal.OwnAgent, $"You published {task.Agent}: what you say of it yourself tells others nothing.");
        if (task.State is not TaskState.Succeeded succeeded)
        {
            return new Refusal<ReviewRefusal>(
                ReviewRefusal.NothingToReview,
                $"The task is {task.State.Name}. A review stands on a receipt, and only a task that succeeded has one; what failed counts against the agent by itself.");
        }

        if (Check(stars, text) is { Count: > 0 } errors)
            return new Refusal<ReviewRefusal>(ReviewRefusal.ReviewInvalid, "Correct what is listed in errors and try again.", errors);
        return new ReceiptedReview(
            new Review(
                id, $"{task.Agent.Publisher}/{task.Agent.Name}", task.Agent, publisher, task.OwnerId, reviewer, task.Id, stars, text, now, now, null),
            succeeded.Result.Price,
            succeeded.FinishedAt);
    }

    /// <summary>Whether a review, or one that was withdrawn, may be changed already.</summary>
    public static Refusal<ReviewRefusal>? CheckPause(DateTimeOffset changedAt, DateTimeOffset now) => now - changedAt >= Pause
        ? null
        : new Refusal<ReviewRefusal>(
            ReviewRefusal.ReviewTooSoon, $"The review was changed less than {Pause.TotalSeconds} seconds ago. Wait that long and change it again.");

    /// <summary>The review with its publisher's answer.</summary>
    public static Outcome<Review, ReviewRefusal> Answer(Review review, Id<User> caller, string text, DateTimeOffset now)
    {
        if (review.PublisherId != caller)
            return new Refusal<ReviewRefusal>(ReviewRefusal.NotThePublisher, $"Only who published {review.Agent} may answer its reviews.");
        if (CheckAnswer(text) is { Count: > 0 } errors)
            return new Refusal<ReviewRefusal>(ReviewRefusal.ReviewInvalid, "Correct what is listed in errors and try again.", errors);
        // Repeating the request changes nothing. What was changed since it was answered may be answered anew.
        if (review.Answer is { } given && given.Text == text)
            return review;
        return review.Answer?.At >= review.ChangedAt
            ? new Refusal<ReviewRefusal>(ReviewRefusal.ReviewAnswered, "You have answered this review. It can be answered again when its author changes it.")
            : review with { Answer = new ReviewAnswer(text, now) };
    }

    private static string TextMustBe => $"A text of 1 to {MaxTextLength} characters is expected, none of them a control character.";
}

/// <summary>A review with what its receipt says.</summary>
/// <param name="Review">As it is to be.</param>
/// <param name="Price">What was paid for the task.</param>
/// <param name="ReceiptAt">When it ended.</param>
public sealed record ReceiptedReview(Review Review, Money Price, DateTimeOffset ReceiptAt);

using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Reviews;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Reviews;

/// <summary>A row of <c>reviews</c>.</summary>
internal sealed record ReviewRow(
    Id<Review> Id,
    string Agent,
    ListingName Version,
    Id<User> PublisherId,
    Id<User> ReviewerId,
    string Reviewer,
    Id<AgentTask> TaskId,
    int Stars,
    string? Text,
    double Successes,
    double Paid,
    double Faults,
    DateTimeOffset WrittenAt,
    DateTimeOffset ChangedAt,
    DateTimeOffset? WithdrawnAt,
    string? Answer,
    DateTimeOffset? AnsweredAt)
{
    public const string Columns =
        """
        id, agent, version, publisher_id, reviewer_id, reviewer, task_id, stars, text, successes, paid, faults, written_at, changed_at,
        withdrawn_at, answer, answered_at
        """;

    /// <summary>Writes a review in the place of the one that its reviewer may have written of the same agent.</summary>
    public const string Put =
        $"""
        INSERT INTO reviews ({Columns})
        VALUES (@Id, @Agent, @Version, @PublisherId, @ReviewerId, @Reviewer, @TaskId, @Stars, @Text, @Successes, @Paid, @Faults, @WrittenAt,
            @ChangedAt, @WithdrawnAt, @Answer, @AnsweredAt)
        ON CONFLICT (reviewer_id, agent) DO UPDATE SET id = excluded.id, version = excluded.version, publisher_id = excluded.publisher_id,
            reviewer = excluded.reviewer, task_id = excluded.task_id, stars = excluded.stars, text = excluded.text, successes = excluded.successes,
            paid = excluded.paid, faults = excluded.faults, written_at = excluded.written_at, changed_at = excluded.changed_at,
            withdrawn_at = excluded.withdrawn_at, answer = excluded.answer, answered_at = excluded.answered_at
        """;

    /// <summary>What it has added to the statistics.</summary>
    public ReviewVoice Voice => new(Successes, Paid, Faults);

    public static ReviewRow Of(Review review, ReviewVoice voice) => new(
        review.Id,
        review.Agent,
        review.Version,
        review.PublisherId,
        review.ReviewerId,
        review.Reviewer,
        review.TaskId,
        review.Stars,
        review.Text,
        voice.Successes,
        voice.Paid,
        voice.Faults,
        review.WrittenAt,
        review.ChangedAt,
        WithdrawnAt: null,
        review.Answer?.Text,
        review.Answer?.At);

    public Review ToReview() => new(
        Id,
        Agent,
        Version,
        PublisherId,
        ReviewerId,
        Reviewer,
        TaskId,
        Stars,
        Text,
        WrittenAt,
        ChangedAt,
        Answer is null ? null : new ReviewAnswer(Answer, AnsweredAt!.Value));
}

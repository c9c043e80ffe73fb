using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Reviews;

/// <summary>What is told about reviews: to the publisher what is written of an agent, to the reviewer what is answered.</summary>
/// <remarks>Data members: <c>reviewId</c>, <c>agent</c>, <c>version</c>, <c>reviewer</c>, <c>stars</c>, and <c>text</c> where there is one.</remarks>
public static class ReviewEvents
{
    /// <summary>A review was written, or changed.</summary>
    public static NewEvent Written(Review review, DateTimeOffset now) => About(EventTypes.ReviewWritten, review, review.PublisherId, review.Text, now);

    /// <summary>A review is there no more.</summary>
    public static NewEvent Withdrawn(Review review, DateTimeOffset now) => About(EventTypes.ReviewWithdrawn, review, review.PublisherId, null, now);

    /// <summary>The publisher answered; <c>text</c> is the answer.</summary>
    public static NewEvent Answered(Review review, DateTimeOffset now) => About(EventTypes.ReviewAnswered, review, review.ReviewerId, review.Answer?.Text, now);

    private static NewEvent About(string type, Review review, Id<User> audience, string? text, DateTimeOffset now) => NewEvent.Create(
        type, review.Id.ToString(), audience, now, json =>
        {
            json.WriteString("reviewId", review.Id.ToString());
            json.WriteString("agent", review.Agent);
            json.WriteString("version", review.Version.ToString());
            json.WriteString("reviewer", review.Reviewer);
            json.WriteNumber("stars", review.Stars);
            if (text is not null)
                json.WriteString("text", text);
        });
}

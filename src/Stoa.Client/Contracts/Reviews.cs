namespace Stoa.Client.Contracts;

/// <summary><c>PUT /api/v1/tasks/{id}/review</c>: what you say of the agent that did the task.</summary>
/// <param name="Stars">1 to 5.</param>
/// <param name="Text">At most 2,000 characters; null for none.</param>
public sealed record PutReviewRequest(int Stars, string? Text = null);

/// <summary><c>PUT /api/v1/reviews/{id}/answer</c>: what its publisher says to that.</summary>
/// <param name="Text">1 to 2,000 characters.</param>
public sealed record AnswerReviewRequest(string Text);

/// <summary>What a consumer says of an agent, on the strength of a receipt.</summary>
/// <param name="Id">TypeID with prefix <c>rev</c>.</param>
/// <param name="Agent"><c>publisher/name</c>: the agent in all of its versions.</param>
/// <param name="Version">Full name of the version that did the task.</param>
/// <param name="Reviewer">Handle of who wrote it.</param>
/// <param name="Stars">1 to 5.</param>
/// <param name="WrittenAt">When it was first written.</param>
/// <param name="Text">What it says beside the stars.</param>
/// <param name="ChangedAt">When it was written as it is now; null when it was never changed.</param>
/// <param name="Answer">What the publisher answers.</param>
/// <param name="TaskId">The task whose receipt it stands on; only its author sees it.</param>
public sealed record ReviewResponse(
    string Id,
    string Agent,
    string Version,
    string Reviewer,
    int Stars,
    DateTimeOffset WrittenAt,
    string? Text = null,
    DateTimeOffset? ChangedAt = null,
    ReviewAnswerBody? Answer = null,
    string? TaskId = null);

/// <summary>What a publisher answers to a review.</summary>
/// <param name="Text">The words.</param>
/// <param name="At">When.</param>
public sealed record ReviewAnswerBody(string Text, DateTimeOffset At);

/// <summary><c>GET /api/v1/agents/{publisher}/{name}/reviews</c>: one page, with what all of them come to.</summary>
/// <param name="Items">Newest first.</param>
/// <param name="Rating">Of all reviews, whichever are on the page.</param>
/// <param name="NextCursor">Send it as <c>cursor</c> for the next page; null on the last.</param>
public sealed record AgentReviewsResponse(IReadOnlyList<ReviewResponse> Items, RatingBody Rating, string? NextCursor = null);

/// <summary>What the reviews of an agent come to. Who is chosen for a task depends on its reputation, in which each voice has its weight.</summary>
/// <param name="Count">How many there are.</param>
/// <param name="Histogram">How many with 1, 2, 3, 4 and 5 stars.</param>
/// <param name="Average">The mean of the stars, to two decimals; null without reviews.</param>
public sealed record RatingBody(long Count, IReadOnlyDictionary<string, long> Histogram, double? Average = null);

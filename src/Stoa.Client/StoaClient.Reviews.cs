using System.Globalization;
using System.Runtime.CompilerServices;
using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>PUT /api/v1/tasks/{id}/review</c>: says something of the agent that did a task of yours, in place of what you said of it before.</summary>
    /// <param name="taskId">A task that succeeded.</param>
    /// <param name="stars">1 to 5.</param>
    /// <param name="text">At most 2,000 characters; null for none.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public Task<ReviewResponse> ReviewTaskAsync(string taskId, int stars, string? text = null, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, TaskPath(taskId) + "/review", () => JsonBody(new PutReviewRequest(stars, text), StoaJson.Default.PutReviewRequest)),
        StoaJson.Default.ReviewResponse,
        cancellationToken);

    /// <summary><c>GET /api/v1/tasks/{id}/review</c>: what you say of the agent that did a task.</summary>
    public Task<ReviewResponse> GetTaskReviewAsync(string taskId, CancellationToken cancellationToken = default) =>
        GetAsync(TaskPath(taskId) + "/review", StoaJson.Default.ReviewResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/tasks/{id}/review</c>: takes back what you say of the agent that did a task.</summary>
    public async Task WithdrawReviewAsync(string taskId, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(new Call(HttpMethod.Delete, TaskPath(taskId) + "/review"), cancellationToken);
    }

    /// <summary><c>GET /api/v1/reviews</c>: what you have written, newest first, all pages.</summary>
    public IAsyncEnumerable<ReviewResponse> ListReviewsAsync(CancellationToken cancellationToken = default) =>
        ListAsync("reviews", StoaJson.Default.ListResponseReviewResponse, cancellationToken);

    /// <summary><c>GET /api/v1/reviews/{id}</c>.</summary>
    public Task<ReviewResponse> GetReviewAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync(ReviewPath(id), StoaJson.Default.ReviewResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/reviews/{id}/answer</c>: answers a review of an agent of yours.</summary>
    public Task<ReviewResponse> AnswerReviewAsync(string id, string text, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, ReviewPath(id) + "/answer", () => JsonBody(new AnswerReviewRequest(text), StoaJson.Default.AnswerReviewRequest)),
        StoaJson.Default.ReviewResponse,
        cancellationToken);

    /// <summary><c>GET /api/v1/agents/{publisher}/{name}/reviews</c>: one page, with what all reviews come to.</summary>
    /// <param name="agent">A version in it is left out of account.</param>
    /// <param name="stars">Only those with so many; null for all.</param>
    /// <param name="limit">1 to 200; null for 50.</param>
    /// <param name="cursor">The <c>nextCursor</c> of the page before.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public Task<AgentReviewsResponse> GetAgentReviewsAsync(
        AgentReference agent, int? stars = null, int? limit = null, string? cursor = null, CancellationToken cancellationToken = default) => GetAsync(
        agent.ListingPath + "/reviews" + Query(
            ("stars", stars?.ToString(CultureInfo.InvariantCulture)), ("limit", limit?.ToString(CultureInfo.InvariantCulture)), ("cursor", cursor)),
        StoaJson.Default.AgentReviewsResponse,
        cancellationToken);

    /// <summary><c>GET /api/v1/agents/{publisher}/{name}/reviews</c>, all pages, newest first.</summary>
    public async IAsyncEnumerable<ReviewResponse> ListAgentReviewsAsync(
        AgentReference agent, int? stars = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        string? cursor = null;
        do
        {
            var page = await GetAgentReviewsAsync(agent, stars, cursor: cursor, cancellationToken: cancellationToken);
            foreach (var review in page.Items)
                yield return review;
            cursor = page.NextCursor;
        }
        while (cursor is not null);
    }

    private static string ReviewPath(string id) => $"reviews/{Uri.EscapeDataString(id)}";
}

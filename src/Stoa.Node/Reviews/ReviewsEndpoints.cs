using System.ComponentModel;
using System.Globalization;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Reviews;
using Stoa.Market.Tasks;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Reviews;

/// <summary>Reviews over HTTP: written by way of a task, read by way of an agent. Everybody may read them.</summary>
public static class ReviewsEndpoints
{
    public static void MapReviews(this IEndpointRouteBuilder api)
    {
        api.MapPut("/tasks/{id}/review", PutAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("putTaskReview").WithTags("Reviews").WithSummary("Review the agent that did a task")
            .WithDescription("For a task of yours that succeeded. You have one review about each agent, in all of its versions: a later one takes its place, by whichever task. It counts by what the task cost, compared with what the agent's tasks usually cost, and is as old as the task.")
            .Produces<ReviewResponse>()
            .Produces<ReviewResponse>(StatusCodes.Status201Created)
            .Refuses(TaskRefusal.TaskUnknown)
            .Refuses(ReviewRefusal.NothingToReview, ReviewRefusal.OwnAgent, ReviewRefusal.ReviewInvalid, ReviewRefusal.ReviewTooSoon);
        api.MapGet("/tasks/{id}/review", GetOfTaskAsync)
            .Needs(Permission.TasksRead)
            .WithName("getTaskReview").WithTags("Reviews").WithSummary("Get your review of the agent that did a task")
            .WithDescription("Whichever task it was written by.")
            .Produces<ReviewResponse>()
            .Refuses(TaskRefusal.TaskUnknown)
            .Refuses(ReviewRefusal.ReviewUnknown);
        api.MapDelete("/tasks/{id}/review", WithdrawAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("withdrawTaskReview").WithTags("Reviews").WithSummary("Withdraw your review of the agent that did a task")
            .WithDescription("With the answer to it, and all that it added to the agent's reputation.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(TaskRefusal.TaskUnknown)
            .Refuses(ReviewRefusal.ReviewUnknown, ReviewRefusal.ReviewTooSoon);
        api.MapGet("/agents/{publisher}/{name}/reviews", ListOfAgentAsync)
            .OpenToAll()
            .WithName("listAgentReviews").WithTags("Reviews").WithSummary("List the reviews of an agent, newest first")
            .WithDescription("Of all its versions, or those with so many stars; with the average and how many have how many stars.")
            .Produces<AgentReviewsResponse>()
            .Refuses(RequestRefusal.NotFound);
        api.MapGet("/reviews", ListAsync)
            .Needs(Permission.TasksRead)
            .WithName("listReviews").WithTags("Reviews").WithSummary("List the reviews that you have written, newest first")
            .WithDescription("With the tasks that they stand on.")
            .Produces<ListResponse<ReviewResponse>>();
        api.MapGet("/reviews/{id}", GetAsync)
            .OpenToAll()
            .WithName("getReview").WithTags("Reviews").WithSummary("Get a review")
            .WithDescription("With the publisher's answer.")
            .Produces<ReviewResponse>()
            .Refuses(ReviewRefusal.ReviewUnknown);
        api.MapPut("/reviews/{id}/answer", AnswerAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("answerReview").WithTags("Reviews").WithSummary("Answer a review of an agent of yours")
            .WithDescription("Once; and once more when its author has changed it since.")
            .Produces<ReviewResponse>()
            .Refuses(ReviewRefusal.ReviewUnknown, ReviewRefusal.NotThePublisher, ReviewRefusal.ReviewInvalid, ReviewRefusal.ReviewAnswered);
    }

    private static async Task<IResult> PutAsync(
        Id<AgentTask> id,
        Body<PutReviewRequest> body,
        Caller caller,
        ITaskStore tasks,
        IAgentStore agents,
        SqlReviewStore reviews,
        IdSource ids,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (await TasksEndpoints.FindAsync(tasks, id, caller, cancellationToken) is not { } task)
            return TasksEndpoints.Unknown(id);
        // Of an agent that was published elsewhere there is nobody here who could answer.
        var publisher = task.Agent.IsKeyed
            ? ReviewRules.NobodyHere
            : (await agents.GetAsync(task.AgentId, cancellationToken) ?? throw new InvalidOperationException($"The agent {task.AgentId} of {id} is not in the catalogue.")).PublisherId;
        var text = string.IsNullOrEmpty(body.Value.Text) ? null : body.Value.Text;
        if (!ReviewRules.Write(ids.Next<Review>(), task, publisher, caller.Handle, body.Value.Stars, text, time.GetUtcNow()).TryGet(out var review, out var refusal))
            return refusal.ToProblem();
        return (await reviews.WriteAsync(review, cancellationToken)).Match<IResult>(
            written => written.IsNew
                ? TypedResults.Created($"/api/v1/reviews/{written.Review.Id}", ToContract(written.Review, caller))
                : TypedResults.Ok(ToContract(written.Review, caller)),
            refused => refused.ToProblem());
    }

    private static async Task<IResult> GetOfTaskAsync(
        Id<AgentTask> id, Caller caller, ITaskStore tasks, SqlReviewStore reviews, CancellationToken cancellationToken)
    {
        if (await TasksEndpoints.FindAsync(tasks, id, caller, cancellationToken) is not { } task)
            return TasksEndpoints.Unknown(id);
        return await reviews.FindAsync(caller.UserId, AgentOf(task), cancellationToken) is { } review
            ? TypedResults.Ok(ToContract(review, caller))
            : new Refusal<ReviewRefusal>(
                ReviewRefusal.ReviewUnknown, $"You have written no review of {AgentOf(task)}. Write one with PUT /api/v1/tasks/{id}/review.").ToProblem();
    }

    private static async Task<IResult> WithdrawAsync(
        Id<AgentTask> id, Caller caller, ITaskStore tasks, SqlReviewStore reviews, TimeProvider time, CancellationToken cancellationToken)
    {
        if (await TasksEndpoints.FindAsync(tasks, id, caller, cancellationToken) is not { } task)
            return TasksEndpoints.Unknown(id);
        return (await reviews.WithdrawAsync(caller.UserId, AgentOf(task), time.GetUtcNow(), cancellationToken)).Match<IResult>(
            _ => TypedResults.NoContent(), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListOfAgentAsync(
        string publisher,
        string name,
        [AsParameters] ListQuery query,
        [FromQuery, Description("Only those with so many stars, 1 to 5.")] int? stars,
        Caller? caller,
        IAgentStore agents,
        SqlReviewStore reviews,
        CancellationToken cancellationToken)
    {
        if (stars is < StatementLimits.MinStars or > StatementLimits.MaxStars)
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: [new FieldError("", "The parameter stars is a whole number from 1 to 5.")]);
        var page = query.ToPage();
        var agent = $"{publisher}/{name}";
        if (!ListingName.TryParse(agent, null, out var listing) || await agents.FindAsync(listing, cancellationToken) is null)
            return RequestRefusal.NotFound.ToProblem($"There is no agent {agent}. List what there is with GET /api/v1/agents.");
        var found = await reviews.ListAsync(agent, stars, page, cancellationToken);
        var rating = await reviews.RateAsync(agent, cancellationToken);
        return TypedResults.Ok(new AgentReviewsResponse([.. found.Items.Select(review => ToContract(review, caller))], ToContract(rating), found.NextCursor));
    }

    private static async Task<IResult> ListAsync([AsParameters] ListQuery query, Caller caller, SqlReviewStore reviews, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(
            await reviews.ListAsync(caller.UserId, query.ToPage(), cancellationToken), review => ToContract(review, caller)));

    private static async Task<IResult> GetAsync(Id<Review> id, Caller? caller, SqlReviewStore reviews, CancellationToken cancellationToken) =>
        await reviews.FindAsync(id, cancellationToken) is { } review
            ? TypedResults.Ok(ToContract(review, caller))
            : new Refusal<ReviewRefusal>(ReviewRefusal.ReviewUnknown, $"There is no review {id}, or it was withdrawn.").ToProblem();

    private static async Task<IResult> AnswerAsync(
        Id<Review> id, Body<AnswerReviewRequest> body, Caller caller, SqlReviewStore reviews, TimeProvider time, CancellationToken cancellationToken) =>
        (await reviews.AnswerAsync(id, caller.UserId, body.Value.Text, time.GetUtcNow(), cancellationToken)).Match<IResult>(
            answered => TypedResults.Ok(ToContract(answered, caller)), refusal => refusal.ToProblem());

    private static string AgentOf(AgentTask task) => $"{task.Agent.Publisher}/{task.Agent.Name}";

    private static ReviewResponse ToContract(Review review, Caller? reader) => new(
        review.Id.ToString(),
        review.Agent,
        review.Version.ToString(),
        review.Reviewer,
        review.Stars,
        review.WrittenAt,
        review.Text,
        review.ChangedAt == review.WrittenAt ? null : review.ChangedAt,
        review.Answer is { } answer ? new ReviewAnswerBody(answer.Text, answer.At) : null,
        reader?.UserId == review.ReviewerId ? review.TaskId.ToString() : null);

    private static RatingBody ToContract(Rating rating) => new(
        rating.Count,
        rating.Counts.Select((count, index) => (Stars: index + 1, count)).ToDictionary(
            entry => entry.Stars.ToString(CultureInfo.InvariantCulture), entry => entry.count),
        rating.Average is { } average ? Math.Round(average, 2) : null);
}

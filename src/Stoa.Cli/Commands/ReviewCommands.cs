using System.CommandLine;
using System.Globalization;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa review</c>. They are small and say the same things, so they are together.</summary>
internal static class ReviewCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "review",
        "Say what an agent is worth, and read what others say.",
        [new("After a task that went well", "stoa review write task_01h2xcejqtf2nbrexx3vqjhp41 --stars 5")],
        new WriteCommand(scope),
        new ShowCommand(scope),
        new ListCommand(scope),
        new WithdrawCommand(scope),
        new AnswerCommand(scope));

    /// <summary>What reviews come to, such as <c>4.25 of 5 stars (8 reviews)</c>.</summary>
    public static string Say(RatingBody rating) => rating.Average is { } average
        ? Format.Invariant($"{average:0.##} of 5 stars ({rating.Count} review{(rating.Count == 1 ? "" : "s")})")
        : "no reviews yet";

    private static int Tell(Invocation invocation, ReviewResponse review)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(review, json => json.ReviewResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Facts(
            ("Review", Format.Escaped(review.Id)),
            ("Agent", Format.Escaped(review.Version)),
            ("Stars", Stars(review)),
            ("Says", review.Text is null ? null : Format.Escaped(review.Text)),
            ("By", Format.Escaped(review.Reviewer)),
            ("Written", Format.Time(review.WrittenAt)),
            ("Changed", review.ChangedAt is { } changed ? Format.Time(changed) : null),
            ("By task", review.TaskId is null ? null : Format.Escaped(review.TaskId)),
            ("Answer", review.Answer is { } answer ? $"{Format.Escaped(answer.Text)} ({Format.Time(answer.At)})" : null));
        return ExitCode.Ok;
    }

    private static string Stars(ReviewResponse review) => review.Stars.ToString(CultureInfo.InvariantCulture) + " of 5";

    private sealed class WriteCommand : StoaCommand
    {
        private readonly Argument<string> _task = CommonArguments.Task();
        private readonly Argument<string?> _text = new("TEXT") { Description = "What you say beside the stars, at most 2,000 characters.", Arity = ArgumentArity.ZeroOrOne };
        private readonly Option<int> _stars = new("--stars", "-s") { Description = "1 to 5.", HelpName = "N", Required = true, CustomParser = Quantity.Whole };

        public WriteCommand(CommandScope scope)
            : base(
                scope,
                "write",
                "Review the agent that did a task of yours, in place of what you said of it before.",
                new("In a word", "stoa review write task_01h2xcejqtf2nbrexx3vqjhp41 --stars 5"),
                new("With reasons", "stoa review write task_01h2xcejqtf2nbrexx3vqjhp41 --stars 3 'Fast, but footnotes are missing.'"))
        {
            Add(_task);
            Add(_text);
            Add(_stars);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.Client.ReviewTaskAsync(invocation.Get(_task), invocation.Get(_stars), invocation.Get(_text), cancellationToken));
    }

    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _id = CommonArguments.Id(
            "REVIEW", "Id of a review (rev_…), or of a task of yours (task_…) for what you say of the agent that did it.", IdKind.Review, IdKind.Task);

        public ShowCommand(CommandScope scope)
            : base(
                scope,
                "show",
                "Show a review with the answer to it.",
                new("One of somebody", "stoa review show rev_01h2xcejqtf2nbrexx3vqjhp41"),
                new("Your own, by the task", "stoa review show task_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var id = invocation.Get(_id);
            return Tell(invocation, id.StartsWith("task_", StringComparison.Ordinal)
                ? await invocation.Client.GetTaskReviewAsync(id, cancellationToken)
                : await invocation.Client.GetReviewAsync(id, cancellationToken));
        }
    }

    private sealed class ListCommand : StoaCommand
    {
        private readonly Argument<string?> _agent = new("AGENT") { Description = "PUBLISHER/NAME. Left out: the reviews that you have written.", Arity = ArgumentArity.ZeroOrOne };
        private readonly Option<int?> _stars = new("--stars", "-s") { Description = "Only those with so many stars.", HelpName = "N", CustomParser = result => Quantity.Whole(result) };
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(
                scope,
                "list",
                "List the reviews of an agent, or your own, newest first.",
                new("What do others say?", "stoa review list stoa/image-resize"),
                new("What is wrong with it?", "stoa review list stoa/image-resize --stars 1"),
                new("What did I say?", "stoa review list"))
        {
            Add(_agent);
            Add(_stars);
            Add(_limit);
            Validators.Add(result =>
            {
                if (result.GetResult(_agent) is not { Tokens.Count: > 0 } && result.GetValue(_stars) is not null)
                    result.AddError("--stars is for the reviews of an AGENT.");
            });
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var agent = invocation.Get(_agent) is { } name ? CommonArguments.ParseAgent(name) : null;
            var (reviews, hasMore) = await ListLimit.TakeAsync(
                agent is null
                    ? invocation.Client.ListReviewsAsync(cancellationToken)
                    : invocation.Client.ListAgentReviewsAsync(agent, invocation.Get(_stars), cancellationToken),
                invocation.Get(_limit));
            var rating = agent is null ? null : (await invocation.Client.GetAgentReviewsAsync(agent, limit: 1, cancellationToken: cancellationToken)).Rating;
            if (invocation.IsJson)
            {
                if (rating is null)
                    invocation.Screen.Json(new ListResponse<ReviewResponse>(reviews), json => json.ListResponseReviewResponse);
                else
                    invocation.Screen.Json(new AgentReviewsResponse(reviews, rating), json => json.AgentReviewsResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "Agent", "Stars", "By", "Written", "Says", "Answer"],
                [.. reviews.Select(review => (IReadOnlyList<string>)
                [
                    review.Id, review.Version, Stars(review), review.Reviewer, ListLimit.When(invocation, review.ChangedAt ?? review.WrittenAt),
                    review.Text ?? "", review.Answer?.Text ?? "",
                ])]);
            if (rating is not null)
                invocation.Screen.Note($"[grey]{Say(rating)}: {string.Join(", ", rating.Histogram.OrderByDescending(entry => entry.Key).Select(entry => $"{entry.Value} × {entry.Key}"))}[/]");
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class WithdrawCommand : StoaCommand
    {
        private readonly Argument<string> _task = CommonArguments.Task();

        public WithdrawCommand(CommandScope scope)
            : base(
                scope,
                "withdraw",
                "Take back what you say of the agent that did a task.",
                new CommandExample("It was another agent's fault", "stoa review withdraw task_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_task);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.WithdrawReviewAsync(invocation.Get(_task), cancellationToken);
            invocation.Screen.Note("[grey]Withdrawn.[/]");
            return ExitCode.Ok;
        }
    }

    private sealed class AnswerCommand : StoaCommand
    {
        private readonly Argument<string> _id = CommonArguments.Id("REVIEW", "As stoa review list shows it (rev_…).", IdKind.Review);
        private readonly Argument<string> _text = new("TEXT") { Description = "What you answer, at most 2,000 characters." };

        public AnswerCommand(CommandScope scope)
            : base(
                scope,
                "answer",
                "Answer a review of an agent of yours, once.",
                new CommandExample("What becomes of it", "stoa review answer rev_01h2xcejqtf2nbrexx3vqjhp41 'Footnotes come with 1.1.'"))
        {
            Add(_id);
            Add(_text);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.Client.AnswerReviewAsync(invocation.Get(_id), invocation.Get(_text), cancellationToken));
    }
}

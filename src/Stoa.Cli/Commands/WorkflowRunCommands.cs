using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa workflow</c> that are about runs. They are small and say the same things, so they are together.</summary>
internal static class WorkflowRunCommands
{
    public static IReadOnlyList<StoaCommand> Create(CommandScope scope) =>
    [
        new RunCommand(scope), new WatchCommand(scope), new RunsCommand(scope), new ShowCommand(scope), new CancelCommand(scope), new ResumeCommand(scope), new SignalCommand(scope), new ApproveCommand(scope),
    ];

    public static Argument<string> Id() => CommonArguments.Id("RUN", "Id of the run (run_…).", IdKind.Run);

    private static void Tell(Invocation invocation, WorkflowRunResponse run)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(run, json => json.WorkflowRunResponse);
            return;
        }

        invocation.Screen.Markup($"[bold]{Format.Escaped(run.Id)}[/] {Format.Escaped(run.State)}");
        invocation.Screen.Facts(
        [
            ("Workflow", Format.Escaped(run.Version is { } version ? string.Create(CultureInfo.InvariantCulture, $"{run.Workflow}@{version}") : run.Workflow)),
            ("Cost", Format.Money(run.Spent) + (run.MaxPrice is { } most ? $" of at most {Format.Money(most)}" : "")),
            ("Began", Format.Time(run.CreatedAt)),
            ("Asked to stop", run.CancelRequestedAt is { } asked && run.EndedAt is null ? Format.Time(asked) : null),
            ("Ended", run.EndedAt is { } end ? $"{Format.Time(end)}, after {Format.Duration(end - run.CreatedAt)}" : null),
            ("Error", run.Error is { } error ? Format.Escaped($"{error.Path} {error.Code}: {error.Detail}".Trim()) : null),
        ]);
        foreach (var wait in run.Waits ?? [])
        {
            invocation.Screen.Line(wait switch
            {
                { Event: { } name } => $"{wait.Path} waits for the event {name}: stoa workflow signal {run.Id} {name}",
                { Asks: { } asks } => $"{wait.Path} asks{(wait.By is { } by ? $" {string.Join(" or ", by)}" : "")}: {asks}  (stoa workflow approve {run.Id} {wait.Path})",
                _ => $"{wait.Path} waits until {(wait.Until is { } until ? Format.Time(until) : "later")}",
            });
        }

        if (run.Output is { } output)
            invocation.Screen.Line(output.GetRawText());
    }

    /// <summary>Shows how far it is until it has ended.</summary>
    private static async Task<int> FollowAsync(Invocation invocation, string id, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var happened in invocation.Client.WatchWorkflowRunAsync(id, cancellationToken))
            {
                if (invocation.IsJson)
                    invocation.Screen.JsonLine(happened, json => json.CloudEvent);
                else
                    invocation.Screen.Note(Format.Escaped(Say(happened)));
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            if (invocation.IsJson)
                invocation.Screen.ErrorObject(("code", "interrupted"), ("detail", "The run goes on."), ("runId", id));
            invocation.Screen.Note($"[grey]{Format.Escaped(id)} goes on. Stop it with: stoa workflow cancel {Format.Escaped(id)}[/]");
            return ExitCode.Interrupted;
        }

        var run = await invocation.Client.GetWorkflowRunAsync(id, cancellationToken);
        if (!invocation.IsJson)
            Tell(invocation, run);
        return run.State == "succeeded" ? ExitCode.Ok : ExitCode.Refused;
    }

    private static string Say(CloudEvent happened)
    {
        var data = happened.Data;
        var when = happened.Time.ToLocalTime().ToString("HH:mm:ss", CultureInfo.InvariantCulture);
        return happened.Type switch
        {
            "stoa.workflow.started" => $"{when}  began",
            "stoa.workflow.resumed" => $"{when}  goes on",
            "stoa.workflow.progress" => $"{when}  {Count("succeeded")} of {Count("nodes")} nodes done, {Count("failed")} failed, {Count("skipped")} skipped  {Format.Money(data.GetProperty("spent").GetString()!)}",
            "stoa.workflow.asked" => $"{when}  {Text("path")} asks: {Text("text")}",
            "stoa.workflow.signalled" => $"{when}  {Text("kind")} {Text("name")}".TrimEnd(),
            _ => $"{when}  {Text("state")}",
        };

        long Count(string name) => data.GetProperty(name).GetInt64();

        string Text(string name) => data.GetProperty(name).GetString() ?? "";
    }

    private sealed class RunCommand : StoaCommand, ITakesRequests
    {
        private readonly Argument<string> _workflow = new("WORKFLOW") { Description = "A file in YAML (.yaml, .yml) or JSON, - for standard input, or a workflow that you keep: NAME or NAME@VERSION." };
        private readonly Option<string?> _input = new("--input", "-i") { Description = "What the run is given: JSON, or a file that holds it; {} when left out.", HelpName = "JSON|FILE" };
        private readonly Option<string?> _maxPrice = new("--max-price") { Description = "All of it costs at most so many US dollars.", HelpName = "USD" };
        private readonly Option<string[]?> _with = WorkflowCommands.With();
        private readonly Option<bool> _watch = new("--watch", "-w") { Description = "Follow it to its end." };
        private readonly Option<string?> _idempotencyKey = new("--idempotency-key") { Description = "The same key with the same request gives the same run, however often it is sent.", HelpName = "KEY" };

        public RunCommand(CommandScope scope)
            : base(
                scope,
                "run",
                "Begin a run of a workflow. It goes on whatever becomes of nodes, and of this command. Prints its id.",
                new("And follow it", """stoa workflow run samples/workflows/press-review.yaml --input pages.json --watch"""),
                new("One that you keep, for at most a cent", "stoa workflow run press-review --input pages.json --max-price 0.01"))
        {
            Add(_workflow);
            Add(_input);
            Add(_maxPrice);
            Add(_with);
            Add(_watch);
            Add(_idempotencyKey);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var named = invocation.Get(_workflow);
            JsonElement? document = null;
            if (named == "-" || Path.GetExtension(named) is ".yaml" or ".yml" or ".json" || File.Exists(invocation.Surroundings.FullPath(named)))
                document = await WorkflowCommands.DocumentAsync(invocation, named, cancellationToken);
            var run = await invocation.Client.StartWorkflowRunAsync(
                new StartWorkflowRunRequest(document is null ? named : null, document, await WorkflowCommands.ValueAsync(invocation, invocation.Get(_input), "--input", cancellationToken), invocation.Get(_maxPrice), await WorkflowCommands.ReadWithAsync(invocation, invocation.Get(_with), cancellationToken)),
                invocation.Get(_idempotencyKey),
                cancellationToken);
            if (invocation.IsJson && !invocation.Get(_watch))
                invocation.Screen.Json(run, json => json.WorkflowRunResponse);
            else if (!invocation.IsJson)
                invocation.Screen.Line(run.Id);
            return invocation.Get(_watch) ? await FollowAsync(invocation, run.Id, cancellationToken) : ExitCode.Ok;
        }
    }

    private sealed class WatchCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();

        public WatchCommand(CommandScope scope)
            : base(scope, "watch", "Follow a run from its begin to its end.", new CommandExample("Until it is over", "stoa workflow watch run_01h2xcejqtf2nbrexx3vqjhp41")) => Add(_id);

        protected override bool IsStream => true;

        protected override Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) => FollowAsync(invocation, invocation.Get(_id), cancellationToken);
    }

    private sealed class RunsCommand : StoaCommand
    {
        private static readonly string[] s_states = ["running", "stopping", "succeeded", "failed", "cancelled"];

        private readonly Option<int> _limit = ListLimit.Option();
        private readonly Option<string?> _state = new Option<string?>("--state") { Description = "Only those in this state.", HelpName = "STATE" }.AcceptOnlyFromAmong(s_states);
        private readonly Option<string?> _workflow = new("--workflow") { Description = "Only those of the workflow of this name.", HelpName = "NAME" };

        public RunsCommand(CommandScope scope)
            : base(scope, "runs", "List the account's runs of workflows, newest first.", new CommandExample("Which have failed?", "stoa workflow runs --state failed"))
        {
            Add(_state);
            Add(_workflow);
            Add(_limit);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (runs, hasMore) = await ListLimit.TakeAsync(
                invocation.Client.ListWorkflowRunsAsync(invocation.Get(_state), invocation.Get(_workflow), cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<WorkflowRunResponse>(runs), json => json.ListResponseWorkflowRunResponse);
                return ExitCode.Ok;
            }

            if (runs.Count == 0)
            {
                invocation.Screen.Note("[grey]No runs. Begin one with: stoa workflow run FILE[/]");
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Run", "Workflow", "State", "Cost", "Began"],
                [.. runs.Select(run => (IReadOnlyList<string>)[run.Id, run.Workflow, run.State, Format.Money(run.Spent), ListLimit.When(invocation, run.CreatedAt)])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Option<bool> _steps = new("--steps") { Description = "With its steps." };
        private readonly Option<int> _limit = ListLimit.Option();

        public ShowCommand(CommandScope scope)
            : base(
                scope,
                "show",
                "Show a run: how far it is, what it waits for, what it gave or why it failed.",
                new("What it gave", "stoa workflow show run_01h2xcejqtf2nbrexx3vqjhp41 --json | jq .output"),
                new("With the task of each step", "stoa workflow show run_01h2xcejqtf2nbrexx3vqjhp41 --steps"))
        {
            Add(_id);
            Add(_steps);
            Add(_limit);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var id = invocation.Get(_id);
            if (!invocation.Get(_steps))
            {
                Tell(invocation, await invocation.Client.GetWorkflowRunAsync(id, cancellationToken));
                return ExitCode.Ok;
            }

            var (steps, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListWorkflowRunStepsAsync(id, cancellationToken: cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<WorkflowStepBody>(steps), json => json.ListResponseWorkflowStepBody);
                return ExitCode.Ok;
            }

            Tell(invocation, await invocation.Client.GetWorkflowRunAsync(id, cancellationToken));
            invocation.Screen.Table(
                ["Step", "State", "Attempts", "Task", "Cost", "Error"],
                [.. steps.Select(step => (IReadOnlyList<string>)
                [
                    step.Path, step.State, step.Attempts.ToString(CultureInfo.InvariantCulture), step.TaskId ?? "", step.Price is { } price ? Format.Money(price) : "", step.Error is { } error ? $"{error.Code}: {error.Detail}" : "",
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class CancelCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();

        public CancelCommand(CommandScope scope)
            : base(scope, "cancel", "Stop a run: its tasks are cancelled, and what was done is undone where the workflow says how.", new CommandExample("Stop it", "stoa workflow cancel run_01h2xcejqtf2nbrexx3vqjhp41")) => Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            Tell(invocation, await invocation.Client.CancelWorkflowRunAsync(invocation.Get(_id), cancellationToken));
            return ExitCode.Ok;
        }
    }

    private sealed class ResumeCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Option<string?> _maxPrice = new("--max-price") { Description = "All of it costs at most so many US dollars, what it has cost already included; as before when left out.", HelpName = "USD" };
        private readonly Option<bool> _watch = new("--watch", "-w") { Description = "Follow it to its end." };

        public ResumeCommand(CommandScope scope)
            : base(
                scope,
                "resume",
                "Have a run that has failed or was cancelled go on from where it ended. What has succeeded is not done again, nor paid again.",
                new CommandExample("And follow it", "stoa workflow resume run_01h2xcejqtf2nbrexx3vqjhp41 --watch"))
        {
            Add(_id);
            Add(_maxPrice);
            Add(_watch);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var run = await invocation.Client.ResumeWorkflowRunAsync(invocation.Get(_id), invocation.Get(_maxPrice), cancellationToken);
            if (invocation.Get(_watch))
                return await FollowAsync(invocation, run.Id, cancellationToken);
            Tell(invocation, run);
            return ExitCode.Ok;
        }
    }

    private sealed class SignalCommand : StoaCommand, ITakesRequests
    {
        private readonly Argument<string> _id = Id();
        private readonly Argument<string> _name = new("EVENT") { Description = "The name of the event, as the workflow has it." };
        private readonly Argument<string?> _value = new("VALUE") { Description = "What comes with it: JSON, or a file that holds it; null when left out.", Arity = ArgumentArity.ZeroOrOne };

        public SignalCommand(CommandScope scope)
            : base(scope, "signal", "Send an event to a run, for the nodes that wait for it or will.", new CommandExample("With a value", """stoa workflow signal run_01h2xcejqtf2nbrexx3vqjhp41 paid invoice.json"""))
        {
            Add(_id);
            Add(_name);
            Add(_value);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            Tell(invocation, await invocation.Client.SignalWorkflowRunAsync(
                invocation.Get(_id), invocation.Get(_name), await WorkflowCommands.ValueAsync(invocation, invocation.Get(_value), "VALUE", cancellationToken), cancellationToken: cancellationToken));
            return ExitCode.Ok;
        }
    }

    private sealed class ApproveCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Argument<string> _path = new("NODE") { Description = "The node that asks, such as release." };
        private readonly Option<bool> _no = new("--no") { Description = "Say no." };
        private readonly Option<string?> _comment = new("--comment", "-m") { Description = "What goes with the answer.", HelpName = "TEXT" };

        public ApproveCommand(CommandScope scope)
            : base(
                scope,
                "approve",
                "Say yes or no to what a run asks. stoa workflow show tells what that is.",
                new("Yes", "stoa workflow approve run_01h2xcejqtf2nbrexx3vqjhp41 release"),
                new("No, and why", "stoa workflow approve run_01h2xcejqtf2nbrexx3vqjhp41 release --no --comment 'Not on a Friday.'"))
        {
            Add(_id);
            Add(_path);
            Add(_no);
            Add(_comment);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            Tell(invocation, await invocation.Client.AnswerWorkflowRunAsync(invocation.Get(_id), invocation.Get(_path), !invocation.Get(_no), invocation.Get(_comment), cancellationToken));
            return ExitCode.Ok;
        }
    }
}

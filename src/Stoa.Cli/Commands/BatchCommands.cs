using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa batch</c>. They are small and say the same things, so they are together.</summary>
internal static class BatchCommands
{
    private const int MaxTasks = 10_000;

    public static CommandGroup Create(CommandScope scope) => new(
        "batch",
        "Submit many tasks as one thing, and follow it.",
        [new("A task a line", "stoa batch submit tasks.jsonl")],
        new SubmitCommand(scope),
        new ListCommand(scope),
        new ShowCommand(scope),
        new WatchCommand(scope),
        new CancelCommand(scope));

    private static Argument<string> Id() => CommonArguments.Id("BATCH", "Id of the batch (batch_…).", IdKind.Batch);

    private static void Tell(Invocation invocation, BatchResponse batch)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(batch, json => json.BatchResponse);
            return;
        }

        invocation.Screen.Markup($"[bold]{Format.Escaped(batch.Id)}[/]");
        invocation.Screen.Facts(
        [
            ("Tasks", $"{batch.Size:N0}: {batch.Queued:N0} queued, {batch.Running:N0} running, {Ended(batch.Succeeded, batch.Failed, batch.Cancelled)}"),
            ("Cost", Format.Money(batch.Cost)),
            ("Submitted", Format.Time(batch.CreatedAt)),
            ("Asked to stop", batch.CancelRequestedAt is { } asked && batch.FinishedAt is null ? Format.Time(asked) : null),
            ("Ended", batch.FinishedAt is { } end ? $"{Format.Time(end)}, after {Format.Duration(end - batch.CreatedAt)}" : null),
        ]);
    }

    private static string Ended(long succeeded, long failed, long cancelled) => $"{succeeded:N0} succeeded, {failed:N0} failed, {cancelled:N0} cancelled";

    /// <summary>Shows the steps until the batch has ended.</summary>
    private static async Task<int> FollowAsync(Invocation invocation, string id, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var step in invocation.Client.WatchBatchAsync(id, cancellationToken))
            {
                if (invocation.IsJson)
                    invocation.Screen.JsonLine(step, json => json.BatchEventData);
                else
                    invocation.Screen.Note($"{step.Succeeded + step.Failed + step.Cancelled:N0} of {step.Size:N0}: {Ended(step.Succeeded, step.Failed, step.Cancelled)}  {Format.Money(step.Cost)}");
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            if (invocation.IsJson)
                invocation.Screen.ErrorObject(("code", "interrupted"), ("detail", "The batch goes on."), ("batchId", id));
            invocation.Screen.Note($"[grey]{Format.Escaped(id)} goes on. Stop it with: stoa batch cancel {Format.Escaped(id)}[/]");
            return ExitCode.Interrupted;
        }

        var batch = await invocation.Client.GetBatchAsync(id, cancellationToken);
        if (!invocation.IsJson)
            Tell(invocation, batch);
        return batch.Succeeded == batch.Size ? ExitCode.Ok : ExitCode.Refused;
    }

    private sealed class SubmitCommand : StoaCommand, ITakesRequests
    {
        private readonly Argument<string> _file = new("FILE")
        {
            Description = "A task a line as JSON, as POST /api/v1/tasks takes it; - for standard input. At most 10,000 tasks.",
        };

        private readonly Option<string?> _idempotencyKey = new("--idempotency-key")
        {
            Description = "The same key with the same tasks gives the same batch, however often it is sent.",
            HelpName = "KEY",
        };

        private readonly Option<bool> _wait = new("--wait") { Description = "Follow it to its end." };

        public SubmitCommand(CommandScope scope)
            : base(
                scope,
                "submit",
                "Submit the tasks of a file: all of them, or none when one is refused. Prints the batch's id.",
                new("A task a line", "echo '{\"agent\":\"stoa/markdown-html\",\"input\":{\"text\":\"# Hi\"}}' | stoa batch submit -"),
                new("And follow it", "stoa batch submit tasks.jsonl --wait"))
        {
            Add(_file);
            Add(_wait);
            Add(_idempotencyKey);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (tasks, lines) = await ReadAsync(invocation, invocation.Get(_file), cancellationToken);
            BatchResponse batch;
            try
            {
                batch = await invocation.Client.SubmitBatchAsync(new SubmitBatchRequest(tasks), invocation.Get(_idempotencyKey), cancellationToken);
            }
            catch (StoaException refusal) when (refusal.Problem.Errors is { } errors && !invocation.IsJson)
            {
                throw new StoaException(refusal.Problem with { Errors = [.. errors.Select(error => error with { Pointer = InFile(error.Pointer, lines) })] });
            }

            if (invocation.IsJson && !invocation.Get(_wait))
                invocation.Screen.Json(batch, json => json.BatchResponse);
            else if (!invocation.IsJson)
                invocation.Screen.Line(batch.Id);
            return invocation.Get(_wait) ? await FollowAsync(invocation, batch.Id, cancellationToken) : ExitCode.Ok;
        }

        /// <summary>Where in the file it is that a pointer into the request points to.</summary>
        private static string InFile(string pointer, IReadOnlyList<int> lines) =>
            pointer.Split('/', 4) is ["", "tasks", var number, .. var rest] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < lines.Count
                ? $"line {lines[index]}{string.Concat(rest.Select(part => ": /" + part))}"
                : pointer;

        /// <summary>The tasks of a file, and the line of each.</summary>
        private static async Task<(IReadOnlyList<SubmitTaskRequest> Tasks, IReadOnlyList<int> Lines)> ReadAsync(Invocation invocation, string file, CancellationToken cancellationToken)
        {
            await using var source = file == "-"
                ? invocation.Surroundings.Input
                : new FileStream(invocation.Surroundings.FullPath(file), FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.Asynchronous);
            using var lines = new StreamReader(source);
            var tasks = new List<SubmitTaskRequest>();
            var numbers = new List<int>();
            if (file == "-")
                file = "standard input";
            for (var number = 1; await lines.ReadLineAsync(cancellationToken) is { } line; number++)
            {
                if (string.IsNullOrWhiteSpace(line))
                    continue;
                // A file of a million lines is not read to its end to learn that it is too long.
                if (tasks.Count == MaxTasks)
                    throw new CommandFailure($"{file} has more than {MaxTasks:N0} tasks, which is the most that a batch takes.", hint: "Split it: split -l 10000 tasks.jsonl");
                tasks.Add(Read(file, number, line));
                numbers.Add(number);
            }

            return (tasks, numbers);
        }

        private static SubmitTaskRequest Read(string file, int number, string line)
        {
            try
            {
                if (JsonSerializer.Deserialize(line, StoaJson.Default.SubmitTaskRequest) is { Input: not null } task
                    && (task.Agent is not null || task.Requirement is not null))
                    return task;
                throw new CommandFailure($"Line {number} of {file} is not a task: the members agent, or requirement, and input are needed.");
            }
            catch (JsonException notJson)
            {
                throw new CommandFailure($"Line {number} of {file} is not a task as JSON: {JsonText.Say(notJson)}");
            }
        }
    }

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List the account's batches, newest first.", new CommandExample("Which was it?", "stoa batch list")) => Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (batches, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListBatchesAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<BatchResponse>(batches), json => json.ListResponseBatchResponse);
                return ExitCode.Ok;
            }

            if (batches.Count == 0)
            {
                invocation.Screen.Note("[grey]No batches. Submit one with: stoa batch submit FILE[/]");
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Batch", "Tasks", "Open", "Succeeded", "Failed", "Cancelled", "Cost", "Submitted"],
                [.. batches.Select(batch => (IReadOnlyList<string>)
                [
                    batch.Id, Number(batch.Size), Number(batch.Queued + batch.Running), Number(batch.Succeeded), Number(batch.Failed), Number(batch.Cancelled),
                    Format.Money(batch.Cost), ListLimit.When(invocation, batch.CreatedAt),
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }

        private static string Number(long count) => count.ToString("N0", CultureInfo.InvariantCulture);
    }

    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();

        public ShowCommand(CommandScope scope)
            : base(scope, "show", "Show a batch: how many of its tasks are in which state, and what it cost.", new CommandExample("How is it going?", "stoa batch show batch_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            Tell(invocation, await invocation.Client.GetBatchAsync(invocation.Get(_id), cancellationToken));
            return ExitCode.Ok;
        }
    }

    private sealed class WatchCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();

        public WatchCommand(CommandScope scope)
            : base(scope, "watch", "Follow a batch to its end. The exit code is 0 when all of its tasks succeeded.", new CommandExample("Look over its shoulder", "stoa batch watch batch_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override bool IsStream => true;

        protected override Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            FollowAsync(invocation, invocation.Get(_id), cancellationToken);
    }

    private sealed class CancelCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();

        public CancelCommand(CommandScope scope)
            : base(scope, "cancel", "Stop a batch: tasks that wait end at once, those that run within moments.", new CommandExample("Never mind", "stoa batch cancel batch_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            Tell(invocation, await invocation.Client.CancelBatchAsync(invocation.Get(_id), cancellationToken));
            return ExitCode.Ok;
        }
    }
}

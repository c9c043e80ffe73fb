using System.CommandLine;
using System.Text;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa schedule</c>.</summary>
internal static class ScheduleCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "schedule",
        "Have tasks submitted again and again.",
        [new("Every working day at half past eight in Berlin", "stoa schedule create '30 8 * * MON-FRI' --zone Europe/Berlin --agent stoa/markdown-html --text '# Hello'")],
        new CreateCommand(scope),
        new ListCommand(scope),
        new ShowCommand(scope),
        new RunsCommand(scope),
        new PauseCommand(scope, "pause", "Have a schedule submit nothing until it is resumed.", isPaused: true),
        new PauseCommand(scope, "resume", "Let a schedule go on, with its first tick after now.", isPaused: false),
        new DeleteCommand(scope));

    private static Argument<string> Id() => CommonArguments.Id("ID", "As stoa schedule list shows it (sched_…).", IdKind.Schedule);

    private static int Show(Invocation invocation, ScheduleResponse schedule)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(schedule, json => json.ScheduleResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Markup($"[bold]{Format.Escaped(schedule.Id)}[/]");
        invocation.Screen.Facts(
            ("Name", schedule.Name is null ? null : Format.Escaped(schedule.Name)),
            ("When", Format.Escaped($"{schedule.Cron} in {schedule.TimeZone}")),
            ("State", schedule.State),
            ("What", Format.Escaped(What(schedule))),
            ("Missed ticks", schedule.Missed),
            ("Overlapping", schedule.Overlap),
            ("Next", schedule.State == "paused" ? null : string.Join(", ", schedule.NextTicks.Take(3).Select(tick => Format.Time(tick)))),
            ("Last", schedule.LastRun is { } run ? Format.Escaped(Describe(run)) : null));
        return ExitCode.Ok;
    }

    private static string What(ScheduleResponse schedule) => schedule.Task?.Agent ?? schedule.Template?.Id ?? "";

    private static string Describe(ScheduleRunBody run) => run.Outcome switch
    {
        "submitted" => $"{Format.Time(run.TickAt)} {run.TaskId} {run.TaskState}".TrimEnd(),
        _ => $"{Format.Time(run.TickAt)} {run.Outcome}: {run.Detail}",
    };

    private sealed class CreateCommand : StoaCommand
    {
        private readonly Argument<string> _cron = new("CRON") { Description = "Minute, hour, day of the month, month, day of the week, in quotes; or @hourly, @daily, @weekly, @monthly, @yearly." };
        private readonly Option<string?> _agent = new("--agent", "-a") { Description = "The agent, as PUBLISHER/NAME for the newest version at each tick, or PUBLISHER/NAME@VERSION.", HelpName = "AGENT" };
        private readonly Option<string?> _text = new("--text", "-t") { Description = "The input itself.", HelpName = "TEXT" };
        private readonly Option<string?> _file = new("--file", "-f") { Description = "The input; above 36 KB it is uploaded by its digest.", HelpName = "FILE" };
        private readonly Option<Dictionary<string, string>?> _parameters = ParameterOption.Create();
        private readonly Option<string?> _maxPrice = new("--max-price") { Description = "Refuse a tick that would hold more than so many dollars.", HelpName = "USD", CustomParser = Quantity.Dollars };
        private readonly Option<string?> _template = new("--template") { Description = "A template (tmpl_…) instead of an agent and an input.", HelpName = "ID" };
        private readonly Option<string[]?> _set = TemplateCommands.Set();
        private readonly Option<string?> _zone = new("--zone", "-z") { Description = "IANA time zone. Default: UTC.", HelpName = "ZONE" };
        private readonly Option<string?> _name = new("--name") { Description = "What you call it.", HelpName = "NAME" };
        private readonly Option<string?> _missed = new("--missed") { Description = "What becomes of ticks at which no node ran: skip, runOnce or runAll. Default: skip.", HelpName = "POLICY" };
        private readonly Option<string?> _overlap = new("--overlap") { Description = "What becomes of a tick while the last one's task is open: allow or skip. Default: allow.", HelpName = "POLICY" };

        public CreateCommand(CommandScope scope)
            : base(
                scope,
                "create",
                "Make a schedule.",
                new("Every quarter of an hour", "stoa schedule create '*/15 * * * *' --agent stoa/csv-profile --file samples/csv-profile/input/lake.csv --max-price 0.01"),
                new("With a template, one at a time", "stoa schedule create '0 7 * * *' --zone Europe/Berlin --template tmpl_01h2xcejqtf2nbrexx3vqjhp41 --set width=640 --overlap skip"))
        {
            Add(_cron);
            foreach (var option in new Option[] { _agent, _text, _file, _parameters, _maxPrice, _template, _set, _zone, _name, _missed, _overlap })
                Add(option);
            _missed.Accepts("skip", "runOnce", "runAll");
            _overlap.Accepts("allow", "skip");
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var client = invocation.Client;
            SubmitTaskRequest? task = null;
            TemplateCallBody? call = null;
            if (invocation.Get(_template) is { } template)
            {
                if (invocation.Get(_agent) is not null)
                    throw new CommandFailure("Either --agent or --template says what is submitted, not both.");
                call = new TemplateCallBody(template, await TemplateCommands.ReadAsync(client, template, invocation.Get(_set), cancellationToken));
            }
            else
            {
                var agent = invocation.Get(_agent) ?? throw new CommandFailure("What is to be submitted?", hint: "Give --agent and --text or --file, or --template.");
                CommonArguments.ParseAgent(agent);
                task = new SubmitTaskRequest(agent, await ReadInputAsync(invocation, cancellationToken), invocation.Get(_parameters), MaxPrice: invocation.Get(_maxPrice));
            }

            return Show(invocation, await client.CreateScheduleAsync(
                new CreateScheduleRequest(
                    invocation.Get(_cron), task, call, invocation.Get(_zone), invocation.Get(_name), invocation.Get(_missed), invocation.Get(_overlap)),
                cancellationToken));
        }

        private async Task<TaskInputBody> ReadInputAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            // A schedule is small: what is larger goes by its digest.
            const int most = 36_000;
            if (invocation.Get(_text) is { } text && Encoding.UTF8.GetByteCount(text) <= most)
                return new TaskInputBody(Text: text);
            await using Stream source = invocation.Get(_text) is { } large
                ? new MemoryStream(Encoding.UTF8.GetBytes(large))
                : File.OpenRead(invocation.Surroundings.FullPath(
                    invocation.Get(_file) ?? throw new CommandFailure("There is no input.", hint: "Give --text TEXT or --file FILE.")));
            return source.Length <= most
                ? await invocation.Client.PrepareInputAsync(source, cancellationToken: cancellationToken)
                : new TaskInputBody(Digest: (await invocation.Client.UploadAsync(source, cancellationToken: cancellationToken)).Digest);
        }
    }

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List the account's schedules.", new CommandExample("What runs when?", "stoa schedule list")) => Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (schedules, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListSchedulesAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<ScheduleResponse>(schedules), json => json.ListResponseScheduleResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "Name", "When", "What", "Next", "Last"],
                [.. schedules.Select(schedule => (IReadOnlyList<string>)
                [
                    schedule.Id,
                    schedule.Name ?? "",
                    $"{schedule.Cron} {schedule.TimeZone}",
                    What(schedule),
                    schedule.State == "paused" || schedule.NextTicks.Count == 0 ? schedule.State : Format.Time(schedule.NextTicks[0]),
                    schedule.LastRun is { } run ? Describe(run) : "",
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();

        public ShowCommand(CommandScope scope)
            : base(scope, "show", "Show a schedule: its next ticks, and what came of the last.", new CommandExample("When is it next?", "stoa schedule show sched_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Show(invocation, await invocation.Client.GetScheduleAsync(invocation.Get(_id), cancellationToken));
    }

    private sealed class RunsCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Option<int> _limit = ListLimit.Option();

        public RunsCommand(CommandScope scope)
            : base(scope, "runs", "List what came of a schedule's ticks, newest first.", new CommandExample("Did it run last night?", "stoa schedule runs sched_01h2xcejqtf2nbrexx3vqjhp41"))
        {
            Add(_id);
            Add(_limit);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (runs, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListScheduleRunsAsync(invocation.Get(_id), cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<ScheduleRunBody>(runs), json => json.ListResponseScheduleRunBody);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Tick", "Outcome", "Task", "Why"],
                [.. runs.Select(run => (IReadOnlyList<string>)[Format.Time(run.TickAt), run.Outcome, run.TaskId ?? "", run.Detail ?? ""])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class PauseCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly bool _isPaused;

        public PauseCommand(CommandScope scope, string name, string description, bool isPaused)
            : base(scope, name, description, new CommandExample(isPaused ? "Over the holidays" : "And after them", $"stoa schedule {name} sched_01h2xcejqtf2nbrexx3vqjhp41"))
        {
            _isPaused = isPaused;
            Add(_id);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Show(invocation, await invocation.Client.UpdateScheduleAsync(invocation.Get(_id), new UpdateScheduleRequest(Paused: _isPaused), cancellationToken));
    }

    private sealed class DeleteCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();

        public DeleteCommand(CommandScope scope)
            : base(scope, "delete", "Delete a schedule; the tasks that it made stay.", new CommandExample("One that is not used any more", "stoa schedule delete sched_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.DeleteScheduleAsync(invocation.Get(_id), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_id)} is deleted.");
            return ExitCode.Ok;
        }
    }
}

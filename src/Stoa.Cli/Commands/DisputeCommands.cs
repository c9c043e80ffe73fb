using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa dispute</c>.</summary>
internal static class DisputeCommands
{
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromMilliseconds(500);

    public static CommandGroup Create(CommandScope scope) => new(
        "dispute",
        "Have the receipt of a task checked by running it again, and the price back when it was false.",
        [
            new("Look for yourself first, at no cost", "stoa receipt verify task_01h2xcejqtf2nbrexx3vqjhp41 --rerun"),
            new("Then ask for the money back", "stoa dispute open task_01h2xcejqtf2nbrexx3vqjhp41 'Another output comes when it is run again.' --wait"),
        ],
        new OpenCommand(scope),
        new ShowCommand(scope),
        new ListCommand(scope));

    private static int Tell(Invocation invocation, DisputeResponse dispute)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(dispute, json => json.DisputeResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Facts(
            ("Dispute", Format.Escaped(dispute.Id)),
            ("Task", Format.Escaped(dispute.TaskId)),
            ("State", Say(dispute)),
            ("Reason", Format.Escaped(dispute.Reason)),
            ("Found", dispute.Detail is null ? null : Format.Escaped(dispute.Detail)),
            ("Opened", Format.Time(dispute.OpenedAt)),
            ("Decided", dispute.DecidedAt is { } decided ? Format.Time(decided) : null));
        return ExitCode.Ok;
    }

    private static string Say(DisputeResponse dispute) => dispute.State switch
    {
        "open" => $"open, with a deposit of {Format.Money(dispute.Price)}",
        "upheld" => $"upheld: you have {Format.Money(dispute.Price)} back, and the deposit",
        "rejected" => $"rejected: the receipt is true, and the deposit of {Format.Money(dispute.Price)} paid for the run",
        "undecided" => "undecided: it could not be run again; you have the deposit back",
        var other => Format.Escaped(other),
    };

    private sealed class OpenCommand : StoaCommand
    {
        private readonly Argument<string> _task = CommonArguments.Task();
        private readonly Argument<string> _reason = new("REASON") { Description = "What is wrong with the result, at most 1,000 characters." };
        private readonly Option<bool> _wait = new("--wait") { Description = "Wait for the verdict." };

        public OpenCommand(CommandScope scope)
            : base(
                scope,
                "open",
                "Dispute the receipt of a task of yours. As much as the task cost is held until the verdict, and pays for the run when the receipt is true.",
                new CommandExample("And wait for the verdict", "stoa dispute open task_01h2xcejqtf2nbrexx3vqjhp41 'The picture is black.' --wait"))
        {
            Add(_task);
            Add(_reason);
            Add(_wait);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var id = invocation.Get(_task);
            var dispute = await invocation.Client.DisputeTaskAsync(id, invocation.Get(_reason), cancellationToken);
            if (dispute.IsRepeat is true)
                invocation.Screen.Note("[grey]It was disputed before: nothing more was held, and the reason of then stands.[/]");
            if (invocation.Get(_wait))
            {
                dispute = await TaskProgress.RunAsync(
                    invocation.Screen,
                    "running it again",
                    async _ =>
                    {
                        while (dispute.State == "open")
                        {
                            await Task.Delay(s_lookEvery, invocation.Surroundings.TimeProvider, cancellationToken);
                            dispute = await invocation.Client.GetTaskDisputeAsync(id, cancellationToken);
                        }

                        return dispute;
                    });
            }

            return Tell(invocation, dispute);
        }
    }

    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _task = CommonArguments.Task();

        public ShowCommand(CommandScope scope)
            : base(scope, "show", "Show the dispute about a task.", new CommandExample("Is it decided?", "stoa dispute show task_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_task);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.Client.GetTaskDisputeAsync(invocation.Get(_task), cancellationToken));
    }

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List your disputes, newest first.", new CommandExample("All of them", "stoa dispute list")) =>
            Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (disputes, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListDisputesAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<DisputeResponse>(disputes), json => json.ListResponseDisputeResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Task", "State", "Price", "Opened", "Reason"],
                [.. disputes.Select(dispute => (IReadOnlyList<string>)[dispute.TaskId, dispute.State, Format.Money(dispute.Price), ListLimit.When(invocation, dispute.OpenedAt), dispute.Reason])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }
}

using System.CommandLine;

namespace Stoa.Cli.Commands;

/// <summary>All commands, in the order in which help shows them.</summary>
internal static class StoaRootCommand
{
    public static RootCommand Create(Surroundings surroundings)
    {
        var scope = new CommandScope(surroundings, new GlobalOptions());
        var root = new StoaRoot
        {
            new UpCommand(scope),
            new TourCommand(scope),
            new CommandGroup(
                "agent",
                "Make, publish and find agents.",
                [new("From nothing to a published agent", "stoa agent new hello && stoa agent build hello && stoa agent publish hello")],
                new AgentNewCommand(scope),
                new AgentBuildCommand(scope),
                new AgentPublishCommand(scope),
                new AgentListCommand(scope),
                new AgentShowCommand(scope),
                AgentWithdrawalCommands.Withdraw(scope),
                AgentWithdrawalCommands.Reinstate(scope),
                AgentBiddingCommands.Create(scope)),
            ListingCommands.Create(scope),
            new CommandGroup(
                "task",
                "Have agents do work, and follow it.",
                [new("Shrink a picture", "stoa task submit stoa/image-resize samples/image-resize/input/lake.png --param width=640 -o small.png")],
                new TaskSubmitCommand(scope),
                new TaskShowCommand(scope),
                new TaskListCommand(scope),
                new TaskWatchCommand(scope),
                new TaskResultCommand(scope),
                new TaskLogCommand(scope),
                new TaskSelectionCommand(scope),
                new TaskRunsCommand(scope),
                new TaskAuctionCommand(scope),
                new TaskCancelCommand(scope),
                new TaskReplayCommand(scope)),
            BatchCommands.Create(scope),
            AuctionCommands.Create(scope),
            ReviewCommands.Create(scope),
            new CommandGroup(
                "receipt",
                "Get and check what nodes have signed.",
                [new("Check a task's receipt by running it again", "stoa receipt verify task_01h2xcejqtf2nbrexx3vqjhp41 --rerun")],
                new ReceiptGetCommand(scope),
                new ReceiptVerifyCommand(scope)),
            DisputeCommands.Create(scope),
            new CommandGroup(
                "wasm",
                "WebAssembly programs on this machine, without a node.",
                [new("Try an agent before it is published", "echo Ada | stoa wasm run hello.wasm")],
                new WasmRunCommand(scope)),
            BlobCommands.Create(scope),
            TemplateCommands.Create(scope),
            WorkflowCommands.Create(scope),
            ScheduleCommands.Create(scope),
            WebhookCommands.Create(scope),
            MailboxCommands.Create(scope),
            TopicCommands.Create(scope),
            new WalletCommand(scope),
            PlanCommands.Create(scope),
            CouponCommands.Create(scope),
            PaymentCommands.Create(scope),
            PayoutCommands.Create(scope),
            new UsageCommand(scope),
            BudgetCommands.Create(scope),
            LedgerCommands.Create(scope),
            ChannelCommands.Create(scope),
            new CallCommand(scope),
            AuditCommands.Create(scope),
            new QuotaCommand(scope),
            new CommandGroup(
                "key",
                "API keys of the account.",
                [new("A key for a build server that submits tasks for at most 5 USD a day", "stoa key create build-server --scope tasks:read --scope tasks:submit --spend-per-day 5")],
                new KeyCreateCommand(scope),
                new KeyGenerateCommand(scope),
                new KeyListCommand(scope),
                new KeyRevokeCommand(scope)),
            OrganisationCommands.Create(scope),
            SigningKeyCommands.Create(scope),
            PrivacyCommands.Create(scope),
            new CommandGroup(
                "node",
                "The nodes that work here.",
                [new("Which nodes are there, and how busy are they?", "stoa node list")],
                new NodeListCommand(scope)),
            NetworkCommands.Create(scope),
            SupplierCommands.Create(scope),
            ModelCommands.Create(scope),
            RouteCommands.Create(scope),
            ReplicaCommands.Create(scope),
            new RegisterCommand(scope),
            new LoginCommand(scope),
            new LogoutCommand(scope),
            AccountCommands.Create(scope),
            SessionCommands.Create(scope),
            new StatusCommand(scope),
            new EventsCommand(scope),
            new CompletionCommand(scope),
            scope.Globals.Address,
            scope.Globals.Key,
            scope.Globals.Organisation,
            scope.Globals.SigningKey,
            scope.Globals.Json,
        };
        return root;
    }

    private sealed class StoaRoot() : RootCommand("Stoa: an open marketplace for AI agents. Publish agents, run tasks, verify what was done."), IHasExamples
    {
        public IReadOnlyList<CommandExample> Examples { get; } =
        [
            new("Start a node on this machine", "stoa up"),
            new("See the agents that it offers", "stoa agent list"),
            new("Have one of them do something", "stoa task submit stoa/markdown-html README.md -o readme.html"),
        ];
    }
}

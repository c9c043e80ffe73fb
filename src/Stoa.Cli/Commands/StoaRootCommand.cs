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
            new CommandGroup(
                "agent",
                "Make, publish and find agents.",
                [new("From nothing to a published agent", "stoa agent new hello && stoa agent build hello && stoa agent publish hello")],
                new AgentNewCommand(scope),
                new AgentBuildCommand(scope),
                new AgentPublishCommand(scope),
                new AgentListCommand(scope),
                new AgentShowCommand(scope)),
            new CommandGroup(
                "task",
                "Have agents do work, and follow it.",
                [new("Shrink a picture", "stoa task submit stoa/image-resize photo.png --param width=640 -o small.png")],
                new TaskSubmitCommand(scope),
                new TaskShowCommand(scope),
                new TaskListCommand(scope),
                new TaskWatchCommand(scope),
                new TaskResultCommand(scope),
                new TaskCancelCommand(scope)),
            new WalletCommand(scope),
            new CommandGroup(
                "key",
                "API keys of the account.",
                [new("A key for a build server", "stoa key create build-server")],
                new KeyCreateCommand(scope),
                new KeyListCommand(scope),
                new KeyRevokeCommand(scope)),
            new LoginCommand(scope),
            new StatusCommand(scope),
            new EventsCommand(scope),
            new CompletionCommand(scope),
            scope.Globals.Address,
            scope.Globals.Key,
            scope.Globals.Json,
        };
        return root;
    }

    private sealed class StoaRoot() : RootCommand("Stoa: an open marketplace for AI agents. Publish agents, run tasks, verify what was done."), IHasExamples
    {
        public IReadOnlyList<CommandExample> Examples { get; } =
        [
            new("Is a node there, and does my key fit?", "stoa status"),
            new("See the agents that it offers", "stoa agent list"),
            new("Have one of them do something", "stoa task submit stoa/markdown-html README.md -o readme.html"),
        ];
    }
}

using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa agent withdraw</c> and <c>stoa agent reinstate</c>.</summary>
internal static class AgentWithdrawalCommands
{
    public static Command Withdraw(CommandScope scope) => new WithdrawCommand(scope);

    public static Command Reinstate(CommandScope scope) => new ReinstateCommand(scope);

    private static Argument<string> Agent(CommandScope scope) => CommonArguments.Agent(scope, "An agent of yours: PUBLISHER/NAME@VERSION, or PUBLISHER/NAME for all of it.");

    /// <summary>Tells what became of versions.</summary>
    /// <param name="invocation">Of the command.</param>
    /// <param name="offer">What is left.</param>
    /// <param name="done">What was to be done with them, such as <c>withdrawn</c>.</param>
    /// <param name="newest">A sentence about the newest that is offered, without it and the full stop.</param>
    internal static int Tell(Invocation invocation, AgentOfferResponse offer, string done, string newest = "A task that names no version gets")
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(offer, json => json.AgentOfferResponse);
            return ExitCode.Ok;
        }

        var listing = Format.Escaped(offer.Agent);
        invocation.Screen.Markup(offer.Versions.Count == 0
            ? $"No version of [bold]{listing}[/] was to be {done}."
            : $"[bold]{listing}[/]: {Format.Escaped(string.Join(", ", offer.Versions))} {(offer.Versions.Count == 1 ? "is" : "are")} {done}.");
        invocation.Screen.Line(offer.Newest is null ? $"No version of {offer.Agent} is offered." : $"{newest} {offer.Newest}.");
        return ExitCode.Ok;
    }

    private sealed class WithdrawCommand : StoaCommand
    {
        private readonly Argument<string> _agent;
        private readonly Option<string?> _reason = new("--reason") { Description = "Why, for everybody to read: one line.", HelpName = "TEXT" };

        public WithdrawCommand(CommandScope scope)
            : base(
                scope,
                "withdraw",
                "Offer an agent of yours no more: new tasks do not get it, and those that have it run to their ends.",
                new("A version with a fault", "stoa agent withdraw ada/resize@1.1.0 --reason \"Turns pictures upside down; 1.1.1 mends it.\""),
                new("All of its versions", "stoa agent withdraw ada/resize"))
        {
            _agent = Agent(scope);
            Add(_agent);
            Add(_reason);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) => Tell(
            invocation,
            await invocation.Client.WithdrawAgentAsync(CommonArguments.ParseAgent(invocation.Get(_agent)), invocation.Get(_reason), cancellationToken),
            "withdrawn");
    }

    private sealed class ReinstateCommand : StoaCommand
    {
        private readonly Argument<string> _agent;

        public ReinstateCommand(CommandScope scope)
            : base(
                scope,
                "reinstate",
                "Offer again what was withdrawn. Versions that were withdrawn one by one are reinstated one by one.",
                new("A version after all", "stoa agent reinstate ada/resize@1.1.0"),
                new("What was withdrawn with the whole agent", "stoa agent reinstate ada/resize"))
        {
            _agent = Agent(scope);
            Add(_agent);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) => Tell(
            invocation, await invocation.Client.ReinstateAgentAsync(CommonArguments.ParseAgent(invocation.Get(_agent)), cancellationToken), "reinstated");
    }
}

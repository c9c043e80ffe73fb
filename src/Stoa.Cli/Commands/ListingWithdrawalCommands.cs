using System.CommandLine;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa listing withdraw</c> and <c>stoa listing reinstate</c>.</summary>
internal static class ListingWithdrawalCommands
{
    public static Command Withdraw(CommandScope scope) => new WithdrawCommand(scope);

    public static Command Reinstate(CommandScope scope) => new ReinstateCommand(scope);

    private static int Tell(Invocation invocation, AgentOfferResponse offer, string done) => AgentWithdrawalCommands.Tell(invocation, offer, done, "The newest that is offered is");

    private sealed class WithdrawCommand : StoaCommand
    {
        private readonly Argument<string> _listing = new("LISTING") { Description = "A listing of yours that is no agent: PUBLISHER/NAME@VERSION, or PUBLISHER/NAME for all of it." };
        private readonly Option<string?> _reason = new("--reason") { Description = "Why, for everybody to read: one line.", HelpName = "TEXT" };

        public WithdrawCommand(CommandScope scope)
            : base(
                scope,
                "withdraw",
                "Offer a model, a template, a bundle or a dataset of yours no more. Agents: stoa agent withdraw.",
                new("A version with a fault", "stoa listing withdraw ada/cats@1.0.0 --reason \"Half of them are dogs; 1.0.1 mends it.\""),
                new("All of its versions", "stoa listing withdraw ada/cats"))
        {
            Add(_listing);
            Add(_reason);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) => Tell(
            invocation,
            await invocation.Client.WithdrawListingAsync(CommonArguments.ParseAgent(invocation.Get(_listing)), invocation.Get(_reason), cancellationToken),
            "withdrawn");
    }

    private sealed class ReinstateCommand : StoaCommand
    {
        private readonly Argument<string> _listing = new("LISTING") { Description = "A version of yours: PUBLISHER/NAME@VERSION." };

        public ReinstateCommand(CommandScope scope)
            : base(
                scope,
                "reinstate",
                "Offer a version again that was withdrawn.",
                new CommandExample("A version after all", "stoa listing reinstate ada/cats@1.0.0")) => Add(_listing);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var reference = CommonArguments.ParseAgent(invocation.Get(_listing));
            if (reference.Version is null)
                throw new CommandFailure("Versions are reinstated one by one.", ExitCode.Usage, hint: $"Name one: stoa listing reinstate {reference.Publisher}/{reference.Name}@1.0.0");
            return Tell(invocation, await invocation.Client.ReinstateListingAsync(reference, cancellationToken), "reinstated");
        }
    }
}

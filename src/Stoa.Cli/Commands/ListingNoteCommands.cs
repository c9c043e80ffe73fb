using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>What publishers say of their listings beside publishing and withdrawing them: <c>stoa listing deprecate</c> and <c>stoa listing transfer</c>.</summary>
internal static class ListingNoteCommands
{
    public static Command Deprecate(CommandScope scope) => new DeprecateCommand(scope);

    public static Command Transfer(CommandScope scope) => new TransferCommand(scope);

    private static int Tell(Invocation invocation, ListingDetailsResponse listing, string what)
    {
        if (invocation.IsJson)
            invocation.Screen.Json(listing, json => json.ListingDetailsResponse);
        else
            invocation.Screen.Markup($"[green]✓[/] [bold]{Format.Escaped(listing.Name)}[/] {what}");
        return ExitCode.Ok;
    }

    private sealed class DeprecateCommand : StoaCommand
    {
        private readonly Argument<string> _listing = new("LISTING") { Description = "A listing of yours: PUBLISHER/NAME, or PUBLISHER/NAME@VERSION." };
        private readonly Option<string?> _instead = new("--instead") { Description = "What to use: PUBLISHER/NAME or PUBLISHER/NAME@VERSION.", HelpName = "LISTING" };
        private readonly Option<string?> _reason = new("--reason") { Description = "Why, for everybody to read: one line.", HelpName = "TEXT" };
        private readonly Option<bool> _undo = new("--undo") { Description = "Take it back." };

        public DeprecateCommand(CommandScope scope)
            : base(
                scope,
                "deprecate",
                "Say of a listing of yours that there is something better. It still works.",
                new("There is a successor", "stoa listing deprecate ada/resize --instead ada/scale --reason \"scale does all of it, and faster.\""),
                new("One version only", "stoa listing deprecate ada/resize@1.0.0 --reason \"1.1.0 needs half of the memory.\""),
                new("After all", "stoa listing deprecate ada/resize --undo"))
        {
            Add(_listing);
            Add(_instead);
            Add(_reason);
            Add(_undo);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var listing = CommonArguments.ParseAgent(invocation.Get(_listing));
            return invocation.Get(_undo)
                ? Tell(invocation, await invocation.Client.UndeprecateListingAsync(listing, cancellationToken), "is deprecated no more.")
                : Tell(
                    invocation,
                    await invocation.Client.DeprecateListingAsync(listing, new DeprecateListingRequest(invocation.Get(_reason), invocation.Get(_instead)), cancellationToken),
                    "is deprecated. It still works.");
        }
    }

    private sealed class TransferCommand : StoaCommand
    {
        private readonly Argument<string> _listing = new("LISTING") { Description = "A listing of yours: PUBLISHER/NAME." };
        private readonly Option<string?> _to = new("--to") { Description = "Where it goes on: PUBLISHER/NAME.", HelpName = "LISTING" };
        private readonly Option<string?> _from = new("--from") { Description = "What it goes on from: PUBLISHER/NAME.", HelpName = "LISTING" };
        private readonly Option<bool> _undo = new("--undo") { Description = "Take it back." };

        public TransferCommand(CommandScope scope)
            : base(
                scope,
                "transfer",
                "Give a listing of yours to another publisher, or take one: it holds once both have said so.",
                new("Ada gives it", "stoa listing transfer ada/resize --to ben/resize"),
                new("Ben takes it, and has published his first version before", "stoa listing transfer ben/resize --from ada/resize"),
                new("Not after all", "stoa listing transfer ada/resize --undo"))
        {
            Add(_listing);
            Add(_to);
            Add(_from);
            Add(_undo);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (listing, to, from) = (CommonArguments.ParseAgent(invocation.Get(_listing)), invocation.Get(_to), invocation.Get(_from));
            if (invocation.Get(_undo))
                return Tell(invocation, await invocation.Client.TakeTransferBackAsync(listing, cancellationToken), "stays where it is.");
            if ((to is null) == (from is null))
                throw new CommandFailure("Either --to or --from is expected, one at a time.");
            var details = await invocation.Client.TransferListingAsync(listing, new TransferListingRequest(to, from), cancellationToken);
            return Tell(invocation, details, (to, details) switch
            {
                ({ }, { MovedTo: { } next }) => $"goes on as {Format.Escaped(next)}.",
                (null, { MovedFrom: { } before }) => $"goes on from {Format.Escaped(before)}.",
                ({ }, _) => $"waits for the other publisher to say: stoa listing transfer {Format.Escaped(to)} --from {Format.Escaped(details.Listing)}",
                _ => $"waits for the other publisher to say: stoa listing transfer {Format.Escaped(from!)} --to {Format.Escaped(details.Listing)}",
            });
        }
    }
}

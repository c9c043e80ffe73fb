using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa organisation</c> that are about invitations.</summary>
internal static class InvitationCommands
{
    public static Command Invite(CommandScope scope) => new InviteCommand(scope);

    public static Command List(CommandScope scope) => new ListCommand(scope);

    public static Command Accept(CommandScope scope) => new AcceptCommand(scope);

    public static Command Decline(CommandScope scope) => new DeclineCommand(scope);

    public static Command Withdraw(CommandScope scope) => new WithdrawCommand(scope);

    private static Argument<string> Id() => CommonArguments.Id("ID", "As stoa organisation invitations shows it (invite_…).", IdKind.Invitation);

    private sealed class InviteCommand : StoaCommand
    {
        private readonly Argument<string> _organisation = OrganisationCommands.Organisation();
        private readonly Argument<string> _whom = new("WHOM") { Description = "A handle, or the e-mail address of somebody who may have no account yet." };
        private readonly Option<string?> _role = OrganisationCommands.RoleOption();

        public InviteCommand(CommandScope scope)
            : base(
                scope,
                "invite",
                "Invite somebody into an organisation. Administrators only.",
                new("Somebody with an account", "stoa organisation invite acme grace --role developer"),
                new("Somebody without one", "stoa organisation invite acme grace@example.org --role viewer"))
        {
            Add(_organisation);
            Add(_whom);
            Add(_role);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var whom = invocation.Get(_whom);
            var isEmail = whom.Contains('@', StringComparison.Ordinal);
            var made = await invocation.OwnClient.InviteAsync(
                invocation.Get(_organisation),
                new InviteRequest(invocation.Get(_role) ?? "developer", isEmail ? null : whom, isEmail ? whom : null),
                cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(made, json => json.InvitationResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Line(made.Id);
            var accept = $"stoa organisation accept {made.Id}" + (made.Code is null ? "" : $" --code {made.Code}");
            invocation.Screen.Note(made.Mailed is true
                ? $"[grey]A letter is on its way to {Format.Escaped(whom)}. It is accepted until {Format.Time(made.ExpiresAt)}, by an account with that address, with: {Format.Escaped(accept)}[/]"
                : $"[grey]Tell {Format.Escaped(whom)} to accept until {Format.Time(made.ExpiresAt)} with: {Format.Escaped(accept)}{(made.Code is null ? "" : ". The code is not shown again; the account must have that e-mail address.")}[/]");
            return ExitCode.Ok;
        }
    }

    private sealed class ListCommand : StoaCommand
    {
        private readonly Argument<string?> _organisation = new("ORGANISATION") { Description = "Those that it has made. Left out: those that are for you.", Arity = ArgumentArity.ZeroOrOne };
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(
                scope,
                "invitations",
                "List the open invitations that are for you, or those of an organisation that you administer.",
                new("Who wants me?", "stoa organisation invitations"),
                new("Whom have we invited?", "stoa organisation invitations acme"))
        {
            Add(_organisation);
            Add(_limit);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var all = invocation.Get(_organisation) is { } organisation
                ? invocation.OwnClient.ListInvitationsOfAsync(organisation, cancellationToken)
                : invocation.OwnClient.ListInvitationsAsync(cancellationToken);
            var (invitations, hasMore) = await ListLimit.TakeAsync(all, invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<InvitationResponse>(invitations), json => json.ListResponseInvitationResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "Organisation", "For", "Role", "By", "Until"],
                [.. invitations.Select(one => (IReadOnlyList<string>)
                [
                    one.Id, one.Organisation, one.Handle ?? one.Email ?? "", one.Role, one.InvitedBy, Format.Time(one.ExpiresAt),
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class AcceptCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Option<string?> _code = new("--code") { Description = "The one that came with an invitation by e-mail address.", HelpName = "CODE" };

        public AcceptCommand(CommandScope scope)
            : base(
                scope,
                "accept",
                "Accept an invitation into an organisation.",
                new("One by handle", "stoa organisation accept invite_01h2xcejqtf2nbrexx3vqjhp41"),
                new("One by e-mail address", "stoa organisation accept invite_01h2xcejqtf2nbrexx3vqjhp41 --code join_…"))
        {
            Add(_id);
            Add(_code);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            OrganisationCommands.Tell(invocation, await invocation.OwnClient.AcceptInvitationAsync(
                invocation.Get(_id), new AcceptInvitationRequest(invocation.Get(_code)), cancellationToken));
    }

    private sealed class DeclineCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();

        public DeclineCommand(CommandScope scope)
            : base(scope, "decline", "Decline an invitation.", new CommandExample("No, thanks", "stoa organisation decline invite_01h2xcejqtf2nbrexx3vqjhp41")) => Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.OwnClient.DeclineInvitationAsync(invocation.Get(_id), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_id)} is declined.");
            return ExitCode.Ok;
        }
    }

    private sealed class WithdrawCommand : StoaCommand
    {
        private readonly Argument<string> _organisation = OrganisationCommands.Organisation();
        private readonly Argument<string> _id = Id();

        public WithdrawCommand(CommandScope scope)
            : base(
                scope,
                "withdraw",
                "Withdraw an invitation of an organisation. Administrators only.",
                new CommandExample("It went to the wrong person", "stoa organisation withdraw acme invite_01h2xcejqtf2nbrexx3vqjhp41"))
        {
            Add(_organisation);
            Add(_id);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.OwnClient.WithdrawInvitationAsync(invocation.Get(_organisation), invocation.Get(_id), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_id)} is withdrawn.");
            return ExitCode.Ok;
        }
    }
}

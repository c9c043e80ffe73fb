using System.CommandLine;
using System.Globalization;
using Stoa.Cli.Connection;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa organisation</c>. They are about the organisation that they name, whichever one the others act for.</summary>
internal static class OrganisationCommands
{
    private static readonly string[] s_roles = ["viewer", "developer", "admin"];

    public static CommandGroup Create(CommandScope scope) => new(
        "organisation",
        "Accounts of several people: members, roles, invitations.",
        [
            new("Found one and bring somebody in", "stoa organisation create acme 'Acme Research' && stoa organisation invite acme grace --role developer"),
            new("Do something in its name", "stoa task list --organisation acme"),
        ],
        new CreateCommand(scope),
        new ListCommand(scope),
        new ShowCommand(scope),
        new RenameCommand(scope),
        new LimitCommand(scope),
        new MembersCommand(scope),
        new RoleCommand(scope),
        new RemoveCommand(scope),
        new LeaveCommand(scope),
        new DeleteCommand(scope),
        new UseCommand(scope),
        ProviderCommands.Create(scope),
        InvitationCommands.Invite(scope),
        InvitationCommands.List(scope),
        InvitationCommands.Accept(scope),
        InvitationCommands.Decline(scope),
        InvitationCommands.Withdraw(scope));

    public static Argument<string> Organisation() => new("ORGANISATION") { Description = "Its handle." };

    public static Argument<string> Role()
    {
        var role = new Argument<string>("ROLE") { Description = "viewer, developer or admin." };
        role.Accepts(s_roles);
        return role;
    }

    public static Option<string?> RoleOption()
    {
        var role = new Option<string?>("--role") { Description = "viewer, developer or admin. Default: developer.", HelpName = "ROLE" };
        role.Accepts(s_roles);
        return role;
    }

    public static int Tell(Invocation invocation, OrganisationResponse organisation)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(organisation, json => json.OrganisationResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Facts(
            ("Organisation", $"[bold]{Format.Escaped(organisation.Handle)}[/]"),
            ("Name", Format.Escaped(organisation.Name)),
            ("You are", Format.Escaped(organisation.Role)),
            ("Since", Format.Time(organisation.JoinedAt)),
            ("Founded", Format.Time(organisation.CreatedAt)),
            ("Models", Format.Escaped(Say(organisation.ModelLimits))));
        return ExitCode.Ok;
    }

    private static string Say(ModelLimitsBody? limits) => limits is null
        ? "without limits"
        : string.Join(", ", new[]
        {
            limits.CallsPerMinute is { } calls ? string.Create(CultureInfo.InvariantCulture, $"{calls:N0} requests a minute") : null,
            limits.TokensPerMinute is { } tokens ? string.Create(CultureInfo.InvariantCulture, $"{tokens:N0} tokens a minute") : null,
        }.OfType<string>());

    private static Argument<string> Member() => new("HANDLE") { Description = "Of the member." };

    private sealed class CreateCommand : StoaCommand
    {
        private readonly Argument<string> _handle = new("HANDLE") { Description = "The publisher part of its agents. It never changes." };
        private readonly Argument<string?> _name = new("NAME") { Description = "What people call it. Default: the handle.", Arity = ArgumentArity.ZeroOrOne };

        public CreateCommand(CommandScope scope)
            : base(
                scope,
                "create",
                "Found an organisation; you are its administrator.",
                new CommandExample("With a name", "stoa organisation create acme 'Acme Research'"))
        {
            Add(_handle);
            Add(_name);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var handle = invocation.Get(_handle);
            return Tell(invocation, await invocation.OwnClient.CreateOrganisationAsync(
                new CreateOrganisationRequest(handle, invocation.Get(_name) ?? handle), cancellationToken));
        }
    }

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List the organisations that you belong to.", new CommandExample("Where am I what?", "stoa organisation list")) => Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (organisations, hasMore) = await ListLimit.TakeAsync(invocation.OwnClient.ListOrganisationsAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<OrganisationResponse>(organisations), json => json.ListResponseOrganisationResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Handle", "Name", "Role", "Joined"],
                [.. organisations.Select(one => (IReadOnlyList<string>)[one.Handle, one.Name, one.Role, ListLimit.When(invocation, one.JoinedAt)])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _organisation = Organisation();

        public ShowCommand(CommandScope scope)
            : base(scope, "show", "Show an organisation of yours.", new CommandExample("What am I in it?", "stoa organisation show acme")) => Add(_organisation);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.OwnClient.GetOrganisationAsync(invocation.Get(_organisation), cancellationToken));
    }

    private sealed class RenameCommand : StoaCommand
    {
        private readonly Argument<string> _organisation = Organisation();
        private readonly Argument<string> _name = new("NAME") { Description = "What people call it from now on." };

        public RenameCommand(CommandScope scope)
            : base(
                scope,
                "rename",
                "Give an organisation another name. The handle stays: it is part of the names of its agents.",
                new CommandExample("After a merger", "stoa organisation rename acme 'Acme and Sons'"))
        {
            Add(_organisation);
            Add(_name);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.OwnClient.UpdateOrganisationAsync(
                invocation.Get(_organisation), new UpdateOrganisationRequest(invocation.Get(_name)), cancellationToken));
    }

    private sealed class LimitCommand : StoaCommand
    {
        private readonly Argument<string> _organisation = Organisation();
        private readonly Option<int?> _calls = new("--calls-per-minute") { Description = "Refuse requests to models above so many a minute. Default: no limit.", HelpName = "N" };
        private readonly Option<int?> _tokens = new("--tokens-per-minute") { Description = "Refuse requests to models above so many tokens a minute. Default: no limit.", HelpName = "N" };

        public LimitCommand(CommandScope scope)
            : base(
                scope,
                "limit",
                "Limit what is asked of models in the organisation's name, in place of what was said before.",
                new("All members together", "stoa organisation limit acme --tokens-per-minute 200000 --calls-per-minute 600"),
                new("No limits any more", "stoa organisation limit acme"))
        {
            Add(_organisation);
            Add(_calls);
            Add(_tokens);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.OwnClient.LimitModelsAsync(
                invocation.Get(_organisation), new ModelLimitsBody(invocation.Get(_calls), invocation.Get(_tokens)), cancellationToken));
    }

    private sealed class MembersCommand : StoaCommand
    {
        private readonly Argument<string> _organisation = Organisation();
        private readonly Option<int> _limit = ListLimit.Option();

        public MembersCommand(CommandScope scope)
            : base(scope, "members", "List who belongs to an organisation.", new CommandExample("Who is in?", "stoa organisation members acme"))
        {
            Add(_organisation);
            Add(_limit);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (members, hasMore) = await ListLimit.TakeAsync(
                invocation.OwnClient.ListMembersAsync(invocation.Get(_organisation), cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<MemberResponse>(members), json => json.ListResponseMemberResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Handle", "Role", "Joined"],
                [.. members.Select(one => (IReadOnlyList<string>)[one.Handle, one.Role, ListLimit.When(invocation, one.JoinedAt)])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class RoleCommand : StoaCommand
    {
        private readonly Argument<string> _organisation = Organisation();
        private readonly Argument<string> _handle = Member();
        private readonly Argument<string> _role = Role();

        public RoleCommand(CommandScope scope)
            : base(
                scope,
                "role",
                "Give a member another role. Administrators only.",
                new CommandExample("Let grace look, and no more", "stoa organisation role acme grace viewer"))
        {
            Add(_organisation);
            Add(_handle);
            Add(_role);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var member = await invocation.OwnClient.SetMemberAsync(
                invocation.Get(_organisation), invocation.Get(_handle), new SetMemberRequest(invocation.Get(_role)), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(member, json => json.MemberResponse);
            else
                invocation.Screen.Line($"{member.Handle} is {member.Role} of {invocation.Get(_organisation)}.");
            return ExitCode.Ok;
        }
    }

    private sealed class RemoveCommand : StoaCommand
    {
        private readonly Argument<string> _organisation = Organisation();
        private readonly Argument<string> _handle = Member();

        public RemoveCommand(CommandScope scope)
            : base(
                scope,
                "remove",
                "Remove a member. Keys that the member made for the organisation open nothing any more. Administrators only.",
                new CommandExample("Somebody has left the company", "stoa organisation remove acme grace"))
        {
            Add(_organisation);
            Add(_handle);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.OwnClient.RemoveMemberAsync(invocation.Get(_organisation), invocation.Get(_handle), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_handle)} does not belong to {invocation.Get(_organisation)} any more.");
            return ExitCode.Ok;
        }
    }

    private sealed class LeaveCommand : StoaCommand
    {
        private readonly Argument<string> _organisation = Organisation();

        public LeaveCommand(CommandScope scope)
            : base(scope, "leave", "Leave an organisation. Its only administrator cannot.", new CommandExample("Work there is over", "stoa organisation leave acme")) =>
            Add(_organisation);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.OwnClient.LeaveOrganisationAsync(invocation.Get(_organisation), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"You do not belong to {invocation.Get(_organisation)} any more.");
            return ExitCode.Ok;
        }
    }

    private sealed class DeleteCommand : StoaCommand
    {
        private readonly Argument<string> _organisation = Organisation();
        private readonly Option<bool> _forfeit = new("--forfeit") { Description = "Give up to the platform what is in its wallet, and its credit." };

        public DeleteCommand(CommandScope scope)
            : base(
                scope,
                "delete",
                "Delete an organisation that has no money, no work and no agents. Administrators only.",
                new("One that is not used any more", "stoa organisation delete acme"),
                new("With what is left in its wallet", "stoa organisation delete acme --forfeit"))
        {
            Add(_organisation);
            Add(_forfeit);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.OwnClient.DeleteOrganisationAsync(invocation.Get(_organisation), invocation.Get(_forfeit), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_organisation)} is deleted.");
            return ExitCode.Ok;
        }
    }

    private sealed class UseCommand : StoaCommand
    {
        private readonly Argument<string?> _organisation = new("ORGANISATION") { Description = "Its handle. Left out: yourself.", Arity = ArgumentArity.ZeroOrOne };

        public UseCommand(CommandScope scope)
            : base(
                scope,
                "use",
                "Have the commands act for an organisation, unless --organisation or STOA_ORGANISATION says otherwise. It needs what stoa login remembers.",
                new CommandExample("From now on", "stoa organisation use acme"),
                new CommandExample("For yourself again", "stoa organisation use")) =>
            Add(_organisation);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var directory = invocation.Surroundings.ConfigDirectory;
            var config = ConfigFile.Read(directory);
            if (config.Address is null || NodeConnection.ParseAddress(config.Address) != invocation.Connection.Address)
                throw new CommandFailure($"Nothing is remembered for {invocation.Connection.Address}.", hint: "Sign in first: stoa login. Or say it each time: --organisation");
            var handle = invocation.Get(_organisation);
            // Better now than with the next command.
            if (handle is not null)
                await invocation.OwnClient.GetOrganisationAsync(handle, cancellationToken);
            (config with { Organisation = handle }).Write(directory);
            if (!invocation.IsJson)
                invocation.Screen.Line(handle is null ? "Commands act for yourself." : $"Commands act for {handle}.");
            return ExitCode.Ok;
        }
    }
}

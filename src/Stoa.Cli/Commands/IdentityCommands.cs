using System.CommandLine;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa account identity</c>: who you are at identity providers.</summary>
internal static class IdentityCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "identity",
        "Identities at providers that open the account.",
        [new("Sign in by the provider of acme from now on, to the account that there is", "stoa account identity link acme")],
        new ListCommand(scope),
        new LinkCommand(scope),
        new UnlinkCommand(scope));

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List the identities that open the account.", new CommandExample("By whom can I sign in?", "stoa account identity list")) =>
            Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (identities, hasMore) = await ListLimit.TakeAsync(invocation.OwnClient.ListIdentitiesAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<IdentityResponse>(identities), json => json.ListResponseIdentityResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "Issuer", "Subject", "Email", "Last use"],
                [.. identities.Select(one => (IReadOnlyList<string>)[one.Id, one.Issuer, one.Subject, one.Email, ListLimit.When(invocation, one.UsedAt)])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class LinkCommand : StoaCommand
    {
        private readonly Argument<string> _organisation = OrganisationCommands.Organisation();
        private readonly Option<bool> _noBrowser = BrowserSignOn.NoBrowser();

        public LinkCommand(CommandScope scope)
            : base(
                scope,
                "link",
                "Sign in by the identity provider of an organisation, and have that open your account from now on. You belong to the organisation then. It needs a session (stoa login).",
                new CommandExample("For who has an account with the same address", "stoa account identity link acme"))
        {
            Add(_organisation);
            Add(_noBrowser);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var organisation = invocation.Get(_organisation);
            var (code, verifier) = await BrowserSignOn.RunAsync(invocation, invocation.OwnClient, organisation, invocation.Get(_noBrowser), cancellationToken);
            var identity = await invocation.OwnClient.LinkIdentityAsync(new LinkIdentityRequest(code, verifier), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(identity, json => json.IdentityResponse);
            else
                invocation.Screen.Line($"{identity.Subject} of {identity.Issuer} opens your account: {identity.Id}");
            return ExitCode.Ok;
        }
    }

    private sealed class UnlinkCommand : StoaCommand
    {
        private readonly Argument<string> _id = CommonArguments.Id("ID", "As stoa account identity list shows it (ident_…).", IdKind.Identity);

        public UnlinkCommand(CommandScope scope)
            : base(
                scope,
                "unlink",
                "Have an identity open the account no longer. The last one of an account without a password stays.",
                new CommandExample("After leaving", "stoa account identity unlink ident_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.OwnClient.UnlinkIdentityAsync(invocation.Get(_id), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_id)} opens the account no longer.");
            return ExitCode.Ok;
        }
    }
}

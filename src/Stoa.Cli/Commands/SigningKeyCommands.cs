using System.CommandLine;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa signing-key</c>: the keys that sign requests in the name of the account.</summary>
internal static class SigningKeyCommands
{
    public static Command Create(CommandScope scope) => new CommandGroup(
        "signing-key",
        "Keys that sign requests in the name of the account.",
        [new("Make one", "stoa key generate build-server -o build.key"), new("Which are in force?", "stoa signing-key list")],
        new ListCommand(scope),
        new RevokeCommand(scope));

    /// <summary><c>stoa signing-key list</c>.</summary>
    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List the account's signing keys that were not revoked, newest first.", new CommandExample("Which keys are out there", "stoa signing-key list")) =>
            Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (keys, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListSigningKeysAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<SigningKeyResponse>(keys), json => json.ListResponseSigningKeyResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "Name", "Created"],
                [.. keys.Select(key => (IReadOnlyList<string>)[key.Id, key.Name, ListLimit.When(invocation, key.CreatedAt)])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa signing-key revoke</c>.</summary>
    private sealed class RevokeCommand : StoaCommand
    {
        private readonly Argument<string> _id = CommonArguments.Id("ID", "As stoa signing-key list shows it (skey_…).", IdKind.SigningKey);

        public RevokeCommand(CommandScope scope)
            : base(scope, "revoke", "Have the node refuse what a key signs, at once and for good.", new CommandExample("After a server was lost", "stoa signing-key revoke skey_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.RevokeSigningKeyAsync(invocation.Get(_id), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_id)} is revoked.");
            return ExitCode.Ok;
        }
    }
}

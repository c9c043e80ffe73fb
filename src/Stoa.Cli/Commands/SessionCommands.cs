using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa session</c>.</summary>
internal static class SessionCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "session",
        "Where the account is signed in.",
        [new("On which machines?", "stoa session list")],
        new ListCommand(scope),
        new RevokeCommand(scope));

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List the account's sessions: which program, since when, last use.", new CommandExample("Where am I signed in?", "stoa session list")) =>
            Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (sessions, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListSessionsAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<ListedSessionResponse>(sessions), json => json.ListResponseListedSessionResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Id", "Program", "Signed in", "Last use", "Ends", "This one"],
                [.. sessions.Select(session => (IReadOnlyList<string>)
                [
                    session.Id, session.Device, ListLimit.When(invocation, session.CreatedAt), ListLimit.When(invocation, session.UsedAt),
                    Format.Time(session.ExpiresAt), session.IsCurrent ? "yes" : "",
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class RevokeCommand : StoaCommand
    {
        private readonly Argument<string> _id = CommonArguments.Id("ID", "As stoa session list shows it (sess_…).", IdKind.Session);

        public RevokeCommand(CommandScope scope)
            : base(
                scope,
                "revoke",
                "Sign out of one session, at once and for good. All of them: stoa logout --everywhere.",
                new CommandExample("A machine that is not yours any more", "stoa session revoke sess_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.EndSessionAsync(invocation.Get(_id), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{invocation.Get(_id)} is ended.");
            return ExitCode.Ok;
        }
    }
}

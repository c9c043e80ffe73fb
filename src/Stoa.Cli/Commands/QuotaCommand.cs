using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa quota</c>: what is taken up, and may be. Holds <c>set</c> and <c>unpaid</c>.</summary>
internal sealed class QuotaCommand : StoaCommand
{
    private readonly Argument<string?> _handle = new("HANDLE") { Description = "Another user's. Administrators only.", Arity = ArgumentArity.ZeroOrOne };

    public QuotaCommand(CommandScope scope)
        : base(
            scope,
            "quota",
            "Show how many tasks of the account may wait or run, how much it may store, how much of that is taken up, and what storage and transfer cost.",
            new("What is left", "stoa quota"),
            new("Let ada have more", "stoa quota set ada --open-tasks 500k --content 200GB"))
    {
        Add(_handle);
        Add(new SetCommand(scope));
        Add(new UnpaidCommand(scope));
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) => Tell(
        invocation,
        invocation.Get(_handle) is { } handle
            ? await invocation.Client.GetQuotaAsync(handle, cancellationToken)
            : await invocation.Client.GetQuotaAsync(cancellationToken));

    private static int Tell(Invocation invocation, QuotaResponse quota)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(quota, json => json.QuotaResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Facts(
            ("User", Format.Escaped(quota.Handle)),
            ("Open tasks", Format.Invariant($"{quota.OpenTasks:N0} of {quota.MaxOpenTasks:N0}")),
            ("Content", $"{Format.Size(quota.ContentBytes)} of {Format.Size(quota.MaxContentBytes)}"),
            ("Storage", quota.StorageHour is null ? null : $"{Format.Money(quota.StorageHour)} an hour"),
            ("Unpaid since", quota.UnpaidSince is { } since ? $"[red]{ListLimit.When(invocation, since)}[/]: nothing more is taken in. Pay in, and upload again" : null),
            ("Sent this month", $"{Format.Size(quota.FreeTransferBytes)} free, {Format.Size(quota.PaidTransferBytes)} paid"));
        return ExitCode.Ok;
    }

    /// <summary><c>stoa quota unpaid</c>.</summary>
    private sealed class UnpaidCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public UnpaidCommand(CommandScope scope)
            : base(
                scope,
                "unpaid",
                "List users who could not pay for what they store. Administrators only.",
                new CommandExample("Whose uploads are refused?", "stoa quota unpaid")) => Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (users, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListUnpaidStorageAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<UnpaidStorageResponse>(users), json => json.ListResponseUnpaidStorageResponse);
                return ExitCode.Ok;
            }

            if (users.Count == 0)
            {
                invocation.Screen.Note("What everybody stores is paid.");
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["User", "Content", "An hour", "Unpaid since"],
                [.. users.Select(user => (IReadOnlyList<string>)[user.Handle, Format.Size(user.ContentBytes), Format.Money(user.StorageHour), ListLimit.When(invocation, user.UnpaidSince)])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa quota set</c>.</summary>
    private sealed class SetCommand : StoaCommand
    {
        private readonly Argument<string> _handle = new("HANDLE") { Description = "Whose quota." };
        private readonly Option<long?> _openTasks = new("--open-tasks") { Description = "How many tasks may wait or run, such as 500k. Left out: as many as everybody's.", HelpName = "N", CustomParser = Quantity.Count };
        private readonly Option<long?> _content = new("--content") { Description = "How much may be stored, such as 200GB. Left out: as much as everybody.", HelpName = "SIZE", CustomParser = Quantity.Bytes };

        public SetCommand(CommandScope scope)
            : base(
                scope,
                "set",
                "Say what a user may take up. Administrators only.",
                new("More than others", "stoa quota set ada --open-tasks 500k --content 200GB"),
                new("As everybody", "stoa quota set ada"))
        {
            Add(_handle);
            Add(_openTasks);
            Add(_content);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) => Tell(
            invocation,
            await invocation.Client.SetQuotaAsync(
                invocation.Get(_handle), new SetQuotaRequest(invocation.Get(_openTasks), invocation.Get(_content)), cancellationToken));
    }
}

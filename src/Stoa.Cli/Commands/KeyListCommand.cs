using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa key list</c>.</summary>
internal sealed class KeyListCommand : StoaCommand
{
    private readonly Option<int> _limit = ListLimit.Option();

    public KeyListCommand(CommandScope scope)
        : base(scope, "list", "List the account's API keys, without their secrets: what each may, when it was last used, what was spent with it today.", new CommandExample("Which keys are out there", "stoa key list")) =>
        Add(_limit);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var (keys, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListApiKeysAsync(cancellationToken), invocation.Get(_limit));
        if (invocation.IsJson)
        {
            invocation.Screen.Json(new ListResponse<ApiKeyResponse>(keys), json => json.ListResponseApiKeyResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Table(
            ["Id", "Name", "Prefix", "Created", "Expires", "Scopes", "Last used", "Spent today"],
            [.. keys.Select(key => (IReadOnlyList<string>)
            [
                key.Id, key.Name, key.Prefix, ListLimit.When(invocation, key.CreatedAt), key.ExpiresAt is { } end ? Format.Time(end) : "never",
                key.Scopes is { } scopes ? string.Join(' ', scopes) : "all",
                key.LastUsedAt is { } used ? ListLimit.When(invocation, used) : "",
                key.SpendPerDay is { } limit ? $"{Format.Money(key.SpentToday ?? "0")} of {Format.Money(limit)}" : "",
            ])]);
        ListLimit.TellOfMore(invocation, hasMore);
        return ExitCode.Ok;
    }
}

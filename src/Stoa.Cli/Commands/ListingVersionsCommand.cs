using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa listing versions</c>.</summary>
internal sealed class ListingVersionsCommand : StoaCommand
{
    private readonly Argument<string> _listing = new("LISTING") { Description = "KEY/NAME or HANDLE/NAME, as stoa listing search shows it." };
    private readonly Option<string?> _range = new("--range", "-r") { Description = "Only versions that this takes, such as ^1.2.0, ~1.4, >=1.0.0 <2.0.0 or 1.x.", HelpName = "RANGE" };
    private readonly Option<int> _limit = ListLimit.Option();

    public ListingVersionsCommand(CommandScope scope)
        : base(
            scope,
            "versions",
            "List the versions of a listing of the network, newest first.",
            new("All", "stoa listing versions stoa/image-resize"),
            new("Those that still work as 1.2.0 did", "stoa listing versions stoa/image-resize --range ^1.2.0"))
    {
        Add(_listing);
        Add(_range);
        Add(_limit);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var reference = CommonArguments.ParseAgent(invocation.Get(_listing));
        var all = invocation.Client.ListListingVersionsAsync(reference.Publisher, reference.Name, invocation.Get(_range), cancellationToken);
        var (versions, hasMore) = await ListLimit.TakeAsync(all, invocation.Get(_limit));
        if (invocation.IsJson)
        {
            invocation.Screen.Json(new ListResponse<ListingVersionBody>(versions), json => json.ListResponseListingVersionBody);
            return ExitCode.Ok;
        }

        if (versions.Count == 0)
        {
            invocation.Screen.Note("[grey]No version fits.[/]");
            return ExitCode.Ok;
        }

        invocation.Screen.Table(
            ["Version", "State", "Published", "Content"],
            [.. versions.Select(version => (IReadOnlyList<string>)[version.Version, version.State, Format.Time(version.StatedAt), version.ProgramDigest ?? version.Content?.Digest ?? ""])]);
        ListLimit.TellOfMore(invocation, hasMore);
        return ExitCode.Ok;
    }
}

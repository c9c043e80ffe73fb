using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa listing reviews</c>.</summary>
internal sealed class ListingReviewsCommand : StoaCommand
{
    private readonly Argument<string> _listing = new("LISTING") { Description = "KEY/NAME or HANDLE/NAME, as stoa listing search shows it." };
    private readonly Option<int> _limit = ListLimit.Option();

    public ListingReviewsCommand(CommandScope scope)
        : base(
            scope,
            "reviews",
            "List what consumers of the whole network say of an agent. Only those count whose node is known here.",
            new("What do others think of it?", "stoa listing reviews stoa/image-resize"),
            new("Which node would have to be vouched for?", "stoa listing reviews stoa/image-resize --json | jq -r '.items[] | select(.counts | not) | .node' | sort -u"))
    {
        Add(_listing);
        Add(_limit);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var reference = CommonArguments.ParseAgent(invocation.Get(_listing));
        var (reviews, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListListingReviewsAsync(reference.Publisher, reference.Name, cancellationToken), invocation.Get(_limit));
        if (invocation.IsJson)
        {
            invocation.Screen.Json(new ListResponse<ListingReviewBody>(reviews), json => json.ListResponseListingReviewBody);
            return ExitCode.Ok;
        }

        if (reviews.Count == 0)
        {
            invocation.Screen.Note("[grey]Nobody has reviewed it.[/]");
            return ExitCode.Ok;
        }

        invocation.Screen.Table(
            ["Stars", "Counts", "By", "Version", "Written", "Says"],
            [.. reviews.Select(review => (IReadOnlyList<string>)
            [
                Format.Invariant($"{review.Stars} of 5"),
                review.Counts ? "yes" : "no",
                review switch { { Handle: { } handle, Verified: true } => handle, { Handle: { } claimed } => $"{claimed} (unverified)", _ => review.Reviewer },
                review.Version,
                Format.Time(review.StatedAt),
                review.Text ?? "",
            ])]);
        ListLimit.TellOfMore(invocation, hasMore);
        return ExitCode.Ok;
    }
}

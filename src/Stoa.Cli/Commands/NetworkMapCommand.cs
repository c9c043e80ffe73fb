using System.CommandLine;
using System.Globalization;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa network map</c>.</summary>
internal sealed class NetworkMapCommand : StoaCommand
{
    private readonly Option<string?> _region = new("--region") { Description = "Only nodes of this region.", HelpName = "REGION" };
    private readonly Option<int> _limit = ListLimit.Option();

    public NetworkMapCommand(CommandScope scope)
        : base(
            scope,
            "map",
            "Show the nodes of the network: where each stands, what it has room for, and how many programs it has at hand.",
            new("Which nodes are there?", "stoa network map"),
            new("Where are those of a region reached?", "stoa network map --region eu-central --json | jq -r '.items[].addresses[0]'"))
    {
        Add(_region);
        Add(_limit);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var region = invocation.Get(_region);
        var (offers, hasMore) = await ListLimit.TakeAsync(
            invocation.Client.ListOffersAsync(cancellationToken).Where(offer => region is null || offer.Region == region), invocation.Get(_limit));
        if (invocation.IsJson)
        {
            invocation.Screen.Json(new ListResponse<OfferResponse>(offers), json => json.ListResponseOfferResponse);
            return ExitCode.Ok;
        }

        if (offers.Count == 0)
        {
            invocation.Screen.Note(region is null ? "No node has said what it offers: see stoa network show whether this one takes part." : $"No node of {Format.Escaped(region)} has said what it offers.");
            return ExitCode.Ok;
        }

        invocation.Screen.Table(
            ["Node", "Region", "Workers", "Memory", "Programs", "Models", "To creators", "Receipts", "Reached at"],
            [.. offers.Select(offer => (IReadOnlyList<string>)
            [
                offer.IsThisNode ? offer.Node + " (this one)" : offer.Node,
                offer.Region ?? "",
                offer.Workers.ToString(CultureInfo.InvariantCulture),
                Format.Size(offer.MemoryBytes),
                offer.Programs.Count.ToString(CultureInfo.InvariantCulture),
                (offer.Models?.Count ?? 0).ToString(CultureInfo.InvariantCulture),
                offer.Split is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{offer.Split.CreatorPercent} %"),
                offer.Receipts?.Count.ToString("N0", CultureInfo.InvariantCulture) ?? "",
                offer.Addresses is [var first, ..] ? first : "",
            ])]);
        ListLimit.TellOfMore(invocation, hasMore);
        return ExitCode.Ok;
    }
}

using System.CommandLine;
using System.Globalization;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa listing</c>: what is listed in the whole network.</summary>
internal static class ListingCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "listing",
        "Find agents, models, templates, bundles and datasets of the whole network, by the keys of their publishers, and publish yours.",
        [
            new("What can work on pictures, anywhere?", "stoa listing search image"),
            new("What else is like it?", "stoa listing similar stoa/image-resize"),
            new("Publish a model whose weights are uploaded", "stoa listing publish model.json"),
            new("What belongs to an agent, to be had again", "stoa listing resolve stoa/picture-page@^1.0.0 --lock"),
        ],
        new ListingSearchCommand(scope),
        new ListingShowCommand(scope),
        new ListingSimilarCommand(scope),
        new ListingUsedWithCommand(scope),
        new ListingVersionsCommand(scope),
        new ListingReviewsCommand(scope),
        new ListingResolveCommand(scope),
        new ListingContradictionsCommand(scope),
        new ListingGetCommand(scope),
        new ListingPublishCommand(scope),
        ListingWithdrawalCommands.Withdraw(scope),
        ListingWithdrawalCommands.Reinstate(scope),
        ListingNoteCommands.Deprecate(scope),
        ListingNoteCommands.Transfer(scope),
        new ListingSubmitCommand(scope));

    /// <summary>Listings as a table.</summary>
    internal static void Show(Invocation invocation, IReadOnlyList<ListingResponse> listings) => invocation.Screen.Table(
        ["Name", "Kind", "Version", "Publisher", "Can do", "From", "Rating", "Key"],
        [.. listings.Select(listing => (IReadOnlyList<string>)
        [
            listing.Name,
            listing.Kind,
            listing.Version + (listing.Deprecation is null ? "" : " (deprecated)"),
            Say(listing.Publisher),
            string.Join(", ", listing.Capabilities),
            (listing.Price?.Base ?? listing.Model?.PerMillionInputTokens) is { } price ? Format.Money(price) : "",
            listing.Standing?.Rating is { } rating ? string.Create(CultureInfo.InvariantCulture, $"{rating:0.0} ({listing.Standing.Reviews:N0})") : "",
            listing.Publisher.Key,
        ])]);

    /// <summary>Who publishes, with what is only claimed marked.</summary>
    internal static string Say(ListingPublisherBody publisher) => (publisher switch
    {
        { Handle: { } handle, Verified: true } => handle,
        { Handle: { } handle } => $"{handle} (unverified)",
        { DisplayName: { } name } => $"{name} (unverified)",
        _ => publisher.Key,
    }) + (publisher.Contradictions is null ? "" : " (has contradicted itself)");
}

/// <summary><c>stoa listing show</c>.</summary>
internal sealed class ListingShowCommand : StoaCommand
{
    private readonly Argument<string> _listing = new("LISTING") { Description = "KEY/NAME or HANDLE/NAME, as stoa listing search shows it." };

    public ListingShowCommand(CommandScope scope)
        : base(
            scope,
            "show",
            "Show a listing of the network: who publishes it, its versions, where they are at hand.",
            new("By the publisher's handle", "stoa listing show stoa/image-resize"),
            new("By the publisher's key, which is unmistakable", "stoa listing show QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/image-resize"))
    {
        Add(_listing);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var reference = CommonArguments.ParseAgent(invocation.Get(_listing));
        var found = await invocation.Client.GetListingAsync(reference.Publisher, reference.Name, cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(found, json => json.ListingDetailsResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Markup($"[bold]{Format.Escaped(found.Name)}[/]");
        invocation.Screen.Line(Format.Wrap(Format.Clean(found.Description), invocation.Screen.Surroundings.TerminalWidth ?? 100, 0));
        invocation.Screen.Line();
        invocation.Screen.Facts(
            ("Kind", Format.Escaped(found.Kind)),
            ("Publisher", Format.Escaped(ListingCommands.Say(found.Publisher))),
            ("Key", Format.Escaped(found.Publisher.Key)),
            ("Newest", found.Newest is null ? null : Format.Escaped(found.Newest)),
            ("Goes on as", found.MovedTo is null ? null : Format.Escaped(found.MovedTo)),
            ("Goes on from", found.MovedFrom is null ? null : Format.Escaped(found.MovedFrom)),
            ("Deprecated", found.Deprecation is null ? null : Format.Escaped(Say(found.Deprecation))));
        invocation.Screen.Line();
        invocation.Screen.Table(
            ["Version", "State", "Published", "Nodes", "Why"],
            [.. found.Versions.Select(version => (IReadOnlyList<string>)
            [
                version.Version,
                version.State,
                Format.Time(version.StatedAt),
                version.Nodes.Count.ToString(CultureInfo.InvariantCulture),
                version.ContradictionId is { } other
                    ? $"signed twice: {version.StatementId} and {other}"
                    : version.Withdrawal?.Reason ?? (version.Deprecation is null ? "" : Say(version.Deprecation)),
            ])]);
        ShowNodes(invocation, found.Versions);
        ShowSellers(invocation, found.Versions);
        if (found.Publisher.Contradictions is { } count)
        {
            invocation.Screen.Note(
                $"[grey]The publisher has signed two listings that say different things, of {Format.Count(count, "version", "versions")}. Check it with:[/] stoa listing contradictions {Format.Escaped(found.Publisher.Key)} --verify");
        }

        return ExitCode.Ok;
    }

    /// <summary>Where it is at hand: a line a node, since peer ids are long and many nodes have several versions.</summary>
    private static void ShowNodes(Invocation invocation, IReadOnlyList<ListingVersionBody> versions)
    {
        var nodes = versions.SelectMany(version => version.Nodes.Select(node => (Node: node, version.Version))).GroupBy(one => one.Node, one => one.Version).ToList();
        if (nodes.Count == 0)
            return;
        invocation.Screen.Line();
        invocation.Screen.Table(["Node", "Has at hand"], [.. nodes.Select(node => (IReadOnlyList<string>)[node.Key, string.Join(", ", node)])]);
    }

    /// <summary>Who sells answers of a model, and for how much: a line for each version of a node.</summary>
    private static void ShowSellers(Invocation invocation, IReadOnlyList<ListingVersionBody> versions)
    {
        var sellers = versions.SelectMany(version => version.Sellers ?? [], (version, seller) => (version.Version, Seller: seller)).ToList();
        if (sellers.Count == 0)
            return;
        invocation.Screen.Line();
        invocation.Screen.Table(
            ["Sold by", "Version", "Input", "Output", "Context", "Tokens/s", "Region"],
            [.. sellers.Select(one => (IReadOnlyList<string>)
            [
                one.Seller.Node,
                one.Version,
                Format.Money(one.Seller.InputPrice),
                Format.Money(one.Seller.OutputPrice),
                one.Seller.ContextLength?.ToString(CultureInfo.InvariantCulture) ?? "",
                one.Seller.TokensPerSecond?.ToString(CultureInfo.InvariantCulture) ?? "",
                one.Seller.Region ?? "",
            ])]);
    }

    private static string Say(ListingDeprecationBody deprecation) =>
        string.Join(' ', new[] { deprecation.Reason ?? "yes", deprecation.Instead is null ? null : $"Use {deprecation.Instead}." }.OfType<string>());
}

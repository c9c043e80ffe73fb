using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa network vouch</c>.</summary>
internal sealed class NetworkVouchCommand : StoaCommand
{
    private readonly Argument<string> _key = new("KEY") { Description = "The peer id of a publisher's or a node's key, such as Qm…." };
    private readonly Option<bool> _receipts = new("--receipts") { Description = "It is a node whose word for receipts is believed: reviews for which it gives it count here." };

    public NetworkVouchCommand(CommandScope scope)
        : base(
            scope,
            "vouch",
            "Vouch for a publisher or a node: its statements cost no work here, and it may have more of them. Administrators only.",
            new("A publisher", "stoa network vouch QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"),
            new("A node that you know, whose consumers' reviews are to count here", "stoa network vouch QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N --receipts"),
            new("Not any more", "stoa network unvouch QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"))
    {
        Add(_key);
        Add(_receipts);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var signer = await invocation.Client.VouchForSignerAsync(invocation.Get(_key)!, invocation.Get(_receipts), cancellationToken);
        if (invocation.IsJson)
            invocation.Screen.Json(signer, json => json.SignerResponse);
        else
            invocation.Screen.Markup($"[green]✓[/] {Format.Escaped(signer.Key)} is {(signer.Standing == "own" ? "this cell's own anyway" : signer.Standing == "believed" ? "vouched for, and its word for receipts is believed" : "vouched for")}.");
        return ExitCode.Ok;
    }
}

/// <summary><c>stoa network unvouch</c>.</summary>
internal sealed class NetworkUnvouchCommand : StoaCommand
{
    private readonly Argument<string> _key = new("KEY") { Description = "The peer id of a publisher's or a node's key, such as Qm…." };

    public NetworkUnvouchCommand(CommandScope scope)
        : base(
            scope,
            "unvouch",
            "Vouch for a publisher or a node no more. What it has said stays. Administrators only.",
            new CommandExample("It has lied", "stoa network unvouch QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N")) =>
        Add(_key);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        await invocation.Client.StopVouchingForSignerAsync(invocation.Get(_key)!, cancellationToken);
        if (!invocation.IsJson)
            invocation.Screen.Markup("[green]✓[/] It is a stranger now.");
        return ExitCode.Ok;
    }
}

/// <summary><c>stoa network signers</c>.</summary>
internal sealed class NetworkSignersCommand : StoaCommand
{
    private readonly Option<string?> _standing = new("--standing") { Description = "Only those who stand so: stranger, vouched, believed, own or forgotten.", HelpName = "STANDING" };
    private readonly Option<int> _limit = ListLimit.Option();

    public NetworkSignersCommand(CommandScope scope)
        : base(
            scope,
            "signers",
            "List who says something in the registry: publishers, reviewers and nodes, by their keys. Administrators only.",
            new("For whom do we vouch?", "stoa network signers --standing vouched"),
            new("Who has the most?", "stoa network signers --limit 200 --json | jq '.items | max_by(.bytes)'"))
    {
        _standing.Accepts("stranger", "vouched", "believed", "own", "forgotten");
        Add(_standing);
        Add(_limit);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var (signers, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListSignersAsync(invocation.Get(_standing), cancellationToken), invocation.Get(_limit));
        if (invocation.IsJson)
        {
            invocation.Screen.Json(new ListResponse<SignerResponse>(signers), json => json.ListResponseSignerResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Table(
            ["Key", "Name", "Standing", "Statements", "Size", "Contradictions"],
            [.. signers.Select(signer => (IReadOnlyList<string>)
            [
                signer.Key,
                signer.Handle is null ? "" : signer.IsOwnHandle ? signer.Handle : $"{signer.Handle} (unverified)",
                signer.Standing,
                Format.Invariant($"{signer.Statements}"),
                Format.Size(signer.Bytes),
                signer.Contradictions is { } count ? Format.Invariant($"{count}") : "",
            ])]);
        ListLimit.TellOfMore(invocation, hasMore);
        return ExitCode.Ok;
    }
}

using System.CommandLine;
using Stoa.Cli.Receipts;
using Stoa.Cli.Terminal;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa task auction</c>.</summary>
internal sealed class TaskAuctionCommand : StoaCommand
{
    private readonly Argument<string> _id = CommonArguments.Task();
    private readonly Option<bool> _verify = new("--verify") { Description = "Check every signature and decide the auction again, here, from its signed record. The exit code is 0 when it comes out the same." };
    private readonly Option<string?> _node = new("--node") { Description = "With --verify: peer id of the node that must have signed. Default: the node that is asked.", HelpName = "PEER-ID" };

    public TaskAuctionCommand(CommandScope scope)
        : base(
            scope,
            "auction",
            "Show who bid for a task that was submitted with --auction: every bid with its score, why it won or lost, and what it is paid.",
            new("Who won, and at what price?", "stoa task auction task_01h2xcejqtf2nbrexx3vqjhp41"),
            new("Was it decided right?", "stoa task auction task_01h2xcejqtf2nbrexx3vqjhp41 --verify"))
    {
        Add(_id);
        Add(_verify);
        Add(_node);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var auction = await invocation.Client.GetTaskAuctionAsync(invocation.Get(_id), cancellationToken);
        AuctionCheck? check = null;
        if (invocation.Get(_verify))
            check = AuctionCheck.Verify(auction, await NodeAsync(invocation, cancellationToken));
        if (invocation.IsJson)
        {
            invocation.Screen.Json(auction, json => json.AuctionResponse);
            return ExitCode.Ok;
        }

        AuctionView.Show(invocation.Screen, auction);
        if (check is not null)
            invocation.Screen.Markup($"[green]✓[/] Signed by node {check.Record.NodeKey.PeerId}; decided again on this machine from its {check.Record.Bids.Count} signed bids: the same ranking, the same prices.");
        else if (auction.Award is not null)
            invocation.Screen.Note("[grey]Whether it was decided right, this machine can find out: --verify[/]");
        return ExitCode.Ok;
    }

    private async Task<PeerId> NodeAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var text = invocation.Get(_node) ?? (await invocation.Client.GetNodeAsync(cancellationToken)).PeerId;
        return PeerId.TryParse(text, out var peer) ? peer : throw new CommandFailure($"'{text}' is not a peer id.");
    }
}

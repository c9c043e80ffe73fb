using System.CommandLine;
using Stoa.Cli.Receipts;
using Stoa.Cli.Sealing;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa receipt verify</c>.</summary>
internal sealed class ReceiptVerifyCommand : StoaCommand
{
    private readonly Argument<string> _subject = new("RECEIPT|TASK") { Description = "A file with a receipt, - for standard input, or the id of a task (task_…)." };
    private readonly Option<bool> _rerun = new("--rerun") { Description = "Run the program on the input again, in a sandbox on this machine, and compare output and fuel." };
    private readonly Option<string?> _input = new("--input") { Description = "The input of the run, where the node does not give it to you; of a sealed task as it was sealed.", HelpName = "FILE" };
    private readonly Option<string?> _replyKey = KeptSeals.Option();
    private readonly Option<string?> _node = new("--node") { Description = "Peer id of the node that must have signed. Default for a task: the node that is asked, or the one that it says has run it.", HelpName = "PEER-ID" };

    public ReceiptVerifyCommand(CommandScope scope)
        : base(
            scope,
            "verify",
            "Check a receipt: who signed it, whether its sums are right, and with --rerun whether what it says is true. The exit code is 0 when it holds.",
            new("Of a task, by running it again", "stoa receipt verify task_01h2xcejqtf2nbrexx3vqjhp41 --rerun"),
            new("Of somebody else, from a file", "stoa receipt verify receipt.json --rerun --input photo.png"))
    {
        Add(_subject);
        Add(_rerun);
        Add(_input);
        Add(_replyKey);
        Add(_node);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var subject = invocation.Get(_subject);
        var isTask = TypeId.TryParse(subject, out var id) && id.Prefix == "task";
        var envelope = isTask
            ? await invocation.Client.GetReceiptAsync(subject, cancellationToken)
            : await SmallFile.ReadEnvelopeAsync(invocation, subject, "receipt", cancellationToken);
        // Another operator's node has signed for the task that it was there.
        var supplied = isTask ? (await invocation.Client.GetTaskAsync(subject, cancellationToken: cancellationToken)).Result?.Supplied : null;
        if (supplied is not null && invocation.Get(_rerun))
        {
            throw new CommandFailure(
                $"The node {supplied.Node} has run it, and the program is there: it cannot be run again from here.", ExitCode.Refused, hint: RerunElsewhere(subject));
        }

        var check = ReceiptCheck.Verify(envelope, await FindNodeAsync(invocation, isTask, supplied, cancellationToken));
        if (isTask && check.Receipt.TaskId.ToString() != (supplied?.TaskId ?? subject))
            throw new CommandFailure($"The node gave the receipt of {check.Receipt.TaskId}, not of {supplied?.TaskId ?? subject}.", ExitCode.Refused);
        var auction = isTask && check.Receipt.Auction is not null ? await AuctionCheck.OfAsync(invocation.Client, check.Receipt, cancellationToken) : null;
        var report = invocation.Get(_rerun) ? await RerunAsync(invocation, check, cancellationToken) : null;
        Tell(invocation.Screen, check.Receipt, auction, report, supplied is null ? "--rerun" : RerunElsewhere(subject));
        return report is null or { Confirms: true } ? ExitCode.Ok : ExitCode.Refused;
    }

    private async Task<RerunReport> RerunAsync(Invocation invocation, ReceiptCheck check, CancellationToken cancellationToken)
    {
        var inputFile = invocation.Get(_input) is { } path ? invocation.Surroundings.FullPath(path) : null;
        return await TaskProgress.RunAsync(
            invocation.Screen,
            "running it again",
            _ => check.RerunAsync(
                invocation.Client,
                inputFile,
                invocation.Surroundings.TimeProvider,
                cancellationToken,
                _ => KeptSeals.Find(invocation.Surroundings, check.Receipt.InputDigest.ToString(), invocation.Get(_replyKey)).Open()));
    }

    private async Task<PeerId?> FindNodeAsync(Invocation invocation, bool isTask, SuppliedBody? supplied, CancellationToken cancellationToken)
    {
        if (invocation.Get(_node) is { } named)
            return PeerId.TryParse(named, out var peer) ? peer : throw new CommandFailure($"'{named}' is not a peer id.");
        if (supplied is not null)
            return PeerId.Parse(supplied.Node);
        return isTask ? PeerId.Parse((await invocation.Client.GetNodeAsync(cancellationToken)).PeerId) : null;
    }

    private static void Tell(Screen screen, Receipt receipt, AuctionCheck? auction, RerunReport? report, string way)
    {
        if (screen.IsJson)
        {
            screen.JsonObject(
                ("receiptId", receipt.Id.ToString()),
                ("taskId", receipt.TaskId.ToString()),
                ("node", receipt.NodeKey.PeerId.ToString()),
                ("signatureValid", true),
                ("price", receipt.Price.ToString()),
                ("sealedTo", receipt.SealedTo?.ToString()),
                ("auctionId", receipt.Auction?.Id.ToString()),
                ("awardConfirms", auction is null ? null : true),
                ("rerunConfirms", report?.Confirms),
                ("rerunOutputMatches", report?.OutputMatches),
                ("rerunFuelMatches", report?.FuelMatches),
                ("calls", (long)receipt.Calls.Count),
                ("rerunCallsMatch", report?.CallsMatch),
                ("modelRequests", (long)receipt.ModelRequests.Count),
                ("repeatable", receipt.IsRepeatable));
            return;
        }

        screen.Markup($"[green]✓[/] [bold]{receipt.Id}[/] was signed by node {receipt.NodeKey.PeerId}");
        screen.Facts(
            ("Task", receipt.TaskId.ToString()),
            ("Agent", Format.Escaped(receipt.Agent.ToString())),
            ("Input", $"{Format.Size(receipt.Usage.InputBytes)}, [grey]{receipt.InputDigest}[/]"),
            ("Output", $"{Format.Size(receipt.Usage.OutputBytes)}, [grey]{receipt.OutputDigest}[/]"),
            ("Sealed", receipt.SealedTo is { } sealedTo ? $"input and output, to the key {sealedTo}; the digests are those of the sealed bytes" : null),
            ("Fuel", Format.Fuel(receipt.Usage.Fuel)),
            ("Price", $"{Format.Money(receipt.Price.ToString())} = {Split(receipt)}"),
            ("Royalties", receipt.Royalties.Count == 0 ? null : string.Join(", ", receipt.Royalties.Select(part => $"{Format.Money(part.Amount.ToString())} {Format.Escaped(part.To)} for {Format.Escaped(part.Agent.ToString())}"))),
            ("Auction", receipt.Auction is { } won ? $"{won.Id}, award [grey]{won.AwardDigest}[/]" : null),
            ("Finished", Format.Time(receipt.FinishedAt)));
        ReceiptTree.Show(screen, receipt);
        if (auction is not null)
            screen.Markup($"[green]✓[/] Its rates are those of the award, decided again on this machine from {auction.Record.Bids.Count} signed bids.");
        if (report is { Confirms: true })
            screen.Markup("[green]✓[/] Run again on this machine: the same output, the same fuel.");
        else if (report is not null)
            screen.Markup($"[red]✗[/] Run again on this machine: {Difference(receipt, report)}");
        else if (!receipt.IsRepeatable)
            screen.Note(Format.Escaped(ReceiptRerun.WhyNotRepeatable(receipt)));
        else
            screen.Note($"[grey]Whether it is true, this machine can find out:[/] {Format.Escaped(way)}");
    }

    // The receipt names the agent as the node has it that ran it.
    private static string RerunElsewhere(string task) =>
        $"stoa receipt get {task} -o receipt.json, then at that node's address: stoa receipt verify receipt.json --rerun --input FILE --address URL";

    internal static string Split(Receipt receipt) =>
        $"{Format.Money(receipt.Shares.Creator.ToString())} creator + {Format.Money(receipt.Shares.Node.ToString())} node + {Format.Money(receipt.Shares.Platform.ToString())} platform";

    private static string Difference(Receipt receipt, RerunReport report) => report switch
    {
        { Outcome: AttemptOutcome.Failed failed } => Format.Escaped($"it failed here ({failed.Failure.Detail})"),
        { OutputMatches: false } => Format.Escaped($"another output came ({report.Output})."),
        { FuelMatches: true } => "other calls were made, or they did something else.",
        _ => $"another amount of fuel was burnt: {report.Usage?.Fuel} instead of {receipt.Usage.Fuel}.",
    };
}

using System.CommandLine;
using System.Globalization;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa task selection</c>.</summary>
internal sealed class TaskSelectionCommand : StoaCommand
{
    private readonly Argument<string> _id = CommonArguments.Task();

    public TaskSelectionCommand(CommandScope scope)
        : base(
            scope,
            "selection",
            "Explain who was chosen for a task that was submitted with --capability, and why the others were not.",
            new CommandExample("Why this agent?", "stoa task selection task_01h2xcejqtf2nbrexx3vqjhp41"),
            new CommandExample("Who failed it first?", "stoa task selection task_01h2xcejqtf2nbrexx3vqjhp41 --json | jq -r '.tried[]'")) =>
        Add(_id);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var selection = await invocation.Client.GetSelectionAsync(invocation.Get(_id), cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(selection, json => json.SelectionResponse);
            return ExitCode.Ok;
        }

        if (selection.Auction is { } auction)
        {
            invocation.Screen.Markup(selection.Winner is { } winner
                ? $"An auction decided: [bold]{Format.Escaped(winner)}[/] has the task. See the bids: stoa task auction {Format.Escaped(selection.TaskId)}"
                : auction.State == "open"
                    ? $"Bids are taken until {Format.Time(auction.ClosesAt)}. See: stoa task auction {Format.Escaped(selection.TaskId)}"
                    : $"Nobody made a bid that could win. See: stoa task auction {Format.Escaped(selection.TaskId)}");
        }

        for (var turn = 0; turn < selection.Choices.Count; turn++)
            Show(invocation, selection, turn);
        return ExitCode.Ok;
    }

    private static void Show(Invocation invocation, SelectionResponse selection, int turn)
    {
        var choice = selection.Choices[turn];
        if (turn > 0)
            invocation.Screen.Markup($"[yellow]{Format.Escaped(selection.Tried[turn - 1])} failed it.[/]");
        invocation.Screen.Markup(turn == 0 && selection.Auction is not null
            ? $"{choice.CandidateCount} could do it, by their scores:"
            : $"[bold]{Format.Escaped(choice.Chosen)}[/] of {choice.CandidateCount}{(choice.IsExploring ? ", to learn about it" : "")}");
        if (choice.Unfit.Count > 0)
            invocation.Screen.Note($"[grey]Not fit: {string.Join(", ", choice.Unfit.Select(entry => $"{entry.Value} {entry.Key}"))}[/]");
        var isNetwork = choice.Candidates.Any(candidate => candidate.Supplier is not null);
        var isNear = choice.RegionWeight is not null;
        invocation.Screen.Table(
            [.. isNetwork ? (string[])["At"] : [], "Agent", "Score", "Quality", "Price", "Speed", "There", .. isNear ? (string[])["Near"] : [], "Expected", "Most", "Runs", "Standing"],
            [.. choice.Candidates.Select(candidate => (IReadOnlyList<string>)
            [
                .. isNetwork ? (string[])[candidate.Supplier is { } node ? $"…{node[^6..]}" : "here"] : [],
                candidate.Agent,
                Number(candidate.Score),
                Number(candidate.Parts.Quality),
                Number(candidate.Parts.Price),
                Number(candidate.Parts.Speed),
                Number(candidate.Parts.Availability),
                .. isNear ? (string[])[Number(candidate.Region ?? 0)] : [],
                candidate.ExpectedPrice,
                candidate.PriceAtLimits,
                candidate.Load.ToString(CultureInfo.InvariantCulture),
                candidate.Standing,
            ])]);
    }

    private static string Number(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}

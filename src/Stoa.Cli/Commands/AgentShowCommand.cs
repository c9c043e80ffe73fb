using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa agent show</c>.</summary>
internal sealed class AgentShowCommand : StoaCommand
{
    private readonly Argument<string> _agent;

    public AgentShowCommand(CommandScope scope)
        : base(
            scope,
            "show",
            "Show an agent: what it reads and writes, its parameters, limits, price and versions.",
            new("The newest version", "stoa agent show stoa/image-resize"),
            new("A certain one", "stoa agent show stoa/image-resize@1.1.0"))
    {
        _agent = CommonArguments.Agent(scope, "PUBLISHER/NAME, or PUBLISHER/NAME@VERSION for one that is not the newest.");
        Add(_agent);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var reference = CommonArguments.ParseAgent(invocation.Get(_agent));
        var found = await invocation.Client.GetAgentAsync(reference, cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(found, json => json.AgentResponse);
            return ExitCode.Ok;
        }

        var (versions, _) = await ListLimit.TakeAsync(invocation.Client.ListAgentVersionsAsync(reference, cancellationToken), limit: 10);
        // Of an agent of which nothing is offered there are no reviews either.
        var rating = versions.Count == 0 ? null : (await invocation.Client.GetAgentReviewsAsync(reference, limit: 1, cancellationToken: cancellationToken)).Rating;
        Show(invocation.Screen, found, versions, rating);
        return ExitCode.Ok;
    }

    /// <summary>What the price is multiplied by; null when by nothing.</summary>
    private static string? Factors(AgentPriceBody price)
    {
        List<string> factors = [];
        Add(price.Tiers?.Background, "for background tasks");
        Add(price.Tiers?.High, "for high priority");
        Add(price.Tiers?.Urgent, "for urgent tasks");
        if (price.Demand is { } demand)
            Add(demand.Max, Format.Invariant($"at most for demand, from {(demand.From ?? 0) * demand.Capacity:0.#} to {demand.Capacity} open tasks"));
        var volume = price.Volume ?? [];
        for (var index = 0; index < volume.Count; index++)
        {
            var (from, factor) = volume[index];
            Add(factor, Format.Invariant($"once {from:N0} {(index > 0 ? "are" : from == 1 ? "task of the month is paid for" : "tasks of the month are paid for")}"));
        }

        return factors.Count == 0 ? null : string.Join(", ", factors);

        void Add(decimal? factor, string when)
        {
            if (factor is not null)
                factors.Add(Format.Invariant($"{factor:0.###} {when}"));
        }
    }

    /// <summary>To whom parts of the creator's share go; null when to nobody else.</summary>
    private static string? Royalties(AgentResponse agent) => agent.Royalties is { Count: > 0 } royalties
        ? "of the creator's share " + string.Join(", ", royalties.Select(royalty => Format.Invariant($"{royalty.Share * 100:0.#} % to ")
            + Format.Escaped(royalty.To ?? $"the makers of {royalty.Agent}")))
        : null;

    /// <summary>Which agents it calls, and what that costs at most; null when it calls nobody.</summary>
    private static string? Uses(AgentResponse agent) => agent.Uses is { Count: > 0 } uses
        ? string.Join(", ", uses.Select(use => $"{Format.Escaped(use.Agent)}{(use.Range is { } range ? Format.Escaped($" (of {range})") : "")} up to {use.MaxCalls}× for {Format.Money(use.MaxPrice)}"))
            + (uses.Count > 1 ? $": {Format.Money(agent.MaxPriceOfCalls ?? "0")} at most" : "")
        : null;

    /// <summary>Which models it asks, and what that costs at most; null when it asks none.</summary>
    private static string? Asks(AgentResponse agent) => agent.Asks is { Count: > 0 } asks
        ? string.Join(", ", asks.Select(ask => $"{Format.Escaped(NameOf(ask))} up to {ask.MaxRequests}× for {Format.Money(ask.MaxPrice)}"))
        : null;

    private static string NameOf(AgentAskBody ask) => ask switch
    {
        { Listing: { } listing, Range: { } range } => $"{listing}@{range}",
        { Listing: { } listing } => listing,
        { Route: { } route } => $"what {route} stands for",
        { Auto: { Count: > 0 } able } => $"any model that can {string.Join(", ", able)}",
        _ => "any model",
    };

    /// <summary>Which models it needs beside it; null when it needs none.</summary>
    private static string? Models(AgentResponse agent) => agent.Models is { Count: > 0 } models
        ? string.Join(", ", models.Select(model => Format.Escaped($"{model.Listing}{(model.Range is { } range ? $"@{range}" : "")}{(model.Preferred is true ? " (preferred)" : "")}")))
        : null;

    /// <summary>Since when it is offered no more, and why; null while it is.</summary>
    private static string? Withdrawn(AgentResponse agent) => agent.Withdrawal is { } withdrawal
        ? $"[yellow]{Format.Time(withdrawal.At)}[/]" + (withdrawal.Reason is { } reason ? $": {Format.Escaped(Format.Clean(reason))}" : "")
        : null;

    private static void Show(Screen screen, AgentResponse agent, IReadOnlyList<AgentResponse> versions, RatingBody? rating)
    {
        screen.Markup($"[bold]{Format.Escaped(agent.Listing)}[/]");
        screen.Line(Format.Wrap(Format.Clean(agent.Description), screen.Surroundings.TerminalWidth ?? 100, 0));
        screen.Line();
        screen.Facts(
            ("Can do", Format.Escaped(string.Join(", ", agent.Capabilities))),
            ("Tags", agent.Tags.Count == 0 ? null : Format.Escaped(string.Join(", ", agent.Tags))),
            ("Reads", Format.Escaped(agent.Input.MediaType) + (agent.Input.Schema is null ? "" : " (with a JSON Schema)")),
            ("Writes", Format.Escaped(agent.Output.MediaType) + (agent.Output.Schema is null ? "" : " (with a JSON Schema)")),
            ("Price", $"{Format.Money(agent.Price.Base)} a task + {Format.Money(agent.Price.PerMegabyte)} a MB read + {Format.Money(agent.Price.PerGigafuel)} a Gfuel"
                + (agent.Price.PerGigabyteSecond is { } perGigabyteSecond ? $" + {Format.Money(perGigabyteSecond)} a GB and second" : "")),
            ("Times", Factors(agent.Price)),
            ("Royalties", Royalties(agent)),
            ("Uses", Uses(agent)),
            ("Asks", Asks(agent)),
            ("Models", Models(agent)),
            ("At most", $"{Format.Fuel(agent.Limits.Fuel)}, {Format.Size(agent.Limits.MemoryBytes)} memory, {Format.Duration(TimeSpan.FromMilliseconds(agent.Limits.TimeoutMs))}, {Format.Size(agent.Limits.OutputBytes)} output"),
            ("Program", $"{Format.Size(agent.ProgramBytes)}, [grey]{Format.Escaped(agent.ProgramDigest)}[/]"),
            ("Published", Format.Time(agent.PublishedAt)),
            ("Withdrawn", Withdrawn(agent)),
            ("Reviews", rating is null ? null : ReviewCommands.Say(rating)),
            ("Versions", versions.Count == 0 ? null : Format.Escaped(string.Join(", ", versions.Select(version => version.Version)))));
        if (agent.Parameters.Count > 0)
        {
            screen.Line();
            screen.Table(
                ["Parameter", "Type", "Default", "Description"],
                [.. agent.Parameters.Select(parameter => (IReadOnlyList<string>)
                [
                    parameter.Name,
                    parameter.Values is { Count: > 0 } values ? string.Join(" | ", values) : parameter.Type,
                    parameter.Default ?? "",
                    parameter.Description,
                ])]);
        }

        if (agent.Withdrawal is not null)
            return;
        var parameters = string.Concat(agent.Parameters.Where(parameter => parameter.Default is null).Select(parameter => $" --param {parameter.Name}=VALUE"));
        screen.Note($"\n[grey]Use it: stoa task submit {Format.Escaped(agent.Publisher)}/{Format.Escaped(agent.Name)} FILE{Format.Escaped(parameters)}[/]");
    }
}

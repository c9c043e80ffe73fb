using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa agent list</c>.</summary>
internal sealed class AgentListCommand : StoaCommand
{
    private readonly Argument<string?> _text = new("TEXT") { Description = "Words to search for in name, description and tags.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _capability = new("--capability", "-c") { Description = "Only agents that can do this, such as image.resize.", HelpName = "NAME" };
    private readonly Option<string?> _publisher = new("--publisher", "-p") { Description = "Only agents of this publisher.", HelpName = "HANDLE" };
    private readonly Option<int> _limit = ListLimit.Option();

    public AgentListCommand(CommandScope scope)
        : base(
            scope,
            "list",
            "Find agents: the newest version of each.",
            new("All", "stoa agent list"),
            new("What can work on pictures?", "stoa agent list image"),
            new("Names only, for a script", "stoa agent list --json | jq -r '.items[].listing'"))
    {
        Add(_text);
        Add(_capability);
        Add(_publisher);
        Add(_limit);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var query = new AgentQuery(invocation.Get(_text), invocation.Get(_capability), invocation.Get(_publisher));
        var (agents, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListAgentsAsync(query, cancellationToken), invocation.Get(_limit));
        if (invocation.IsJson)
        {
            invocation.Screen.Json(new ListResponse<AgentResponse>(agents), json => json.ListResponseAgentResponse);
            return ExitCode.Ok;
        }

        if (agents.Count == 0)
        {
            invocation.Screen.Note(query == new AgentQuery()
                ? "[grey]No agents yet. Publish one with: stoa agent publish DIR (in a checkout: samples/markdown-html), or make one with: stoa agent new NAME[/]"
                : "[grey]No agent fits. See all with: stoa agent list[/]");
            return ExitCode.Ok;
        }

        invocation.Screen.Table(
            ["Agent", "Version", "Can do", "From", "Description"],
            [.. agents.Select(agent => (IReadOnlyList<string>)
            [
                $"{agent.Publisher}/{agent.Name}",
                agent.Version,
                string.Join(", ", agent.Capabilities),
                Format.Money(agent.Price.Base),
                agent.Description,
            ])]);
        ListLimit.TellOfMore(invocation, hasMore);
        return ExitCode.Ok;
    }
}

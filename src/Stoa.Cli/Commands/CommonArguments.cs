using System.CommandLine;
using Stoa.Cli.Completion;
using Stoa.Client;

namespace Stoa.Cli.Commands;

/// <summary>Arguments that several commands take.</summary>
internal static class CommonArguments
{
    /// <summary>An agent; completion asks the node for names.</summary>
    public static Argument<string> Agent(CommandScope scope, string description)
    {
        var agent = new Argument<string>("AGENT") { Description = description };
        agent.CompletionSources.Add(context => AgentNames.Find(
            scope.Surroundings, context.ParseResult.GetValue(scope.Globals.Address), context.ParseResult.GetValue(scope.Globals.Key)));
        return agent;
    }

    public static Argument<string> Task() => new("TASK") { Description = "Id of the task (task_…)." };

    /// <exception cref="CommandFailure">Not of the form <c>publisher/name[@version]</c>.</exception>
    public static AgentReference ParseAgent(string text) => AgentReference.TryParse(text, out var agent)
        ? agent
        : throw new CommandFailure($"'{text}' is not an agent: it is written as PUBLISHER/NAME or PUBLISHER/NAME@VERSION, such as stoa/image-resize.", hint: "Find agents with: stoa agent list");
}

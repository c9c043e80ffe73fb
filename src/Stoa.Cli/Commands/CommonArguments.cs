using System.CommandLine;
using Stoa.Client;

namespace Stoa.Cli.Commands;

/// <summary>Arguments that several commands take.</summary>
internal static class CommonArguments
{
    public static Argument<string> Agent(string description) => new("AGENT") { Description = description };

    public static Argument<string> Task() => new("TASK") { Description = "Id of the task (task_…)." };

    /// <exception cref="CommandFailure">Not of the form <c>publisher/name[@version]</c>.</exception>
    public static AgentReference ParseAgent(string text) => AgentReference.TryParse(text, out var agent)
        ? agent
        : throw new CommandFailure($"'{text}' is not an agent: it is written as PUBLISHER/NAME or PUBLISHER/NAME@VERSION, such as stoa/image-resize.", hint: "Find agents with: stoa agent list");
}

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

    public static Argument<string> Task() => Id("TASK", "Id of the task (task_…).", IdKind.Task);

    /// <summary>An id of one of some kinds, which is looked at here: the node would only say that it knows none such.</summary>
    public static Argument<string> Id(string name, string description, params IReadOnlyList<IdKind> kinds)
    {
        var id = new Argument<string>(name) { Description = description };
        Check(id, kinds);
        return id;
    }

    /// <summary>As <see cref="Id"/>, and may be left out.</summary>
    public static Argument<string?> OptionalId(string name, string description, params IReadOnlyList<IdKind> kinds)
    {
        var id = new Argument<string?>(name) { Description = description, Arity = ArgumentArity.ZeroOrOne };
        Check(id, kinds);
        return id;
    }

    private static void Check(Argument id, IReadOnlyList<IdKind> kinds) => id.Validators.Add(result =>
    {
        if (result.Tokens is [var token] && IdKind.Misfit(token.Value, kinds) is { } misfit)
            result.AddError(misfit);
    });

    /// <exception cref="CommandFailure">Not of the form <c>publisher/name[@version]</c>.</exception>
    public static AgentReference ParseAgent(string text) => AgentReference.TryParse(text, out var agent)
        ? agent
        : throw new CommandFailure($"'{text}' is not an agent: it is written as PUBLISHER/NAME or PUBLISHER/NAME@VERSION, such as stoa/image-resize.", hint: "Find agents with: stoa agent list, and those of the whole network with: stoa listing search");
}

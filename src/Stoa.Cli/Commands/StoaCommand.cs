using System.CommandLine;
using Stoa.Cli.Connection;
using Stoa.Cli.Terminal;
using Stoa.Client;

namespace Stoa.Cli.Commands;

/// <summary>A command line that works, and what for.</summary>
internal sealed record CommandExample(string Purpose, string CommandLine);

/// <summary>A command that shows examples in its help.</summary>
internal interface IHasExamples
{
    IReadOnlyList<CommandExample> Examples { get; }
}

/// <summary>What all commands of one command line share.</summary>
internal sealed record CommandScope(Surroundings Surroundings, GlobalOptions Globals);

/// <summary>A command that does something. What goes wrong leaves it as an exception and becomes a message and an exit code in one place.</summary>
internal abstract class StoaCommand : Command, IHasExamples
{
    protected StoaCommand(CommandScope scope, string name, string description, params IReadOnlyList<CommandExample> examples)
        : base(name, description)
    {
        Examples = examples;
        SetAction(async (parsed, cancellationToken) =>
        {
            using var invocation = new Invocation(parsed, scope);
            if (!IsStream)
                return await RunSpellingAsync(invocation, cancellationToken);
            using var reading = OutputPipe.WhileRead(scope.Surroundings, cancellationToken);
            try
            {
                var exitCode = await RunSpellingAsync(invocation, reading.Token);
                return reading.HasReaderGone ? ExitCode.Ok : exitCode;
            }
            catch (OperationCanceledException) when (reading.HasReaderGone)
            {
                return ExitCode.Ok;
            }
        });
    }

    public IReadOnlyList<CommandExample> Examples { get; }

    /// <summary>Whether it writes to standard output for as long as somebody reads it.</summary>
    protected virtual bool IsStream => false;

    /// <returns>An exit code.</returns>
    protected abstract Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken);

    private async Task<int> RunSpellingAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        try
        {
            return await RunAsync(invocation, cancellationToken);
        }
        catch (StoaException refusal) when (Misspelling.Of(refusal.Problem) is { } word)
        {
            throw await word.SuggestAsync(invocation.Client, refusal, cancellationToken);
        }
    }
}

/// <summary>A word that only holds commands. Alone it shows its help.</summary>
internal sealed class CommandGroup : Command, IHasExamples
{
    public CommandGroup(string name, string description, IReadOnlyList<CommandExample> examples, params IReadOnlyList<Command> commands)
        : base(name, description)
    {
        Examples = examples;
        foreach (var command in commands)
            Add(command);
    }

    public IReadOnlyList<CommandExample> Examples { get; }
}

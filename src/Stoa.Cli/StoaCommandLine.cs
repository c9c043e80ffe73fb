using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Stoa.Cli.Commands;
using Stoa.Cli.Terminal;

namespace Stoa.Cli;

/// <summary>Takes the words of a command line and answers with an exit code.</summary>
internal sealed class StoaCommandLine(Surroundings surroundings)
{
    public async Task<int> RunAsync(IReadOnlyList<string> words, CancellationToken cancellationToken)
    {
        var root = StoaRootCommand.Create(surroundings);
        // What many other command lines know, too.
        if (words is ["help", ..])
            words = [.. words.Skip(1), "--help"];
        // A word that begins with an @ is a word, and no file of further words: programs under wasm run get what was typed.
        var parsed = root.Parse(words, new ParserConfiguration { ResponseFileTokenReplacer = null });
        // A parse with errors still knows whether JSON was asked for, in whichever place it stands.
        var screen = new Screen(surroundings, words.Contains("--json"));
        try
        {
            var isHelp = parsed.Action is HelpAction;
            if (isHelp || (parsed.CommandResult.Command is { Subcommands.Count: > 0, Action: null } && parsed.UnmatchedTokens.Count == 0 && parsed.Action is ParseErrorAction or null))
            {
                new HelpPrinter(screen).Print(parsed.CommandResult.Command);
                return isHelp || parsed.CommandResult.Command == root ? ExitCode.Ok : ExitCode.Usage;
            }

            if (parsed.Action is ParseErrorAction)
                return PrintParseErrors(screen, parsed);
            return await parsed.InvokeAsync(
                new InvocationConfiguration
                {
                    Output = surroundings.Out,
                    Error = surroundings.Error,
                    EnableDefaultExceptionHandler = false,
                    ProcessTerminationTimeout = null,
                },
                cancellationToken);
        }
        catch (Exception failure)
        {
            return ErrorPrinter.Print(screen, failure, new CommandWords(parsed.CommandResult.Command));
        }
    }

    private static int PrintParseErrors(Screen screen, ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var hint = $"See: {HelpPrinter.Path(command)} --help";
        if (parsed.UnmatchedTokens is [var word, ..])
        {
            var isOption = word.StartsWith('-');
            var candidates = isOption
                ? command.Options.Concat(HelpPrinter.Root(command).Options.Where(option => option.Recursive))
                    .Where(option => !option.Hidden).SelectMany(option => option.Aliases.Prepend(option.Name))
                : command.Subcommands.Where(sub => !sub.Hidden).Select(sub => sub.Name);
            var suggestions = Suggestions.For(word, candidates);
            var path = HelpPrinter.Path(command);
            var kind = isOption ? "option" : command.Subcommands.Count > 0 ? "command" : "argument";
            ErrorPrinter.Print(
                screen,
                "usage",
                $"'{path}' has no {kind} '{word}'.",
                suggestions.Count > 0
                    ? $"Did you mean: {string.Join(" or ", suggestions.Select(name => isOption ? name : $"{path} {name}"))}? {hint}"
                    : hint);
        }
        else
        {
            ErrorPrinter.Print(screen, "usage", string.Join(" ", parsed.Errors.Select(error => ParseErrors.Say(parsed, error)).Distinct()), hint);
        }

        return ExitCode.Usage;
    }
}

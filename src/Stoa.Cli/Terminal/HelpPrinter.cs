using System.CommandLine;
using System.CommandLine.Help;
using Spectre.Console;
using Stoa.Cli.Commands;

namespace Stoa.Cli.Terminal;

/// <summary>The help of a command: what it does, how it is written, its parts, and examples that can be copied.</summary>
internal sealed class HelpPrinter(Screen screen)
{
    private const int Indent = 2;
    private const int Gap = 2;
    private const int WidestFirstColumn = 32;
    private const int WidestText = 110;

    public void Print(Command command)
    {
        var width = screen.IsRich ? Math.Min(screen.Surroundings.TerminalWidth ?? WidestText, WidestText) : WidestText;
        screen.Line(Format.Wrap(command.Description ?? "", width, 0));
        Section("Usage");
        screen.Line("  " + Usage(command));
        Rows("Commands", width, command.Subcommands.Where(IsVisible).Select(sub => (Signature(sub), FirstSentence(sub.Description))));
        Rows("Arguments", width, command.Arguments.Where(IsVisible).Select(argument => (argument.HelpName ?? argument.Name, argument.Description)));
        Rows("Options", width, command.Options.Where(option => IsVisible(option) && !option.Recursive).Select(Row));
        Rows("Options of every command", width, Root(command).Options.Where(option => IsVisible(option) && option.Recursive).Select(Row));
        if (command is RootCommand)
            Rows("Exit codes", width, ExitCode.Meanings.Select(meaning => (meaning.Code.ToString(Invariant), (string?)meaning.Meaning)));
        Examples(command);
        if (command.Subcommands.Any(IsVisible))
        {
            screen.Line();
            screen.Line($"More about a command: {Path(command)} COMMAND --help");
        }
    }

    /// <summary>The words that call a command: <c>stoa task submit</c>.</summary>
    public static string Path(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? $"{Path(parent)} {command.Name}" : "stoa";

    /// <summary>The command that holds all others.</summary>
    public static Command Root(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? Root(parent) : command;

    private static System.Globalization.CultureInfo Invariant => System.Globalization.CultureInfo.InvariantCulture;

    private static bool IsVisible(Symbol symbol) => !symbol.Hidden;

    private static string Usage(Command command)
    {
        var parts = new List<string> { Path(command) };
        if (command.Subcommands.Any(IsVisible))
            parts.Add("COMMAND");
        parts.AddRange(command.Arguments.Where(IsVisible).Select(argument =>
        {
            var name = (argument.HelpName ?? argument.Name) + (argument.Arity.MaximumNumberOfValues > 1 ? "…" : "");
            return argument.Arity.MinimumNumberOfValues == 0 ? $"[{name}]" : name;
        }));
        if (command.Options.Any(option => IsVisible(option) && !option.Recursive))
            parts.Add("[options]");
        return string.Join(' ', parts);
    }

    private static string Signature(Command command) =>
        string.Join(' ', [command.Name, .. command.Arguments.Where(IsVisible).Select(argument =>
            argument.Arity.MinimumNumberOfValues == 0 ? $"[{argument.HelpName ?? argument.Name}]" : argument.HelpName ?? argument.Name)]);

    private static string? FirstSentence(string? text) =>
        text?.IndexOf(". ", StringComparison.Ordinal) is >= 0 and var end ? text[..(end + 1)] : text;

    private static (string, string?) Row(Option option)
    {
        var names = string.Join(", ", option.Aliases.Prepend(option.Name).Where(alias => alias.StartsWith('-')).OrderBy(alias => alias.Length));
        var value = option.ValueType == typeof(bool) || option is HelpOption or VersionOption ? "" : " " + (option.HelpName ?? "VALUE");
        return (names + value, option.Description);
    }

    private void Section(string title)
    {
        screen.Line();
        screen.Markup($"[bold]{title.EscapeMarkup()}[/]");
    }

    private void Rows(string title, int width, IEnumerable<(string Name, string? Text)> rows)
    {
        var all = rows.ToList();
        if (all.Count == 0)
            return;
        Section(title);
        var column = Indent + Math.Min(WidestFirstColumn, all.Max(row => row.Name.Length)) + Gap;
        foreach (var (name, text) in all)
        {
            var start = (new string(' ', Indent) + name).PadRight(column);
            if (start.Length > column)
                start += Environment.NewLine + new string(' ', column);
            screen.Line(start + Format.Wrap(text ?? "", width - column, column));
        }
    }

    private void Examples(Command command)
    {
        if (command is not IHasExamples { Examples: { Count: > 0 } examples })
            return;
        Section("Examples");
        foreach (var (index, example) in examples.Index())
        {
            if (index > 0)
                screen.Line();
            screen.Markup($"  [grey]# {example.Purpose.EscapeMarkup()}[/]");
            screen.Line("  " + example.CommandLine);
        }
    }
}

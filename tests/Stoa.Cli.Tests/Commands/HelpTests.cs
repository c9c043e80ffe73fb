using System.CommandLine;
using Stoa.Cli.Commands;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Tests.Commands;

public sealed class HelpTests
{
    public static TheoryData<string> CommandPaths =>
        [.. All(Root()).Where(command => !command.Hidden).Select(command => HelpPrinter.Path(command))];

    [Theory]
    [MemberData(nameof(CommandPaths))]
    public async Task Command_AskedForHelp_SaysWhatForAndShowsAnExampleOfItself(string path)
    {
        using var cli = new TestCli();

        (await cli.RunAsync($"{path["stoa".Length..]} --help")).ShouldBe(ExitCode.Ok);

        cli.Output.ShouldContain("Usage\n  " + path);
        cli.Output.ShouldContain("Examples\n  # ");
        cli.Output[cli.Output.IndexOf("Examples", StringComparison.Ordinal)..].ShouldContain(path == "stoa" ? "stoa " : path);
        cli.Error.ShouldBeEmpty();
    }

    [Fact]
    public void EveryPart_HasADescriptionThatEndsAsASentence()
    {
        var commands = All(Root()).ToList();
        var symbols = commands.Cast<Symbol>().Concat(commands.SelectMany(command => command.Arguments)).Concat(commands.SelectMany(command => command.Options))
            .Where(symbol => symbol is not (System.CommandLine.Help.HelpOption or VersionOption));

        foreach (var symbol in symbols)
            (symbol.Description ?? "").ShouldEndWith(".", customMessage: symbol.Name);
    }

    [Fact]
    public void EveryExample_IsACommandLineThatParses()
    {
        var root = Root();
        foreach (var example in All(root).OfType<IHasExamples>().SelectMany(command => command.Examples))
        {
            foreach (var part in example.CommandLine.Split([" | ", " && ", "; do ", "; done", "$(", ") "], StringSplitOptions.TrimEntries).Where(part => part.StartsWith("stoa ", StringComparison.Ordinal)))
            {
                var words = part["stoa ".Length..].Split(" > ")[0].TrimEnd(')').Replace('\'', '"');
                root.Parse(words).Errors.ShouldBeEmpty(example.CommandLine);
            }
        }
    }

    [Theory]
    [InlineData("help", "stoa COMMAND")]
    [InlineData("help task submit", "stoa task submit [AGENT]")]
    public async Task Help_AsAWord_IsTheHelpOfWhatFollows(string commandLine, string usage)
    {
        using var cli = new TestCli();

        (await cli.RunAsync(commandLine)).ShouldBe(ExitCode.Ok);

        cli.Output.ShouldContain("Usage\n  " + usage);
    }

    [Fact]
    public async Task RootHelp_ListsTheExitCodes()
    {
        using var cli = new TestCli();

        (await cli.RunAsync("")).ShouldBe(ExitCode.Ok);

        foreach (var (code, meaning) in ExitCode.Meanings)
            cli.Output.ShouldMatch($@"\n  {code} +{meaning}\n");
    }

    [Fact]
    public async Task GroupAlone_ShowsItsHelpAndIsAUsageError()
    {
        using var cli = new TestCli();

        (await cli.RunAsync("task")).ShouldBe(ExitCode.Usage);

        cli.Output.ShouldContain("submit [AGENT]");
    }

    private static RootCommand Root()
    {
        using var cli = new TestCli();
        return StoaRootCommand.Create(cli.Surroundings());
    }

    private static IEnumerable<Command> All(Command command) => command.Subcommands.SelectMany(All).Prepend(command);
}

using System.CommandLine;
using Stoa.Cli.Agents;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa agent new</c>.</summary>
internal sealed class AgentNewCommand : StoaCommand
{
    private readonly Argument<string> _name = new("NAME") { Description = "Of the agent and of the folder that is made for it: 2 to 64 characters of a-z 0-9 -, starting with a letter." };
    private readonly Option<string?> _language = new("--language", "-l") { Description = $"What it is written in: {string.Join(", ", Blueprint.Languages)}. Default: c.", HelpName = "NAME", DefaultValueFactory = _ => "c" };

    public AgentNewCommand(CommandScope scope)
        : base(scope, "new", "Make a folder with a small agent that works: manifest, source, build script, notes.", new CommandExample("Begin", "stoa agent new hello && cd hello && stoa agent build"))
    {
        _language.Accepts([.. Blueprint.Languages]);
        Add(_name);
        Add(_language);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var folder = invocation.Surroundings.FullPath(invocation.Get(_name));
        var agentName = Path.GetFileName(folder);
        if (!AgentFolder.IsAgentName(agentName))
            throw new CommandFailure($"'{agentName}' cannot be an agent's name: 2 to 64 characters of a-z 0-9 -, starting with a letter.");
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw new CommandFailure($"{folder} is there already, and not empty.", hint: "Choose another name, or remove the folder.");
        var files = await Blueprint.WriteAsync(invocation.Get(_language)!, agentName, folder, cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.JsonObject(("folder", folder), ("files", files));
            return ExitCode.Ok;
        }

        invocation.Screen.Markup($"[bold]{Format.Escaped(folder)}[/]");
        foreach (var file in files)
            invocation.Screen.Line("  " + file);
        invocation.Screen.Note($"[grey]Next: stoa agent build {Format.Escaped(invocation.Get(_name))}[/]");
        return ExitCode.Ok;
    }
}

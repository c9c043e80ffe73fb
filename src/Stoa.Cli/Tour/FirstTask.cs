namespace Stoa.Cli.Tour;

/// <summary>The task that the tour runs: a sample agent on a file of the repository.</summary>
/// <param name="Agent">Name of the agent.</param>
/// <param name="InputPath">The file.</param>
/// <param name="Parameters">Of the task.</param>
/// <param name="OutputName">What the result is called.</param>
internal sealed record FirstTask(string Agent, string InputPath, IReadOnlyDictionary<string, string> Parameters, string OutputName)
{
    // The first whose agent and input are there: a picture is what one sees the difference of.
    private static readonly (string Agent, Dictionary<string, string> Parameters, string OutputExtension)[] s_choices =
    [
        ("image-resize", new() { ["width"] = "640" }, ".png"),
        ("markdown-html", [], ".html"),
        ("csv-profile", [], ".json"),
    ];

    /// <exception cref="CommandFailure">No sample has an input.</exception>
    public static FirstTask Choose(IReadOnlyList<SampleAgent> agents)
    {
        foreach (var (name, parameters, extension) in s_choices)
        {
            var agent = agents.FirstOrDefault(agent => agent.Folder.Manifest.Name == name);
            var inputs = agent is null ? null : Path.Combine(agent.Folder.Path, "input");
            if (Directory.Exists(inputs) && Directory.EnumerateFiles(inputs).Order(StringComparer.Ordinal).FirstOrDefault() is { } input)
                return new FirstTask(name, input, parameters, $"{Path.GetFileNameWithoutExtension(input)}-{name}{extension}");
        }

        throw new CommandFailure("No sample agent has an example input in its input folder.", ExitCode.Refused);
    }
}

using Microsoft.Extensions.Configuration.CommandLine;

namespace Stoa.Node.Hosting;

/// <summary>Where options come from; what comes later wins: defaults, <c>stoa.json</c> in the data folder, the environment, the command line.</summary>
/// <remarks>
/// In the file: <c>{ "stoa": { "tasks": { "workers": 4 } } }</c>. In the environment: <c>STOA__TASKS__WORKERS=4</c>. On the command
/// line: <c>--tasks:workers 4</c>. The data folder and the address have short names in both: <c>STOA_DATA</c>, <c>STOA_URL</c>, <c>--data</c>, <c>--url</c>.
/// </remarks>
public static class NodeConfiguration
{
    /// <summary>Name of the file with options in the data folder.</summary>
    public const string FileName = "stoa.json";

    private const string DataFolderKey = RoomOptions.Root + ":Node:DataFolder";
    private const string UrlKey = RoomOptions.Root + ":Node:Url";

    public static void AddNodeConfiguration(this IConfigurationManager configuration, IReadOnlyList<string> args)
    {
        var overrides = new ConfigurationBuilder()
            .AddInMemoryCollection(ReadShortVariables())
            .AddEnvironmentVariables()
            .AddInMemoryCollection(ReadArguments(args))
            .Build();
        var file = Path.GetFullPath(Path.Combine(overrides[DataFolderKey] ?? new NodeOptions().DataFolder, FileName));
        configuration.AddJsonFile(file, optional: true, reloadOnChange: false);
        configuration.AddConfiguration(overrides);
    }

    private static Dictionary<string, string?> ReadShortVariables() =>
        new[] { (DataFolderKey, "STOA_DATA"), (UrlKey, "STOA_URL") }
            .Select(pair => (pair.Item1, Value: Environment.GetEnvironmentVariable(pair.Item2)))
            .Where(pair => !string.IsNullOrEmpty(pair.Value))
            .ToDictionary(pair => pair.Item1, pair => pair.Value);

    private static Dictionary<string, string?> ReadArguments(IReadOnlyList<string> args)
    {
        var provider = new CommandLineConfigurationProvider(
            args, new Dictionary<string, string> { ["--data"] = DataFolderKey, ["--url"] = UrlKey });
        provider.Load();
        var root = new ConfigurationRoot([provider]);
        return root.AsEnumerable()
            .Where(pair => pair.Value is not null)
            .ToDictionary(
                pair => pair.Key.StartsWith(RoomOptions.Root + ":", StringComparison.OrdinalIgnoreCase) ? pair.Key : $"{RoomOptions.Root}:{pair.Key}",
                pair => pair.Value);
    }
}

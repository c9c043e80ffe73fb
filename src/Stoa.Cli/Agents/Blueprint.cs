using System.Reflection;
using System.Text;

namespace Stoa.Cli.Agents;

/// <summary>The files of a new agent, kept inside this program under <c>Agents/Blueprints</c>.</summary>
internal static class Blueprint
{
    private const string Prefix = "Blueprints/";
    private const string NameMark = "{{name}}";

    public static IReadOnlyList<string> Languages { get; } =
    [
        .. Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(name => name.Split('/')[1]).Distinct().Order(StringComparer.Ordinal),
    ];

    /// <summary>Writes the files of a language into a new folder.</summary>
    /// <returns>Their names.</returns>
    public static async Task<IReadOnlyList<string>> WriteAsync(string language, string name, string folder, CancellationToken cancellationToken)
    {
        var assembly = Assembly.GetExecutingAssembly();
        var prefix = $"{Prefix}{language}/";
        var files = assembly.GetManifestResourceNames().Where(resource => resource.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
        Directory.CreateDirectory(folder);
        foreach (var resource in files)
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!, Encoding.UTF8);
            var text = (await reader.ReadToEndAsync(cancellationToken)).Replace(NameMark, name, StringComparison.Ordinal);
            var path = Path.Combine(folder, resource[prefix.Length..]);
            await File.WriteAllTextAsync(path, text, cancellationToken);
            if (path.EndsWith(".sh", StringComparison.Ordinal) && !OperatingSystem.IsWindows())
                File.SetUnixFileMode(path, File.GetUnixFileMode(path) | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        }

        return [.. files.Select(resource => resource[prefix.Length..])];
    }
}

using System.Text.Json;
using System.Text.Json.Serialization;

namespace Stoa.Cli.Connection;

/// <summary>What <c>stoa login</c> remembers: <c>stoa/config.json</c> in the user's configuration folder.</summary>
/// <param name="Address">Of the node.</param>
/// <param name="Key">An API key for that node and no other.</param>
/// <param name="Organisation">The organisation there that is acted for; null for oneself.</param>
internal sealed record ConfigFile(string? Address = null, string? Key = null, string? Organisation = null)
{
    public static string PathIn(string configDirectory) => Path.Combine(configDirectory, "stoa", "config.json");

    /// <summary>What was remembered; an empty record when nothing was.</summary>
    /// <exception cref="CommandFailure">The file is not in its form.</exception>
    public static ConfigFile Read(string configDirectory)
    {
        var path = PathIn(configDirectory);
        if (!File.Exists(path))
            return new ConfigFile();
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), ConfigJson.Default.ConfigFile) ?? new ConfigFile();
        }
        catch (JsonException broken)
        {
            throw new CommandFailure($"{path} cannot be read: {broken.Message}", hint: "Mend it, or remove it and sign in again with: stoa login");
        }
    }

    /// <summary>Remembers; only the user can read the file.</summary>
    public void Write(string configDirectory)
    {
        var path = PathIn(configDirectory);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        // A new file beside the old one, so that a crash leaves one of the two whole.
        var next = path + ".new";
        using (var file = new FileStream(next, options))
            JsonSerializer.Serialize(file, this, ConfigJson.Default.ConfigFile);
        File.Move(next, path, overwrite: true);
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ConfigFile))]
internal sealed partial class ConfigJson : JsonSerializerContext;

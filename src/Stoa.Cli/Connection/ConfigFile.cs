using System.Text.Json;
using System.Text.Json.Serialization;

namespace Stoa.Cli.Connection;

/// <summary>What <c>stoa login</c> remembers: <c>stoa/config.json</c> in the user's configuration folder.</summary>
/// <param name="Address">Of the node.</param>
/// <param name="Key">An API key for that node and no other.</param>
/// <param name="Organisation">The organisation there that is acted for; null for oneself.</param>
/// <param name="Session">Or a session at it.</param>
internal sealed record ConfigFile(string? Address = null, string? Key = null, string? Organisation = null, RememberedSession? Session = null)
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
        {
            JsonSerializer.Serialize(file, this, ConfigJson.Default.ConfigFile);
            // The refresh token before is used up: this one must not be lost.
            file.Flush(flushToDisk: true);
        }

        File.Move(next, path, overwrite: true);
    }

    /// <summary>Keeps other processes from changing the file until what is answered is disposed of.</summary>
    /// <exception cref="CommandFailure">Another process does not let go of it.</exception>
    public static async Task<FileStream> HoldAsync(Surroundings surroundings, CancellationToken cancellationToken)
    {
        const int tries = 300;
        var path = PathIn(surroundings.ConfigDirectory) + ".lock";
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        for (var turn = 1; ; turn++)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (turn < tries)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), surroundings.TimeProvider, cancellationToken);
            }
            catch (IOException)
            {
                throw new CommandFailure($"Another process is signing in or refreshing its session: it holds {path}.", ExitCode.Refused);
            }
        }
    }
}

/// <summary>A session as it is remembered.</summary>
/// <param name="Id">TypeID with prefix <c>sess</c>.</param>
/// <param name="Token">The access token.</param>
/// <param name="ExpiresAt">When that ends.</param>
/// <param name="RefreshToken">Gives the next pair, once.</param>
internal sealed record RememberedSession(string Id, string Token, DateTimeOffset ExpiresAt, string RefreshToken);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ConfigFile))]
internal sealed partial class ConfigJson : JsonSerializerContext;

using System.Text.Json;
using System.Text.Json.Serialization;
using Stoa.Cli.Connection;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Cli.Channels;

/// <summary>What this machine keeps of a channel: <c>stoa/channels/chan_….json</c> in the user's configuration folder. It is what a side proves its case with.</summary>
/// <param name="Role"><c>payer</c> or <c>payee</c>.</param>
/// <param name="Statement">The newest of the node: terms, deposit, what was settled.</param>
/// <param name="Highest">What the highest voucher says in all: made, as the payer; taken, as the payee.</param>
/// <param name="Voucher">That voucher; null before the first.</param>
/// <param name="Chain">The payer's chain, while there is one.</param>
/// <param name="HasAgreed">Whether this side has signed how the channel ends. It makes, or takes, no voucher since.</param>
internal sealed record KeptChannel(
    string Role, DsseEnvelope Statement, Money Highest, VoucherBody? Voucher = null, KeptChain? Chain = null, bool HasAgreed = false);

/// <summary>A hash chain as its payer keeps it.</summary>
/// <param name="Seed">The last word, 64 hex digits. Who has it can spend the whole chain.</param>
/// <param name="Commitment">Signed: base, unit price, length, anchor.</param>
/// <param name="Index">Of the last word that was given away.</param>
internal sealed record KeptChain(string Seed, DsseEnvelope Commitment, int Index);

/// <summary>The file of one channel, held by this process alone until it is disposed.</summary>
internal sealed class KeptChannelFile : IDisposable
{
    private readonly string _path;
    private readonly FileStream _lock;

    private KeptChannelFile(string path, FileStream held, KeptChannel? kept) => (_path, _lock, Kept) = (path, held, kept);

    /// <summary>What is kept; null for nothing.</summary>
    public KeptChannel? Kept { get; private set; }

    public static string Folder(Surroundings surroundings) => Path.Combine(Path.GetDirectoryName(ConfigFile.PathIn(surroundings.ConfigDirectory))!, "channels");

    /// <summary>The channels that something is kept of.</summary>
    public static IReadOnlyList<string> Ids(Surroundings surroundings) => Directory.Exists(Folder(surroundings))
        ? [.. Directory.EnumerateFiles(Folder(surroundings), "chan_*.json").Select(path => Path.GetFileNameWithoutExtension(path)!).Order(StringComparer.Ordinal)]
        : [];

    /// <summary>Opens the file of a channel, and waits a moment for another process that has it.</summary>
    /// <exception cref="CommandFailure">Not an id of a channel, another process does not let go of it, or it is damaged.</exception>
    public static async Task<KeptChannelFile> OpenAsync(Surroundings surroundings, string id, CancellationToken cancellationToken)
    {
        if (!TypeId.TryParse(id, out var parsed) || parsed.Prefix != "chan")
            throw new CommandFailure($"'{id}' is not the id of a channel such as chan_01h2xcejqtf2nbrexx3vqjhp41.", hint: "List yours with: stoa channel list");
        Directory.CreateDirectory(Folder(surroundings));
        var path = Path.Combine(Folder(surroundings), id + ".json");
        var held = await LockAsync(path + ".lock", surroundings.TimeProvider, cancellationToken);
        try
        {
            var kept = File.Exists(path) ? JsonSerializer.Deserialize(await File.ReadAllBytesAsync(path, cancellationToken), KeptChannelJson.Default.KeptChannel) : null;
            return new KeptChannelFile(path, held, kept);
        }
        catch (JsonException broken)
        {
            await held.DisposeAsync();
            throw new CommandFailure($"{path} cannot be read: {broken.Message}", hint: "Restore it from a backup. As the payer make no voucher without it; as the payee ask the payer for the last voucher again.");
        }
    }

    /// <summary>Keeps something else, on the disk before this returns: what is given away afterwards is never unknown to the next process.</summary>
    public void Keep(KeptChannel kept)
    {
        var next = _path + ".new";
        using (var file = PrivateFile.Create(next))
        {
            JsonSerializer.Serialize(file, kept, KeptChannelJson.Default.KeptChannel);
            file.Flush(flushToDisk: true);
        }

        File.Move(next, _path, overwrite: true);
        Kept = kept;
    }

    public void Dispose() => _lock.Dispose();

    private static async Task<FileStream> LockAsync(string path, TimeProvider time, CancellationToken cancellationToken)
    {
        const int tries = 100;
        for (var turn = 1; ; turn++)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (turn < tries)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), time, cancellationToken);
            }
            catch (IOException)
            {
                throw new CommandFailure($"Another process is at work on this channel: it holds {path}.", ExitCode.Refused);
            }
        }
    }
}

/// <summary>Files that only the user can read.</summary>
internal static class PrivateFile
{
    public static FileStream Create(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(path, options);
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(KeptChannel))]
internal sealed partial class KeptChannelJson : JsonSerializerContext;

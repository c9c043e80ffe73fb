using System.CommandLine;
using System.Text;
using Stoa.Cli.Channels;
using Stoa.Cli.Commands;
using Stoa.Cli.Connection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;

namespace Stoa.Cli.Sealing;

/// <summary>The secrets of inputs that were sealed on this machine: <c>stoa/seals/DIGEST.key</c> in the user's configuration folder, by the digest of the sealed input.</summary>
/// <remarks>By the input and not by the task, so that it is kept before there is a task, and is found for one that replays another.</remarks>
internal static class KeptSeals
{
    /// <summary>The option of commands that open what is sealed.</summary>
    public static Option<string?> Option() => new("--reply-key")
    {
        Description = "The file with the secret of a sealed task, when it is not where stoa task submit --seal keeps it.",
        HelpName = "FILE",
    };

    /// <summary>Keeps a secret, on the disk before this returns.</summary>
    /// <param name="surroundings">Of the command.</param>
    /// <param name="input">That was sealed.</param>
    /// <param name="file">Where; null for the user's own folder.</param>
    /// <returns>The file.</returns>
    public static string Keep(Surroundings surroundings, SealedInput input, string? file)
    {
        var path = file is null ? PathOf(surroundings, input.Digest) : surroundings.FullPath(file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var kept = PrivateFile.Create(path);
        kept.Write(Encoding.ASCII.GetBytes(input.Secret.ToText() + "\n"));
        kept.Flush(flushToDisk: true);
        return path;
    }

    /// <summary>The secret of an input.</summary>
    /// <param name="surroundings">Of the command.</param>
    /// <param name="inputDigest">Of the sealed input.</param>
    /// <param name="file">Where; null for the user's own folder.</param>
    /// <exception cref="CommandFailure">It is not there, or is none.</exception>
    public static SealSecret Find(Surroundings surroundings, string inputDigest, string? file)
    {
        var path = file is null ? PathOf(surroundings, inputDigest) : surroundings.FullPath(file);
        if (!File.Exists(path))
        {
            throw new CommandFailure(
                $"The task is sealed, and its secret is not at {path}.", ExitCode.Refused,
                "Name the file that has it with --reply-key FILE. Nobody can read the output without it, the node's operator neither.");
        }

        try
        {
            return SealSecret.Parse(File.ReadAllText(path));
        }
        catch (FormatException broken)
        {
            throw new CommandFailure($"{path} cannot be used: {broken.Message}");
        }
    }

    /// <summary>Downloads the result of a task, and opens it when it is sealed.</summary>
    public static async Task DownloadAsync(
        Invocation invocation, TaskResponse task, string? replyKey, Stream destination, IProgress<TransferProgress>? progress, CancellationToken cancellationToken)
    {
        if (task.SealedTo is null)
        {
            await invocation.Client.DownloadResultAsync(task, destination, progress, cancellationToken);
            return;
        }

        var secret = Find(invocation.Surroundings, task.InputDigest, replyKey);
        try
        {
            await invocation.Client.DownloadResultAsync(task, secret, destination, progress, cancellationToken);
        }
        catch (SealBrokenException broken)
        {
            throw new CommandFailure($"The output cannot be opened: {broken.Message}", ExitCode.Refused, "Is it the secret of this task's input?");
        }
    }

    private static string PathOf(Surroundings surroundings, string inputDigest) => Path.Combine(
        Path.GetDirectoryName(ConfigFile.PathIn(surroundings.ConfigDirectory))!, "seals", ContentHash.Parse(inputDigest).ToString().Replace(':', '-') + ".key");
}

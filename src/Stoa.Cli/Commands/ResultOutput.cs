using System.CommandLine;
using System.Text;
using Stoa.Cli.Sealing;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary>Where a result goes: a file, a pipe, or a terminal when it is text.</summary>
internal static class ResultOutput
{
    private const int MaxShownBytes = 64 * 1024;

    public static Option<string?> Option() => new("--output", "-o")
    {
        Description = "Write the result to this file; - for standard output, whatever it is.",
        HelpName = "FILE",
    };

    /// <summary>Looks whether a result could be written, which is told better before a task is paid for than after it.</summary>
    /// <exception cref="CommandFailure">The output is a folder, or its folder cannot be written to.</exception>
    public static void RefuseUnwritable(Invocation invocation, string? output)
    {
        if (output is null or "-")
            return;
        var path = invocation.Surroundings.FullPath(output);
        if (IsDevice(path))
            return;
        if (Directory.Exists(path))
            throw new CommandFailure($"{path} is a folder.", hint: $"Name a file in it: -o {Path.Combine(output, "FILE")}");
        if (!Directory.Exists(Path.GetDirectoryName(path)))
            throw new CommandFailure($"There is no folder {Path.GetDirectoryName(path)} for the result.", hint: "Make it, or name a file elsewhere.");
        try
        {
            using var probe = new FileStream(
                path + $".{Environment.ProcessId}.part", FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(
                $"The result cannot be written to {path}: {failure.Message}", hint: "Name a file in a folder that is there and that you may write to.");
        }
    }

    /// <summary>Writes a result whole or not at all, opened when it is sealed. Says on standard error what happened when that is not plain.</summary>
    /// <returns>The file that it is in; null when it is in none.</returns>
    public static async Task<string?> WriteAsync(
        Invocation invocation, TaskResponse task, string? output, CancellationToken cancellationToken, string? replyKey = null)
    {
        var surroundings = invocation.Surroundings;
        if (output is not null and not "-")
        {
            var path = surroundings.FullPath(output);
            await TaskProgress.RunAsync(invocation.Screen, "downloading", async progress =>
            {
                await SaveAsync(path, file => KeptSeals.DownloadAsync(invocation, task, replyKey, file, progress.Download, cancellationToken));
                return path;
            });
            return path;
        }

        // JSON on standard output is the task; the result goes where it was told to, and nowhere else.
        if (invocation.IsJson && output is null)
            return null;
        if (surroundings.IsOutputTerminal && output is null)
        {
            await ShowAsync(invocation, task, replyKey, cancellationToken);
            return null;
        }

        await surroundings.Out.FlushAsync(cancellationToken);
        await KeptSeals.DownloadAsync(invocation, task, replyKey, surroundings.Output, progress: null, cancellationToken);
        await surroundings.Output.FlushAsync(cancellationToken);
        return null;
    }

    /// <summary>Writes a file whole, or leaves what was there before.</summary>
    public static async Task SaveAsync(string path, Func<Stream, Task> write)
    {
        if (IsDevice(path))
        {
            await using var device = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite, 1, FileOptions.Asynchronous);
            await write(device);
            return;
        }

        // Beside the target and moved there when it is whole and verified: a broken download leaves what was there before.
        var partial = path + ".part";
        try
        {
            await using (var file = new FileStream(partial, FileMode.Create, FileAccess.Write, FileShare.None, 1, FileOptions.Asynchronous))
                await write(file);
            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    /// <summary>Shows what a node signed as JSON, or keeps it in a file as it was signed.</summary>
    /// <param name="invocation">Of the command.</param>
    /// <param name="envelope">What was signed.</param>
    /// <param name="output">The file; null or - for standard output.</param>
    /// <param name="kept">What is said of it, before the name of the file.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    public static async Task WriteAsync(Invocation invocation, DsseEnvelope envelope, string? output, string kept, CancellationToken cancellationToken)
    {
        if (output is null or "-")
        {
            invocation.Screen.Json(envelope, json => json.DsseEnvelope);
            return;
        }

        await SaveAsync(invocation.Surroundings.FullPath(output), file => file.WriteAsync(envelope.ToJson(), cancellationToken).AsTask());
        invocation.Screen.Note($"{kept}: {Format.Escaped(output)}");
    }

    /// <summary>Such as /dev/null, which a file moved to its place would replace for the whole machine.</summary>
    private static bool IsDevice(string path) => path.StartsWith("/dev/", StringComparison.Ordinal) && File.Exists(path);

    private static async Task ShowAsync(Invocation invocation, TaskResponse task, string? replyKey, CancellationToken cancellationToken)
    {
        var result = task.Result!;
        var isText = result.MediaType.StartsWith("text/", StringComparison.Ordinal) || result.MediaType.Contains("json", StringComparison.Ordinal);
        if (!isText || result.SizeBytes > MaxShownBytes)
        {
            invocation.Screen.Note($"[grey]The result is {Format.Size(result.SizeBytes)} of {Format.Escaped(result.MediaType)}. Save it with:[/] stoa task result {Format.Escaped(task.Id)} -o FILE");
            return;
        }

        using var bytes = new MemoryStream();
        await KeptSeals.DownloadAsync(invocation, task, replyKey, bytes, progress: null, cancellationToken);
        invocation.Screen.Line(Format.Clean(Encoding.UTF8.GetString(bytes.ToArray())).TrimEnd('\n'));
    }
}

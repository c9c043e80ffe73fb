using Stoa.Cli.Terminal;
using Stoa.Primitives;

namespace Stoa.Cli.Receipts;

/// <summary>A file with something that a node has signed.</summary>
internal static class EnvelopeFile
{
    private const int MaxBytes = 1 << 16;

    /// <summary>Reads it. Who has signed is not looked at.</summary>
    /// <param name="fullPath">Where it is.</param>
    /// <param name="shownPath">As it was named.</param>
    /// <param name="what">What it should hold, with its article.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CommandFailure">It holds anything else.</exception>
    public static async Task<DsseEnvelope> ReadAsync(string fullPath, string shownPath, string what, CancellationToken cancellationToken)
    {
        if (!File.Exists(fullPath))
            throw new CommandFailure($"There is no file {shownPath}.");
        await using var file = new FileStream(fullPath, FileMode.Open, FileAccess.Read, FileShare.Read);
        if (file.Length > MaxBytes)
            throw new CommandFailure($"{shownPath} is too long for {what} ({Format.Size(MaxBytes)} at most).");
        var bytes = new byte[file.Length];
        await file.ReadExactlyAsync(bytes, cancellationToken);
        try
        {
            return DsseEnvelope.FromJson(bytes);
        }
        catch (FormatException other)
        {
            throw new CommandFailure($"{shownPath} is not {what}: {other.Message}", ExitCode.Refused);
        }
    }
}

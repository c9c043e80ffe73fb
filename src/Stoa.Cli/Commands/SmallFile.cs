using Stoa.Cli.Terminal;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary>Reads what was signed and sent along: receipts, checkpoints, vouchers. None of them is large.</summary>
internal static class SmallFile
{
    private const int LengthMax = 1 << 20;

    /// <summary>The bytes of a file.</summary>
    /// <param name="invocation">Whose folder the path is relative to.</param>
    /// <param name="path">The file; <c>-</c> is standard input.</param>
    /// <param name="what">What it should be, for the message when it is too long.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="CommandFailure">It cannot be read, or is too long.</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(Invocation invocation, string path, string what, CancellationToken cancellationToken)
    {
        await using var source = path == "-" ? invocation.Surroundings.Input : Open(invocation.Surroundings.FullPath(path));
        var bytes = new byte[LengthMax + 1];
        var length = await source.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
        return length <= LengthMax ? bytes.AsMemory(0, length) : throw new CommandFailure($"{path} is longer than any {what} ({Format.Size(LengthMax)}).");

        FileStream Open(string file)
        {
            try
            {
                return new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read);
            }
            catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
            {
                throw new CommandFailure($"{path} cannot be read: {missing.Message}");
            }
        }
    }

    /// <summary>The signed envelope in a file.</summary>
    /// <param name="invocation">Whose folder the path is relative to.</param>
    /// <param name="path">The file; <c>-</c> is standard input.</param>
    /// <param name="what">What should be in it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="CommandFailure">It cannot be read, is too long, or is no envelope.</exception>
    public static async Task<DsseEnvelope> ReadEnvelopeAsync(Invocation invocation, string path, string what, CancellationToken cancellationToken)
    {
        var bytes = await ReadAsync(invocation, path, what, cancellationToken);
        try
        {
            return DsseEnvelope.FromJson(bytes.Span);
        }
        catch (FormatException other)
        {
            throw new CommandFailure($"{path} is not a {what}: {other.Message}", ExitCode.Refused);
        }
    }
}

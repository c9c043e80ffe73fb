using System.Buffers;
using System.IO.Pipelines;
using Stoa.Market.Audit;

namespace Stoa.Cli.Receipts;

/// <summary>Checks an exported audit log on this machine.</summary>
internal static class AuditFileCheck
{
    private const int MaxLineBytes = 64 << 10;

    /// <summary>Goes through all of it.</summary>
    /// <param name="log">As <c>stoa audit export</c> wrote it.</param>
    /// <param name="checkpoints">What it has to agree with.</param>
    /// <param name="told">Told how many entries were read.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static async Task<AuditCheck> ReadAsync(
        Stream log, IReadOnlyList<AuditCheckpoint> checkpoints, Action<long> told, CancellationToken cancellationToken)
    {
        var check = new AuditCheck(checkpoints);
        var reader = PipeReader.Create(log, new StreamPipeReaderOptions(bufferSize: MaxLineBytes));
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            var left = read.Buffer;
            while (left.PositionOf((byte)'\n') is { } end)
            {
                check.Add(left.Slice(0, end).ToArray());
                left = left.Slice(left.GetPosition(1, end));
            }

            told(check.EntryCount);
            if (read.IsCompleted || left.Length > MaxLineBytes)
            {
                // What has no end is no line of a log, and is told as such.
                if (!left.IsEmpty)
                    check.Add(left.Slice(0, Math.Min(left.Length, MaxLineBytes)).ToArray());
                break;
            }

            reader.AdvanceTo(left.Start, left.End);
        }

        await reader.CompleteAsync();
        check.Close();
        return check;
    }
}

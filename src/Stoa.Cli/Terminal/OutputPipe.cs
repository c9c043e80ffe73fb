using System.Runtime.InteropServices;

namespace Stoa.Cli.Terminal;

/// <summary>A pipe at standard output, and whether somebody still reads it.</summary>
internal static class OutputPipe
{
    private const int BrokenPipe = 32;
    private const int WindowsBrokenPipe = 109;
    private const int WindowsNoData = 232;

    /// <summary>Whether a write failed because nobody reads any more.</summary>
    public static bool IsBroken(IOException failure) =>
        (failure.HResult & 0xFFFF) is var code && (OperatingSystem.IsWindows() ? code is WindowsBrokenPipe or WindowsNoData : code == BrokenPipe);

    /// <summary>Whether the reader of a descriptor's pipe has gone. A writer is only told so when it writes, and a stream of events may be silent for hours.</summary>
    public static bool IsReaderGone(int descriptor)
    {
        var asked = new PollDescriptor { Descriptor = descriptor };
        return poll(ref asked, 1, 0) > 0 && asked.Happened != 0;
    }

    /// <summary>A token that is cancelled when the given one is, or soon after whoever reads standard output has gone.</summary>
    public static ReadingSpan WhileRead(Surroundings surroundings, CancellationToken cancellationToken) => new(surroundings, cancellationToken);

    // POSIX poll: no events are asked for, so only errors and hang-ups are told.
    [DllImport("libc", EntryPoint = "poll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int poll(ref PollDescriptor descriptors, nuint count, int timeoutMs);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Asked;
        public short Happened;
    }

    /// <summary>How long a stream that goes on for ever is read.</summary>
    internal sealed class ReadingSpan : IDisposable
    {
        private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

        private readonly CancellationTokenSource _end;
        private readonly ITimer? _look;

        public ReadingSpan(Surroundings surroundings, CancellationToken cancellationToken)
        {
            _end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            if (surroundings.IsReaderGone is not { } isGone)
                return;
            _look = surroundings.TimeProvider.CreateTimer(
                _ =>
                {
                    if (!isGone())
                        return;
                    HasReaderGone = true;
                    _end.Cancel();
                },
                null,
                s_pause,
                s_pause);
        }

        public CancellationToken Token => _end.Token;

        /// <summary>It ended because nobody reads any more.</summary>
        public bool HasReaderGone { get; private set; }

        public void Dispose()
        {
            _look?.Dispose();
            _end.Dispose();
        }
    }
}

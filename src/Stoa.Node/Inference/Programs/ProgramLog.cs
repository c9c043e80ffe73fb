using System.Buffers;
using System.Text;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Programs;

/// <summary>Puts what a program writes to its stderr into the node's log: line by line, each cut short, and no more of them in a minute than a person reads.</summary>
/// <remarks>Requests of one program write at the same time.</remarks>
/// <param name="model">Whose it is.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The node's.</param>
internal sealed class ProgramLog(string model, TimeProvider time, ILogger logger)
{
    /// <summary>So many lines are logged within a minute; the others are counted.</summary>
    public const int LinesOfMinute = 60;

    /// <summary>So many bytes of one run are looked at; the others are dropped.</summary>
    public const int BytesOfRun = 256 << 10;

    private static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private long _beganAt = time.GetTimestamp();
    private int _lines;
    private long _leftOut;

    /// <summary>What one run of the program writes to.</summary>
    public Stream Open() => new Lines(this);

    /// <summary>Asks for a line of the log, before anything is made of what is to be on it.</summary>
    /// <param name="leftOut">How many had none in the minute before.</param>
    private bool TryTakeLine(out long leftOut)
    {
        lock (_lock)
        {
            leftOut = 0;
            if (time.GetElapsedTime(_beganAt) >= s_minute)
                (_beganAt, _lines, leftOut, _leftOut) = (time.GetTimestamp(), 0, _leftOut, 0);
            if (_lines >= LinesOfMinute)
            {
                _leftOut++;
                return false;
            }

            _lines++;
            return true;
        }
    }

    private void Tell(string line, long leftOut)
    {
        if (leftOut > 0)
            logger.LogInformation("The model {Model} has said {Lines} lines more, which are left out.", model, leftOut);
        logger.LogInformation("The model {Model} says: {Line}", model, line);
    }

    /// <summary>Cuts what is written into lines. What is too long of one, or of all of them, is dropped.</summary>
    private sealed class Lines(ProgramLog log) : WriteOnlyStream
    {
        private const int BytesOfLine = 500;

        private readonly ArrayBufferWriter<byte> _line = new(128);
        private int _left = BytesOfRun;

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            buffer = buffer[..Math.Min(buffer.Length, _left)];
            _left -= buffer.Length;
            while (buffer.IndexOf((byte)'\n') is var end and >= 0)
            {
                Add(buffer[..end]);
                End();
                buffer = buffer[(end + 1)..];
            }

            Add(buffer);
        }

        // Called when the program has ended: a last line may have no end.
        public override void Flush() => End();

        private void Add(ReadOnlySpan<byte> bytes) => _line.Write(bytes[..Math.Min(bytes.Length, BytesOfLine - _line.WrittenCount)]);

        private void End()
        {
            if (_line.WrittenCount == 0)
                return;
            // Of what a stranger's program writes nothing may act on a terminal, or look like another line of the log.
            if (log.TryTakeLine(out var leftOut))
                log.Tell(Readable(_line.WrittenSpan), leftOut);
            _line.ResetWrittenCount();
        }

        private static string Readable(ReadOnlySpan<byte> utf8)
        {
            var text = Encoding.UTF8.GetString(utf8).ToCharArray();
            foreach (ref var character in text.AsSpan())
            {
                if (char.IsControl(character) || character is '\u2028' or '\u2029' or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069'))
                    character = ' ';
            }

            return new string(text);
        }
    }
}

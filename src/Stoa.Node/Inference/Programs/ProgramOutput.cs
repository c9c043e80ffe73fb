using System.Buffers;
using System.IO.Pipelines;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Programs;

/// <summary>What a program writes in answer to one request. One thread writes, another reads.</summary>
/// <remarks>
/// What begins like a JSON object is held until the program has ended: it is a whole answer, or says why there is none, and which of these only the exit code tells. Everything else is a stream, and goes on as it comes. It is kept for a reader
/// who falls behind, so that a program that has written all is done; only one that is ahead of its reader by more than <see cref="MostAhead"/> waits for him, and nobody else does.
/// </remarks>
/// <param name="isStream">Whether a stream may come.</param>
/// <param name="stop">Ends a wait for the reader.</param>
internal sealed class ProgramOutput(bool isStream, CancellationToken stop) : WriteOnlyStream
{
    /// <summary>So many bytes of a stream may be written and not read: those of some thousand words, and no more memory than a node has for each of its connections.</summary>
    public const int MostAhead = 1 << 20;

    private const int PieceBytes = 16 << 10;

    // Its own threads for the reader: the writer's is the program's.
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: MostAhead, resumeWriterThreshold: MostAhead / 2, useSynchronizationContext: false));
    private readonly ArrayBufferWriter<byte> _held = new();
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Form _form = isStream ? Form.Unknown : Form.Held;
    private long _sent;

    private enum Form
    {
        /// <summary>Nothing but blanks has come.</summary>
        Unknown,
        Held,
        Streamed,
    }

    /// <summary>Completes when a stream begins; never where none does.</summary>
    public Task Begun => _begun.Task;

    /// <summary>What was held. Asked for when the program has ended.</summary>
    public ReadOnlyMemory<byte> Held => _held.WrittenMemory;

    /// <summary>How many bytes of a stream were written.</summary>
    public long SentBytes => Interlocked.Read(ref _sent);

    /// <summary>The stream.</summary>
    public PipeReader Reader => _pipe.Reader;

    /// <inheritdoc/>
    /// <exception cref="OperationCanceledException">Nobody reads it any more.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_form is Form.Unknown)
        {
            buffer = buffer.TrimStart(" \t\r\n"u8);
            if (buffer.IsEmpty)
                return;
            _form = buffer[0] == (byte)'{' ? Form.Held : Form.Streamed;
        }

        if (_form is Form.Held)
            _held.Write(buffer);
        else
            Send(buffer);
    }

    public override void Flush()
    {
    }

    /// <summary>Why no more comes, for whoever has read all that was written; null at the end of a good answer.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Says that no more comes, and why.</summary>
    public void End(Exception? failure)
    {
        // What was written before is read all the same: a pipe that is told of the failure would forget it, or not, by chance.
        Failure = failure;
        _pipe.Writer.Complete();
    }

    private void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var piece = bytes[..Math.Min(bytes.Length, PieceBytes)];
            _pipe.Writer.Write(piece);
            Interlocked.Add(ref _sent, piece.Length);
            bytes = bytes[piece.Length..];
            var flush = _pipe.Writer.FlushAsync(stop);
            _begun.TrySetResult();
            // A program is synchronous: its thread has nothing else to do than to wait here.
            var flushed = flush.IsCompletedSuccessfully ? flush.Result : flush.AsTask().GetAwaiter().GetResult();
            if (flushed.IsCompleted)
                throw new OperationCanceledException("Nobody reads the answer any more.");
        }
    }
}

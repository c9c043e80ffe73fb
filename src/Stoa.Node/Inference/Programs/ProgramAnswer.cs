using System.Runtime.ExceptionServices;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Programs;

/// <summary>An answer of a program, and when the program has ended.</summary>
/// <param name="answer">Read as it comes.</param>
/// <param name="end">Of the program.</param>
internal sealed class ProgramContent(ProgramAnswer answer, Task end) : StreamContent(answer)
{
    /// <summary>Completes when the program has written all that it will, and fails when it has failed, which is told by reading on, too.</summary>
    public Task Written { get; } = end;

    /// <summary>How many bytes are written and not read.</summary>
    public long Kept => answer.Kept;
}

/// <summary>The answer of a program that is still being written. Whoever disposes of it wants no more, and the program ends.</summary>
/// <param name="run">Writes it.</param>
internal sealed class ProgramAnswer(ProgramRun run) : ReadOnlyStream
{
    private readonly Stream _written = run.Output.Reader.AsStream();
    private long _read;

    /// <summary>How many bytes are written and not read.</summary>
    public long Kept => run.Output.SentBytes - Interlocked.Read(ref _read);

    /// <inheritdoc/>
    /// <exception cref="Gateway.UpstreamException">All that the program has written was read, and then it has failed.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await _written.ReadAsync(buffer, cancellationToken);
        Interlocked.Add(ref _read, read);
        if (read == 0 && run.Output.Failure is { } failure)
            ExceptionDispatchInfo.Throw(failure);
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            run.Stop();
            _written.Dispose();
        }

        base.Dispose(disposing);
    }
}

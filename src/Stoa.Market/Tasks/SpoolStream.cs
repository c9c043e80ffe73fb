using System.IO.Pipelines;
using Stoa.Market.Builds;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>Takes a program's output: a short one stays in memory, a longer one streams into the content store while it is written.</summary>
/// <remarks>
/// At most 64 KiB and what a pipe holds are in memory. The writer waits when the store is slower. What was streamed becomes
/// visible only when the spool is completed: a program that fails leaves nothing behind.
/// </remarks>
/// <param name="content">Where long outputs go.</param>
/// <param name="maxBytes">The most that will be written.</param>
/// <param name="cancellationToken">Ends the writer's waits for a store that is slower.</param>
public sealed class SpoolStream(IContentStore content, long maxBytes, CancellationToken cancellationToken) : WriteOnlyStream, IAsyncDisposable
{
    private readonly MemoryStream _head = new();
    private Pipe? _pipe;
    private Task<Outcome<ContentDescriptor, ContentRefusal>>? _upload;

    /// <summary>What went wrong with the store, if anything did. A program is only told that its write failed.</summary>
    public Exception? Fault { get; private set; }

    /// <exception cref="IOException">The content store failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled while waiting for the store.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_pipe is null && _head.Length + buffer.Length <= TaskResult.MaxInlineBytes)
        {
            _head.Write(buffer);
            return;
        }

        if (_pipe is null)
        {
            _pipe = new Pipe();
            _upload = UploadAsync(_pipe.Reader);
            WriteThrough(_head.GetBuffer().AsSpan(0, (int)_head.Length));
        }

        WriteThrough(buffer);
    }

    public override void Flush()
    {
    }

    /// <summary>Ends the output and waits until it is stored.</summary>
    /// <returns>The bytes of a short output, or null when it is in the content store.</returns>
    /// <exception cref="IOException">The content store failed.</exception>
    public async Task<ReadOnlyMemory<byte>?> CompleteAsync()
    {
        if (_pipe is null)
            return _head.GetBuffer().AsMemory(0, (int)_head.Length);
        await _pipe.Writer.CompleteAsync();
        var stored = await _upload!;
        return stored.Refusal is null ? null : throw new IOException($"The content store did not take the output: {stored.Refusal.Detail}");
    }

    /// <summary>Throws away what was not completed.</summary>
    public override async ValueTask DisposeAsync()
    {
        if (_pipe is not null && _upload is { IsCompleted: false })
        {
            // The store sees its source fail and drops what it has.
            await _pipe.Writer.CompleteAsync(new OperationCanceledException("The output was given up."));
            await _upload.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        await base.DisposeAsync();
    }

    private async Task<Outcome<ContentDescriptor, ContentRefusal>> UploadAsync(PipeReader reader)
    {
        // Disposing of the source ends the pipe: when the store gives up, whoever waits to write into it must hear of that.
        await using var source = reader.AsStream();
        return await content.PutAsync(source, null, maxBytes, CancellationToken.None);
    }

    private void WriteThrough(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_pipe!.Writer.GetSpan(bytes.Length));
        _pipe.Writer.Advance(bytes.Length);
        // The guest's own thread waits here, as it would for any slow disk.
        var flushed = _pipe.Writer.FlushAsync(cancellationToken).AsTask().GetAwaiter().GetResult();
        if (!flushed.IsCompleted)
            return;
        Fault = FindFault();
        throw new IOException("The output cannot be stored.", Fault);
    }

    /// <summary>Why the store stopped reading: it is just ending, so this waits no longer than that takes.</summary>
    private Exception FindFault()
    {
        try
        {
            var stored = _upload!.GetAwaiter().GetResult();
            return new IOException($"The content store stopped reading the output{(stored.Refusal is { } refusal ? $": {refusal.Detail}" : ".")}");
        }
        catch (Exception fault)
        {
            return fault;
        }
    }
}

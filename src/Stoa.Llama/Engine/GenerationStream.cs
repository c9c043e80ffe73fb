using System.Threading.Channels;

namespace Stoa.Llama.Engine;

/// <summary>What becomes of the answers of a request, as it comes about. Disposing of it gives up what has not come yet.</summary>
public sealed class GenerationStream : IDisposable
{
    /// <summary>So many events wait for a reader; then what is written for it stands still, and nobody else is held up.</summary>
    internal const int MostUnread = 64;

    private readonly Channel<GenerationEvent> _events = Channel.CreateUnbounded<GenerationEvent>();
    private readonly Action _wake;
    private readonly CancellationTokenRegistration _registration;
    private int _unfinished;
    private volatile bool _isGivenUp;

    internal GenerationStream(int choices, Action wake, CancellationToken cancellationToken)
    {
        (_unfinished, _wake) = (choices, wake);
        _registration = cancellationToken.Register(GiveUp);
    }

    internal bool IsGivenUp => _isGivenUp;

    /// <summary>Whether its reader is so slow that it gets no more for now.</summary>
    internal bool IsFull => _events.Reader.Count >= MostUnread;

    /// <summary>All events, until every answer is at its end.</summary>
    /// <exception cref="LlamaException">The engine has failed.</exception>
    public async IAsyncEnumerable<GenerationEvent> ReadAllAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await _events.Reader.WaitToReadAsync(cancellationToken))
        {
            while (_events.Reader.TryRead(out var next))
            {
                // It stood still until now.
                if (_events.Reader.Count == MostUnread - 1)
                    _wake();
                yield return next;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _registration.Dispose();
        GiveUp();
    }

    internal void Write(in GenerationEvent next)
    {
        _events.Writer.TryWrite(next);
        if (next.End is not null && --_unfinished == 0)
            _events.Writer.TryComplete();
    }

    /// <summary>Nothing more comes, of the other answers neither.</summary>
    internal void Fail(Exception failure)
    {
        _isGivenUp = true;
        _events.Writer.TryComplete(failure);
    }

    private void GiveUp()
    {
        _isGivenUp = true;
        _wake();
    }
}

using Stoa.Node.Background;

namespace Stoa.Node.Registry.Discovery.Semantic;

/// <summary>What became of asking the embedding model what words mean.</summary>
public enum Meaning
{
    /// <summary>It was used.</summary>
    Used,

    /// <summary>The model had not answered in time, or as many searches are asking it as may.</summary>
    Late,

    /// <summary>The model cannot be reached, or refuses.</summary>
    Failed,
}

/// <summary>Has the embedding model read what is looked for, within the time that a search has; and remembers what was looked for a moment ago.</summary>
/// <param name="model">The model.</param>
/// <param name="options">For how long a search waits.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of failures.</param>
public sealed class QueryEmbeddings(EmbeddingModel model, EmbeddingsOptions options, TimeProvider time, ILogger<QueryEmbeddings> logger) : IDisposable
{
    private const int MaxRemembered = 1_000;
    private const int MaxAtOnce = 16;

    // Who waits for a model that is away waits for nothing: so long it is not asked again.
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(5);

    private readonly FailureLog _failures = new(logger, time);
    private readonly SemaphoreSlim _slots = new(MaxAtOnce);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, sbyte[]> _remembered = new(StringComparer.Ordinal);
    private readonly Queue<string> _order = new();
    private long _restsUntil = long.MinValue;

    /// <summary>Whether there is a model.</summary>
    public bool IsOn => model.IsOn;

    /// <summary>The vector of a text; null with the reason when there is none in time.</summary>
    public async Task<(sbyte[]? Vector, Meaning Meaning)> FindAsync(string text, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_remembered.TryGetValue(text, out var known))
                return (known, Meaning.Used);
        }

        if (!model.IsOn || time.GetUtcNow().ToUnixTimeMilliseconds() < Volatile.Read(ref _restsUntil))
            return (null, Meaning.Failed);
        if (!await _slots.WaitAsync(0, cancellationToken))
            return (null, Meaning.Late);
        try
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(options.QueryMs), time);
            using var stopped = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
            var vector = (await model.EmbedAsync([text], stopped.Token))[0];
            Remember(text, vector);
            return (vector, Meaning.Used);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, Meaning.Late);
        }
        catch (EmbeddingsException failed)
        {
            _failures.Tell("have the embedding model read what is looked for", failed);
            Volatile.Write(ref _restsUntil, (time.GetUtcNow() + s_rest).ToUnixTimeMilliseconds());
            return (null, Meaning.Failed);
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _slots.Dispose();

    private void Remember(string text, sbyte[] vector)
    {
        lock (_lock)
        {
            if (!_remembered.TryAdd(text, vector))
                return;
            _order.Enqueue(text);
            if (_order.Count > MaxRemembered)
                _remembered.Remove(_order.Dequeue());
        }
    }
}

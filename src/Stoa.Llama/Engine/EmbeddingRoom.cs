using Stoa.Llama.Native;

namespace Stoa.Llama.Engine;

/// <summary>Makes vectors of texts, in a context of its own that is made when the first one is asked for. Texts may be added by many threads; all else is the engine's.</summary>
/// <param name="model">That makes them.</param>
/// <param name="contextLength">The most tokens that a sequence sees.</param>
/// <param name="threads">That compute.</param>
/// <param name="isAlone">Whether the model does nothing else.</param>
internal sealed class EmbeddingRoom(LlamaModel model, int contextLength, int threads, bool isAlone) : IDisposable
{
    /// <summary>The most tokens of a text where the model writes as well: its numbers for all tokens of the vocabulary are made room for with each token of the text.</summary>
    private const int MostTokensOfWriters = 2_048;

    private const int MostSequences = 16;
    private const int PoolingNone = 0;
    private const int PoolingMean = 1;
    private const int PoolingRank = 4;

    private readonly Lock _lock = new();
    private readonly Queue<Work> _waiting = [];
    private ContextHandle? _context;
    private BatchHandle? _batch;

    public int MostTokens { get; } = isAlone ? contextLength : Math.Min(contextLength, MostTokensOfWriters);

    /// <summary>Adds texts that are to be embedded.</summary>
    /// <param name="inputs">Tokens, none empty or longer than <see cref="MostTokens"/>.</param>
    /// <param name="mostWaiting">So many requests wait at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<float[]>> AddAsync(IReadOnlyList<int[]> inputs, int mostWaiting, CancellationToken cancellationToken)
    {
        var work = new Work(inputs);
        foreach (var input in inputs)
        {
            ArgumentOutOfRangeException.ThrowIfZero(input.Length);
            if (input.Length > MostTokens)
                throw new EngineRefusalException(EngineRefusal.PromptTooLong, $"At most {MostTokens} tokens are embedded at once; the text has {input.Length}. Shorten it.");
        }

        lock (_lock)
        {
            if (_waiting.Count > mostWaiting)
                throw new EngineRefusalException(EngineRefusal.TooManyWaiting, $"{_waiting.Count} requests for embeddings wait already. Try again in a few seconds.");
            _waiting.Enqueue(work);
        }

        await using var registration = cancellationToken.Register(() => work.Result.TrySetCanceled(cancellationToken));
        return await work.Result.Task;
    }

    /// <summary>Makes as many vectors as go into one batch.</summary>
    /// <returns>False when there was nothing to do.</returns>
    public bool Step()
    {
        Work? work;
        lock (_lock)
        {
            while (_waiting.TryPeek(out work) && work.Result.Task.IsCompleted)
                _waiting.Dequeue();
            if (work is null)
                return false;
        }

        try
        {
            _context ??= Create();
            _batch ??= new BatchHandle(model.Library, MostTokens);
            Embed(work, _context, _batch);
        }
        catch (LlamaException failure)
        {
            work.Result.TrySetException(failure);
        }

        return true;
    }

    public void GiveUpAll(Exception reason)
    {
        lock (_lock)
        {
            foreach (var work in _waiting)
                work.Result.TrySetException(reason);
            _waiting.Clear();
        }
    }

    public void Dispose()
    {
        _batch?.Dispose();
        _context?.Dispose();
    }

    private unsafe ContextHandle Create()
    {
        var context = Create(pooling: -1);
        var pooling = model.Library.PoolingType(context.Address);
        if (pooling is PoolingNone)
        {
            // Models that write say nothing of how their tokens are made into one vector.
            context.Dispose();
            context = Create(PoolingMean);
        }

        if (pooling is not PoolingRank)
            return context;
        context.Dispose();
        throw new LlamaException("This model says how well texts fit together, and gives no embeddings.");
    }

    private ContextHandle Create(int pooling) => model.CreateContext(parameters => parameters with
    {
        Context = (uint)MostTokens,
        // A text is pooled from one batch.
        Batch = (uint)MostTokens,
        MicroBatch = (uint)MostTokens,
        MaxSequences = MostSequences,
        Threads = threads,
        BatchThreads = threads,
        Pooling = pooling,
        Embeddings = 1,
        UnifiedCache = 1,
    });

    private unsafe void Embed(Work work, ContextHandle context, BatchHandle batch)
    {
        batch.Clear();
        var sequence = 0;
        for (var next = work.Done; next < work.Inputs.Count && sequence < MostSequences && batch.Count + work.Inputs[next].Length <= MostTokens; next++, sequence++)
        {
            foreach (var (position, token) in work.Inputs[next].Index())
                batch.Add(token, position, sequence, isOutput: true);
        }

        if (model.Library.GetMemory(context.Address) is not 0 and var memory)
            model.Library.MemoryClear(memory, 0);
        NativeLog.Clear();
        var result = model.Library.Decode(context.Address, batch.Native);
        if (result != 0)
            throw new LlamaException($"llama.cpp could not embed a text (llama_decode answered {result}): {NativeLog.Said}");
        for (var done = 0; done < sequence; done++)
        {
            var vector = model.Library.GetEmbeddingsOfSequence(context.Address, done);
            if (vector is null)
                throw new LlamaException("llama.cpp has computed no embedding.");
            work.Vectors.Add(OfLengthOne(new ReadOnlySpan<float>(vector, model.EmbeddingLength)));
        }

        if (work.Done == work.Inputs.Count)
            work.Result.TrySetResult(work.Vectors);
    }

    private static float[] OfLengthOne(ReadOnlySpan<float> vector)
    {
        var length = Math.Sqrt(vector.ToArray().Sum(number => (double)number * number));
        var result = new float[vector.Length];
        for (var at = 0; at < result.Length; at++)
            result[at] = length > 0 ? (float)(vector[at] / length) : 0;
        return result;
    }

    private sealed class Work(IReadOnlyList<int[]> inputs)
    {
        public IReadOnlyList<int[]> Inputs => inputs;

        public List<float[]> Vectors { get; } = [];

        public int Done => Vectors.Count;

        public TaskCompletionSource<IReadOnlyList<float[]>> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

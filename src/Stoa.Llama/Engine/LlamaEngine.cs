using System.Diagnostics;
using Stoa.Llama.Native;

namespace Stoa.Llama.Engine;

/// <summary>Writes the answers of many requests side by side. One thread owns the context of the model: in each step it takes in who has come, reads pieces of prompts and goes on with every answer in one batch, and draws the next tokens.</summary>
/// <remarks>All public members may be used by many threads at once. What a slot has read stays in the cache: a prompt that begins the same goes on from there.</remarks>
public sealed class LlamaEngine : IDisposable
{
    private readonly LlamaModel _model;
    private readonly EngineOptions _options;
    private readonly ContextHandle? _context;
    private readonly BatchHandle? _batch;
    private readonly SlotTable? _slots;
    private readonly EmbeddingRoom _embeddings;
    private readonly Candidate[] _candidates;
    private readonly Lock _lock = new();
    private readonly LinkedList<Waiting> _waiting = [];
    private long _stepBegan;
    private readonly AutoResetEvent _signal = new(false);
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;
    private bool _isEnding;
    private EngineFigures _figures = new(0, 0, 0, 0, 0, 0);

    /// <param name="model">Which is not disposed of here.</param>
    /// <param name="options">How it is run; valid.</param>
    /// <exception cref="LlamaException">There is not enough memory.</exception>
    public LlamaEngine(LlamaModel model, EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        (_model, _options) = (model, options);
        ContextLength = Math.Min(options.ContextLength ?? DefaultContextLength, model.TrainedContext);
        var context = model.CreateContext(parameters => parameters with
        {
            Context = (uint)(ContextLength * options.Slots),
            Batch = (uint)options.StepTokens,
            MicroBatch = (uint)options.StepTokens,
            MaxSequences = (uint)options.Slots,
            Threads = options.ThreadCount,
            BatchThreads = options.ThreadCount,
            // One cache for all: a beginning that several share is in it once.
            UnifiedCache = 1,
        });
        if (HasMemory(context))
        {
            (_context, _batch) = (context, new BatchHandle(model.Library, options.StepTokens));
            _slots = new SlotTable(model, context, options.Slots);
        }
        else
        {
            // What has no cache gives embeddings only, and gets a context of its own for them.
            context.Dispose();
        }

        _embeddings = new EmbeddingRoom(model, ContextLength, options.ThreadCount, isAlone: _context is null);
        _candidates = new Candidate[model.VocabularySize];
        _thread = new Thread(Run) { Name = "llama", IsBackground = true };
        _thread.Start();
    }

    /// <summary>The context where nothing is said of it.</summary>
    public const int DefaultContextLength = 4_096;

    /// <summary>The most tokens that a sequence sees.</summary>
    public int ContextLength { get; }

    /// <summary>The most tokens of a text that is embedded.</summary>
    public int EmbeddingTokens => _embeddings.MostTokens;

    /// <summary>Whether it writes answers, and not only embeds.</summary>
    public bool Writes => _context is not null;

    /// <summary>How it is run.</summary>
    public EngineOptions Options => _options;

    /// <summary>What it has done until now.</summary>
    public EngineFigures Figures => Volatile.Read(ref _figures);

    /// <summary>How long the step takes that goes on just now: native code heeds no cancellation, so whoever hosts it has to end with its process when it never comes back.</summary>
    public TimeSpan StepTime => Volatile.Read(ref _stepBegan) is > 0 and var began ? Stopwatch.GetElapsedTime(began) : TimeSpan.Zero;

    /// <summary>Ends with the engine; with an exception when it has failed, after which nothing works any more.</summary>
    public Task End => _end.Task;

    /// <summary>Has answers written.</summary>
    /// <param name="requests">Each with its own prompt; what comes back of all is in one stream.</param>
    /// <param name="cancellationToken">Gives up; the slots are free after the step that goes on just then.</param>
    /// <exception cref="EngineRefusalException">They are not taken.</exception>
    public GenerationStream Start(IReadOnlyList<GenerationRequest> requests, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentOutOfRangeException.ThrowIfZero(requests.Count);
        foreach (var request in requests)
            Check(request);
        foreach (var grammar in requests.Select(request => request.Sampling.Grammar).OfType<string>().Distinct())
            TokenSampler.CheckGrammar(_model, grammar);
        var stream = new GenerationStream(requests.Sum(request => request.Choices), Wake, cancellationToken);
        lock (_lock)
        {
            if (_isEnding)
                throw new EngineRefusalException(EngineRefusal.Ending, "The server is ending.");
            // One that finds nobody waiting is taken even where none may wait: perhaps a slot is free.
            if (_waiting.Count > 0 && _waiting.Count >= _options.MaxWaiting)
                throw new EngineRefusalException(EngineRefusal.TooManyWaiting, $"All slots are busy, and {_waiting.Count} requests wait already. Try again in a few seconds.");
            _waiting.AddLast(new Waiting(new Queue<GenerationRequest>(requests), stream));
        }

        Wake();
        return stream;
    }

    /// <summary>Makes vectors of texts, each of length one.</summary>
    /// <param name="inputs">Tokens, at most <see cref="EmbeddingTokens"/> each, none empty.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="EngineRefusalException">They are not taken.</exception>
    /// <exception cref="LlamaException">The model gives no embeddings.</exception>
    public Task<IReadOnlyList<float[]>> EmbedAsync(IReadOnlyList<int[]> inputs, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_isEnding)
                throw new EngineRefusalException(EngineRefusal.Ending, "The server is ending.");
        }

        var result = _embeddings.AddAsync(inputs, _options.MaxWaiting, cancellationToken);
        // The thread that would do it may have ended in the same moment.
        if (_end.Task.IsCompleted)
            _embeddings.GiveUpAll(new LlamaException("The server has ended."));
        Wake();
        return result;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
            _isEnding = true;
        Wake();
        _thread.Join();
        _batch?.Dispose();
        _embeddings.Dispose();
        _context?.Dispose();
        _signal.Dispose();
    }

    private static unsafe bool HasMemory(ContextHandle context, LlamaLibrary library) => library.GetMemory(context.Address) != 0;

    private bool HasMemory(ContextHandle context) => HasMemory(context, _model.Library);

    private void Check(GenerationRequest request)
    {
        if (!Writes)
            throw new EngineRefusalException(EngineRefusal.OnlyEmbeds, "This model gives embeddings only: ask /v1/embeddings.");
        ArgumentOutOfRangeException.ThrowIfZero(request.Prompt.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(request.Choices, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(request.MaxTokens, 1);
        if (request.Prompt.Count >= ContextLength)
            throw new EngineRefusalException(EngineRefusal.PromptTooLong, $"The context has {ContextLength} tokens, of which one at least is for the answer; the prompt has {request.Prompt.Count}. Shorten it.");
        if (request.Choices > _options.Slots)
            throw new EngineRefusalException(EngineRefusal.TooManyChoices, $"At most {_options.Slots} choices are written side by side here; {request.Choices} are asked for.");
    }

    private void Wake()
    {
        try
        {
            _signal.Set();
        }
        catch (ObjectDisposedException)
        {
            // Whoever gives up after the end has nobody to wake.
        }
    }

    private void Run()
    {
        try
        {
            while (!Volatile.Read(ref _isEnding))
            {
                Volatile.Write(ref _stepBegan, Stopwatch.GetTimestamp());
                var hasStepped = _slots is not null && Step(_slots);
                hasStepped |= _embeddings.Step();
                Volatile.Write(ref _stepBegan, 0);
                if (!hasStepped)
                    _signal.WaitOne();
            }

            GiveUpAll(new LlamaException("The server has ended."));
            _end.TrySetResult();
        }
        catch (Exception failure)
        {
            lock (_lock)
                _isEnding = true;
            GiveUpAll(failure);
            _end.TrySetException(failure);
        }
    }

    private void GiveUpAll(Exception reason)
    {
        List<Waiting> left;
        lock (_lock)
        {
            left = [.. _waiting];
            _waiting.Clear();
        }

        foreach (var waiting in left)
            waiting.Stream.Fail(reason);
        foreach (var slot in _slots?.Busy ?? [])
        {
            slot.Answer!.Stream.Fail(reason);
            slot.Answer.Dispose();
            slot.Answer = null;
        }

        _embeddings.GiveUpAll(reason);
    }

    /// <returns>False when there was nothing to do.</returns>
    private bool Step(SlotTable slots)
    {
        foreach (var slot in slots.Busy.Where(slot => slot.Answer!.Stream.IsGivenUp))
            slots.GiveUp(slot);
        Admit(slots);
        Fill(slots);
        if (_batch!.Count == 0)
        {
            Tell(slots, 0, 0);
            return false;
        }

        var result = Decode();
        if (result != 0)
        {
            // What was in the batch cannot go on: nobody knows how much of it is in the cache.
            foreach (var slot in slots.Busy.Where(slot => slot.Answer is { OutputAt: not null } or { Next: null, Leader: null }))
                slots.Fail(slot, new LlamaException($"llama.cpp could not go on with this request (llama_decode answered {result}): {NativeLog.Said}"));
            return true;
        }

        var written = 0;
        foreach (var slot in slots.Busy.Where(slot => slot.Answer!.OutputAt is not null).ToList())
            written += Draw(slots, slot);
        Tell(slots, _batch.Count - written, written);
        return true;
    }

    private void Admit(SlotTable slots)
    {
        while (true)
        {
            GenerationRequest next;
            GenerationStream stream;
            lock (_lock)
            {
                while (_waiting.First is { Value.Stream.IsGivenUp: true })
                    _waiting.RemoveFirst();
                // In turns: whoever has brought many prompts does not keep others waiting for all of them. Whoever wants many slots waits until there are as many.
                if (_waiting.First is not { } first || first.Value.Prompts.Peek().Choices > slots.FreeCount)
                    return;
                (next, stream) = (first.Value.Prompts.Dequeue(), first.Value.Stream);
                _waiting.RemoveFirst();
                if (first.Value.Prompts.Count > 0)
                    _waiting.AddLast(first);
            }

            var reused = slots.Place(next, choice => new Answer(_model, next, choice, ContextLength, stream));
            Volatile.Write(ref _figures, _figures with { CachedPromptTokens = _figures.CachedPromptTokens + reused });
        }
    }

    /// <summary>One token of each answer, and with what room is left pieces of prompts.</summary>
    private void Fill(SlotTable slots)
    {
        _batch!.Clear();
        foreach (var slot in slots.Busy)
        {
            var answer = slot.Answer!;
            answer.OutputAt = null;
            if (answer.Next is not { } token || answer.Stream.IsFull)
                continue;
            answer.OutputAt = _batch.Add(token, slot.Cached.Count, slot.Id, isOutput: true);
            slot.Cached.Add(token);
        }

        foreach (var slot in slots.InReadingOrder)
        {
            var (answer, prompt) = (slot.Answer!, slot.Answer!.Request.Prompt);
            for (var room = _batch.Capacity - _batch.Count; room > 0 && slot.Cached.Count < prompt.Count; room--)
            {
                var at = slot.Cached.Count;
                var isLast = at == prompt.Count - 1;
                var place = _batch.Add(prompt[at], at, slot.Id, isLast);
                slot.Cached.Add(prompt[at]);
                if (isLast)
                    answer.OutputAt = place;
            }
        }
    }

    private unsafe int Decode()
    {
        NativeLog.Clear();
        return _model.Library.Decode(_context!.Address, _batch!.Native);
    }

    /// <returns>How many of the batch's tokens were of answers and not of prompts.</returns>
    private unsafe int Draw(SlotTable slots, Slot slot)
    {
        var answer = slot.Answer!;
        var logits = _model.Library.GetLogits(_context!.Address, answer.OutputAt!.Value);
        if (logits is null)
            throw new LlamaException("llama.cpp has computed nothing for a token that it was asked of.");
        var isPrompt = answer.Next is null;
        var all = new ReadOnlySpan<float>(logits, _model.VocabularySize);
        // Those that wait for this prompt have it now, and draw from the same numbers.
        List<Slot> group = isPrompt ? [slot, .. slots.Follow(slot)] : [slot];
        foreach (var member in group)
            Draw(slots, member, all);
        return isPrompt ? 0 : 1;
    }

    private void Draw(SlotTable slots, Slot slot, ReadOnlySpan<float> logits)
    {
        var answer = slot.Answer!;
        if (answer.Sampler.Sample(logits, _candidates) is not { } token)
        {
            slots.Fail(slot, new EngineRefusalException(EngineRefusal.NothingFits, "No token of this model that is not ruled out goes on with what response_format asks for. Ask for another form, or leave out logit_bias."));
            return;
        }

        answer.Used++;
        var isEnd = _model.IsEnd(token);
        var text = isEnd ? "" : answer.Text.Add(_model.PieceOf(token));
        EndReason? end = isEnd || answer.Text.IsStopped
            ? EndReason.Stop
            : answer.Used >= answer.Request.MaxTokens || slot.Cached.Count >= ContextLength ? EndReason.Length : null;
        if (end is not null)
            text += answer.Text.End();
        answer.Next = token;
        if (text.Length > 0 || end is not null)
            answer.Stream.Write(new GenerationEvent(answer.Index, text, end, answer.Used, answer.CachedPromptTokens));
        if (end is not null)
            slots.GiveUp(slot);
    }

    private void Tell(SlotTable slots, int read, int written)
    {
        int waiting;
        lock (_lock)
            waiting = _waiting.Count;
        var before = _figures;
        Volatile.Write(ref _figures, before with
        {
            Steps = before.Steps + (read + written > 0 ? 1 : 0),
            ReadTokens = before.ReadTokens + read,
            WrittenTokens = before.WrittenTokens + written,
            BusySlots = slots.Busy.Count,
            Waiting = waiting,
        });
    }

    /// <summary>A request, and its prompts that have no slot yet.</summary>
    private sealed record Waiting(Queue<GenerationRequest> Prompts, GenerationStream Stream);
}

/// <summary>What an engine has done since it started, and does.</summary>
/// <param name="Steps">Batches that were computed.</param>
/// <param name="ReadTokens">Tokens of prompts that were computed.</param>
/// <param name="CachedPromptTokens">Tokens of prompts that need not be, since they were in the cache.</param>
/// <param name="WrittenTokens">Tokens of answers that were computed.</param>
/// <param name="BusySlots">Answers that are being written.</param>
/// <param name="Waiting">Requests that wait for a slot.</param>
public sealed record EngineFigures(long Steps, long ReadTokens, long CachedPromptTokens, long WrittenTokens, int BusySlots, int Waiting);

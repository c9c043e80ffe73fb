using System.Runtime.InteropServices;

namespace Stoa.Llama.Native;

/// <summary>Something that llama.cpp has made, and is to free.</summary>
internal abstract class LlamaHandle : SafeHandle
{
    protected LlamaHandle(LlamaLibrary library, nint address)
        : base(0, ownsHandle: true)
    {
        Library = library;
        SetHandle(address);
    }

    public override bool IsInvalid => handle == 0;

    public nint Address => handle;

    /// <summary>That has made it.</summary>
    protected LlamaLibrary Library { get; }
}

/// <summary>A model in memory.</summary>
internal sealed unsafe class ModelHandle(LlamaLibrary library, nint address) : LlamaHandle(library, address)
{
    protected override bool ReleaseHandle()
    {
        Library.ModelFree(handle);
        return true;
    }
}

/// <summary>A context: the cache of a model's sequences, and the room to compute in. It keeps its model.</summary>
internal sealed unsafe class ContextHandle : LlamaHandle
{
    private readonly ModelHandle _model;

    public ContextHandle(LlamaLibrary library, ModelHandle model, nint address)
        : base(library, address)
    {
        _model = model;
        var isAdded = false;
        if (address != 0)
            model.DangerousAddRef(ref isAdded);
    }

    protected override bool ReleaseHandle()
    {
        Library.Free(handle);
        _model.DangerousRelease();
        return true;
    }
}

/// <summary>A sampler, with those in it when it is a chain.</summary>
internal sealed unsafe class SamplerHandle(LlamaLibrary library, nint address) : LlamaHandle(library, address)
{
    protected override bool ReleaseHandle()
    {
        Library.SamplerFree(handle);
        return true;
    }
}

/// <summary>Room for a batch of tokens, each of one sequence.</summary>
internal sealed unsafe class BatchHandle : SafeHandle
{
    private readonly LlamaLibrary _library;
    private NativeBatch _batch;

    /// <param name="library">That makes it.</param>
    /// <param name="capacity">So many tokens at most.</param>
    public BatchHandle(LlamaLibrary library, int capacity)
        : base(0, ownsHandle: true)
    {
        (_library, Capacity) = (library, capacity);
        _batch = library.BatchInit(capacity, 0, 1);
        SetHandle((nint)_batch.Tokens);
    }

    public override bool IsInvalid => handle == 0;

    public int Capacity { get; }

    public int Count => _batch.Count;

    public NativeBatch Native => _batch;

    public void Clear() => _batch.Count = 0;

    /// <summary>Adds a token.</summary>
    /// <returns>Where it is in the batch.</returns>
    public int Add(int token, int position, int sequence, bool isOutput)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(_batch.Count, Capacity);
        var at = _batch.Count++;
        _batch.Tokens[at] = token;
        _batch.Positions[at] = position;
        _batch.SequenceCounts[at] = 1;
        _batch.Sequences[at][0] = sequence;
        _batch.Outputs[at] = isOutput ? (byte)1 : (byte)0;
        return at;
    }

    protected override bool ReleaseHandle()
    {
        _library.BatchFree(_batch);
        return true;
    }
}

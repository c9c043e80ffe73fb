using System.Runtime.InteropServices;

namespace Stoa.Llama.Native;

/// <summary><c>llama_model_params</c> of llama.h 0.5. It goes to functions by value, so every byte has to be where the library looks for it: <see cref="LibraryCheck"/> holds its defaults against this.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ModelParameters
{
    public nint Devices;
    public nint TensorBufferOverrides;
    public int GpuLayers;
    public int SplitMode;
    public int LoadMode;
    public int LazyMode;
    public int MainGpu;
    public nint TensorSplit;
    public nint ProgressCallback;
    public nint ProgressCallbackData;
    public nint KeyValueOverrides;
    public byte VocabularyOnly;
    public byte CheckTensors;
    public byte UseExtraBuffers;
    public byte NoHost;
    public byte NoAllocation;
    public byte LoadMtp;
}

/// <summary><c>llama_context_params</c> of llama.h 0.5.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ContextParameters
{
    public uint Context;
    public uint Batch;
    public uint MicroBatch;
    public uint MaxSequences;
    public uint RecurrentSnapshots;
    public uint MaxOutputs;
    public uint MaxOutputsPerSequence;
    public int Threads;
    public int BatchThreads;
    public int ContextType;
    public int RopeScaling;
    public int Pooling;
    public int Attention;
    public int FlashAttention;
    public float RopeFrequencyBase;
    public float RopeFrequencyScale;
    public float YarnExtensionFactor;
    public float YarnAttentionFactor;
    public float YarnBetaFast;
    public float YarnBetaSlow;
    public uint YarnOriginalContext;
    public float DefragmentationThreshold;
    public nint EvaluationCallback;
    public nint EvaluationCallbackData;
    public int KeyType;
    public int ValueType;
    public nint AbortCallback;
    public nint AbortCallbackData;
    public byte Embeddings;
    public byte OffloadCache;
    public byte NoTimings;
    public byte OffloadOperations;
    public byte FullSlidingWindow;
    public byte UnifiedCache;
    public nint Samplers;
    public nuint SamplerCount;
    public nint OtherContext;
}

/// <summary><c>llama_batch</c>: tokens of one or many sequences, in arrays of the same length.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeBatch
{
    public int Count;
    public int* Tokens;
    public float* Embeddings;
    public int* Positions;
    public int* SequenceCounts;
    public int** Sequences;
    public byte* Outputs;
}

/// <summary><c>llama_token_data</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Candidate
{
    public int Token;
    public float Logit;
    public float Probability;
}

/// <summary><c>llama_token_data_array</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CandidateArray
{
    public Candidate* Data;
    public nuint Count;
    public long Selected;
    public byte IsSorted;
}

/// <summary><c>llama_logit_bias</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeBias
{
    public int Token;
    public float Bias;
}

/// <summary><c>llama_chat_message</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeMessage
{
    public byte* Role;
    public byte* Content;
}

/// <summary>Room for parameters that may be larger than they are known to be: a library of another version then writes beyond them, and not beyond this.</summary>
[StructLayout(LayoutKind.Sequential, Size = 1_024)]
internal struct Padded<T>
    where T : unmanaged
{
    public T Value;
}

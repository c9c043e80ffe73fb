namespace Stoa.Llama.Native;

/// <summary>Whether a library is laid out as this code believes. What its functions take by value has no names at run time, and one member more would shift all that follow: so the version has to be right, and every default has to be found where it belongs.</summary>
internal static unsafe class LibraryCheck
{
    /// <summary>The version of llama.h that <see cref="LlamaLibrary"/> follows.</summary>
    public const string Wanted = "0.5";

    private const float FromModel = -1;

    /// <exception cref="LlamaException">It is of another version.</exception>
    public static void Check(LlamaLibrary library)
    {
        var version = library.VersionText;
        if (!version.StartsWith(Wanted + ".", StringComparison.Ordinal))
            throw new LlamaException($"The libraries in {library.Folder} are of llama.cpp {version}, and {Wanted} is expected. {LlamaLibrary.HowToGet}");
        var faults = Faults(library.ModelDefaultParams().Value).Concat(Faults(library.ContextDefaultParams().Value)).ToList();
        if (faults.Count > 0)
            throw new LlamaException($"The libraries in {library.Folder} say that they are of llama.cpp {version}, and lay out their parameters in another way: {string.Join(", ", faults)}. {LlamaLibrary.HowToGet}");
    }

    /// <summary>The members of a model's default parameters that are not what they should be.</summary>
    public static IEnumerable<string> Faults(ModelParameters model) => Different(
        (nameof(model.Devices), model.Devices == 0), (nameof(model.GpuLayers), model.GpuLayers == -1), (nameof(model.SplitMode), model.SplitMode == 1),
        (nameof(model.LoadMode), model.LoadMode == -1), (nameof(model.LazyMode), model.LazyMode == 1), (nameof(model.MainGpu), model.MainGpu == 0),
        (nameof(model.TensorSplit), model.TensorSplit == 0), (nameof(model.ProgressCallback), model.ProgressCallback == 0), (nameof(model.KeyValueOverrides), model.KeyValueOverrides == 0),
        (nameof(model.VocabularyOnly), model.VocabularyOnly == 0), (nameof(model.CheckTensors), model.CheckTensors == 0), (nameof(model.UseExtraBuffers), model.UseExtraBuffers == 1),
        (nameof(model.NoHost), model.NoHost == 0), (nameof(model.NoAllocation), model.NoAllocation == 0), (nameof(model.LoadMtp), model.LoadMtp == 0));

    /// <summary>The same of a context's.</summary>
    public static IEnumerable<string> Faults(ContextParameters context) => Different(
        (nameof(context.Context), context.Context == 512), (nameof(context.Batch), context.Batch == 2_048), (nameof(context.MicroBatch), context.MicroBatch == 512),
        (nameof(context.MaxSequences), context.MaxSequences == 1), (nameof(context.RecurrentSnapshots), context.RecurrentSnapshots == 0), (nameof(context.MaxOutputs), context.MaxOutputs == 0),
        (nameof(context.MaxOutputsPerSequence), context.MaxOutputsPerSequence == 1), (nameof(context.Threads), context.Threads is > 0 and <= 512), (nameof(context.BatchThreads), context.BatchThreads == context.Threads),
        (nameof(context.ContextType), context.ContextType == 0), (nameof(context.RopeScaling), context.RopeScaling == -1), (nameof(context.Pooling), context.Pooling == -1),
        (nameof(context.Attention), context.Attention == -1), (nameof(context.FlashAttention), context.FlashAttention == -1), (nameof(context.RopeFrequencyBase), context.RopeFrequencyBase == 0),
        (nameof(context.YarnExtensionFactor), context.YarnExtensionFactor == FromModel), (nameof(context.YarnBetaSlow), context.YarnBetaSlow == FromModel), (nameof(context.YarnOriginalContext), context.YarnOriginalContext == 0),
        (nameof(context.DefragmentationThreshold), context.DefragmentationThreshold == FromModel), (nameof(context.EvaluationCallback), context.EvaluationCallback == 0),
        (nameof(context.KeyType), context.KeyType == 1), (nameof(context.ValueType), context.ValueType == 1), (nameof(context.AbortCallback), context.AbortCallback == 0),
        (nameof(context.Embeddings), context.Embeddings == 0), (nameof(context.OffloadCache), context.OffloadCache == 1), (nameof(context.NoTimings), context.NoTimings == 1),
        (nameof(context.OffloadOperations), context.OffloadOperations == 1), (nameof(context.FullSlidingWindow), context.FullSlidingWindow == 1), (nameof(context.UnifiedCache), context.UnifiedCache == 0),
        (nameof(context.Samplers), context.Samplers == 0), (nameof(context.SamplerCount), context.SamplerCount == 0), (nameof(context.OtherContext), context.OtherContext == 0));

    private static IEnumerable<string> Different(params (string Name, bool IsRight)[] members) => members.Where(member => !member.IsRight).Select(member => member.Name);
}

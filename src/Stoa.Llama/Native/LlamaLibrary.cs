using System.Runtime.InteropServices;

namespace Stoa.Llama.Native;

/// <summary>llama.cpp's C API, as llama.h 0.5 declares it, bound to the shared libraries of one folder.</summary>
/// <remarks>
/// The libraries stay loaded until the process ends. A failed assertion in them ends the process: so they are never loaded into a node.
/// Names are those of the API without <c>llama_</c>; booleans are bytes, handles are addresses.
/// </remarks>
internal sealed unsafe class LlamaLibrary
{
    public readonly delegate* unmanaged<nint> Version;
    public readonly delegate* unmanaged<Padded<ModelParameters>> ModelDefaultParams;
    public readonly delegate* unmanaged<Padded<ContextParameters>> ContextDefaultParams;
    public readonly delegate* unmanaged<byte*, ModelParameters, nint> ModelLoadFromFile;
    public readonly delegate* unmanaged<nint, void> ModelFree;
    public readonly delegate* unmanaged<nint, ContextParameters, nint> InitFromModel;
    public readonly delegate* unmanaged<nint, void> Free;
    public readonly delegate* unmanaged<nint, nint> GetMemory;
    public readonly delegate* unmanaged<nint, int> PoolingType;
    public readonly delegate* unmanaged<nint, nint> ModelGetVocab;
    public readonly delegate* unmanaged<nint, int> ModelTrainedContext;
    public readonly delegate* unmanaged<nint, int> ModelEmbeddingLength;
    public readonly delegate* unmanaged<nint, byte*, nuint, int> ModelDescription;
    public readonly delegate* unmanaged<nint, byte> ModelHasEncoder;
    public readonly delegate* unmanaged<nint, byte> ModelIsRecurrent;
    public readonly delegate* unmanaged<nint, byte> ModelIsHybrid;
    public readonly delegate* unmanaged<nint, byte> ModelIsDiffusion;
    public readonly delegate* unmanaged<nint, byte*, byte*> ModelChatTemplate;
    public readonly delegate* unmanaged<byte*, NativeMessage*, nuint, byte, byte*, int, int> ChatApplyTemplate;
    public readonly delegate* unmanaged<nint, int> VocabCount;
    public readonly delegate* unmanaged<nint, int, byte> VocabIsEog;
    public readonly delegate* unmanaged<nint, byte*, int, int*, int, byte, byte, int> Tokenize;
    public readonly delegate* unmanaged<nint, int, byte*, int, int, byte, int> TokenToPiece;
    public readonly delegate* unmanaged<nint, int, int, int, byte> MemoryRemove;
    public readonly delegate* unmanaged<nint, int, int, int, int, void> MemoryCopy;
    public readonly delegate* unmanaged<nint, byte, void> MemoryClear;
    public readonly delegate* unmanaged<int, int, int, NativeBatch> BatchInit;
    public readonly delegate* unmanaged<NativeBatch, void> BatchFree;
    public readonly delegate* unmanaged<nint, NativeBatch, int> Decode;
    public readonly delegate* unmanaged<nint, int, float*> GetLogits;
    public readonly delegate* unmanaged<nint, int, float*> GetEmbeddingsOfSequence;
    public readonly delegate* unmanaged<byte, nint> SamplerChainInit;
    public readonly delegate* unmanaged<nint, nint, void> SamplerChainAdd;
    public readonly delegate* unmanaged<nint> SamplerGreedy;
    public readonly delegate* unmanaged<uint, nint> SamplerDistribution;
    public readonly delegate* unmanaged<int, nint> SamplerTopK;
    public readonly delegate* unmanaged<float, nuint, nint> SamplerTopP;
    public readonly delegate* unmanaged<float, nuint, nint> SamplerMinP;
    public readonly delegate* unmanaged<float, nint> SamplerTemperature;
    public readonly delegate* unmanaged<int, int, float, float, float, nint> SamplerPenalties;
    public readonly delegate* unmanaged<int, int, NativeBias*, nint> SamplerLogitBias;
    public readonly delegate* unmanaged<nint, byte*, byte*, nint> SamplerGrammar;
    public readonly delegate* unmanaged<nint, CandidateArray*, void> SamplerApply;
    public readonly delegate* unmanaged<nint, int, void> SamplerAccept;
    public readonly delegate* unmanaged<nint, void> SamplerFree;

    private LlamaLibrary(string folder, nint llama)
    {
        Folder = folder;
        // First: the parameters of older libraries are others, and none of them has it.
        Version = (delegate* unmanaged<nint>)Find(llama, "llama_version");
        ModelDefaultParams = (delegate* unmanaged<Padded<ModelParameters>>)Find(llama, "llama_model_default_params");
        ContextDefaultParams = (delegate* unmanaged<Padded<ContextParameters>>)Find(llama, "llama_context_default_params");
        ModelLoadFromFile = (delegate* unmanaged<byte*, ModelParameters, nint>)Find(llama, "llama_model_load_from_file");
        ModelFree = (delegate* unmanaged<nint, void>)Find(llama, "llama_model_free");
        InitFromModel = (delegate* unmanaged<nint, ContextParameters, nint>)Find(llama, "llama_init_from_model");
        Free = (delegate* unmanaged<nint, void>)Find(llama, "llama_free");
        GetMemory = (delegate* unmanaged<nint, nint>)Find(llama, "llama_get_memory");
        PoolingType = (delegate* unmanaged<nint, int>)Find(llama, "llama_pooling_type");
        ModelGetVocab = (delegate* unmanaged<nint, nint>)Find(llama, "llama_model_get_vocab");
        ModelTrainedContext = (delegate* unmanaged<nint, int>)Find(llama, "llama_model_n_ctx_train");
        ModelEmbeddingLength = (delegate* unmanaged<nint, int>)Find(llama, "llama_model_n_embd_out");
        ModelDescription = (delegate* unmanaged<nint, byte*, nuint, int>)Find(llama, "llama_model_desc");
        ModelHasEncoder = (delegate* unmanaged<nint, byte>)Find(llama, "llama_model_has_encoder");
        ModelIsRecurrent = (delegate* unmanaged<nint, byte>)Find(llama, "llama_model_is_recurrent");
        ModelIsHybrid = (delegate* unmanaged<nint, byte>)Find(llama, "llama_model_is_hybrid");
        ModelIsDiffusion = (delegate* unmanaged<nint, byte>)Find(llama, "llama_model_is_diffusion");
        ModelChatTemplate = (delegate* unmanaged<nint, byte*, byte*>)Find(llama, "llama_model_chat_template");
        ChatApplyTemplate = (delegate* unmanaged<byte*, NativeMessage*, nuint, byte, byte*, int, int>)Find(llama, "llama_chat_apply_template");
        VocabCount = (delegate* unmanaged<nint, int>)Find(llama, "llama_vocab_n_tokens");
        VocabIsEog = (delegate* unmanaged<nint, int, byte>)Find(llama, "llama_vocab_is_eog");
        Tokenize = (delegate* unmanaged<nint, byte*, int, int*, int, byte, byte, int>)Find(llama, "llama_tokenize");
        TokenToPiece = (delegate* unmanaged<nint, int, byte*, int, int, byte, int>)Find(llama, "llama_token_to_piece");
        MemoryRemove = (delegate* unmanaged<nint, int, int, int, byte>)Find(llama, "llama_memory_seq_rm");
        MemoryCopy = (delegate* unmanaged<nint, int, int, int, int, void>)Find(llama, "llama_memory_seq_cp");
        MemoryClear = (delegate* unmanaged<nint, byte, void>)Find(llama, "llama_memory_clear");
        BatchInit = (delegate* unmanaged<int, int, int, NativeBatch>)Find(llama, "llama_batch_init");
        BatchFree = (delegate* unmanaged<NativeBatch, void>)Find(llama, "llama_batch_free");
        Decode = (delegate* unmanaged<nint, NativeBatch, int>)Find(llama, "llama_decode");
        GetLogits = (delegate* unmanaged<nint, int, float*>)Find(llama, "llama_get_logits_ith");
        GetEmbeddingsOfSequence = (delegate* unmanaged<nint, int, float*>)Find(llama, "llama_get_embeddings_seq");
        SamplerChainInit = (delegate* unmanaged<byte, nint>)Find(llama, "llama_sampler_chain_init");
        SamplerChainAdd = (delegate* unmanaged<nint, nint, void>)Find(llama, "llama_sampler_chain_add");
        SamplerGreedy = (delegate* unmanaged<nint>)Find(llama, "llama_sampler_init_greedy");
        SamplerDistribution = (delegate* unmanaged<uint, nint>)Find(llama, "llama_sampler_init_dist");
        SamplerTopK = (delegate* unmanaged<int, nint>)Find(llama, "llama_sampler_init_top_k");
        SamplerTopP = (delegate* unmanaged<float, nuint, nint>)Find(llama, "llama_sampler_init_top_p");
        SamplerMinP = (delegate* unmanaged<float, nuint, nint>)Find(llama, "llama_sampler_init_min_p");
        SamplerTemperature = (delegate* unmanaged<float, nint>)Find(llama, "llama_sampler_init_temp");
        SamplerPenalties = (delegate* unmanaged<int, int, float, float, float, nint>)Find(llama, "llama_sampler_init_penalties");
        SamplerLogitBias = (delegate* unmanaged<int, int, NativeBias*, nint>)Find(llama, "llama_sampler_init_logit_bias");
        SamplerGrammar = (delegate* unmanaged<nint, byte*, byte*, nint>)Find(llama, "llama_sampler_init_grammar");
        SamplerApply = (delegate* unmanaged<nint, CandidateArray*, void>)Find(llama, "llama_sampler_apply");
        SamplerAccept = (delegate* unmanaged<nint, int, void>)Find(llama, "llama_sampler_accept");
        SamplerFree = (delegate* unmanaged<nint, void>)Find(llama, "llama_sampler_free");
    }

    /// <summary>Where the libraries are.</summary>
    public string Folder { get; }

    /// <summary>What the library says that it is, such as <c>0.5.0</c>.</summary>
    public string VersionText => Marshal.PtrToStringUTF8(Version()) ?? "";

    /// <summary>Loads the libraries of a folder, checks that they are of the version that this is written for, and has them find their backends beside them.</summary>
    /// <param name="folder">With libllama, libggml and the backends, such as libggml-cpu-haswell.</param>
    /// <exception cref="LlamaException">There are none, or they are of another version.</exception>
    public static LlamaLibrary Load(string folder)
    {
        if (!Directory.Exists(folder))
            throw new LlamaException($"There is no folder {folder} with llama.cpp's libraries. {HowToGet}");
        var ggml = LoadOne(folder, ["libggml.so", "libggml.v*.so", "libggml.*.dylib", "libggml.dylib", "ggml.dll"]);
        var llama = LoadOne(folder, ["libllama.so", "libllama.v*.so", "libllama.*.dylib", "libllama.dylib", "llama.dll"]);
        try
        {
            var library = new LlamaLibrary(folder, llama);
            LibraryCheck.Check(library);
            NativeLog.Listen((delegate* unmanaged<delegate* unmanaged<int, byte*, nint, void>, nint, void>)Find(llama, "llama_log_set"));
            var path = Marshal.StringToCoTaskMemUTF8(folder);
            ((delegate* unmanaged<nint, void>)Find(ggml, "ggml_backend_load_all_from_path"))(path);
            Marshal.FreeCoTaskMem(path);
            if (((delegate* unmanaged<nuint>)Find(ggml, "ggml_backend_reg_count"))() == 0)
                throw new LlamaException($"llama.cpp found no backend in {folder}: a library such as libggml-cpu-x64.so belongs beside the others.");
            ((delegate* unmanaged<void>)Find(llama, "llama_backend_init"))();
            return library;
        }
        catch (EntryPointNotFoundException missing)
        {
            throw new LlamaException($"The libraries in {folder} are not of llama.cpp {LibraryCheck.Wanted}: {missing.Message} {HowToGet}", missing);
        }
    }

    /// <summary>What an operator without libraries is told.</summary>
    public const string HowToGet = "Get them with: npm install @node-llama-cpp/linux-x64@3.22.1 — they are in node_modules/@node-llama-cpp/linux-x64/bins/linux-x64 — and name that folder by --library, STOA_LLAMA_LIBRARY or the node's option Inference:LlamaLibrary.";

    private static nint LoadOne(string folder, string[] patterns)
    {
        var file = patterns.SelectMany(pattern => Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal)).FirstOrDefault()
            ?? throw new LlamaException($"There is no {patterns[0]} in {folder}. {HowToGet}");
        try
        {
            return NativeLibrary.Load(file);
        }
        catch (Exception failure) when (failure is DllNotFoundException or BadImageFormatException)
        {
            throw new LlamaException($"{file} cannot be loaded: {failure.Message} {HowToGet}", failure);
        }
    }

    private static nint Find(nint library, string name) =>
        NativeLibrary.TryGetExport(library, name, out var address) ? address : throw new EntryPointNotFoundException($"They have no {name}.");
}

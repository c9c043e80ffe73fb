using Stoa.Llama.Engine;
using Stoa.Llama.Serving;
using Stoa.Market;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Node.Inference.Programs;

namespace Stoa.Node.Inference.Local;

/// <summary>A model that this node runs itself.</summary>
public sealed record LocalModelOptions
{
    private const long LeastMemoryBytes = 64 << 10;
    private const long MostMemoryBytes = 4L << 30;
    private const int MostMs = 3_600_000;

    /// <summary>The version that it serves, <c>publisher/name@version</c>.</summary>
    public string Model { get; init; } = "";

    /// <summary>A GGUF file, which llama.cpp runs, or a WebAssembly program, which the node's own sandbox does: the one that the listing names by its digest.</summary>
    public string File { get; init; } = "";

    /// <summary>How many answers are written side by side; more wait. Default 4.</summary>
    public int Slots { get; init; } = 4;

    /// <summary>The most tokens of prompt and answer together, for each slot. Default 4,096, or what the model was made for if that is less.</summary>
    public int? ContextLength { get; init; }

    /// <summary>Threads that compute. Default one for each processor but one, 16 at most.</summary>
    public int? Threads { get; init; }

    /// <summary>One of llama.cpp's names for how turns of a conversation are written, such as <c>chatml</c>. Default as the file says.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>Bytes of memory that a program may have for each request, and for loading. Default 268,435,456.</summary>
    public long MemoryBytes { get; init; } = 256L << 20;

    /// <summary>Units of fuel that a program may burn for each request, about an instruction each. Default 100,000,000,000.</summary>
    public long Fuel { get; init; } = 100_000_000_000;

    /// <summary>Milliseconds that a program may take for each request. Default 60,000.</summary>
    public int TimeoutMs { get; init; } = 60_000;

    /// <summary>Milliseconds that a program may take to load. Default 60,000.</summary>
    public int LoadMs { get; init; } = 60_000;

    /// <summary>What is taken for serving it, in US dollars for a million tokens read, besides the price of the listing. Default 0.</summary>
    public string InputPrice { get; init; } = "0";

    /// <summary>The same for a million tokens written. Default 0.</summary>
    public string OutputPrice { get; init; } = "0";

    internal ListingName Listing => ListingName.TryParse(Model, null, out var listing) && listing.Version is not null ? listing : throw new InvalidOperationException("It was not validated.");

    internal ModelPrice Price => new(ReplicaRules.ReadPrice(InputPrice, "", []), ReplicaRules.ReadPrice(OutputPrice, "", []));

    internal ProgramLimits ProgramLimits(long mostAnswerBytes) => new(MemoryBytes, Fuel, TimeSpan.FromMilliseconds(TimeoutMs), TimeSpan.FromMilliseconds(LoadMs), mostAnswerBytes);

    internal ServingOptions Serving(string library) => new()
    {
        File = Path.GetFullPath(File),
        Library = Path.GetFullPath(library),
        Name = Model,
        Engine = new EngineOptions
        {
            Slots = Slots,
            ContextLength = ContextLength,
            Threads = Threads,
            ChatTemplate = ChatTemplate,
        },
    };

    /// <summary>Every reason why it cannot be used; empty when it can.</summary>
    internal IEnumerable<string> Faults()
    {
        if (!ListingName.TryParse(Model, null, out var listing) || listing.Version is null)
            yield return "Model is the version of a model, publisher/name@version.";
        if (string.IsNullOrWhiteSpace(File))
        {
            yield return "File names a GGUF file or a WebAssembly program.";
            yield break;
        }

        foreach (var reason in Serving(".").Validate())
            yield return reason;
        if (MemoryBytes is < LeastMemoryBytes or > MostMemoryBytes)
            yield return $"MemoryBytes is from {LeastMemoryBytes} to {MostMemoryBytes}.";
        if (Fuel < 1)
            yield return "Fuel is at least 1.";
        if (TimeoutMs is < 1 or > MostMs)
            yield return $"TimeoutMs is from 1 to {MostMs}.";
        if (LoadMs is < 1 or > MostMs)
            yield return $"LoadMs is from 1 to {MostMs}.";
        List<FieldError> errors = [];
        _ = ReplicaRules.ReadPrice(InputPrice, "InputPrice", errors);
        _ = ReplicaRules.ReadPrice(OutputPrice, "OutputPrice", errors);
        foreach (var error in errors)
            yield return $"{error.Pointer}: {error.Reason}";
    }
}

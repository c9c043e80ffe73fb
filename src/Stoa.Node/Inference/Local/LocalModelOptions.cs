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
    private const int MostSlotsOfProgram = 256;
    private const long DefaultMemoryBytes = 256L << 20;
    private const long DefaultFuel = 100_000_000_000;
    private const int DefaultMs = 60_000;

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
    public long? MemoryBytes { get; init; }

    /// <summary>Units of fuel that a program may burn for each request, about an instruction each. Default 100,000,000,000.</summary>
    public long? Fuel { get; init; }

    /// <summary>Milliseconds that a program may take for each request. Default 60,000.</summary>
    public int? TimeoutMs { get; init; }

    /// <summary>Milliseconds that a program may take to load. Default 60,000.</summary>
    public int? LoadMs { get; init; }

    /// <summary>What is taken for serving it, in US dollars for a million tokens read, besides the price of the listing. Default 0.</summary>
    public string InputPrice { get; init; } = "0";

    /// <summary>The same for a million tokens written. Default 0.</summary>
    public string OutputPrice { get; init; } = "0";

    internal ListingName Listing => ListingName.TryParse(Model, null, out var listing) && listing.Version is not null ? listing : throw new InvalidOperationException("It was not validated.");

    internal ModelPrice Price => new(ReplicaRules.ReadPrice(InputPrice, "", []), ReplicaRules.ReadPrice(OutputPrice, "", []));

    internal ProgramLimits ProgramLimits(long mostAnswerBytes) => new(
        MemoryBytes ?? DefaultMemoryBytes, Fuel ?? DefaultFuel, TimeSpan.FromMilliseconds(TimeoutMs ?? DefaultMs), TimeSpan.FromMilliseconds(LoadMs ?? DefaultMs), mostAnswerBytes);

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

        // Which rules hold is known when the file is there; one that comes later is looked at then.
        if (System.IO.File.Exists(File))
        {
            foreach (var reason in FaultsAs(ModelProgramFile.IsOne(File)))
                yield return reason;
        }

        List<FieldError> errors = [];
        _ = ReplicaRules.ReadPrice(InputPrice, "InputPrice", errors);
        _ = ReplicaRules.ReadPrice(OutputPrice, "OutputPrice", errors);
        foreach (var error in errors)
            yield return $"{error.Pointer}: {error.Reason}";
    }

    /// <summary>Every reason why it cannot be used by what its file turns out to be.</summary>
    /// <param name="isProgram">A WebAssembly program, and no GGUF file.</param>
    internal IEnumerable<string> FaultsAs(bool isProgram) => isProgram ? FaultsOfProgram() : FaultsOfGguf();

    private static string Pointless(string option, string of, string instead) => $"{option} is of {of}, and has no effect here. Leave it out{instead}.";

    private IEnumerable<string> FaultsOfProgram()
    {
        const string gguf = "a GGUF file";
        if (ContextLength is not null)
            yield return Pointless(nameof(ContextLength), gguf, "; how long a conversation a program takes is in its listing");
        if (Threads is not null)
            yield return Pointless(nameof(Threads), gguf, "; a program has one for each of its Slots");
        if (ChatTemplate is not null)
            yield return Pointless(nameof(ChatTemplate), gguf, "; a program writes conversations as it will");
        if (Slots is < 1 or > MostSlotsOfProgram)
            yield return $"Slots of a program are from 1 to {MostSlotsOfProgram}.";
        if (MemoryBytes is < LeastMemoryBytes or > MostMemoryBytes)
            yield return $"MemoryBytes is from {LeastMemoryBytes} to {MostMemoryBytes}.";
        if (Fuel < 1)
            yield return "Fuel is at least 1.";
        if (TimeoutMs is < 1 or > MostMs)
            yield return $"TimeoutMs is from 1 to {MostMs}.";
        if (LoadMs is < 1 or > MostMs)
            yield return $"LoadMs is from 1 to {MostMs}.";
    }

    private IEnumerable<string> FaultsOfGguf()
    {
        const string program = "a WebAssembly program";
        if (MemoryBytes is not null)
            yield return Pointless(nameof(MemoryBytes), program, ", and bound ContextLength and Slots instead");
        if (Fuel is not null)
            yield return Pointless(nameof(Fuel), program, ", and bound the tokens of requests instead");
        if (TimeoutMs is not null)
            yield return Pointless(nameof(TimeoutMs), program, "; Inference:FirstTokenMs and Inference:IdleMs say how long a model may take");
        if (LoadMs is not null)
            yield return Pointless(nameof(LoadMs), program, "; a GGUF file has as long as it takes");
        foreach (var reason in Serving(".").Validate())
            yield return reason;
    }
}

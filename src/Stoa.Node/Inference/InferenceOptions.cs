using Stoa.Market.Inference.Routing;
using Stoa.Node.Inference.Charging;
using Stoa.Node.Inference.Local;
using Stoa.Primitives;

namespace Stoa.Node.Inference;

/// <summary>How this node asks models for its users, and has it paid.</summary>
public sealed record InferenceOptions
{
    /// <summary>The most bytes of a request. Default 16,777,216.</summary>
    public int MaxRequestBytes { get; init; } = 16 << 20;

    /// <summary>The most bytes that all requests together have which are being answered, as they came, and answers that are sold and not streamed, until they are read; those of up to 64 KiB not counted. Each may take up to four times as much memory. Default 536,870,912.</summary>
    public long MaxHeldBytes { get; init; } = 512 << 20;

    /// <summary>And those of one account, or that it pays for. Default 67,108,864.</summary>
    public long MaxHeldBytesOfAccount { get; init; } = 64 << 20;

    /// <summary>The most bytes of an answer that is not streamed, and of one in the form of the Responses API. Default 67,108,864.</summary>
    public int MaxAnswerBytes { get; init; } = 64 << 20;

    /// <summary>The most bytes of an event of a streamed answer, and of all that comes before the first word of it. Default 1,048,576.</summary>
    public int MaxEventBytes { get; init; } = 1 << 20;

    /// <summary>Whether requests may name pictures by http(s) addresses: the model's server fetches them, from wherever whoever asks says, be it a machine beside it. Otherwise they are taken as data alone. Default false.</summary>
    public bool AllowImageUrls { get; init; }

    /// <summary>The most tokens of an answer where the request names no limit. Default 4,096.</summary>
    public int DefaultMaxTokens { get; init; } = 4_096;

    /// <summary>How long it may take to reach a replica, in milliseconds. Default 5,000.</summary>
    public int ConnectMs { get; init; } = 5_000;

    /// <summary>How long a replica may take until it begins to answer, in milliseconds. An answer that is not streamed comes as a whole, and has three times as long besides as its <c>max_tokens</c> take the replica on average. Default 120,000.</summary>
    public int FirstTokenMs { get; init; } = 120_000;

    /// <summary>How long a streamed answer may stand still, in milliseconds. Default 30,000.</summary>
    public int IdleMs { get; init; } = 30_000;

    /// <summary>How long an answer may take as a whole, in milliseconds. Default 3,600,000, an hour.</summary>
    public int MaxAnswerMs { get; init; } = 3_600_000;

    /// <summary>How long a request waits for a replica when all are busy, in milliseconds. Default 30,000.</summary>
    public int QueueMs { get; init; } = 30_000;

    /// <summary>How many requests may wait for one version of a model. Default 1,000.</summary>
    public int MaxWaiting { get; init; } = 1_000;

    /// <summary>And how many of one account. Default 100.</summary>
    public int MaxWaitingOfAccount { get; init; } = 100;

    /// <summary>How many replicas that were reached are tried for one request at most: it might be what breaks them. One that could not be reached at all does not count. From 1 to 1024. Default 32.</summary>
    public int MaxAttempts { get; init; } = 32;

    /// <summary>How many inputs go to a replica in one request when several requests ask for vectors of the same model at a time; 1 for each request by itself. From 1 to 2048. Default 64.</summary>
    public int EmbeddingBatch { get; init; } = 64;

    /// <summary>How often replicas are asked whether they are well, in seconds. Default 10.</summary>
    public int HealthSeconds { get; init; } = 10;

    /// <summary>How long a replica may take to answer that, in milliseconds. Default 5,000.</summary>
    public int HealthMs { get; init; } = 5_000;

    /// <summary>How many beginnings of prompts are remembered, by which requests go to replicas that have seen them; each takes 16 bytes of memory. Default 1,048,576.</summary>
    public int PrefixEntries { get; init; } = 1 << 20;

    /// <summary>How long a beginning of a prompt is remembered, in seconds. Default 600.</summary>
    public int PrefixSeconds { get; init; } = 600;

    /// <summary>How often what requests to models have cost is written to the ledger, in milliseconds. A killed process loses nothing of it; when the machine loses power, at most what was spent in that time is not paid. From 10 to 60000. Default 1,000.</summary>
    public int SettleMs { get; init; } = 1_000;

    /// <summary>US dollars that are held at least when an account begins to use a model here, if it has as much: for each account, API key with a spending limit and model. The more, the fewer holds; what is not spent is free again ten seconds after the last request. Default 0.01.</summary>
    public string AllowanceMin { get; init; } = "0.01";

    /// <summary>Most accounts, API keys with spending limits and models that are used together at this node within the same ten seconds; each takes 144 bytes of a file. From 64 to 1048576. Default 65,536.</summary>
    public int MaxAllowances { get; init; } = 65_536;

    /// <summary>The folder with llama.cpp's shared libraries, for the models that this node runs itself. Default what <c>STOA_LLAMA_LIBRARY</c> says.</summary>
    public string? LlamaLibrary { get; init; }

    /// <summary>Models that this node runs itself, up to 32. Each has <c>Model</c> (<c>publisher/name@version</c>) and <c>File</c> (GGUF or WebAssembly), and may have <c>Slots</c>, <c>InputPrice</c> and <c>OutputPrice</c>; of a GGUF file <c>ContextLength</c>, <c>Threads</c> and <c>ChatTemplate</c>; of a program <c>MemoryBytes</c>, <c>Fuel</c>, <c>TimeoutMs</c> and <c>LoadMs</c>. Default none.</summary>
    public IReadOnlyList<LocalModelOptions> Local { get; init; } = [];

    internal Money LeastAllowance => Money.Parse(AllowanceMin);

    internal WaitingLimits Waiting => new(MaxWaiting, MaxWaitingOfAccount);

    internal TimeSpan Patience => TimeSpan.FromMilliseconds(QueueMs);

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (MaxRequestBytes is < 1_024 or > 1 << 30)
            yield return "Inference:MaxRequestBytes is from 1024 to 1073741824.";
        if (MaxHeldBytesOfAccount < MaxRequestBytes)
            yield return "Inference:MaxHeldBytesOfAccount is at least Inference:MaxRequestBytes.";
        if (MaxHeldBytes < MaxHeldBytesOfAccount || MaxHeldBytes > 1L << 40)
            yield return "Inference:MaxHeldBytes is at least Inference:MaxHeldBytesOfAccount, and at most 1099511627776.";
        if (MaxAnswerBytes is < 1_024 or > 1 << 30)
            yield return "Inference:MaxAnswerBytes is from 1024 to 1073741824.";
        if (MaxEventBytes is < 1_024 or > 64 << 20)
            yield return "Inference:MaxEventBytes is from 1024 to 67108864.";
        if (DefaultMaxTokens is < 1 or > 10_000_000)
            yield return "Inference:DefaultMaxTokens is from 1 to 10000000.";
        if (ConnectMs is < 10 or > 60_000)
            yield return "Inference:ConnectMs is from 10 to 60000.";
        if (FirstTokenMs is < 10 or > 3_600_000)
            yield return "Inference:FirstTokenMs is from 10 to 3600000.";
        if (IdleMs is < 10 or > 3_600_000)
            yield return "Inference:IdleMs is from 10 to 3600000.";
        if (MaxAnswerMs is < 10 or > 86_400_000)
            yield return "Inference:MaxAnswerMs is from 10 to 86400000.";
        if (QueueMs is < 0 or > 600_000)
            yield return "Inference:QueueMs is from 0 to 600000.";
        if (MaxWaiting is < 0 or > 1_000_000)
            yield return "Inference:MaxWaiting is from 0 to 1000000.";
        if (MaxWaitingOfAccount is < 0 or > 1_000_000)
            yield return "Inference:MaxWaitingOfAccount is from 0 to 1000000.";
        if (MaxAttempts is < 1 or > 1_024)
            yield return "Inference:MaxAttempts is from 1 to 1024.";
        if (EmbeddingBatch is < 1 or > Market.Inference.Batching.EmbeddingBatch.MostInputs)
            yield return $"Inference:EmbeddingBatch is from 1 to {Market.Inference.Batching.EmbeddingBatch.MostInputs}.";
        if (HealthSeconds is < 1 or > 3_600)
            yield return "Inference:HealthSeconds is from 1 to 3600.";
        if (HealthMs is < 10 or > 600_000)
            yield return "Inference:HealthMs is from 10 to 600000.";
        if (PrefixEntries is < 1_024 or > 1 << 26)
            yield return "Inference:PrefixEntries is from 1024 to 67108864.";
        if (PrefixSeconds is < 1 or > 86_400)
            yield return "Inference:PrefixSeconds is from 1 to 86400.";
        if (SettleMs is < 10 or > 60_000)
            yield return "Inference:SettleMs is from 10 to 60000.";
        if (!Money.TryParse(AllowanceMin, out var least) || least <= Money.Zero || least > GreatestAllowance)
            yield return $"Inference:AllowanceMin is an amount in US dollars above 0, up to {GreatestAllowance}, such as 0.01.";
        if (MaxAllowances is < ChargeSlots.FirstCount or > 1 << 20)
            yield return $"Inference:MaxAllowances is from {ChargeSlots.FirstCount} to {1 << 20}.";
        if (Local.Count > LocalModels.MostModels)
            yield return $"Inference:Local has at most {LocalModels.MostModels} models.";
        foreach (var (number, reason) in Local.SelectMany((one, number) => one.Faults().Select(reason => (number, reason))))
            yield return $"Inference:Local:{number} cannot be used: {reason}";
    }

    private static Money GreatestAllowance { get; } = Money.FromDollars(1_000);
}

namespace Stoa.Llama.Engine;

/// <summary>How a model is run.</summary>
public sealed record EngineOptions
{
    /// <summary>The most sequences at once.</summary>
    public const int MostSlots = 256;

    /// <summary>The most tokens that all slots have room for together.</summary>
    public const int MostCells = 1 << 22;

    /// <summary>How many sequences are written side by side; a request with <c>n</c> choices takes as many. Default 4.</summary>
    public int Slots { get; init; } = 4;

    /// <summary>The most tokens that a sequence sees, prompt and answer together; never more than the model was made for. Null, the default, is 4,096, or what the model was made for if that is less.</summary>
    public int? ContextLength { get; init; }

    /// <summary>Threads that compute; null, the default, is one for each processor but one, 16 at most. They wait for each other without sleeping: with more of them than processors that are free, all are slow.</summary>
    public int? Threads { get; init; }

    /// <summary>The most tokens of a step: so many are read at once, and so long others wait that are written beside it. Default 512.</summary>
    public int StepTokens { get; init; } = 512;

    /// <summary>How many requests may wait for a slot. Default 64.</summary>
    public int MaxWaiting { get; init; } = 64;

    /// <summary>Whether the model's own list of turns is replaced by one that llama.cpp has by this name, such as <c>chatml</c>; null, the default, is the model's own.</summary>
    public string? ChatTemplate { get; init; }

    internal int ThreadCount => Threads ?? Math.Clamp(Environment.ProcessorCount - 1, 1, 16);

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (Slots is < 1 or > MostSlots)
            yield return $"Slots are from 1 to {MostSlots}.";
        if (ContextLength is { } length && (length < 16 || (long)length * Slots > MostCells))
            yield return $"A context has at least 16 tokens, and all slots together at most {MostCells:N0}.";
        if (Threads is < 1 or > 512)
            yield return "Threads are from 1 to 512.";
        if (StepTokens is < 32 or > 8_192 || StepTokens < Slots)
            yield return "A step has from 32 to 8192 tokens, and at least one for each slot.";
        if (MaxWaiting is < 0 or > 100_000)
            yield return "From 0 to 100000 requests may wait.";
        if (ChatTemplate is { } template && (template.Length is 0 or > 64 || !template.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.')))
            yield return "A chat template is named by one of llama.cpp's own names, such as chatml.";
    }
}

namespace Stoa.Llama.Engine;

/// <summary>How the next token is drawn.</summary>
/// <remarks>The order is that of OpenAI's API where it has a say: biases, penalties, the grammar, then what is cut off and the temperature.</remarks>
public sealed record SamplingOptions
{
    /// <summary>The most biases.</summary>
    public const int MostBiases = 1_024;

    /// <summary>0 takes the likeliest token; the higher, the more chance there is. Default 1.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Only the likeliest tokens that together have this probability; 1, the default, is all.</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Only so many of the likeliest tokens; 0, the default, is all.</summary>
    public int TopK { get; init; }

    /// <summary>Only tokens that have at least this part of the probability of the likeliest; 0, the default, is all.</summary>
    public float MinP { get; init; }

    /// <summary>What is taken off for each time that a token was written already.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>What is taken off once it was written.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>The same seed gives the same answer to the same prompt.</summary>
    public uint Seed { get; init; }

    /// <summary>What is added to the logits of tokens.</summary>
    public IReadOnlyList<(int Token, float Bias)> Biases { get; init; } = [];

    /// <summary>What the answer has to be like, in llama.cpp's GBNF with a rule <c>root</c>; null for anything.</summary>
    public string? Grammar { get; init; }
}

/// <summary>A prompt, and what is wanted of its answers.</summary>
/// <param name="Prompt">Tokens, at least one.</param>
/// <param name="Choices">How many answers, each with a seed one higher than the one before.</param>
/// <param name="FirstIndex">The number of the first of them in what comes back.</param>
/// <param name="MaxTokens">The most tokens of each answer.</param>
/// <param name="Stops">Texts that end an answer, and are no part of it.</param>
/// <param name="Sampling">How tokens are drawn.</param>
public sealed record GenerationRequest(
    IReadOnlyList<int> Prompt, int Choices, int FirstIndex, int MaxTokens, IReadOnlyList<string> Stops, SamplingOptions Sampling)
{
    /// <summary>Whose it is: beginnings are used again within one scope alone. Empty for all who say nothing.</summary>
    public string Scope { get; init; } = "";
}

/// <summary>Why an answer is at its end.</summary>
public enum EndReason
{
    /// <summary>The model has said so, or a stop text came.</summary>
    Stop,

    /// <summary>It has as many tokens as it may have, or as the context has room for.</summary>
    Length,
}

/// <summary>Something that became of an answer.</summary>
/// <param name="Index">Which answer.</param>
/// <param name="Text">What was written; may be empty.</param>
/// <param name="End">Why nothing more comes; null when more does.</param>
/// <param name="Used">Tokens of the answer until now.</param>
/// <param name="CachedPromptTokens">How many tokens of its prompt had been read before.</param>
public readonly record struct GenerationEvent(int Index, string Text, EndReason? End, int Used, int CachedPromptTokens);

/// <summary>Why the engine did not take a request.</summary>
public enum EngineRefusal
{
    /// <summary>As many wait as may.</summary>
    TooManyWaiting,

    /// <summary>The prompt is as long as the context, or longer.</summary>
    PromptTooLong,

    /// <summary>More choices than there are slots.</summary>
    TooManyChoices,

    /// <summary>The grammar cannot be read.</summary>
    GrammarInvalid,

    /// <summary>No token goes on with what the grammar asks for.</summary>
    NothingFits,

    /// <summary>The model gives embeddings only.</summary>
    OnlyEmbeds,

    /// <summary>The engine is ending.</summary>
    Ending,
}

/// <summary>A request was not taken; the message says why.</summary>
public sealed class EngineRefusalException : Exception
{
    public EngineRefusalException()
    {
    }

    public EngineRefusalException(string message)
        : base(message)
    {
    }

    public EngineRefusalException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    public EngineRefusalException(EngineRefusal refusal, string message)
        : base(message) => Refusal = refusal;

    /// <summary>Why.</summary>
    public EngineRefusal Refusal { get; }
}

namespace Stoa.Market.Inference.OpenAi;

/// <summary>What is asked of a model: which endpoint of OpenAI's API.</summary>
public enum InferenceKind
{
    /// <summary><c>/chat/completions</c>: an answer to messages.</summary>
    Chat,

    /// <summary><c>/completions</c>: how a text goes on.</summary>
    Completion,

    /// <summary><c>/embeddings</c>: vectors of texts.</summary>
    Embedding,
}

namespace Stoa.Llama.Engine;

/// <summary>A sequence of the cache: the tokens that are in it, which stay when an answer is at its end, and the answer that is written now. The engine's thread only.</summary>
/// <param name="id">The number of the sequence.</param>
internal sealed class Slot(int id)
{
    public int Id => id;

    /// <summary>What the cache has of it, in order.</summary>
    public List<int> Cached { get; } = [];

    /// <summary>Whose requests may go on from it.</summary>
    public string Scope { get; set; } = "";

    /// <summary>Who has it; null when it is free.</summary>
    public Answer? Answer { get; set; }

    /// <summary>When it was used last, as a number that grows.</summary>
    public long UsedAt { get; set; }

    /// <summary>How many tokens of a prompt are in the cache as its beginning; the last one is always read anew, since what comes after it has to be known.</summary>
    public int SharedWith(IReadOnlyList<int> prompt, string scope)
    {
        if (Scope != scope)
            return 0;
        var most = Math.Min(Cached.Count, prompt.Count - 1);
        var shared = 0;
        while (shared < most && Cached[shared] == prompt[shared])
            shared++;
        return shared;
    }
}

/// <summary>An answer that is being written. The engine's thread only.</summary>
internal sealed class Answer : IDisposable
{
    public Answer(LlamaModel model, GenerationRequest request, int choice, int contextLength, GenerationStream stream)
    {
        (Request, Stream, Index) = (request, stream, request.FirstIndex + choice);
        Text = new AnswerText(request.Stops);
        Sampler = new TokenSampler(model, request.Sampling, choice, Math.Min(request.MaxTokens, contextLength));
    }

    public GenerationRequest Request { get; }

    public GenerationStream Stream { get; }

    public int Index { get; }

    public AnswerText Text { get; }

    public TokenSampler Sampler { get; }

    /// <summary>Whose prompt it goes on from once that is read; null when it reads the prompt itself, or has it.</summary>
    public Slot? Leader { get; set; }

    /// <summary>How many tokens of the prompt were in the cache.</summary>
    public int CachedPromptTokens { get; set; }

    /// <summary>The token that was drawn last and is not in the cache yet; null while the prompt is read.</summary>
    public int? Next { get; set; }

    /// <summary>Where its output is in the batch of this step; null when it has none.</summary>
    public int? OutputAt { get; set; }

    /// <summary>How many tokens it has.</summary>
    public int Used { get; set; }

    public void Dispose() => Sampler.Dispose();
}

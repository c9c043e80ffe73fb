using Stoa.Market.Inference;

namespace Stoa.Node.Inference.Limits;

/// <summary>Tokens that were taken for a request out of limits a minute, until it ends: once, by what it has used or by being disposed of, as one that has used nothing.</summary>
/// <param name="end">Gives back what was not used.</param>
/// <param name="other">What was taken for it out of another limit; null for none.</param>
internal sealed class TakenTokens(Action<long> end, TakenTokens? other) : IDisposable
{
    private int _isOver;

    /// <summary>The request has ended.</summary>
    /// <param name="used">As it is billed.</param>
    public void End(TokenUsage used)
    {
        if (Interlocked.Exchange(ref _isOver, 1) != 0)
            return;
        end(used.InputTokens + used.OutputTokens);
        other?.End(used);
    }

    public void Dispose() => End(default);
}

namespace Stoa.Market.Expressions;

/// <summary>How much work expressions may do; one for as many evaluations as share it.</summary>
/// <remarks>
/// A step is a value that is visited or made, eight characters of text that are read or made (16 bytes in memory), or eight members or items that
/// are looked through for one, members once more for each eight characters of the name; of an object that was put together it is one. To sort <c>n</c> values costs <c>log₂ n</c> times what it costs
/// to look at each. So a step is some hundred nanoseconds at most, and some hundred bytes. Not for several threads at a time.
/// </remarks>
/// <param name="steps">All that there are: at most <see cref="MaxSteps"/>, or that many.</param>
public sealed class ExpressionBudget(long steps)
{
    /// <summary>The most steps of a budget: about a second of work, and no text that memory could not hold.</summary>
    public const long MaxSteps = 10_000_000;

    /// <summary>Characters, members or items that cost one step.</summary>
    internal const int PerStep = 8;

    private readonly long _steps = Math.Clamp(steps, 0, MaxSteps);

    /// <summary>What is left.</summary>
    public long Left { get; private set; } = Math.Clamp(steps, 0, MaxSteps);

    /// <summary>What was spent.</summary>
    public long Spent => _steps - Left;

    /// <summary>Pays for something.</summary>
    /// <returns>False when less is left; then nothing is left.</returns>
    internal bool TrySpend(long cost)
    {
        var isEnough = cost <= Left;
        Left = isEnough ? Left - cost : 0;
        return isEnough;
    }
}

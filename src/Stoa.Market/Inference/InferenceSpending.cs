using Stoa.Primitives;

namespace Stoa.Market.Inference;

/// <summary>What was used of an allowance since it was opened, in all. Every number only grows.</summary>
/// <param name="Requests">That were settled.</param>
/// <param name="InputTokens">Of them.</param>
/// <param name="OutputTokens">Of them.</param>
/// <param name="Price">What they cost.</param>
public readonly record struct InferenceSpending(long Requests, long InputTokens, long OutputTokens, InferencePrice Price)
{
    /// <summary>What came since an earlier look. What an earlier look had more of counts as nothing: after a power failure a file may be older than the database.</summary>
    public InferenceSpending Since(InferenceSpending earlier) => new(
        Math.Max(0, Requests - earlier.Requests),
        Math.Max(0, InputTokens - earlier.InputTokens),
        Math.Max(0, OutputTokens - earlier.OutputTokens),
        new InferencePrice(
            Money.Max(Money.Zero, Price.Listing - earlier.Price.Listing),
            Money.Max(Money.Zero, Price.Serving - earlier.Price.Serving),
            Money.Max(Money.Zero, Price.Supplied - earlier.Price.Supplied)));

    /// <summary>With one more request.</summary>
    public InferenceSpending With(TokenUsage used, InferencePrice price) => new(
        Requests + 1,
        InputTokens + used.InputTokens,
        OutputTokens + used.OutputTokens,
        Price + price);
}

/// <summary>Where what was spent of an allowance is written down as it is spent, so that it outlives the process.</summary>
public interface ISpendingRecord
{
    /// <summary>Writes the whole of it over what was there. Called under the allowance's lock, by one thread at a time; it neither waits nor throws.</summary>
    void Write(in InferenceSpending spent);
}

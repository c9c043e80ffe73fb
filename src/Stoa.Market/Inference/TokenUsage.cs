namespace Stoa.Market.Inference;

/// <summary>Tokens of one request to a model, as they are counted here, or of many together.</summary>
/// <param name="InputTokens">Read by the model; not negative.</param>
/// <param name="OutputTokens">Written by the model; not negative.</param>
public readonly record struct TokenUsage(long InputTokens, long OutputTokens);

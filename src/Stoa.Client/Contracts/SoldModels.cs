namespace Stoa.Client.Contracts;

/// <summary>The models whose answers a node sells to whoever pays out of a payment channel.</summary>
/// <param name="Node">Peer id of the node.</param>
/// <param name="Items">In the order of their names.</param>
public sealed record SoldModelsResponse(string Node, IReadOnlyList<SoldModelResponse> Items);

/// <summary>A model whose answers are sold.</summary>
/// <param name="Model"><c>publisher/name@version</c>, as requests name it there.</param>
/// <param name="Publisher">Peer id of the publisher's key: the same at every node.</param>
/// <param name="Weights">Digest of the weights, <c>sha256:…</c>.</param>
/// <param name="Capabilities">Such as chat.</param>
/// <param name="InputPrice">All that a million tokens that it reads cost at the dearest server that may answer, in US dollars as a decimal string.</param>
/// <param name="OutputPrice">And a million that it writes.</param>
/// <param name="ContextLength">The most tokens that it sees at once; null when it is not said.</param>
/// <param name="Region">Where it is answered; null when it is not said, or servers stand in several.</param>
/// <param name="TokensPerSecond">How fast one answer is written, as it was measured there; null when nothing was measured yet.</param>
public sealed record SoldModelResponse(
    string Model,
    string Publisher,
    string Weights,
    IReadOnlyList<string> Capabilities,
    string InputPrice,
    string OutputPrice,
    long? ContextLength = null,
    string? Region = null,
    double? TokensPerSecond = null);

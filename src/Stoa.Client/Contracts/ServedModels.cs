namespace Stoa.Client.Contracts;

/// <summary>A model that a node serves, or a route that stands for some, as <c>GET /v1/models</c> of OpenAI's API has it.</summary>
/// <param name="Id">What a request names: publisher/name@version, or the name of a route.</param>
/// <param name="OwnedBy">Its publisher; <c>you</c> or <c>node</c> for a route.</param>
/// <param name="Capabilities">Such as chat; none for a route.</param>
/// <param name="Replicas">How many servers answer for it; null for a route.</param>
/// <param name="ContextLength">The most tokens that it sees at once; null when it is not said.</param>
/// <param name="PerMillionInputTokens">What a million tokens that it reads cost where it costs least, in US dollars; null for a route.</param>
/// <param name="PerMillionOutputTokens">And a million that it writes.</param>
/// <param name="Suppliers">Peer ids of other operators' nodes of which its answers are bought; null for none.</param>
public sealed record ServedModel(
    string Id,
    string OwnedBy,
    IReadOnlyList<string> Capabilities,
    int? Replicas = null,
    long? ContextLength = null,
    string? PerMillionInputTokens = null,
    string? PerMillionOutputTokens = null,
    IReadOnlyList<string>? Suppliers = null);

/// <summary>What a model is asked.</summary>
/// <param name="Model">publisher/name, publisher/name@range, auto, auto:capability, or a route.</param>
/// <param name="Prompt">The question.</param>
/// <param name="Instructions">What is said to it before, as the system; null for nothing.</param>
/// <param name="MaxTokens">The most tokens of the answer; null for as many as the node allows.</param>
/// <param name="MaxPrice">What it may cost at most, in US dollars: what may cost more is refused before any model is asked. Null for whatever it does.</param>
public sealed record ModelQuestion(string Model, string Prompt, string? Instructions = null, int? MaxTokens = null, string? MaxPrice = null);

/// <summary>What a model has answered.</summary>
/// <param name="Text">Its words.</param>
/// <param name="Model">The version that answered.</param>
/// <param name="Replica">The server that answered; null when the node does not say.</param>
/// <param name="Cost">In US dollars; null when the node does not say.</param>
/// <param name="InputTokens">That it has read, as they were billed; null when that is not said.</param>
/// <param name="OutputTokens">And written.</param>
public sealed record ModelAnswer(string Text, string? Model, string? Replica, string? Cost, long? InputTokens, long? OutputTokens);

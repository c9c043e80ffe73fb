namespace Stoa.Node.Registry.Discovery.Semantic;

/// <summary>The embedding model cannot be reached, refuses, or answers something else.</summary>
/// <param name="message">What happened.</param>
/// <param name="inner">Why; null when the answer says it.</param>
public sealed class EmbeddingsException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Whether it has answered: then it may be for what it was asked.</summary>
    public bool IsAnswer { get; init; }
}

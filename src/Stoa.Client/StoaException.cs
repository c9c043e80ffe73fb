using Stoa.Client.Contracts;

namespace Stoa.Client;

/// <summary>The node refused. <see cref="Problem"/> says why and what to do next.</summary>
public sealed class StoaException(Problem problem) : Exception(problem.Detail)
{
    /// <summary>The refusal as the node gave it.</summary>
    public Problem Problem { get; } = problem;

    /// <summary>The refusal's name, such as <c>insufficientFunds</c>.</summary>
    public string Code => Problem.Code;
}

/// <summary>No answer came from the node in any attempt.</summary>
public sealed class NodeUnreachableException(Uri address, Exception? cause)
    : Exception($"No node answers at {address.GetLeftPart(UriPartial.Authority)}: {cause?.GetBaseException().Message}", cause)
{
    /// <summary>The address that was tried.</summary>
    public Uri Address { get; } = address;
}

/// <summary>The bytes that arrived are not the ones that were asked for: their digest differs.</summary>
public sealed class ContentMismatchException(string expected, string actual)
    : Exception($"The content should have the digest {expected}, but has {actual}. It was damaged on its way, or the node keeps a damaged copy.")
{
    public string Expected { get; } = expected;

    public string Actual { get; } = actual;
}

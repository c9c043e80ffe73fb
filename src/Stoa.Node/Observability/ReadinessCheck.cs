namespace Stoa.Node.Observability;

/// <summary>One thing that must work before the node should get requests. A room registers its own.</summary>
/// <param name="Name">For the operator.</param>
/// <param name="FindFaultAsync">What is wrong, in a sentence; null when nothing is.</param>
public sealed record ReadinessCheck(string Name, Func<CancellationToken, Task<string?>> FindFaultAsync);

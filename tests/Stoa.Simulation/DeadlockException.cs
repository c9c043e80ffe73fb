namespace Stoa.Simulation;

/// <summary>What was to be done is not done, and nothing is left that could lead to it: everybody waits.</summary>
public sealed class DeadlockException(string message) : InvalidOperationException(message);

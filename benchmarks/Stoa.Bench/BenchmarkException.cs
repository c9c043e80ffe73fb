namespace Stoa.Bench;

/// <summary>What was measured did not do what it has to do, so its speed means nothing.</summary>
internal sealed class BenchmarkException(string message) : Exception(message);

namespace Stoa.Wasm.Fuzz;

/// <summary>The fuzzer itself cannot go on: what it needs does not answer, or it made something wrong.</summary>
internal sealed class FuzzException(string message) : Exception(message);

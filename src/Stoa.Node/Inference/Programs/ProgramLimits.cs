namespace Stoa.Node.Inference.Programs;

/// <summary>What a model that is a program may use. Whatever it does, it cannot use more.</summary>
/// <param name="MemoryBytes">Of each request, and of loading.</param>
/// <param name="Fuel">Units of work of each request; loading has no limit but its time.</param>
/// <param name="Time">That each request may take, what its reader takes to read included.</param>
/// <param name="LoadTime">That loading may take.</param>
/// <param name="OutputBytes">The most that it may write in answer to one request.</param>
internal sealed record ProgramLimits(long MemoryBytes, long Fuel, TimeSpan Time, TimeSpan LoadTime, long OutputBytes)
{
    // Beyond what any program needs, and each entry takes memory of the node.
    private const int MaxTableElements = 1_000_000;

    /// <summary>Of one request, as the engine wants them.</summary>
    public Wasm.ExecutionLimits OfRequest => OfLoading with { Fuel = Fuel, Timeout = Time };

    /// <summary>Of loading.</summary>
    public Wasm.ExecutionLimits OfLoading => new() { MaxMemoryBytes = MemoryBytes, MaxTableElements = MaxTableElements, Timeout = LoadTime };
}

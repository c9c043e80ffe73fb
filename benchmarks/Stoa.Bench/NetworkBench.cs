namespace Stoa.Bench;

/// <summary>The network: finding who provides a key where many have fallen silent, how fast what is said is everywhere, how lookups grow, and how fast the registry is simulated.</summary>
internal static class NetworkBench
{
    public static IReadOnlyList<string> Parts { get; } = ["lookups", "propagation", "simulation", "simulated-registry"];

    public static async Task<Figures> RunAsync(BenchmarkRun run, CancellationToken cancellationToken)
    {
        var figures = new Figures();
        if (run.Wants("lookups"))
            await LookupBench.AddAsync(figures, run, cancellationToken);
        if (run.Wants("propagation"))
            await PropagationBench.AddAsync(figures, run, cancellationToken);
        if (run.Wants("simulation"))
            SimulatedLookups.Add(figures, run, cancellationToken);
        if (run.Wants("simulated-registry"))
            await SimulatedRegistry.AddAsync(figures, run, cancellationToken);
        return figures;
    }
}

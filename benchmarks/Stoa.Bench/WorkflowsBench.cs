namespace Stoa.Bench;

/// <summary>Runs of workflows.</summary>
internal static class WorkflowsBench
{
    private const string Machine = "machine";

    public static IReadOnlyList<string> Parts { get; } = [Machine];

    public static Task<Figures> RunAsync(BenchmarkRun run, CancellationToken cancellationToken)
    {
        var figures = new Figures();
        if (run.Wants(Machine))
            WorkflowMachineBench.Run(run.Tell, figures, cancellationToken);
        return Task.FromResult(figures);
    }
}

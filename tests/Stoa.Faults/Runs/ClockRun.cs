namespace Stoa.Faults.Runs;

internal static class ClockRun
{
    public static Task RunAsync(RunContext context, CancellationToken stop) => throw new NotHereException("later");
}

namespace Stoa.Bench.Wasm;

/// <summary>The WebAssembly engine by itself, and beside V8 when Node is installed.</summary>
internal static class WasmBench
{
    public static IReadOnlyList<string> Parts { get; } =
        [.. WasmProgram.All.Select(program => program.Name), "start", "decode", "instances", "live", "snapshot", "calls", "stop"];

    public static async Task<Figures> RunAsync(BenchmarkRun run, CancellationToken cancellationToken)
    {
        var figures = new Figures();
        await using var v8 = await V8Process.StartAsync(cancellationToken);
        if (v8 is null)
            run.Warn("Node is not installed, so all figures beside V8 are left out.");
        else
            figures.Notes.Add(v8.Version);

        await new ProgramRace(v8, run).AddFiguresAsync(figures, cancellationToken);
        var start = new StartFigures(v8, run);
        if (run.Wants("start"))
            await start.AddFirstInstructionAsync(figures, cancellationToken);
        if (run.Wants("decode"))
            await start.AddDecodingAsync(figures, cancellationToken);
        var instances = new InstanceFigures(run);
        if (run.Wants("instances"))
            instances.AddLife(figures);
        if (run.Wants("live"))
            instances.AddLiveBytes(figures);
        if (run.Wants("snapshot"))
            instances.AddSnapshot(figures);
        if (run.Wants("calls"))
            instances.AddCalls(figures);
        if (run.Wants("stop"))
            new StopFigures(run).AddFigures(figures, cancellationToken);
        return figures;
    }
}

using System.Diagnostics;
using Stoa.Wasm;
using Stoa.Wasm.Binary;

namespace Stoa.Bench.Wasm;

/// <summary>How soon a program runs: decoding and validating, and from bytes to the return of a first call.</summary>
internal sealed class StartFigures(V8Process? v8, BenchmarkRun run)
{
    private const int LargeBytes = 5_000_000;
    private const int WarmUps = 5;
    private const int Repetitions = 15;
    private static readonly string[] s_samples = ["image-resize", "csv-profile", "markdown-html"];

    // Each compilation is the first: nothing is remembered.
    private readonly Engine _engine = new(new EngineOptions { CachedModules = 0 });

    public async Task AddFirstInstructionAsync(Figures figures, CancellationToken cancellationToken)
    {
        var module = LargeModule.Create(LargeBytes, seed: 5);
        run.Tell($"first instruction of a module of {module.Length / 1e6:F2} MB, {Repetitions} times");
        List<double> stoaMs = [], stoaCpuMs = [], v8Ms = [];
        await WithFileAsync(module, async path =>
        {
            for (var i = 0; i < WarmUps + Repetitions; i++)
            {
                var cpu = Environment.CpuUsage.TotalTime;
                stoaMs.Add(FirstCall(module));
                stoaCpuMs.Add((Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds);
                if (v8 is not null)
                    v8Ms.Add(await v8.FirstCallAsync(path, cancellationToken));
                cancellationToken.ThrowIfCancellationRequested();
            }
        }, cancellationToken);
        figures.Add("first_instruction_ms_5mb", Figures.Median(stoaMs.Skip(WarmUps)));
        figures.Add("first_instruction_cpu_ms_5mb", Figures.Median(stoaCpuMs.Skip(WarmUps)));
        if (v8 is not null)
            figures.Add("v8_first_instruction_ms_5mb", Figures.Median(v8Ms.Skip(WarmUps)));
    }

    public async Task AddDecodingAsync(Figures figures, CancellationToken cancellationToken)
    {
        var large = LargeModule.Create(LargeBytes, seed: 5);
        var samples = s_samples.Select(name => File.ReadAllBytes(Path.Combine(Checkout.Root, "samples", name, $"{name}.wasm"))).ToArray();
        run.Tell("decoding and validating");
        figures.Add("decode_mb_s", DecodeSpeed([large], WarmUps, Repetitions));
        figures.Add("decode_mb_s_samples", DecodeSpeed(samples, 100, 300));
        if (v8 is null)
            return;
        await WithFileAsync(large, async path =>
        {
            var cpuMs = new List<double>();
            for (var i = 0; i < Repetitions; i++)
                cpuMs.Add(await v8.ValidateAsync(path, cancellationToken));
            figures.Add("v8_validate_mb_s", large.Length / 1e3 / Figures.Median(cpuMs));
        }, cancellationToken);
    }

    private double FirstCall(byte[] wasm)
    {
        var start = Stopwatch.GetTimestamp();
        using var instance = _engine.Compile(wasm).Instantiate(new Imports());
        var result = instance.Invoke("first")[0].ToInt32();
        var ms = Clock.Since(start);
        return result == 42 ? ms : throw new BenchmarkException($"The large module's first call gave {result}.");
    }

    /// <summary>Megabytes for each second of processor time of the whole process: several threads, or the collector, would not make it look faster.</summary>
    private double DecodeSpeed(byte[][] modules, int warmUps, int repetitions)
    {
        var samplesMs = new List<double>();
        for (var i = 0; i < warmUps + repetitions; i++)
        {
            var start = Environment.CpuUsage.TotalTime;
            foreach (var module in modules)
                ModuleDecoder.Decode(module, _engine.Options);
            if (i >= warmUps)
                samplesMs.Add((Environment.CpuUsage.TotalTime - start).TotalMilliseconds);
        }

        return modules.Sum(module => (long)module.Length) / 1e3 / Figures.Median(samplesMs);
    }

    private static async Task WithFileAsync(byte[] content, Func<string, Task> use, CancellationToken cancellationToken)
    {
        var path = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(path, content, cancellationToken);
            await use(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}

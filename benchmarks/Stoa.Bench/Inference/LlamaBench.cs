using System.Diagnostics;
using Stoa.Llama.Engine;
using Stoa.Llama.Tests.Models;

namespace Stoa.Bench.Inference;

/// <summary>The engine of a node's own models, with a model of random weights: how fast one answer is written and eight side by side, and what a beginning that was read before saves.</summary>
internal static class LlamaBench
{
    private const int Rounds = 5;
    private const int Width = 512;
    private const int Layers = 8;
    private const int Slots = 8;
    private const int Written = 128;
    private const int Read = 768;

    public static async Task AddAsync(BenchmarkRun run, Figures figures, CancellationToken cancellationToken)
    {
        if (await NpmPackages.InstallAsync("tests/judges/llama", "judge-llama", cancellationToken) is not { } packages)
        {
            run.Warn("llama is left out: npm could not install llama.cpp's libraries.");
            return;
        }

        var folder = Directory.CreateTempSubdirectory("stoa-bench-").FullName;
        try
        {
            var file = Path.Combine(folder, "random.gguf");
            TinyModel.Save(file, width: Width, layers: Layers);
            using var model = LlamaModel.Load(Path.Combine(packages, "node_modules", "@node-llama-cpp", "linux-x64", "bins", "linux-x64"), file);
            using var engine = new LlamaEngine(model, new EngineOptions { Slots = Slots, ContextLength = TinyModel.ContextLength });
            await MeasureAsync(run, figures, engine, cancellationToken);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task MeasureAsync(BenchmarkRun run, Figures figures, LlamaEngine engine, CancellationToken cancellationToken)
    {
        var random = new Random(1);
        var (alone, together, cold, warm) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        await WriteAsync(engine, Prompt(random, 16), Written, cancellationToken);
        for (var round = 1; round <= Rounds; round++)
        {
            run.Tell($"llama: round {round} of {Rounds}");
            var start = Stopwatch.GetTimestamp();
            await WriteAsync(engine, Prompt(random, 16), Written, cancellationToken);
            alone.Add(Written * 1_000 / Clock.Since(start));
            start = Stopwatch.GetTimestamp();
            await Task.WhenAll(Enumerable.Range(0, Slots).Select(_ => WriteAsync(engine, Prompt(random, 16), Written, cancellationToken)).ToList());
            together.Add(Slots * Written * 1_000 / Clock.Since(start));
            var prompt = Prompt(random, Read);
            start = Stopwatch.GetTimestamp();
            await WriteAsync(engine, prompt, 1, cancellationToken);
            cold.Add(Clock.Since(start));
            start = Stopwatch.GetTimestamp();
            // The same beginning, and another question behind it.
            await WriteAsync(engine, [.. prompt[..^16], .. Prompt(random, 16)], 1, cancellationToken);
            warm.Add(Clock.Since(start));
        }

        figures.Add("llama_tokens_per_s_1", Figures.Median(alone));
        figures.Add("llama_tokens_per_s_8", Figures.Median(together));
        figures.Add("llama_first_token_ms_cold", Figures.Median(cold));
        figures.Add("llama_first_token_ms_prefix", Figures.Median(warm));
    }

    private static int[] Prompt(Random random, int length) => [.. Enumerable.Range(0, length).Select(_ => random.Next(256))];

    private static async Task WriteAsync(LlamaEngine engine, int[] prompt, int maxTokens, CancellationToken cancellationToken)
    {
        // Without the tokens that would end an answer, which chance may bring.
        var sampling = new SamplingOptions { Temperature = 0, Biases = [.. Enumerable.Range(TinyModel.Vocabulary.FirstControl, 3).Select(token => (token, float.NegativeInfinity))] };
        using var stream = engine.Start([new GenerationRequest(prompt, 1, 0, maxTokens, [], sampling)], cancellationToken);
        await foreach (var _ in stream.ReadAllAsync(cancellationToken))
        {
        }
    }
}

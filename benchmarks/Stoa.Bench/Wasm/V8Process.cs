using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Stoa.Bench.Wasm;

/// <summary>Node in a process of its own, which runs programs when told to.</summary>
internal sealed class V8Process : IAsyncDisposable
{
    private static readonly TimeSpan s_answerTimeout = TimeSpan.FromMinutes(2);
    private readonly Process _process;

    private V8Process(Process process, string version) => (_process, Version) = (process, version);

    public string Version { get; }

    /// <summary>Starts it; null when Node is not installed.</summary>
    public static async Task<V8Process?> StartAsync(CancellationToken cancellationToken)
    {
        var script = Path.Combine(Checkout.Root, "benchmarks", "Stoa.Bench", "Wasm", "v8.mjs");
        Process process;
        try
        {
            process = Process.Start(new ProcessStartInfo("node", [script]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        }
        catch (Win32Exception)
        {
            return null;
        }

        try
        {
            var hello = await ReadAsync(process, cancellationToken);
            return new V8Process(process, $"Node {hello["node"]}, V8 {hello["v8"]}");
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }
    }

    /// <summary>Compiles and instantiates a program, in place of the one before.</summary>
    public Task LoadAsync(byte[] wasm, CancellationToken cancellationToken) =>
        AskAsync(new() { ["load"] = Convert.ToBase64String(wasm) }, cancellationToken);

    /// <summary>Calls <c>run</c> of the loaded program.</summary>
    /// <returns>Its checksum and the processor time.</returns>
    public async Task<(long Sum, double CpuMs)> RunAsync(int size, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(new() { ["run"] = size }, cancellationToken);
        return (long.Parse((string)answer["sum"]!, System.Globalization.CultureInfo.InvariantCulture), (double)answer["cpu_ms"]!);
    }

    /// <summary>From a module's bytes to the return of its export <c>first</c>, with nothing cached.</summary>
    public async Task<double> FirstCallAsync(string path, CancellationToken cancellationToken) =>
        (double)(await AskAsync(new() { ["first"] = path }, cancellationToken))["wall_ms"]!;

    public async Task<double> ValidateAsync(string path, CancellationToken cancellationToken) =>
        (double)(await AskAsync(new() { ["validate"] = path }, cancellationToken))["cpu_ms"]!;

    public async ValueTask DisposeAsync()
    {
        // The end of its input ends it.
        _process.StandardInput.Close();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private async Task<JsonNode> AskAsync(JsonObject request, CancellationToken cancellationToken)
    {
        await _process.StandardInput.WriteLineAsync(request.ToJsonString().AsMemory(), cancellationToken);
        await _process.StandardInput.FlushAsync(cancellationToken);
        return await ReadAsync(_process, cancellationToken);
    }

    private static async Task<JsonNode> ReadAsync(Process process, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_answerTimeout);
        try
        {
            var line = await process.StandardOutput.ReadLineAsync(patience.Token);
            return JsonNode.Parse(line ?? throw new BenchmarkException("Node ended before it answered."))!;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new BenchmarkException($"Node did not answer within {s_answerTimeout.TotalMinutes} minutes.");
        }
    }
}

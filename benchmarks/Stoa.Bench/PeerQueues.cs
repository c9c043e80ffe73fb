using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Npgsql;

namespace Stoa.Bench;

/// <summary>Other queues at the same work on the same machine: jobs that do nothing, enqueued in batches and run.</summary>
/// <remarks>
/// The programs are in <c>benchmarks/peers</c> and run in Node; npm installs what they need below <c>artifacts</c> at the first run. What is not
/// there is left out, and that is said.
/// </remarks>
internal sealed class PeerQueues(BenchmarkRun run)
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromMinutes(2);

    private static string Folder => Path.Combine(Checkout.Root, "artifacts", "peers");

    /// <summary>Jobs a second in Graphile Worker, in batches and one by one.</summary>
    /// <param name="figures">Where they go.</param>
    /// <param name="connectionString">Of an empty database, for Npgsql.</param>
    /// <param name="cancellationToken">Stops them.</param>
    public async Task AddGraphileAsync(Figures figures, string connectionString, CancellationToken cancellationToken)
    {
        if (!await InstallAsync(cancellationToken))
            return;
        var server = new NpgsqlConnectionStringBuilder(connectionString);
        var address = $"postgresql://{server.Username}@/{server.Database}?host={Uri.EscapeDataString(server.Host!)}&port={server.Port}";
        figures.Add("graphile_batched_per_s", await MeasureAsync("graphile.mjs", [address, "60000", "batched", "10000"], cancellationToken));
        figures.Add("graphile_per_s", await MeasureAsync("graphile.mjs", [address, "6000", "single", "1000"], cancellationToken));
    }

    /// <summary>Jobs a second in BullMQ, with a Redis that writes its log to the disk each second.</summary>
    /// <summary>BullMQ over a Redis that keeps nothing when it ends, or that writes its log to the disk once a second.</summary>
    public async Task AddBullMqAsync(Figures figures, bool isKept, CancellationToken cancellationToken)
    {
        if (!await InstallAsync(cancellationToken))
            return;
        var folder = Directory.CreateTempSubdirectory("stoa-bench-").FullName;
        var port = NodeProcess.FreePort().ToString(CultureInfo.InvariantCulture);
        Process? redis = null;
        try
        {
            redis = NpmPackages.Start("redis-server", folder, ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", isKept ? "yes" : "no", "--dir", folder]);
            if (redis is null)
            {
                run.Warn("redis-server is not installed, so the figures of BullMQ are left out.");
                return;
            }

            figures.Add(isKept ? "bullmq_appended_per_s" : "bullmq_per_s", await MeasureAsync("bullmq.mjs", [port, "60000", "10000"], cancellationToken));
        }
        finally
        {
            redis?.Kill();
            redis?.WaitForExit();
            redis?.Dispose();
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task<bool> InstallAsync(CancellationToken cancellationToken)
    {
        run.Tell("other queues from npm");
        if (await NpmPackages.InstallAsync(Path.Combine("benchmarks", "peers"), "peers", cancellationToken) is not null)
            return true;
        run.Warn("npm is not installed or cannot install what benchmarks/peers needs, so the figures of other queues are left out.");
        return false;
    }

    private async Task<double> MeasureAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        run.Tell($"{program} {arguments[^1]}");
        var path = Path.Combine(Folder, program);
        File.Copy(Path.Combine(Checkout.Root, "benchmarks", "peers", program), path, overwrite: true);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_timeout);
        using var node = NpmPackages.Start("node", Folder, [path, .. arguments]) ?? throw new BenchmarkException("node is not installed.");
        try
        {
            var output = await node.StandardOutput.ReadToEndAsync(patience.Token);
            await node.WaitForExitAsync(patience.Token);
            if (node.ExitCode != 0)
                throw new BenchmarkException($"{program} ended with {node.ExitCode}.");
            var result = JsonNode.Parse(output)!;
            return (double)result["jobs"]! / (double)result["seconds"]!;
        }
        catch
        {
            if (!node.HasExited)
                node.Kill();
            throw;
        }
    }
}

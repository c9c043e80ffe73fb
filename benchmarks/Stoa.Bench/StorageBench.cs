using System.Diagnostics;
using Stoa.Market.Events;
using Stoa.Market.Ledger;
using Stoa.Node.Events;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Bench;

/// <summary>Durable acts on the embedded database: each enters a transfer between two accounts and tells of it with an event.</summary>
internal static class StorageBench
{
    private static readonly TimeSpan s_measured = TimeSpan.FromSeconds(3);
    private static readonly int[] s_writerCounts = [1, 16, 256];

    public static async Task<Figures> RunAsync(Action<string> tell, CancellationToken cancellationToken)
    {
        var figures = new Figures();
        var folder = Directory.CreateTempSubdirectory("stoa-bench-");
        try
        {
            tell($"database in {folder.FullName}");
            figures.AddPercentiles("fsync_ms", MeasureSync(Path.Combine(folder.FullName, "sync")), 50);
            await using var database = await Database.OpenAsync(
                new StorageOptions(DataFolder: folder.FullName), TimeProvider.System, cancellationToken);
            var ids = new IdSource(TimeProvider.System, new SecureRandom());
            var accounts = await SystemAccounts.OpenAsync(new SqlLedgerStore(database), ids, TimeProvider.System, cancellationToken);
            tell("warming up");
            await WriteAsync(database, ids, accounts, 16, cancellationToken);
            foreach (var writers in s_writerCounts)
            {
                tell($"{writers} concurrent writers, {s_measured.TotalSeconds:0} s");
                var cpu = Environment.CpuUsage.TotalTime;
                var latenciesMs = await WriteAsync(database, ids, accounts, writers, cancellationToken);
                figures.Add($"acts_per_s_{writers}", latenciesMs.Count / s_measured.TotalSeconds);
                figures.AddPercentiles($"act_ms_{writers}", latenciesMs, 50, 99);
                figures.Add($"act_cpu_us_{writers}", (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds / latenciesMs.Count);
            }
            return figures;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>What one append with its fsync costs on this disk: no durable act can be faster.</summary>
    private static List<double> MeasureSync(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var page = new byte[4096];
        var timesMs = new List<double>();
        for (var count = 0; count < 200; count++)
        {
            var start = Stopwatch.GetTimestamp();
            file.Write(page);
            file.Flush(flushToDisk: true);
            timesMs.Add(Clock.Since(start));
        }
        return timesMs;
    }

    /// <summary>The durations of all acts in milliseconds.</summary>
    private static async Task<IReadOnlyCollection<double>> WriteAsync(
        Database database, IdSource ids, SystemAccounts accounts, int writers, CancellationToken cancellationToken)
    {
        var begin = Stopwatch.GetTimestamp();
        var all = await Task.WhenAll(Enumerable.Range(0, writers).Select(_ => Task.Run(
            async () =>
            {
                var timesMs = new List<double>();
                while (Stopwatch.GetElapsedTime(begin) < s_measured)
                {
                    var start = Stopwatch.GetTimestamp();
                    await database.WriteAsync(session => ActAsync(session, ids, accounts), cancellationToken);
                    timesMs.Add(Clock.Since(start));
                }
                return timesMs;
            },
            cancellationToken)));
        return [.. all.SelectMany(times => times)];
    }

    private static async Task<bool> ActAsync(SqlSession session, IdSource ids, SystemAccounts accounts)
    {
        var now = TimeProvider.System.GetUtcNow();
        var transfer = new Transfer(
            ids.Next<Transfer>(), TransferKind.Posted, accounts.World, accounts.Node, new Money(1), null, TransferPurpose.Deposit, "bench", now);
        var applied = await SqlLedger.ApplyAsync(session, [transfer]);
        await SqlEvents.AppendAsync(session, [new NewEvent("stoa.bench", transfer.Id.ToString(), null, now, "{}")]);
        return applied.Refusal is null;
    }
}

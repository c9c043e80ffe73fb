using System.Diagnostics;
using Stoa.Market.Ledger;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Bench;

/// <summary>The ledger: transfers between ten thousand wallets, each checked, entered once by its id, chained and durable.</summary>
internal static class LedgerBench
{
    private const int Wallets = 10_000;

    // Eight full blocks of the journal in one transaction.
    private const int Batch = 8 * JournalBlock.MaxCount;
    private const int Batches = 24;
    private const int Callers = 4;
    private const int SingleCallers = 16;

    private static readonly TimeSpan s_singles = TimeSpan.FromSeconds(3);

    public static IReadOnlyList<string> Parts { get; } = ["embedded", "postgres", "vouchers"];

    public static async Task<Figures> RunAsync(BenchmarkRun run, CancellationToken cancellationToken)
    {
        var figures = new Figures();
        if (run.Wants("embedded"))
        {
            var folder = Directory.CreateTempSubdirectory("stoa-bench-");
            try
            {
                await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder.FullName), TimeProvider.System, cancellationToken);
                await MeasureAsync(database, "embedded", "", figures, run, cancellationToken);
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        }

        if (run.Wants("vouchers"))
        {
            foreach (var (name, value) in ChannelsBench.Run(run.Tell, cancellationToken).Values)
                figures.Add(name, value);
        }

        if (run.Wants("postgres"))
        {
            await using var server = await PostgresServer.StartAsync();
            if (server is null)
            {
                run.Warn("PostgreSQL is not installed: its figures are left out");
                return figures;
            }

            var connection = await server.CreateDatabaseAsync("ledger", cancellationToken);
            await using var database = await Database.OpenAsync(
                new StorageOptions(StorageProvider.Postgres, ConnectionString: connection), TimeProvider.System, cancellationToken);
            await MeasureAsync(database, "postgres", "_postgres", figures, run, cancellationToken);
        }

        return figures;
    }

    private static async Task MeasureAsync(
        Database database, string profile, string suffix, Figures figures, BenchmarkRun run, CancellationToken cancellationToken)
    {
        var ledger = new SqlLedgerStore(database);
        var ids = new IdSource(TimeProvider.System, new SecureRandom());
        run.Tell($"{profile}: opening {Wallets:n0} wallets");
        var accounts = await SystemAccounts.OpenAsync(ledger, ids, TimeProvider.System, cancellationToken);
        var wallets = new Id<Account>[Wallets];
        await database.WriteAsync(
            async session =>
            {
                for (var index = 0; index < Wallets; index++)
                {
                    wallets[index] = ids.Next<Account>();
                    await SqlLedger.OpenAccountAsync(session, Account.Open(wallets[index], $"user-{index}", AccountKind.Wallet, Now()));
                }
            },
            cancellationToken);
        await EnterAsync(ledger, [.. wallets.Select(wallet => Make(ids, accounts.World, wallet, 1_000_000_000_000))], cancellationToken);

        run.Tell($"{profile}: one transfer after the other");
        var random = new Random(1);
        List<double> timesMs = [];
        var begin = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begin) < s_singles)
        {
            var start = Stopwatch.GetTimestamp();
            await EnterAsync(ledger, [Between(ids, wallets, random)], cancellationToken);
            timesMs.Add(Clock.Since(start));
        }

        figures.AddPercentiles("single_transfer_ms", suffix, timesMs.Skip(timesMs.Count / 4), 50, 99);

        run.Tell($"{profile}: {SingleCallers} callers with one transfer each");
        begin = Stopwatch.GetTimestamp();
        var counts = await Task.WhenAll(Enumerable.Range(0, SingleCallers).Select(caller => Task.Run(
            async () =>
            {
                var (own, count) = (new Random(caller), 0);
                while (Stopwatch.GetElapsedTime(begin) < s_singles)
                {
                    await EnterAsync(ledger, [Between(ids, wallets, own)], cancellationToken);
                    count++;
                }

                return count;
            },
            cancellationToken)));
        figures.Add($"{profile}_single_tx_per_s", counts.Sum() / Stopwatch.GetElapsedTime(begin).TotalSeconds);

        run.Tell($"{profile}: {Batches} batches of {Batch:n0} transfers");
        await EnterAsync(ledger, MakeBatch(ids, wallets, random), cancellationToken);
        var made = Enumerable.Range(0, Batches).Select(_ => MakeBatch(ids, wallets, random)).ToList();
        var (cpu, next) = (Environment.CpuUsage.TotalTime, -1);
        begin = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(
            async () =>
            {
                while (Interlocked.Increment(ref next) is var batch && batch < Batches)
                    await EnterAsync(ledger, made[batch], cancellationToken);
            },
            cancellationToken)));
        figures.Add($"transfers_per_s_{profile}", Batches * (double)Batch / Stopwatch.GetElapsedTime(begin).TotalSeconds);
        figures.Add($"transfer_cpu_us_{profile}", (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds / ((double)Batches * Batch));
    }

    private static async Task EnterAsync(SqlLedgerStore ledger, IReadOnlyList<Transfer[]> sets, CancellationToken cancellationToken)
    {
        foreach (var refusal in await ledger.ApplyEachAsync(sets, cancellationToken))
        {
            if (refusal is not null)
                throw new BenchmarkException($"The ledger refused a transfer: {refusal.Code}: {refusal.Detail}");
        }
    }

    private static Transfer[][] MakeBatch(IdSource ids, Id<Account>[] wallets, Random random)
    {
        var batch = new Transfer[Batch][];
        for (var index = 0; index < batch.Length; index++)
            batch[index] = Between(ids, wallets, random);
        return batch;
    }

    private static Transfer[] Between(IdSource ids, Id<Account>[] wallets, Random random)
    {
        var debit = random.Next(Wallets);
        var credit = (debit + 1 + random.Next(Wallets - 1)) % Wallets;
        return Make(ids, wallets[debit], wallets[credit], 1 + random.Next(1_000));
    }

    private static Transfer[] Make(IdSource ids, Id<Account> debit, Id<Account> credit, long nanodollars) =>
        [new Transfer(ids.Next<Transfer>(), TransferKind.Posted, debit, credit, new Money(nanodollars), null, TransferPurpose.Deposit, "bench", Now())];

    private static DateTimeOffset Now() => TimeProvider.System.GetUtcNow();
}

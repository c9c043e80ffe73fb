using System.Diagnostics;
using Npgsql;
using Stoa.Faults.Books;
using Stoa.Faults.Load;
using Stoa.Faults.Nodes;
using Stoa.Market.Ledger;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Faults.Runs;

/// <summary>The ledger alone, with many writers: crashes of the embedded database at any byte of what it writes, and of PostgreSQL and its sessions at any moment.</summary>
internal static class LedgerRun
{
    private const int Writers = 6;
    private const int MostSets = 12;
    private const int TellEvery = 500;

    // One log grows over so many crashes before the next begins: each crash copies it.
    private const int CrashesOfALog = 25;

    // At every so many'th crash it is the whole server that crashes.
    private const int ServerEvery = 250;
    private const int AuditEvery = 1_000;
    private const int MostBetweenMs = 10;

    /// <summary>What has reached the disk when the power fails is the log as it was after some commit, and any part of what was written since.</summary>
    public static async Task RunEmbeddedAsync(RunContext context, CancellationToken stop)
    {
        await using var watchdog = new Watchdog();
        var folder = Directory.CreateTempSubdirectory("stoa-faults-").FullName;
        watchdog.AtEnd($"rm -rf '{folder}'");
        var random = new Random(context.Seed);
        var (crashes, entries, lost) = (0, 0L, 0L);
        var isOver = false;
        var began = Stopwatch.GetTimestamp();
        while (!isOver)
        {
            var live = Path.Combine(folder, "live");
            await using (var database = await Database.OpenAsync(new StorageOptions(DataFolder: live), TimeProvider.System, stop))
            {
                var writers = await OpenAsync(database, random, stop);
                var ledger = new SqlLedgerStore(database);
                var log = new FileInfo(Path.Combine(live, StorageOptions.SqliteFileName + "-wal"));
                for (var crash = 0; crash < CrashesOfALog; crash++)
                {
                    isOver = !context.TryNext(out var point);
                    if (isOver)
                        break;
                    log.Refresh();
                    var durable = log.Length;
                    var answered = writers.SelectMany(writer => writer.Sent).ToHashSet();
                    await Task.WhenAll(writers.Select(writer => SendSomeAsync(writer, ledger, random.Next(MostSets), stop)));
                    log.Refresh();
                    var cut = random.NextInt64(durable, log.Length + 1);
                    lost += log.Length - cut;
                    entries += await CheckAsync(context, live, Path.Combine(folder, "crashed"), cut, [.. writers.SelectMany(writer => writer.Sent)], answered.Contains, stop);
                    crashes++;
                    if (point % TellEvery == 0)
                        context.Tell($"{point} crashes");
                }
            }

            Directory.Delete(live, recursive: true);
        }

        Tell(context, crashes, began);
        context.Report.Add("entries_read", entries);
        context.Report.Add("bytes_lost", lost);
    }

    /// <summary>Sessions are ended by the server at any moment of an act, and the server itself crashes now and then.</summary>
    public static async Task RunPostgresAsync(RunContext context, CancellationToken stop)
    {
        await using var watchdog = new Watchdog();
        var folder = Directory.CreateTempSubdirectory("stoa-faults-").FullName + "-pg";
        var server = await PostgresServer.StartAsync(folder, watchdog);
        var random = new Random(context.Seed);
        var began = Stopwatch.GetTimestamp();
        await using var database = await Database.OpenAsync(
            new StorageOptions(StorageProvider.Postgres, ConnectionString: server.ConnectionString), TimeProvider.System, stop);
        var ledger = new SqlLedgerStore(database);
        var writers = await OpenAsync(database, random, stop);
        var (crashes, isOver) = (0, false);
        while (!isOver)
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
            // Each has a store of its own: groups of one, so that several acts are under way at once.
            var writing = writers.Select(writer => SendUntilAsync(writer, new SqlLedgerStore(database), over.Token)).ToList();
            for (var part = 0; part < AuditEvery; part++)
            {
                isOver = !context.TryNext(out var point);
                if (isOver)
                    break;
                await Task.Delay(random.Next(MostBetweenMs), stop);
                if (point % ServerEvery == 0)
                    await server.RestartAsync("immediate");
                else
                    await EndSessionAsync(server, database.Boot, random, stop);
                crashes++;
                if (point % TellEvery == 0)
                    context.Tell($"{point} crashes, {writers.Sum(writer => writer.Sent.Count)} sets sent");
            }

            await over.CancelAsync();
            await Task.WhenAll(writing);
            var (faults, entries) = await JournalCheck.RunAsync(ledger, writers.SelectMany(writer => writer.Sent), set => set.IsAnswered, stop);
            foreach (var fault in faults)
                context.Report.Break(fault);
            context.Tell($"{entries} entries add up");
        }

        Tell(context, crashes, began);
        context.Report.Add("sets", writers.Sum(writer => writer.Sent.Count));
    }

    private static void Tell(RunContext context, int crashes, long began)
    {
        context.Report.Add("crashes", crashes);
        context.Report.Add("seconds", Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    private static async Task<IReadOnlyList<LedgerWriter>> OpenAsync(Database database, Random random, CancellationToken stop)
    {
        var ledger = new SqlLedgerStore(database);
        var ids = new IdSource(TimeProvider.System, new SecureRandom());
        var accounts = await SystemAccounts.OpenAsync(ledger, ids, TimeProvider.System, stop);
        var writers = new List<LedgerWriter>();
        for (var number = 0; number < Writers; number++)
            writers.Add(new LedgerWriter(ids, accounts, await WalletAsync($"payer-{number}"), await WalletAsync($"creator-{number}"), random.Next()));
        return writers;

        async Task<Id<Account>> WalletAsync(string owner) =>
            (await ledger.OpenAccountAsync(Account.Open(ids.Next<Account>(), owner, AccountKind.Wallet, TimeProvider.System.GetUtcNow()), stop)).Id;
    }

    private static async Task SendSomeAsync(LedgerWriter writer, SqlLedgerStore ledger, int count, CancellationToken stop)
    {
        for (var sent = 0; sent < count; sent++)
            await writer.SendAsync(ledger, stop);
    }

    private static async Task SendUntilAsync(LedgerWriter writer, SqlLedgerStore ledger, CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            try
            {
                await writer.SendAsync(ledger, CancellationToken.None);
            }
            catch (Exception away) when (away.MayPass())
            {
                // The server is away: what became of the set is unknown, and the next one is tried.
                await Task.Delay(10, CancellationToken.None);
            }
        }
    }

    /// <summary>Opens what is left after a crash, and goes through it.</summary>
    private static async Task<long> CheckAsync(
        RunContext context, string live, string crashed, long cut, IReadOnlyList<SentSet> sent, Func<SentSet, bool> isAnswered, CancellationToken stop)
    {
        Directory.CreateDirectory(crashed);
        var (file, log) = (StorageOptions.SqliteFileName, StorageOptions.SqliteFileName + "-wal");
        File.Copy(Path.Combine(live, file), Path.Combine(crashed, file), overwrite: true);
        File.Copy(Path.Combine(live, log), Path.Combine(crashed, log), overwrite: true);
        await using (var torn = new FileStream(Path.Combine(crashed, log), FileMode.Open))
            torn.SetLength(cut);
        long entries;
        await using (var database = await Database.OpenAsync(new StorageOptions(DataFolder: crashed), TimeProvider.System, stop))
        {
            (var faults, entries) = await JournalCheck.RunAsync(new SqlLedgerStore(database), sent, isAnswered, stop);
            foreach (var fault in faults)
                context.Report.Break($"After a crash at byte {cut} of the log: {fault}");
        }

        Directory.Delete(crashed, recursive: true);
        return entries;
    }

    private static async Task EndSessionAsync(PostgresServer server, string boot, Random random, CancellationToken stop)
    {
        try
        {
            await using var connection = new NpgsqlConnection(server.ConnectionString);
            await connection.OpenAsync(stop);
            await using var command = new NpgsqlCommand(
                "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE application_name LIKE $1 ORDER BY pid OFFSET $2 LIMIT 1) AS one", connection);
            command.Parameters.AddWithValue("%-" + boot);
            command.Parameters.AddWithValue(random.Next(Writers));
            await command.ExecuteNonQueryAsync(stop);
        }
        catch (NpgsqlException)
        {
            // It is starting again: that is a crash, too.
        }
    }
}

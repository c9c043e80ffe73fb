using System.Diagnostics;
using System.Globalization;
using System.Text;
using Stoa.Market.Events;
using Stoa.Market.Ledger;
using Stoa.Node.Events;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Ledger;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Storage;

/// <summary>Kills a process that writes, at any moment, and looks at what is left.</summary>
[Trait("speed", "slow")]
public sealed class CrashTests
{
    private const string FolderVariable = "STOA_TEST_CRASH_FOLDER";
    private const string Acknowledged = "acknowledged ";
    private const int Kills = 10;
    private const int Writers = 16;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Writer_KilledAtAnyMoment_KeepsEveryAcknowledgedActWholeAndNoneInHalf()
    {
        await using var source = new SqliteSource();
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var acknowledged = new HashSet<string>();
        for (var kill = 0; kill < Kills; kill++)
        {
            var before = acknowledged.Count;
            await WriteUntilKilledAsync(source.Folder, random.Next(1, 600), acknowledged);

            acknowledged.Count.ShouldBeGreaterThan(before);
            await CheckAsync(source, acknowledged, $"seed {seed}, kill {kill}");
        }
    }

    /// <summary>The process that is killed: run by the test above, by itself it has nothing to do.</summary>
    [Fact(Explicit = true)]
    public async Task WriteForever()
    {
        var folder = Environment.GetEnvironmentVariable(FolderVariable);
        Assert.SkipWhen(folder is null, $"Only the crash test runs this, with {FolderVariable} set.");
        await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder!), TimeProvider.System, Stop);
        var ids = new IdSource(TimeProvider.System, new SecureRandom());
        var accounts = await SystemAccounts.OpenAsync(new SqlLedgerStore(database), ids, TimeProvider.System, Stop);
        await using var output = Console.OpenStandardOutput();
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(_ => Task.Run(async () =>
        {
            while (true)
            {
                var deposit = Make(ids, TransferKind.Posted, accounts.World, accounts.Node);
                var hold = Make(ids, TransferKind.Pending, accounts.Node, accounts.Platform);
                await database.WriteAsync(session => WriteActAsync(session, deposit, hold), Stop);
                var line = Encoding.ASCII.GetBytes($"{Acknowledged}{deposit.Id}\n");
                lock (output)
                    output.Write(line);
            }
        })));
    }

    private static async Task<bool> WriteActAsync(SqlSession session, Transfer deposit, Transfer hold)
    {
        var applied = await SqlLedger.ApplyAsync(session, [deposit, hold]);
        var now = TimeProvider.System.GetUtcNow();
        await SqlEvents.AppendAsync(session, [new NewEvent("first", deposit.Id.ToString(), null, now, "{}")]);
        await SqlEvents.AppendAsync(session, [new NewEvent("second", deposit.Id.ToString(), null, now, "{}")]);
        return applied.Refusal is null;
    }

    private static Transfer Make(IdSource ids, TransferKind kind, Id<Account> debit, Id<Account> credit) => new(
        ids.Next<Transfer>(), kind, debit, credit, new Money(1), null, TransferPurpose.Deposit, "crash", TimeProvider.System.GetUtcNow());

    private static async Task WriteUntilKilledAsync(string folder, int actCount, HashSet<string> acknowledged)
    {
        var program = Path.ChangeExtension(typeof(CrashTests).Assembly.Location, OperatingSystem.IsWindows() ? ".exe" : null);
        var start = new ProcessStartInfo(
            program, ["-explicit", "only", "-method", $"{typeof(CrashTests).FullName}.{nameof(WriteForever)}", "-noColor", "-noLogo"])
        {
            RedirectStandardOutput = true,
        };
        start.Environment[FolderVariable] = folder;
        using var process = Process.Start(start)!;
        var said = new StringBuilder();
        var left = actCount;
        try
        {
            // What was acknowledged before the kill counts, also what is still in the pipe after it.
            while (await process.StandardOutput.ReadLineAsync(Stop) is { } line)
            {
                if (!line.StartsWith(Acknowledged, StringComparison.Ordinal))
                    said.AppendLine(CultureInfo.InvariantCulture, $"{line}");
                else if (acknowledged.Add(line[Acknowledged.Length..]) && --left == 0)
                    process.Kill();
            }
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
        left.ShouldBeLessThanOrEqualTo(0, said.ToString());
    }

    private static async Task CheckAsync(SqliteSource source, HashSet<string> acknowledged, string when)
    {
        await using var database = await source.OpenAsync();
        var (first, second, integrity) = await database.ReadAsync(
            async session => (
                await session.QueryAsync<string>("SELECT subject FROM events WHERE type = 'first' ORDER BY subject"),
                await session.QueryAsync<string>("SELECT subject FROM events WHERE type = 'second' ORDER BY subject"),
                await session.QuerySingleAsync<string>("PRAGMA integrity_check")),
            Stop);
        integrity.ShouldBe("ok", when);
        var journal = await new SqlLedgerStore(database).ReadTransfersAsync(Stop);
        var deposits = journal.Where(transfer => transfer.Kind is TransferKind.Posted).Select(transfer => transfer.Id.ToString()).Order(StringComparer.Ordinal).ToList();
        var holds = journal.Count(transfer => transfer.Kind is TransferKind.Pending);
        first.ShouldBe(deposits, when);
        second.ShouldBe(deposits, when);
        holds.ShouldBe(deposits.Count, when);
        acknowledged.Except(deposits).ShouldBeEmpty(when);

        var totals = await new SqlLedgerStore(database).TotalAsync(Stop);
        totals.ShouldBe(new LedgerTotals(Money.Zero, new Money(holds), new Money(holds), holds, Money.Zero), when);
        var node = (await new SqlLedgerStore(database).FindAccountAsync("node", AccountKind.Node, Stop))!;
        node.Posted.Nanodollars.ShouldBe(deposits.Count, when);
    }
}

using System.Diagnostics;
using System.Globalization;
using Stoa.Faults.Nodes;
using Stoa.Market.Ledger;
using Stoa.Node.Ledger;
using Stoa.Node.Metering;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Faults.Runs;

/// <summary>A node is killed at random moments while threads make requests to models, and started again on what is left: what they were told to have paid is paid, to the nanodollar, and nothing else.</summary>
internal static class InferenceRun
{
    private const int LongestLifeMs = 250;
    private const int TellEvery = 25;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly Money s_rich = Money.FromDollars(10_000);

    // One of them runs out of money now and then.
    private static readonly Money s_poor = Money.FromDollars(0.05m);

    public static async Task RunAsync(RunContext context, CancellationToken stop)
    {
        await using var watchdog = new Watchdog();
        var folder = Directory.CreateTempSubdirectory("stoa-faults-").FullName;
        watchdog.AtEnd($"rm -rf '{folder}'");
        await PrepareAsync(folder, stop);
        var random = new Random(context.Seed);
        var (began, unsure) = (Stopwatch.GetTimestamp(), Money.Zero);
        while (context.TryNext(out var point))
        {
            using var node = await StartAsync(folder, random.Next(), watchdog, stop);
            await Task.Delay(random.Next(LongestLifeMs), stop);
            node.Kill();
            await node.WaitForExitAsync(stop);
            watchdog.Forget(node);
            // Of each thread: what it was about to be told when it was killed is paid, or is not.
            unsure += ReadPaid(folder, 16);
            if (point % TellEvery == 0)
                context.Tell($"{point} kills, {ReadPaid(folder, 0).Nanodollars} requests");
        }

        // The last life stops in order, and nothing is under way any more.
        using (var last = await StartAsync(folder, random.Next(), watchdog, stop))
        {
            last.StandardInput.Close();
            await last.WaitForExitAsync(stop).WaitAsync(s_patience, stop);
            watchdog.Forget(last);
            if (last.ExitCode != 0)
                context.Report.Break($"The node ended with {last.ExitCode}.");
        }

        await CheckAsync(context, folder, unsure, stop);
        context.Report.Add("kills", context.Made);
        context.Report.Add("requests", ReadPaid(folder, 0).Nanodollars);
        context.Report.Add("seconds", Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    private static async Task CheckAsync(RunContext context, string folder, Money unsure, CancellationToken stop)
    {
        await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder), TimeProvider.System, stop);
        var ledger = new SqlLedgerStore(database);
        var told = ReadPaid(folder, 8);
        var left = Money.Zero;
        foreach (var user in SpendingNode.Users)
        {
            var wallet = (await ledger.FindAccountAsync(user.ToString(), AccountKind.Wallet, stop))!;
            left += wallet.Posted;
            if (wallet.PendingDebits != Money.Zero)
                context.Report.Break($"{wallet.PendingDebits} USD of {user} are held for nobody.");
        }

        var paid = s_rich + s_rich + s_poor - left;
        context.Report.Add("paid_usd", paid.Nanodollars / 1e9);
        context.Report.Add("unsure_usd", unsure.Nanodollars / 1e9);
        if (paid < told || paid > told + unsure)
            context.Report.Break($"Requests were told to have cost {told} USD, {unsure} more may have been taken at the kills, and {paid} are paid.");
        var totals = await ledger.TotalAsync(stop);
        if (totals.Posted != Money.Zero || totals.Clearing != Money.Zero || totals.OpenHolds != 0)
            context.Report.Break($"The books come to {totals.Posted} USD, {totals.Clearing} of them in between, with {totals.OpenHolds} holds.");
        var usage = new SqlUsageStore(database);
        while (await usage.FoldAsync(stop))
        {
        }

        var audit = await usage.VerifyAsync(stop);
        foreach (var finding in audit.Findings)
            context.Report.Break(finding);
        if (audit.Paid != paid)
            context.Report.Break($"Usage comes to {audit.Paid} USD, and {paid} are paid.");
    }

    private static async Task PrepareAsync(string folder, CancellationToken stop)
    {
        await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder), TimeProvider.System, stop);
        var ledger = new SqlLedgerStore(database);
        var ids = new IdSource(TimeProvider.System, new SecureRandom());
        var now = TimeProvider.System.GetUtcNow();
        var accounts = await SystemAccounts.OpenAsync(ledger, ids, TimeProvider.System, stop);
        for (var index = 0; index < SpendingNode.Users.Count; index++)
        {
            var wallet = await ledger.OpenAccountAsync(Account.Open(ids.Next<Account>(), SpendingNode.Users[index].ToString(), AccountKind.Wallet, now), stop);
            await ledger.ApplyAsync(
                [new Transfer(ids.Next<Transfer>(), TransferKind.Posted, accounts.World, wallet.Id, index < 2 ? s_rich : s_poor, null, TransferPurpose.Deposit, "faults", now)], stop);
        }
    }

    private static async Task<Process> StartAsync(string folder, int seed, Watchdog watchdog, CancellationToken stop)
    {
        var process = Process.Start(new ProcessStartInfo(
            Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet",
            [Path.Combine(AppContext.BaseDirectory, "Stoa.Faults.dll"), SpendingNode.Word, folder, (seed & 0xffffff).ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        watchdog.Watch(process);
        if (await process.StandardOutput.ReadLineAsync(stop).AsTask().WaitAsync(s_patience, stop) != SpendingNode.Begun)
            throw new FaultException($"The node did not begin; it ended with {(process.HasExited ? process.ExitCode : 0)}.");
        return process;
    }

    /// <summary>The sum over all threads of one of the numbers that they write down.</summary>
    private static Money ReadPaid(string folder, int at)
    {
        var bytes = File.ReadAllBytes(Path.Combine(folder, SpendingNode.PaidFile));
        return new Money(Enumerable.Range(0, SpendingNode.Threads).Sum(thread => BitConverter.ToInt64(bytes, thread * SpendingNode.PaidBytes + at)));
    }
}

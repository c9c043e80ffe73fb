using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Inference;
using Stoa.Node.Inference.Charging;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Bench.Inference;

/// <summary>What the money of a request to a model costs: reserved before and settled after, on one core, while the ledger is brought in step every second on the embedded database.</summary>
internal static class AllowancesBench
{
    private const int Rounds = 5;
    private const int Pairs = 1_000_000;
    private const int Threads = 64;

    private static readonly TokenUsage s_most = new(1_000, 500);
    private static readonly TokenUsage s_used = new(800, 120);

    public static async Task AddAsync(BenchmarkRun run, Figures figures, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("stoa-bench-");
        try
        {
            await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder.FullName), TimeProvider.System, cancellationToken);
            var ids = new IdSource(TimeProvider.System, new SecureRandom());
            var ledger = new SqlLedgerStore(database);
            var accounts = await SystemAccounts.OpenAsync(ledger, ids, TimeProvider.System, cancellationToken);
            var options = new InferenceOptions();
            using var slots = new ChargeSlots(Path.Combine(folder.FullName, ChargeSlots.FileName), options.MaxAllowances, NullLogger.Instance);
            var store = new SqlAllowances(database, accounts, SplitPolicy.Default, ids, new Cell(new LeaseHolder("bench", database.Boot), null, TimeProvider.System.GetUtcNow()));
            var allowances = new Allowances(store, slots, options, ids, TimeProvider.System, NullLogger<Allowances>.Instance);
            using var keeper = new AllowanceKeeper(allowances, store, slots, options, TimeProvider.System, NullLogger<AllowanceKeeper>.Instance);
            var holder = new AllowanceHolder(ids.Next<User>(), null);
            var wallet = await ledger.OpenAccountAsync(Account.Open(ids.Next<Account>(), holder.Consumer.ToString(), AccountKind.Wallet, TimeProvider.System.GetUtcNow()), cancellationToken);
            await ledger.ApplyAsync(
                [new Transfer(ids.Next<Transfer>(), TransferKind.Posted, accounts.World, wallet.Id, Money.FromDollars(1_000_000), null, TransferPurpose.Deposit, "bench", TimeProvider.System.GetUtcNow())],
                cancellationToken);
            var model = new PricedModel(
                ListingName.Parse("ann/tiny@1.0.0"), ids.Next<User>(), new(Money.FromDollars(0.15m), Money.FromDollars(0.6m)), new(Money.FromDollars(0.05m), Money.FromDollars(0.1m)));
            await keeper.StartAsync(cancellationToken);

            run.Tell($"{Pairs:N0} requests, one after the other: reserved, then settled");
            var spent = await UseAsync(allowances, holder, model, Pairs, cancellationToken);
            var (best, bestCpu, bytes) = (double.MaxValue, double.MaxValue, 0L);
            for (var round = 0; round < Rounds; round++)
            {
                var (begin, cpu, allocated) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes(precise: true));
                spent += await UseAsync(allowances, holder, model, Pairs, cancellationToken);
                best = Math.Min(best, Stopwatch.GetElapsedTime(begin).TotalSeconds);
                bestCpu = Math.Min(bestCpu, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
                bytes = GC.GetTotalAllocatedBytes(precise: true) - allocated;
            }

            figures.Add("money_pairs_per_s", Pairs / best);
            figures.Add("money_cpu_us", bestCpu * 1e6 / Pairs);
            figures.Add("money_bytes", (double)bytes / Pairs);
            run.Tell($"the same by {Threads} threads at once");
            best = double.MaxValue;
            for (var round = 0; round < Rounds; round++)
            {
                var begin = Stopwatch.GetTimestamp();
                foreach (var part in await Task.WhenAll(Enumerable.Range(0, Threads).Select(_ => Task.Run(() => UseAsync(allowances, holder, model, Pairs / Threads, cancellationToken), cancellationToken))))
                    spent += part;
                best = Math.Min(best, Stopwatch.GetElapsedTime(begin).TotalSeconds);
            }

            figures.Add($"money_pairs_per_s_{Threads}", Pairs / Threads * Threads / best);
            await keeper.StopAsync(cancellationToken);
            var left = (await ledger.GetAccountAsync(wallet.Id, cancellationToken))!;
            if (left.Posted + spent != Money.FromDollars(1_000_000) || left.PendingDebits != Money.Zero)
                throw new BenchmarkException($"{spent} USD were spent, and {left.Posted} are left of a million, {left.PendingDebits} of them held.");
            figures.Add("money_charges", await database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM inference_charges"), cancellationToken));
            figures.Notes.Add($"the best of {Rounds} rounds; cpu and bytes are of the whole process, with the renewals every second and the database");
            figures.Notes.Add("afterwards the wallet has paid what the requests cost, to the nanodollar");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<Money> UseAsync(Allowances allowances, AllowanceHolder holder, PricedModel model, int count, CancellationToken cancellationToken)
    {
        var sum = Money.Zero;
        for (var index = 0; index < count; index++)
        {
            var outcome = await allowances.ReserveAsync(holder, model, s_most, cancellationToken);
            sum += outcome.Refusal is { } refusal ? throw new BenchmarkException(refusal.Detail) : outcome.Value.Settle(s_used, model);
        }

        return sum;
    }
}

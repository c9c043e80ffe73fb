using System.IO.MemoryMappedFiles;
using Microsoft.Extensions.Logging;
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

namespace Stoa.Faults.Nodes;

/// <summary>The part of a node that has requests to models paid, with threads that make them as fast as they can. They write down for themselves what they were told to have paid.</summary>
/// <remarks>Their file is mapped, too: it has, for each thread, what it has paid in all, and what it is about to pay while it is being told of it.</remarks>
internal sealed class SpendingNode
{
    /// <summary>The word that makes this program such a node.</summary>
    public const string Word = "node-that-spends";

    /// <summary>What it says when it has begun.</summary>
    public const string Begun = "begun";

    /// <summary>How many threads make requests.</summary>
    public const int Threads = 8;

    /// <summary>The file of what they have paid.</summary>
    public const string PaidFile = "paid";

    /// <summary>Bytes of a thread in it: requests, paid, about to be paid.</summary>
    public const int PaidBytes = 24;

    // Settled often, so that kills come between all of its steps.
    private static readonly InferenceOptions s_options = new() { SettleMs = 10, AllowanceMin = "0.0005" };

    private static readonly TimeSpan s_between = TimeSpan.FromMilliseconds(1);

    /// <summary>Who pays: what each has is in the database before.</summary>
    public static IReadOnlyList<Id<User>> Users { get; } = [.. Enumerable.Range(1, 3).Select(number => new Id<User>(new Guid(number, 0, 0, [0x80, 0, 0, 0, 0, 0, 0, 1])))];

    /// <summary>Whose model it is.</summary>
    public static Id<User> Publisher { get; } = new(new Guid(9, 0, 0, [0x80, 0, 0, 0, 0, 0, 0, 1]));

    /// <summary>Settles what an earlier life has left, makes requests until stdin ends, and stops in order.</summary>
    public static async Task<int> RunAsync(string folder, int seed)
    {
        // To stderr, which is that of the run.
        using var logs = LoggerFactory.Create(logging => logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace).SetMinimumLevel(LogLevel.Warning));
        await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder), TimeProvider.System, CancellationToken.None);
        var ids = new IdSource(TimeProvider.System, new SecureRandom());
        var accounts = await SystemAccounts.OpenAsync(new SqlLedgerStore(database), ids, TimeProvider.System, CancellationToken.None);
        using var slots = new ChargeSlots(Path.Combine(folder, ChargeSlots.FileName), s_options.MaxAllowances, logs.CreateLogger<ChargeSlots>());
        var store = new SqlAllowances(database, accounts, SplitPolicy.Default, ids, new Cell(new LeaseHolder("node", database.Boot), null, TimeProvider.System.GetUtcNow()));
        var allowances = new Allowances(store, slots, s_options, ids, TimeProvider.System, logs.CreateLogger<Allowances>());
        using var keeper = new AllowanceKeeper(allowances, store, slots, s_options, TimeProvider.System, logs.CreateLogger<AllowanceKeeper>());
        await keeper.StartAsync(CancellationToken.None);
        using var paid = MemoryMappedFile.CreateFromFile(Path.Combine(folder, PaidFile), FileMode.OpenOrCreate, null, Threads * PaidBytes);
        using var view = paid.CreateViewAccessor();
        List<long> before = [.. Enumerable.Range(0, Threads).Select(index => view.ReadInt64((long)index * PaidBytes))];
        using var stop = new CancellationTokenSource();
        var spenders = Enumerable.Range(0, Threads).Select(index => Task.Run(() => SpendAsync(allowances, view, index, new Random(seed + index), stop.Token))).ToList();
        // Once some were paid: a life that ends while its code is compiled tells little.
        while (Enumerable.Range(0, Threads).Any(index => view.ReadInt64((long)index * PaidBytes) - before[index] < 1))
            await Task.Delay(s_between);
        Console.WriteLine(Begun);
        await Console.In.ReadToEndAsync();
        await stop.CancelAsync();
        await Task.WhenAll(spenders);
        await keeper.StopAsync(CancellationToken.None);
        return 0;
    }

    private static async Task SpendAsync(Allowances allowances, MemoryMappedViewAccessor paid, int index, Random random, CancellationToken stop)
    {
        var at = (long)index * PaidBytes;
        // What an earlier life was about to pay is judged by now.
        paid.Write(at + 16, 0L);
        while (!stop.IsCancellationRequested)
        {
            var model = Model(random.Next(2));
            var key = random.Next(3) == 0 ? new SpendingAllowance(new Id<ApiKey>(new Guid(7, 0, 0, [0x80, 0, 0, 0, 0, 0, 0, 1])), Money.FromDollars(1_000)) : null;
            var most = new TokenUsage(random.Next(1, 300), random.Next(100));
            var used = new TokenUsage(random.Next((int)most.InputTokens + 1), random.Next((int)most.OutputTokens + 1));
            if (!(await allowances.ReserveAsync(new AllowanceHolder(Users[random.Next(Users.Count)], key), model, most, CancellationToken.None)).TryGet(out var reservation, out _))
            {
                await Task.Delay(s_between, CancellationToken.None);
                continue;
            }

            if (random.Next(10) == 0)
                await Task.Delay(s_between, CancellationToken.None);
            if (random.Next(8) == 0)
            {
                reservation.Release();
                continue;
            }

            paid.Write(at + 16, model.PriceOf(used).Nanodollars);
            var taken = reservation.Settle(used, model).Nanodollars;
            // As one: whoever is killed between both is about to pay still.
            paid.Write(at + 8, paid.ReadInt64(at + 8) + taken);
            paid.Write(at + 16, 0L);
            paid.Write(at, paid.ReadInt64(at) + 1);
        }
    }

    private static PricedModel Model(int number) => new(
        ListingName.Parse($"ann/model-{number}@1.0.0"), Publisher, new(Money.FromDollars(0.15m), Money.FromDollars(0.6m)), new(Money.FromDollars(0.05m), number == 0 ? Money.Zero : Money.FromDollars(0.1m)));
}

using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Ledger;
using Stoa.Market.Supply;
using Stoa.Primitives;

namespace Stoa.Simulation.Payments;

/// <summary>A call as the node that pays for it has written it.</summary>
internal sealed record BoughtCall(long Task, int Number, PeerId Supplier, Money Amount, Money Voucher)
{
    public CallOutcome State { get; init; } = CallOutcome.Open;

    public bool IsRaised { get; init; }

    public Money? Price { get; init; }

    /// <summary>The same one again is the same call.</summary>
    public string Key => $"{Task}-{Number}";
}

/// <summary>A consumer's task that others do.</summary>
internal sealed record BoughtTask(long Number, ContentHash What, Id<Transfer> Hold, Money Held)
{
    public int Attempts { get; init; }

    public bool IsFinal { get; init; }

    /// <summary>What the consumer has paid; null when it failed.</summary>
    public Money? Price { get; init; }
}

/// <summary>A node that has others do its consumers' tasks, and pays them by vouchers.</summary>
/// <remarks>
/// The node's own: what is signed and may be promised (<see cref="Supplier"/>), vouchers, the ledger's rules. The model's: what is read and written in which transaction, in the order of the node's <c>RemoteOffers</c>, <c>RemoteRuns</c>,
/// <c>SupplierRuns</c> and <c>SqlSuppliers</c>: what a voucher promises is written before it leaves, and a call that was begun is made again under its key after a crash. Receipts are not checked: nobody lies about work here.
/// </remarks>
internal sealed class BuyingNode : MoneyNode
{
    private const int MaxAttempts = 3;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(75);

    private readonly Dictionary<PeerId, Supplier> _suppliers = [];
    private readonly Dictionary<PeerId, (SellingNode Node, Channel Channel, PrivateKey Key)> _channels = [];
    private readonly Dictionary<(long Task, int Number), BoughtCall> _calls = [];
    private readonly Dictionary<long, BoughtTask> _tasks = [];
    private readonly HashSet<long> _underWay = [];
    private readonly Id<Account> _consumer;
    private readonly Id<Account> _clearing;
    private readonly Id<Account> _node;

    public BuyingNode(MoneyWorld world, SimulatedNode node, PrivateKey key, TimeSpan skew)
        : base(world, node, key, skew)
    {
        var outside = Books.Open("world", AccountKind.World);
        (_clearing, _node, _consumer) = (Books.Open("clearing", AccountKind.Clearing), Books.Open("node", AccountKind.Node), Books.Open("consumer", AccountKind.Wallet));
        Books.Apply([Books.Post(outside, _consumer, Purse, TransferPurpose.Deposit, "funds")]);
    }

    /// <summary>What its consumer has.</summary>
    public static Money Purse { get; } = Money.FromDollars(1);

    public IReadOnlyDictionary<PeerId, Supplier> Suppliers => _suppliers;

    public IReadOnlyDictionary<(long Task, int Number), BoughtCall> Calls => _calls;

    public IReadOnlyDictionary<long, BoughtTask> Tasks => _tasks;

    public Money ConsumerBalance => Books[_consumer].Posted;

    public Money NodeBalance => Books[_node].Posted;

    /// <summary>Notes a node where it has a channel.</summary>
    public void Add(SellingNode seller, Channel channel, PrivateKey key)
    {
        _channels.Add(seller.Peer, (seller, channel, key));
        _suppliers.Add(seller.Peer, new Supplier(
            Ids.Next<Supplier>(), seller.Peer, new Uri("http://supplier.example"), channel.Id, Money.Zero, Money.Zero, Money.Zero, SupplierStanding.None, Now));
    }

    /// <summary>A consumer submits a task: what it can cost is held.</summary>
    public void Submit(long number, ContentHash what, Money most) => Spawn(async () =>
    {
        var isTaken = await WriteAsync(() =>
        {
            var hold = new Transfer(Ids.Next<Transfer>(), TransferKind.Pending, _consumer, _clearing, most, null, TransferPurpose.TaskHold, $"{number}", Now.ToMilliseconds());
            if (Books.Apply([hold]) is not null)
                return false;
            _tasks.Add(number, new BoughtTask(number, what, hold.Id, most));
            return true;
        });
        if (isTaken)
            Spawn(() => WorkAsync(number));
    });

    /// <summary>Ends a channel alone, with an old voucher or none: who pays may cheat.</summary>
    public void Close(PeerId seller) => Spawn(async () =>
    {
        var (_, channel, key) = _channels[seller];
        Voucher? old = Chance.Next(2) == 0 ? null : Sign(channel, key, new Money(Chance.NextInt64(_suppliers[seller].Signed.Nanodollars + 1)));
        while (await TryAskAsync(seller, new Question.Close(channel.Id, old)) is null or Answer.Refused { Code: nameof(ChannelRefusal.VoucherSuperseded) })
        {
            old = null;
            await World.World.PassAsync(TimeSpan.FromSeconds(2), Stopping);
        }
    });

    protected override void Begin()
    {
        _underWay.Clear();
        foreach (var task in _tasks.Values.Where(task => !task.IsFinal).ToList())
            Spawn(() => WorkAsync(task.Number));
    }

    private async Task WorkAsync(long number)
    {
        if (!_underWay.Add(number))
            return;
        while (_tasks[number] is { IsFinal: false } task)
        {
            var call = _calls.Values.Where(call => call.Task == number && call.State is CallOutcome.Open or CallOutcome.Done).MaxBy(call => call.Number)
                ?? await WriteAsync(() => BeginCall(task));
            if (call is not null && (call.Price ?? await RunAsync(call, task)) is { } price)
            {
                await WriteAsync(() => EndTask(number, price));
                return;
            }

            if (await WriteAsync(() => CountAttempt(number)) >= MaxAttempts)
                await WriteAsync(() => EndTask(number, null));
            else
                await World.World.PassAsync(TimeSpan.FromSeconds(1 + (Chance.NextDouble() * 5)), Stopping);
        }
    }

    /// <returns>What it has cost; null when it came to nothing.</returns>
    private async Task<Money?> RunAsync(BoughtCall call, BoughtTask task)
    {
        var (_, channel, key) = _channels[call.Supplier];
        var end = Now + s_patience;
        Voucher? voucher = null;
        while (Now < end)
        {
            switch (await TryAskAsync(call.Supplier, new Question.Call(channel.Id, call.Key, task.What, voucher)))
            {
                case null or Answer.UnderWay:
                    await World.World.PassAsync(TimeSpan.FromSeconds(2), Stopping);
                    break;
                case Answer.Accepted:
                    break;
                case Answer.Demand { Amount: var amount, Cumulative: var cumulative }:
                    if (amount > call.Amount)
                        return await FailAsync(call, CallOutcome.Failed);
                    if (cumulative is { } needed && needed > call.Voucher)
                    {
                        if (await WriteAsync(() => Raise(call, needed)) is not { } raised)
                            return await FailAsync(call, CallOutcome.Failed);
                        call = raised;
                    }

                    voucher = Sign(channel, key, call.Voucher);
                    break;
                case Answer.Done done when done.Charged <= call.Amount:
                    await WriteAsync(() => EndCall(call, done.Charged));
                    return done.Charged;
                case Answer.Refused { Code: nameof(ChannelRefusal.VoucherExceedsDeposit) }:
                    // The operator fills the channel.
                    if (await TryAskAsync(call.Supplier, new Question.TopUp(channel.Id, call.Voucher + World.Options.Deposit)) is Answer.Refused)
                        return await FailAsync(call, CallOutcome.Failed);
                    break;
                case Answer.Failed:
                    return await FailAsync(call, CallOutcome.Declined);
                default:
                    return await FailAsync(call, CallOutcome.Failed);
            }
        }

        return await FailAsync(call, CallOutcome.Failed);
    }

    private Voucher.Signed Sign(Channel channel, PrivateKey key, Money cumulative)
    {
        var voucher = new VoucherPayload(channel.Id, channel.Node, cumulative).Sign(key);
        World.Signed(channel.Id, cumulative, voucher);
        return voucher;
    }

    private async Task<Answer?> TryAskAsync(PeerId seller, Question question)
    {
        try
        {
            using var late = new CancellationTokenSource(s_patience / 2, Clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, Stopping);
            await Host.ConnectAsync(_channels[seller].Node.Address, either.Token);
            await using var stream = await Host.OpenStreamAsync(seller, [Letters.Protocol], either.Token);
            // Some questions come twice, and nobody waits for the answer of the first.
            if (Chance.NextDouble() < World.Options.CopyChance)
                World.Copy(Host, seller, question);
            await World.Letters.SendAsync(stream, question, either.Token);
            return await World.Letters.ReceiveAsync<Answer>(stream, either.Token);
        }
        catch (Exception e) when (e is not PowerFailedException && e is IOException or OperationCanceledException && !Stopping.IsCancellationRequested)
        {
            return null;
        }
    }

    private BoughtCall? BeginCall(BoughtTask task)
    {
        var tried = _calls.Values.Where(call => call.Task == task.Number).Select(call => call.Supplier).ToHashSet();
        var left = _suppliers.Values.Where(supplier => !tried.Contains(supplier.Node)).ToList();
        if (left.Count == 0)
            return null;
        var supplier = WithReserved(left[Chance.Next(left.Count)]);
        var amount = task.Held;
        var voucher = supplier.VoucherFor(amount);
        if (!World.Options.Plants(Fault.SignsUnwritten))
            _suppliers[supplier.Node] = supplier with { Signed = voucher };
        var call = new BoughtCall(task.Number, tried.Count + 1, supplier.Node, amount, voucher);
        _calls.Add((call.Task, call.Number), call);
        return call;
    }

    private BoughtCall? Raise(BoughtCall call, Money cumulative)
    {
        var supplier = _suppliers[call.Supplier];
        if (!supplier.MayPromise(cumulative, call.Amount) || _calls[(call.Task, call.Number)] is not { State: CallOutcome.Open, IsRaised: false } there)
            return null;
        if (!World.Options.Plants(Fault.SignsUnwritten))
            _suppliers[call.Supplier] = supplier with { Signed = Money.Max(supplier.Signed, cumulative) };
        return _calls[(call.Task, call.Number)] = there with { Voucher = cumulative, IsRaised = true };
    }

    private bool EndCall(BoughtCall call, Money price)
    {
        if (_calls[(call.Task, call.Number)] is not { State: CallOutcome.Open } there)
            return false;
        _calls[(call.Task, call.Number)] = there with { State = CallOutcome.Done, Price = price };
        _suppliers[call.Supplier] = _suppliers[call.Supplier] with { Spent = _suppliers[call.Supplier].Spent + price };
        return true;
    }

    private async Task<Money?> FailAsync(BoughtCall call, CallOutcome outcome)
    {
        await WriteAsync(() =>
        {
            if (_calls[(call.Task, call.Number)] is { State: CallOutcome.Open } there)
                _calls[(call.Task, call.Number)] = there with { State = outcome };
            return true;
        });
        return null;
    }

    private int CountAttempt(long number)
    {
        var task = _tasks[number] = _tasks[number] with { Attempts = _tasks[number].Attempts + 1 };
        return task.Attempts;
    }

    private bool EndTask(long number, Money? price)
    {
        var task = _tasks[number];
        if (task.IsFinal)
            return false;
        var now = Now.ToMilliseconds();
        var transfers = new List<Transfer>
        {
            new(Ids.Next<Transfer>(), price is null ? TransferKind.VoidPending : TransferKind.PostPending, _consumer, _clearing, price ?? Money.Zero, task.Hold, TransferPurpose.TaskCapture, $"{number}", now),
        };
        // All of it goes to the account of this node, whose operator has paid as much out of the channel.
        if (price is { } captured)
            transfers.Add(Books.Post(_clearing, _node, captured, TransferPurpose.NodeShare, $"{number}"));
        if (Books.Apply(transfers) is { } refusal)
            throw new InvalidOperationException($"{refusal.Code}: {refusal.Detail}");
        _tasks[number] = task with { IsFinal = true, Price = price };
        return true;
    }

    private Supplier WithReserved(Supplier supplier) => supplier with
    {
        Reserved = _calls.Values.Where(call => call.Supplier == supplier.Node && call.State is CallOutcome.Open && !_tasks[call.Task].IsFinal).Aggregate(Money.Zero, (sum, call) => sum + call.Amount),
    };
}

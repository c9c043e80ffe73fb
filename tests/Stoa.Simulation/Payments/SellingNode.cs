using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.PayPerCall;
using Stoa.Market.Tasks;
using Stoa.Network.Hosting;
using Stoa.Primitives;

namespace Stoa.Simulation.Payments;

/// <summary>A call as the node that sells it has written it.</summary>
internal sealed record SoldCall(Id<Channel> Channel, string Key, ContentHash What, Money Reserved, DateTimeOffset CreatedAt)
{
    /// <summary>The task that does it; null until it was submitted.</summary>
    public string? Task { get; init; }

    /// <summary>What it has cost; null until it has ended.</summary>
    public Money? Price { get; init; }

    /// <summary>The request that makes it, until the time; 0 for none.</summary>
    public (int Request, DateTimeOffset Until) Hold { get; init; }
}

/// <summary>A task of the node that sells.</summary>
internal sealed record SoldTask(string Key, ContentHash What, Id<Transfer> Hold, Money Amount)
{
    public bool IsFinal { get; init; }

    /// <summary>What it has cost; null when it failed.</summary>
    public Money? Price { get; init; }
}

/// <summary>A node that sells calls out of channels, and keeps the channels.</summary>
/// <remarks>
/// The node's own: channels and their rules, checks of vouchers, netting, the ledger's rules, the credit of calls, the split of prices. The model's: what is read and written in which transaction, in the order of the node's
/// <c>CallSales</c>, <c>Till</c>, <c>SqlChannelStore</c>, <c>SqlPaidCallStore</c> and <c>PaidCallWorker</c>; and a task, which is a wait and a price.
/// </remarks>
internal sealed class SellingNode : MoneyNode
{
    private static readonly TimeSpan s_line = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_longestSubmission = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_submissionTime = TimeSpan.FromSeconds(30);
    private static readonly SplitPolicy s_split = new(70, 25, 5);

    private readonly Dictionary<Id<Channel>, Channel> _channels = [];
    private readonly Dictionary<Id<Channel>, CallCredit> _credits = [];
    private readonly HashSet<Id<Channel>> _over = [];
    private readonly Dictionary<(Id<Channel> Channel, string Key), SoldCall> _calls = [];
    private readonly Dictionary<string, SoldTask> _tasks = [];
    private readonly HashSet<string> _running = [];
    private int _lastRequest;
    private readonly Id<Account> _world;
    private readonly Id<Account> _clearing;
    private readonly Id<Account> _node;
    private readonly Id<Account> _platform;
    private readonly Id<Account> _creator;
    private readonly ChannelParty _till;

    public SellingNode(MoneyWorld world, SimulatedNode node, PrivateKey key, TimeSpan skew)
        : base(world, node, key, skew)
    {
        _world = Books.Open("world", AccountKind.World);
        _clearing = Books.Open("clearing", AccountKind.Clearing);
        _node = Books.Open("node", AccountKind.Node);
        _platform = Books.Open("platform", AccountKind.Platform);
        _creator = Books.Open("creator", AccountKind.Wallet);
        _till = new ChannelParty(Ids.Next<User>(), "till", Books.Open("till", AccountKind.Wallet), World.NewKey().PublicKey);
        // The account that sells pays for tasks before it is paid for calls that end later.
        Fund(_till.Wallet, World.Options.Float);
    }

    public IReadOnlyDictionary<Id<Channel>, Channel> Channels => _channels;

    public IReadOnlyDictionary<(Id<Channel> Channel, string Key), SoldCall> Calls => _calls;

    public IReadOnlyDictionary<string, SoldTask> Tasks => _tasks;

    public Money TillBalance => Books[_till.Wallet].Posted;

    public Money Earned => Books[_node].Posted + Books[_platform].Posted + Books[_creator].Posted;

    /// <summary>How many tasks were refused after their calls were reserved.</summary>
    public int Refused { get; private set; }

    /// <summary>The credit of a channel's calls.</summary>
    public CallCredit CreditOf(Id<Channel> channel) => _credits.GetValueOrDefault(channel) with { Settled = _channels[channel].Settled };

    /// <summary>Whether all of a channel is done: it is closed, and what was left is given back.</summary>
    public bool IsOver(Id<Channel> channel) => _channels[channel].State is ChannelState.Closed && (_over.Contains(channel) || !_credits.ContainsKey(channel));

    /// <summary>Opens a channel for somebody with money; before the world's faults begin.</summary>
    public Channel Open(PublicKey payer, Money purse, Money deposit, TimeSpan life, TimeSpan window)
    {
        var user = Ids.Next<User>();
        var wallet = Books.Open(user.ToString(), AccountKind.Wallet);
        Fund(wallet, purse);
        var now = Now.ToMilliseconds();
        var asked = new Channel(
            Ids.Next<Channel>(), Peer, new ChannelParty(user, "payer", wallet, payer), _till, Books.Open(user.ToString(), AccountKind.Channel), window, now, now + life,
            deposit, Money.Zero, null, null, new ChannelState.Open());
        var change = ChannelRules.Open(asked, World.Options.Limits).Value;
        Write(change, now);
        return change.After;
    }

    /// <summary>What the model makes of a question: as the node's endpoints, in transactions one after another.</summary>
    public async Task<Answer> AnswerAsync(Question question) => question switch
    {
        Question.Call call => await SellAsync(call),
        Question.TopUp topUp => await ActAsync(topUp.Channel, new ChannelAct.TopUp(topUp.Deposit)),
        Question.Close close when CheckOf(close.Channel, close.Voucher) is { Refusal: { } refusal } => new Answer.Refused(refusal.Code.ToString()),
        Question.Close close => await ActAsync(close.Channel, new ChannelAct.StartClose(ChannelSide.Payer, close.Voucher is null ? null : CheckOf(close.Channel, close.Voucher)!.Value.Value)),
        _ => throw new InvalidOperationException("Every question is answered."),
    };

    /// <summary>The payee ends a channel alone.</summary>
    public void StartClose(Id<Channel> channel) => Spawn(() => ActAsync(channel, new ChannelAct.StartClose(ChannelSide.Payee, null)));

    protected override void Begin()
    {
        _running.Clear();
        Host.Handle(Letters.Protocol, ServeAsync, new HandlerOptions(Deadline: TimeSpan.FromMinutes(2)));
        // Tasks are taken over with their leases.
        foreach (var task in _tasks.Values.Where(task => !task.IsFinal).ToList())
            Spawn(() => RunAsync(task));
        Spawn(WorkAsync);
    }

    private async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        var question = await World.Letters.ReceiveAsync<Question>(stream, cancellationToken);
        await World.Letters.SendAsync(stream, await AnswerAsync(question), cancellationToken);
    }

    private async Task<Answer> SellAsync(Question.Call call)
    {
        var quote = QuoteOf(call.What);
        if (call.Voucher is not { } voucher)
            return new Answer.Demand(quote, null);
        if (!_channels.TryGetValue(call.Channel, out var channel))
            return new Answer.Refused(nameof(ChannelRefusal.ChannelUnknown));
        if (!VoucherCheck.Check(voucher, channel.Terms, channel.Proof as Voucher.Chain).TryGet(out var claim, out var bad))
            return new Answer.Refused(bad.Code.ToString());
        // One that is lower than what was settled pays nothing more; what there is of credit decides.
        if (claim.Cumulative > channel.Settled
            && await WriteAsync(() => Act(channel.Id, new ChannelAct.Settle(claim))) is { } refused and not ChannelRefusal.VoucherSuperseded)
        {
            return new Answer.Refused(refused.ToString());
        }

        if (!(await WriteAsync(() => Reserve(call, quote))).TryGet(out var reservation, out var reused))
            return new Answer.Refused(reused.Code.ToString());
        if (reservation.Call is not { } reserved)
            return new Answer.Demand(quote, reservation.Credit.Required(quote));
        var name = $"{call.Channel}/{call.Key}";
        if (reserved.Task is null)
        {
            // One request makes a call: whoever comes beside it comes again, or finds it made.
            if (await WriteAsync(() => Hold(reserved)) is { } held)
            {
                if (await WriteAsync(() => Submit(name, call.What, quote)) is null)
                {
                    await WriteAsync(() => Release(held));
                    return new Answer.Refused(nameof(TaskRefusal.OpenTasksTooMany));
                }

                await WriteAsync(() => Attach(held, name));
            }
            else if (_calls.GetValueOrDefault((call.Channel, call.Key))?.Task is null)
            {
                return new Answer.UnderWay();
            }
        }

        var task = _tasks[name];
        if (!task.IsFinal)
            await WaitAsync(name);
        task = _tasks[name];
        if (!task.IsFinal)
            return new Answer.Accepted();
        await WriteAsync(() => End(_calls[(call.Channel, call.Key)], task));
        return task.Price is { } price ? new Answer.Done(price, name) : new Answer.Failed();
    }

    // The quote follows from what is asked for.
    private static Money QuoteOf(ContentHash what)
    {
        Span<byte> bytes = stackalloc byte[ContentHash.Size];
        what.CopyTo(bytes);
        return new Money(1_000 + (((bytes[0] << 8) | bytes[1]) * 7L));
    }

    /// <summary>Waits for the end of a task, for as long as the line is held.</summary>
    private async Task WaitAsync(string name)
    {
        Spawn(() => RunAsync(_tasks[name]));
        for (var end = Now + s_line; Now < end && !_tasks[name].IsFinal;)
            await World.World.PassAsync(s_poll, Stopping);
    }

    private async Task RunAsync(SoldTask task)
    {
        if (!_running.Add(task.Key))
            return;
        await World.World.PassAsync(TimeSpan.FromSeconds(0.1 + (Chance.NextDouble() * Chance.NextDouble() * 45)), Stopping);
        var isFailed = Chance.Next(10) == 0;
        var price = new Money(Chance.NextInt64(1, task.Amount.Nanodollars + 1));
        await WriteAsync(() => EndTask(task.Key, isFailed ? null : price));
    }

    /// <summary>What the market does by itself: ends calls whose tasks have ended, finds those that a crash has left, ends channels that are due, and gives back what is left of them.</summary>
    private async Task WorkAsync()
    {
        while (true)
        {
            await World.World.PassAsync(s_look, Stopping);
            foreach (var call in _calls.Values.Where(call => call.Price is null).ToList())
            {
                if (call.Task is { } name && _tasks[name] is { IsFinal: true } task)
                    await WriteAsync(() => End(call, task));
                else if (call.Task is null && call.CreatedAt < Now - s_longestSubmission && await WriteAsync(() => Hold(call)) is { } held)
                    await WriteAsync(() => _tasks.ContainsKey($"{call.Channel}/{call.Key}") ? Attach(held, $"{call.Channel}/{call.Key}") : Release(held));
            }

            foreach (var channel in _channels.Values.Where(IsDue).Select(channel => channel.Id).ToList())
                await WriteAsync(() => Act(channel, _channels[channel].State is ChannelState.Open ? new ChannelAct.Expire() : new ChannelAct.Finish()));
            foreach (var channel in _channels.Values.Where(channel => channel.State is ChannelState.Closed && _credits.ContainsKey(channel.Id) && !_over.Contains(channel.Id)).Select(channel => channel.Id).ToList())
                await WriteAsync(() => Return(channel));
        }

        bool IsDue(Channel channel) => channel.State switch
        {
            ChannelState.Open => channel.ExpiresAt <= Now,
            ChannelState.Closing closing => closing.EndsAt <= Now,
            _ => false,
        };
    }

    private async Task<Answer> ActAsync(Id<Channel> channel, ChannelAct act) =>
        await WriteAsync(() => Act(channel, act)) is { } refused ? new Answer.Refused(refused.ToString()) : new Answer.Agreed();

    private Outcome<Claim, ChannelRefusal>? CheckOf(Id<Channel> channel, Voucher? voucher) => voucher is null ? default(Outcome<Claim, ChannelRefusal>?) : VoucherCheck.Check(voucher, _channels[channel].Terms);

    private void Fund(Id<Account> account, Money amount) => Require(Books.Apply([Books.Post(_world, account, amount, TransferPurpose.Deposit, "funds")]));

    private ChannelRefusal? Act(Id<Channel> id, ChannelAct act)
    {
        if (!ChannelRules.Apply(_channels[id], act, Now.ToMilliseconds()).TryGet(out var change, out var refusal))
            return refusal.Code;
        return change.IsNone || Write(change, Now.ToMilliseconds()) ? null : ChannelRefusal.InsufficientFunds;
    }

    private bool Write(ChannelChange change, DateTimeOffset now)
    {
        var transfers = Netting.ToTransfers([change], _clearing, "settlement", Ids, now);
        if (transfers.Count > 0 && Books.Apply(transfers) is { } refusal)
            return refusal.Code is TransferRefusal.InsufficientFunds ? false : throw new InvalidOperationException(refusal.Detail);
        _channels[change.After.Id] = change.After;
        return true;
    }

    private Outcome<Reservation, TaskRefusal> Reserve(Question.Call asked, Money quote)
    {
        var credit = CreditOf(asked.Channel);
        _credits.TryAdd(asked.Channel, default);
        if (!World.Options.Plants(Fault.ChargesTwice) && _calls.TryGetValue((asked.Channel, asked.Key), out var before))
        {
            return before.What == asked.What
                ? new Reservation(before, IsNew: false, credit)
                : new Refusal<TaskRefusal>(TaskRefusal.IdempotencyKeyReused, "The key was used for another call.");
        }

        if (credit.Left < quote && !World.Options.Plants(Fault.GivesCredit))
            return new Reservation(null, IsNew: false, credit);
        var call = new SoldCall(asked.Channel, asked.Key, asked.What, quote, Now);
        _calls[(call.Channel, call.Key)] = call;
        Change(call.Channel, before => before with { Reserved = before.Reserved + quote });
        return new Reservation(call, IsNew: true, credit);
    }

    private SoldTask? Submit(string name, ContentHash what, Money quote)
    {
        if (_tasks.TryGetValue(name, out var there))
            return there;
        if (Chance.NextDouble() < World.Options.RefuseChance)
        {
            Refused++;
            return null;
        }

        var hold = new Transfer(Ids.Next<Transfer>(), TransferKind.Pending, _till.Wallet, _clearing, quote, null, TransferPurpose.TaskHold, name, Now.ToMilliseconds());
        // What the voucher has paid is there.
        Require(Books.Apply([hold]));
        var task = new SoldTask(name, what, hold.Id, quote);
        _tasks.Add(name, task);
        return task;
    }

    private SoldCall? Hold(SoldCall call)
    {
        if (_calls.GetValueOrDefault((call.Channel, call.Key)) is not { Task: null } there || (there.Hold.Request != 0 && there.Hold.Until > Now))
            return null;
        return _calls[(call.Channel, call.Key)] = there with { Hold = (++_lastRequest, Now + s_submissionTime) };
    }

    private bool Attach(SoldCall call, string task)
    {
        if (_calls.TryGetValue((call.Channel, call.Key), out var there))
        {
            _calls[(call.Channel, call.Key)] = there with { Task = task, Hold = default };
            return true;
        }

        // It was held up for longer than it held the call, and the reservation was taken back meanwhile. The task costs what it costs, so it is reserved again, if the credit suffices.
        if (CreditOf(call.Channel).Left < call.Reserved)
            return false;
        _calls.Add((call.Channel, call.Key), call with { Task = task, Hold = default });
        Change(call.Channel, before => before with { Reserved = before.Reserved + call.Reserved });
        return true;
    }

    private bool Release(SoldCall call)
    {
        if (_calls.GetValueOrDefault((call.Channel, call.Key)) is not { Task: null } there || there.Hold.Request != call.Hold.Request)
            return false;
        _calls.Remove((call.Channel, call.Key));
        Change(call.Channel, before => before with { Reserved = before.Reserved - there.Reserved });
        return true;
    }

    private bool EndTask(string name, Money? price)
    {
        var task = _tasks[name];
        if (task.IsFinal)
            return false;
        var now = Now.ToMilliseconds();
        var transfers = new List<Transfer>
        {
            new(Ids.Next<Transfer>(), price is null ? TransferKind.VoidPending : TransferKind.PostPending, _till.Wallet, _clearing, price ?? Money.Zero, task.Hold, TransferPurpose.TaskCapture, name, now),
        };
        if (price is { } captured)
        {
            var shares = s_split.Split(captured);
            transfers.AddRange(new[] { (_creator, shares.Creator, TransferPurpose.CreatorShare), (_node, shares.Node, TransferPurpose.NodeShare), (_platform, shares.Platform, TransferPurpose.PlatformShare) }
                .Where(share => share.Item2 > Money.Zero).Select(share => Books.Post(_clearing, share.Item1, share.Item2, share.Item3, name)));
        }

        Require(Books.Apply(transfers));
        _tasks[name] = task with { IsFinal = true, Price = price };
        return true;
    }

    private bool End(SoldCall call, SoldTask task)
    {
        if (_calls[(call.Channel, call.Key)] is not { Price: null } there)
            return false;
        var price = task.Price ?? Money.Zero;
        _calls[(call.Channel, call.Key)] = there with { Price = price };
        Change(call.Channel, before => before with { Reserved = before.Reserved - there.Reserved, Spent = before.Spent + price });
        return true;
    }

    private bool Return(Id<Channel> channel)
    {
        var credit = CreditOf(channel);
        if (credit.Reserved > Money.Zero || _over.Contains(channel))
            return false;
        if (credit.Left > Money.Zero)
        {
            var back = Books.Post(_channels[channel].Payee.Wallet, _channels[channel].Payer.Wallet, credit.Left, TransferPurpose.CallReturn, channel.ToString());
            // Whoever sells has it in tasks that are under way: another time.
            if (Books.Apply([back]) is not null)
                return false;
        }

        Change(channel, before => before with { Returned = before.Returned + credit.Left });
        _over.Add(channel);
        return true;
    }

    private void Change(Id<Channel> channel, Func<CallCredit, CallCredit> change) => _credits[channel] = change(_credits.GetValueOrDefault(channel));

    private static void Require(Refusal<TransferRefusal>? refusal)
    {
        if (refusal is not null)
            throw new InvalidOperationException($"{refusal.Code}: {refusal.Detail}");
    }

    /// <summary>What came of asking for a reservation.</summary>
    private sealed record Reservation(SoldCall? Call, bool IsNew, CallCredit Credit);
}

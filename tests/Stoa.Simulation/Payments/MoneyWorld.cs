using System.Security.Cryptography;
using Stoa.Market.Channels;
using Stoa.Network.Hosting;
using Stoa.Network.Negotiation;
using Stoa.Primitives;

namespace Stoa.Simulation.Payments;

/// <summary>A fault to plant, to see that it is found.</summary>
internal enum Fault
{
    /// <summary>None.</summary>
    None,

    /// <summary>A call that comes again is reserved again.</summary>
    ChargesTwice,

    /// <summary>A call begins though what was paid does not suffice.</summary>
    GivesCredit,

    /// <summary>A voucher leaves before it is written.</summary>
    SignsUnwritten,

    /// <summary>What a share of a price comes to arrives nowhere.</summary>
    LosesShares,
}

/// <summary>What a world of payments is made of.</summary>
internal sealed record MoneyWorldOptions
{
    /// <summary>How many nodes sell. Default 4.</summary>
    public int Sellers { get; init; } = 4;

    /// <summary>How many nodes buy, each with a channel at each that sells. Default 6.</summary>
    public int Buyers { get; init; } = 6;

    /// <summary>What each channel is opened with, and topped up by. Default 0.002 USD: a few calls.</summary>
    public Money Deposit { get; init; } = Money.FromDollars(0.002m);

    /// <summary>What each buyer has at each seller, beside the deposit.</summary>
    public Money Purse { get; init; } = Money.FromDollars(0.5m);

    /// <summary>What the account that sells has of its own at each seller, to pay for tasks before calls are charged. Default 0.003 USD: a few calls.</summary>
    public Money Float { get; init; } = Money.FromDollars(0.003m);

    /// <summary>How likely a task is refused after its call was reserved: the seller has as many as it may have. Default 1 in 50.</summary>
    public double RefuseChance { get; init; } = 0.02;

    /// <summary>How likely a question comes twice. Default 1 in 8.</summary>
    public double CopyChance { get; init; } = 0.125;

    /// <summary>How long a channel is closing. Default 2 minutes.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How likely the power fails before, and behind, each write while there are faults. Default 1 in 250.</summary>
    public double CrashChance { get; init; } = 0.004;

    /// <summary>How far clocks are off, ahead or behind. Default 3 minutes: more than a window.</summary>
    public TimeSpan MaxSkew { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>How long a write takes until it is through. Default 5 ms.</summary>
    public TimeSpan WriteTime { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>How good the network is while there are faults.</summary>
    public NetworkConditions Faulty { get; init; } = new() { StreamLoss = 0.01, Corruption = 0.002, ConnectLoss = 0.05 };

    /// <summary>What is planted.</summary>
    public Fault Planted { get; init; }

    /// <summary>What channels may be like.</summary>
    public ChannelLimits Limits { get; } = new(new Money(1), TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), TimeSpan.FromDays(1));

    public bool Plants(Fault fault) => Planted == fault;
}

/// <summary>Nodes that have tasks done by others and pay by channels, in one thread on virtual time, while the power fails at any write, clocks are wrong, and messages are lost, come twice, late, or forged.</summary>
/// <remarks>See <see cref="SellingNode"/> and <see cref="BuyingNode"/> for what is the node's own code and what is a model. Same seed, same history, bit for bit: no signature is in what is sent.</remarks>
internal sealed class MoneyWorld
{
    private static readonly CancellationToken s_none = CancellationToken.None;

    private readonly int _seed;
    private readonly Random _random;
    private readonly Dictionary<Id<Channel>, (Money Highest, List<Voucher> All)> _signed = [];
    private readonly List<Question> _old = [];
    private int _lastKey;
    private long _lastTask;

    public MoneyWorld(int seed, MoneyWorldOptions? options = null)
    {
        (_seed, Options) = (seed, options ?? new MoneyWorldOptions());
        World = new World(seed);
        Network = new SimulatedNetwork(World, new NetworkConditions());
        _random = World.RandomOf(4_000_000);
        Pace = new Pace(World, seed);
    }

    public World World { get; }

    public SimulatedNetwork Network { get; }

    public MoneyWorldOptions Options { get; }

    public Letters Letters { get; } = new();

    public List<SellingNode> Sellers { get; } = [];

    public List<BuyingNode> Buyers { get; } = [];

    public Pace Pace { get; }

    /// <summary>How likely the power fails at each write now.</summary>
    public double CrashChance { get; private set; }

    /// <summary>The highest amount that was ever signed for a channel, as the world has seen it.</summary>
    public Money HighestSigned(Id<Channel> channel) => _signed.TryGetValue(channel, out var signed) ? signed.Highest : Money.Zero;

    public PrivateKey NewKey() => SeededKeys.Of(_seed, 10_000 + ++_lastKey);

    public void Run(Func<MoneyWorld, Task> act) => World.Run(() => act(this), TimeSpan.FromDays(1));

    public Task PassAsync(TimeSpan time) => World.PassAsync(time, s_none);

    /// <summary>Starts all nodes, with a channel of each buyer at each seller. Every third one expires while tasks are still submitted.</summary>
    public async Task StartAsync()
    {
        for (var number = 0; number < Options.Sellers; number++)
            Sellers.Add(Make((node, key) => new SellingNode(this, node, key, Skew())));
        for (var number = 0; number < Options.Buyers; number++)
            Buyers.Add(Make((node, key) => new BuyingNode(this, node, key, Skew())));
        foreach (var buyer in Buyers)
        {
            foreach (var seller in Sellers)
            {
                var key = NewKey();
                var life = TimeSpan.FromMinutes(_random.Next(3) == 0 ? _random.Next(5, 12) : 600);
                buyer.Add(seller, seller.Open(key.PublicKey, Options.Purse, Options.Deposit, life, Options.Window), key);
            }
        }

        if (Options.Plants(Fault.LosesShares))
            Sellers[0].Books.Loses = transfer => transfer.Purpose is Market.Ledger.TransferPurpose.PlatformShare;
        foreach (var node in Nodes)
            await node.StartAsync();
    }

    /// <summary>All nodes.</summary>
    public IEnumerable<MoneyNode> Nodes => Sellers.Concat<MoneyNode>(Buyers);

    /// <summary>Consumers submit tasks while power fails, the network falls apart and comes together, channels are closed by either side, and somebody tries what he has heard or made up.</summary>
    public async Task PlayAsync(TimeSpan duration, double tasksPerMinute)
    {
        var end = World.Time.GetUtcNow() + duration;
        (Network.Conditions, CrashChance) = (Options.Faulty, Options.CrashChance);
        var meanWhile = Task.WhenAll(FallApartAsync(end), CheatAsync(end));
        while (World.Time.GetUtcNow() < end)
        {
            await PassAsync(TimeSpan.FromMinutes(-Math.Log(1 - _random.NextDouble()) / tasksPerMinute));
            var number = ++_lastTask;
            if (Buyers[_random.Next(Buyers.Count)] is { IsUp: true } buyer)
                buyer.Submit(number, ContentHash.FromBytes(SHA256.HashData(BitConverter.GetBytes(number))), Money.FromDollars(0.0005m));
            if (_random.Next(60) == 0)
                CloseOne();
        }

        await meanWhile;
        Network.Heal();
        (Network.Conditions, CrashChance) = (new NetworkConditions(), 0);
    }

    /// <summary>Waits until all tasks have ended, has all channels end, and waits until all money is at one side or the other.</summary>
    public async Task SettleAsync()
    {
        await UntilAsync(() => Nodes.All(node => node.IsUp) && Buyers.All(buyer => buyer.Tasks.Values.All(task => task.IsFinal)) && Sellers.All(seller => seller.Tasks.Values.All(task => task.IsFinal)));
        // Half of them by who pays, the rest by who is paid.
        foreach (var buyer in Buyers)
        {
            foreach (var seller in Sellers.Where(_ => _random.Next(2) == 0))
                buyer.Close(seller.Peer);
        }

        await PassAsync(TimeSpan.FromMinutes(2));
        foreach (var seller in Sellers)
        {
            foreach (var channel in seller.Channels.Values.Where(channel => channel.State is ChannelState.Open).ToList())
                seller.StartClose(channel.Id);
        }

        await UntilAsync(() => Sellers.All(seller => seller.Channels.Keys.All(seller.IsOver)));
    }

    /// <summary>Notes what was signed: here nothing is ever forgotten.</summary>
    public void Signed(Id<Channel> channel, Money cumulative, Voucher voucher)
    {
        if (!_signed.TryGetValue(channel, out var signed))
            signed = (Money.Zero, []);
        signed.All.Add(voucher);
        _signed[channel] = (Money.Max(signed.Highest, cumulative), signed.All);
    }

    /// <summary>Has a question come once more, and keeps it: it comes again much later.</summary>
    public void Copy(Host host, PeerId seller, Question question)
    {
        _old.Add(question);
        _ = SendAsync(host, seller, question);
    }

    private async Task SendAsync(Host host, PeerId seller, Question question)
    {
        try
        {
            using var late = new CancellationTokenSource(TimeSpan.FromMinutes(1), World.Time);
            await using var stream = await host.OpenStreamAsync(seller, [Letters.Protocol], late.Token);
            await Letters.SendAsync(stream, question, late.Token);
            await Letters.ReceiveAsync<Answer>(stream, late.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Nobody waits for it.
        }
    }

    /// <summary>Somebody who has heard all that was ever said asks again what others have asked, and pays with what he makes of their vouchers.</summary>
    private async Task CheatAsync(DateTimeOffset end)
    {
        var key = NewKey();
        var node = Network.AddNode(key.PublicKey.ToProtobuf());
        await using var host = new Host(key, [node], new HostOptions(), World.Time, World.RandomOf(5_000_000));
        while (World.Time.GetUtcNow() < end)
        {
            await PassAsync(TimeSpan.FromSeconds(1 + (_random.NextDouble() * 4)));
            var seller = Sellers[_random.Next(Sellers.Count)];
            try
            {
                using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20), World.Time);
                await host.ConnectAsync(seller.Address, late.Token);
            }
            catch (Exception e) when (e is ConnectException or OperationCanceledException)
            {
                continue;
            }

            if (_old.Count > 0 && _random.Next(2) == 0)
                await SendAsync(host, seller.Peer, _old[_random.Next(_old.Count)]);
            else if (Forge(seller, key) is { } forged)
                await SendAsync(host, seller.Peer, forged);
        }
    }

    private Question? Forge(SellingNode seller, PrivateKey cheat)
    {
        var channel = seller.Channels.Values.ElementAt(_random.Next(seller.Channels.Count));
        var others = _signed.Values.SelectMany(signed => signed.All).ToList();
        if (others.Count == 0)
            return null;
        var some = others[_random.Next(others.Count)];
        var much = new VoucherPayload(channel.Id, channel.Node, channel.Deposit);
        Voucher voucher = _random.Next(4) switch
        {
            // His own signature; a true one under another amount; a true one of whichever channel; the one for another node.
            0 => much.Sign(cheat),
            1 => new Voucher.Signed(some.Envelope with { Payload = much.Write() }),
            2 => _signed.TryGetValue(channel.Id, out var own) && own.All.Contains(some) ? much.Sign(cheat) : some,
            _ => (much with { Node = cheat.PublicKey.PeerId }).Sign(cheat),
        };
        return _random.Next(3) == 0
            ? new Question.Close(channel.Id, voucher)
            : new Question.Call(channel.Id, $"cheat-{_random.Next(1_000)}", ContentHash.FromBytes(SHA256.HashData(BitConverter.GetBytes(_random.Next()))), voucher);
    }

    private async Task FallApartAsync(DateTimeOffset end)
    {
        while (World.Time.GetUtcNow() < end)
        {
            await PassAsync(TimeSpan.FromSeconds(_random.Next(20, 120)));
            Network.Partition(Network.Nodes.Where(_ => _random.Next(2) == 0).ToList());
            await PassAsync(TimeSpan.FromSeconds(_random.Next(5, 60)));
            Network.Heal();
        }
    }

    private void CloseOne()
    {
        var seller = Sellers[_random.Next(Sellers.Count)];
        if (_random.Next(2) == 0 && seller.IsUp)
            seller.StartClose(seller.Channels.Keys.ElementAt(_random.Next(seller.Channels.Count)));
        else if (Buyers[_random.Next(Buyers.Count)] is { IsUp: true } buyer)
            buyer.Close(seller.Peer);
    }

    private async Task UntilAsync(Func<bool> isSo)
    {
        // A day of the world at most.
        while (!isSo())
            await PassAsync(TimeSpan.FromSeconds(10));
    }

    private T Make<T>(Func<SimulatedNode, PrivateKey, T> make)
    {
        var key = NewKey();
        return make(Network.AddNode(key.PublicKey.ToProtobuf()), key);
    }

    private TimeSpan Skew() => Options.MaxSkew * ((_random.NextDouble() * 2) - 1);
}

using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Primitives;

namespace Stoa.Simulation.Payments;

/// <summary>A cell with its books, its clock and its disk. The disk's acts are transactions: whole or not at all, and there once they are through; the power may fail before each and behind each.</summary>
internal abstract class MoneyNode
{
    private readonly Random _chance;
    private Run? _run;

    protected MoneyNode(MoneyWorld world, SimulatedNode node, PrivateKey key, TimeSpan skew)
    {
        (World, Node, Key) = (world, node, key);
        Clock = new SkewedTime(world.World.Time, skew);
        _chance = world.World.RandomOf(200_000 + node.Number);
        Ids = new IdSource(Clock, world.World.RandomOf(300_000 + node.Number));
        Books = new Books(Ids, Clock);
    }

    public SimulatedNode Node { get; }

    public PrivateKey Key { get; }

    public PeerId Peer => Key.PublicKey.PeerId;

    public SkewedTime Clock { get; }

    public IdSource Ids { get; }

    public Books Books { get; }

    public bool IsUp => _run is not null;

    /// <summary>How often the power failed.</summary>
    public int Crashes { get; private set; }

    /// <summary>How often it failed between what is through to the disk and whoever waits for it.</summary>
    public int CrashesBehindWrites { get; private set; }

    public PeerAddress Address => new(Peer, [Node.Address]);

    public DateTimeOffset Now => Clock.GetUtcNow();

    protected MoneyWorld World { get; }

    protected Random Chance => _chance;

    protected Host Host => Running.Host;

    protected CancellationToken Stopping => Running.Stop.Token;

    private Run Running => _run ?? throw new PowerFailedException();

    public async Task StartAsync()
    {
        var host = new Host(Key, [Node], new HostOptions(), Clock, World.World.RandomOf((Crashes * 1_000_000) + Node.Number));
        var run = _run = new Run(host, new Turnstile(1), new CancellationTokenSource());
        await host.ListenAsync(Node.Address, run.Stop.Token);
        Begin();
    }

    /// <summary>What it does by itself, from what its disk has.</summary>
    protected abstract void Begin();

    /// <summary>The power fails. It comes back after a while.</summary>
    public async Task CrashAsync()
    {
        var run = Running;
        _run = null;
        Crashes++;
        Node.Die(isSilent: _chance.Next(2) == 0);
        run.Stop.Cancel();
        await run.Host.DisposeAsync();
        await World.World.PassAsync(TimeSpan.FromSeconds(1 + (_chance.NextDouble() * 20)), CancellationToken.None);
        Node.Revive();
        await StartAsync();
    }

    /// <summary>Does an act in one transaction. One at a time does so.</summary>
    /// <param name="act">What is read and written; it has to be possible as a whole, or change nothing.</param>
    /// <exception cref="PowerFailedException">The power has failed: nothing was written, or all of it and nobody was told.</exception>
    protected async Task<T> WriteAsync<T>(Func<T> act)
    {
        var run = Running;
        await run.Writing.EnterAsync(run.Stop.Token);
        try
        {
            FailMaybe(run);
            await World.World.PassAsync(World.Options.WriteTime, run.Stop.Token);
            if (run != _run)
                throw new PowerFailedException();
            var result = act();
            if (FailMaybe(run, isThrown: false))
            {
                CrashesBehindWrites++;
                throw new PowerFailedException();
            }

            return result;
        }
        finally
        {
            run.Writing.Leave();
        }
    }

    /// <summary>Does something beside the rest for as long as the power is there.</summary>
    protected static void Spawn(Func<Task> act)
    {
        _ = RunAsync();

        async Task RunAsync()
        {
            try
            {
                await act();
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // It is taken up again from the disk.
            }
        }
    }

    private bool FailMaybe(Run run, bool isThrown = true)
    {
        if (run != _run || _chance.NextDouble() >= World.CrashChance)
            return false;
        _ = CrashAsync();
        return isThrown ? throw new PowerFailedException() : true;
    }

    /// <summary>One run of the program.</summary>
    private sealed record Run(Host Host, Turnstile Writing, CancellationTokenSource Stop);
}

/// <summary>The power has failed under whoever was at work.</summary>
internal sealed class PowerFailedException() : IOException("The power has failed.");

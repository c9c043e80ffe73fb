namespace Stoa.Simulation;

/// <summary>What joins both ends of a connection: the way, and what is held up on it.</summary>
internal sealed class Link
{
    private static readonly SendOrPostCallback s_giveUp = static stall => ((Stall)stall!).GiveUp();
    private static readonly SendOrPostCallback s_release = static link => ((Link)link!).Release();

    private readonly Queue<Packet> _held = new();
    private Stall? _stall;
    private bool _isDeaf;

    public Link(SimulatedNetwork network, long number, SimulatedNode dialer, SimulatedNode listener)
    {
        (Network, Number) = (network, number);
        Dialer = new SimulatedConnection(this, dialer, isInitiator: true);
        Listener = new SimulatedConnection(this, listener, isInitiator: false);
    }

    public SimulatedNetwork Network { get; }

    public long Number { get; }

    public SimulatedConnection Dialer { get; }

    public SimulatedConnection Listener { get; }

    public int LastStream { get; set; }

    private bool IsOpen => !_isDeaf && Dialer.Node.Side == Listener.Node.Side;

    /// <summary>One end has died and told nobody.</summary>
    public void OnSilentDeath()
    {
        _isDeaf = true;
        OnPathChanged();
    }

    /// <summary>A partition has cut it, or it is whole again.</summary>
    public void OnPathChanged()
    {
        if (IsOpen)
        {
            _stall = null;
            if (_held.Count > 0)
                Network.World.Schedule(Network.World.Now, s_release, this);
        }
        else if (_stall is null)
        {
            _stall = new Stall(this);
            Network.World.Schedule(Network.World.Now + Network.Conditions.StallTimeout.Ticks, s_giveUp, _stall);
        }
    }

    public void Arrive(Packet packet)
    {
        // What is held goes first.
        if (!IsOpen || _held.Count > 0)
            _held.Enqueue(packet);
        else
            packet.Deliver();
    }

    /// <summary>Makes it a way for bytes only: one stream that both ends have from the start.</summary>
    public (SimulatedSocket Dialed, SimulatedSocket Accepted) ToSockets()
    {
        var (dialed, accepted) = SimulatedStream.Pair(Dialer, ++LastStream);
        (dialed.IsBare, accepted.IsBare) = (true, true);
        Dialer.Add(dialed);
        Listener.Add(accepted);
        return (new SimulatedSocket(Dialer, dialed), new SimulatedSocket(Listener, accepted));
    }

    public void ForgetIfEnded()
    {
        if (Dialer.EndedBecause is not null && Listener.EndedBecause is not null)
            Network.Forget(this);
    }

    private void Release()
    {
        while (IsOpen && _held.TryDequeue(out var packet))
            packet.Deliver();
    }

    private sealed class Stall(Link link)
    {
        public void GiveUp()
        {
            if (link._stall != this)
                return;
            link.Dialer.End("Nothing came through for too long.", isOtherTold: false);
            link.Listener.End("Nothing came through for too long.", isOtherTold: false);
        }
    }
}

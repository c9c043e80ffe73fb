using Stoa.Network.Muxing;

namespace Stoa.Simulation;

/// <summary>One end of a stream. All of it happens in the world's one thread.</summary>
internal sealed class SimulatedStream : MuxedStream
{
    private static readonly SendOrPostCallback s_giveUp = static stream => ((SimulatedStream)stream!).GiveUp();
    private static readonly SendOrPostCallback s_notice = static stream => ((SimulatedStream)stream!).Notice();

    private readonly SimulatedConnection _connection;
    private string? _readsBrokenBecause;
    private string? _writesBrokenBecause;

    // Reading.
    private readonly Queue<ReadOnlyMemory<byte>> _received = new(1);
    private ReadOnlyMemory<byte> _first;
    private Wait<int>? _reading;
    private Memory<byte> _target;
    private int _readSinceCredit;
    private bool _isEndReceived;

    // Writing.
    private Wait<bool>? _writing;
    private ReadOnlyMemory<byte> _pending;
    private int _window;
    private bool _isEndSent;
    private bool _isStalled;
    private long _lastArrival;
    private long _lastCreditArrival;

    private SimulatedStream(SimulatedConnection connection, int number)
    {
        (_connection, Number) = (connection, number);
        _window = connection.Link.Network.Conditions.WindowBytes;
    }

    public int Number { get; }

    /// <summary>Whether it is a socket: what is above has its own security.</summary>
    public bool IsBare { get; set; }

    /// <summary>The end where what is written here arrives.</summary>
    public SimulatedStream Other { get; private set; } = null!;

    private World World => _connection.Link.Network.World;

    private NetworkConditions Conditions => _connection.Link.Network.Conditions;

    /// <summary>Both ends of a stream, the one of the connection first.</summary>
    public static (SimulatedStream, SimulatedStream) Pair(SimulatedConnection connection, int number)
    {
        var (here, there) = (new SimulatedStream(connection, number), new SimulatedStream(connection.Other, number));
        (here.Other, there.Other) = (there, here);
        return (here, there);
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<int>(cancellationToken);
        if (!_first.IsEmpty)
            return ValueTask.FromResult(TakeReceived(buffer));
        if (_readsBrokenBecause is not null)
            return ValueTask.FromException<int>(new StreamResetException(_readsBrokenBecause));
        if (_isEndReceived)
            return ValueTask.FromResult(0);
        _reading ??= new Wait<int>(World, _ => _target = default);
        var wait = new ValueTask<int>(_reading, _reading.Begin(cancellationToken));
        _target = buffer;
        return wait;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellationToken);
        if (_writesBrokenBecause is not null)
            return ValueTask.FromException(new StreamResetException(_writesBrokenBecause));
        if (_isEndSent)
            throw new InvalidOperationException("Nothing can be written after the end.");
        if (_writing is { IsWaiting: true })
            throw new InvalidOperationException("One read and one write at a time are expected of a stream.");
        _pending = buffer;
        SendPending();
        if (_pending.IsEmpty)
            return ValueTask.CompletedTask;
        _writing ??= new Wait<bool>(World, _ => _pending = default);
        return new ValueTask(_writing, _writing.Begin(cancellationToken));
    }

    public override ValueTask CompleteWritesAsync(CancellationToken cancellationToken)
    {
        if (_isEndSent)
            return ValueTask.CompletedTask;
        if (_writesBrokenBecause is not null)
            return ValueTask.FromException(new StreamResetException(_writesBrokenBecause));
        TryComplete();
        return ValueTask.CompletedTask;
    }

    /// <summary>Ends the writing, unless that has ended.</summary>
    public void TryComplete()
    {
        if (_isEndSent || _writesBrokenBecause is not null)
            return;
        _isEndSent = true;
        Send(PacketKind.End, []);
        ForgetIfEnded();
    }

    public override void Reset()
    {
        if (_readsBrokenBecause is null && _connection.EndedBecause is null && !(_isEndSent && _isEndReceived))
            Send(PacketKind.Reset, []);
        Break("The stream was reset here.", isBySelf: true);
    }

    /// <summary>The other end hears of it.</summary>
    public void Open() => Send(PacketKind.Open, []);

    public void OnData(byte[] bytes)
    {
        if (_readsBrokenBecause is not null || _isEndReceived)
            return;
        if (_first.IsEmpty)
            _first = bytes;
        else
            _received.Enqueue(bytes);
        if (_reading is not { IsWaiting: true })
            return;
        var target = _target;
        _target = default;
        _reading.Complete(TakeReceived(target));
    }

    public void OnCredit(int bytes)
    {
        _window += bytes;
        SendPending();
        if (_pending.IsEmpty && _writing is { IsWaiting: true })
            _writing.Complete(true);
    }

    public void OnEnd()
    {
        if (_readsBrokenBecause is not null)
            return;
        _isEndReceived = true;
        if (_reading is { IsWaiting: true })
            _reading.Complete(0);
        ForgetIfEnded();
    }

    public void OnReset(string reason) => Break(reason, isBySelf: false);

    private void Break(string reason, bool isBySelf)
    {
        if (!_isEndSent)
            _writesBrokenBecause ??= reason;
        if (isBySelf || !_isEndReceived)
        {
            _readsBrokenBecause ??= reason;
            _first = default;
            _received.Clear();
        }

        (_pending, _target) = (default, default);
        if (_reading is { IsWaiting: true })
            _reading.Fail(new StreamResetException(reason));
        if (_writing is { IsWaiting: true })
            _writing.Fail(new StreamResetException(reason));
        _connection.Forget(this);
    }

    private int TakeReceived(Memory<byte> buffer)
    {
        var read = 0;
        while (read < buffer.Length && !_first.IsEmpty)
        {
            var length = Math.Min(buffer.Length - read, _first.Length);
            _first[..length].CopyTo(buffer[read..]);
            read += length;
            _first = length < _first.Length ? _first[length..] : _received.TryDequeue(out var next) ? next : default;
        }

        _readSinceCredit += read;
        if (_readSinceCredit >= Conditions.WindowBytes / 2 && !_isEndReceived)
        {
            _connection.Send(PacketKind.Credit, Other, [], _readSinceCredit, ref _lastCreditArrival);
            _readSinceCredit = 0;
        }

        return read;
    }

    private void SendPending()
    {
        var length = Math.Min(_window, _pending.Length);
        if (length <= 0)
            return;
        _window -= length;
        Send(PacketKind.Data, _pending[..length].ToArray());
        _pending = _pending[length..];
    }

    private void Send(PacketKind kind, byte[] bytes)
    {
        if (_isStalled)
            return;
        if (Conditions.StreamLoss > 0 && _connection.Link.Network.Random.NextDouble() < Conditions.StreamLoss)
        {
            _isStalled = true;
            World.Schedule(World.Now + Conditions.StallTimeout.Ticks, s_giveUp, this);
            return;
        }

        if (Conditions.Corruption > 0 && kind is PacketKind.Data && _connection.Link.Network.Random.NextDouble() < Conditions.Corruption && !TryChange(bytes))
        {
            World.Schedule(_connection.Link.Network.ArrivalOf(_connection.Node, _connection.Other.Node, bytes.Length), s_notice, this);
            // What comes behind it is of no use to anybody.
            _isStalled = true;
            return;
        }

        _connection.Send(kind, Other, bytes, 0, ref _lastArrival);
    }

    /// <summary>Changes a bit where there is nobody below who would notice.</summary>
    private bool TryChange(byte[] bytes)
    {
        if (!IsBare)
            return false;
        bytes[_connection.Link.Network.Random.Next(bytes.Length)] ^= (byte)(1 << _connection.Link.Network.Random.Next(8));
        return true;
    }

    private void Notice() => Other._connection.End("What came was changed on the way.", isOtherTold: true);

    private void GiveUp()
    {
        OnReset("Nothing came through for too long.");
        Other.OnReset("Nothing came through for too long.");
    }

    private void ForgetIfEnded()
    {
        if (_isEndSent && _isEndReceived)
            _connection.Forget(this);
    }
}

using System.Buffers;

namespace Stoa.Network.Muxing;

internal sealed partial class YamuxConnection
{
    private const int InputLength = 16 * 1024;

    private CheapFrames _cheapFrames;
    private long _grown;

    // The frame whose payload is being read; its stream is null when the payload is dropped.
    private uint _payloadLeft;
    private bool _payloadIsLast;
    private YamuxStream? _payloadOf;

    // The ping that has no answer yet.
    private uint _ping;
    private long _pingSentAt;
    private bool _isPingOut;
    private bool _isHeardSincePing;
    private TimeSpan? _roundTrip;

    /// <summary>What all streams hold that was not read, in bytes.</summary>
    public long Buffered { get; private set; }

    /// <summary>The most that it ever was.</summary>
    public long MostBuffered { get; private set; }

    /// <summary>Counts what is buffered; above the limit the stream that holds most goes.</summary>
    public void OnBuffered(int change)
    {
        Buffered += change;
        MostBuffered = Math.Max(MostBuffered, Buffered);
        while (change > 0 && Buffered > Options.MaxBufferedBytes && _streams.Values.MaxBy(stream => stream.Buffered) is { Buffered: > 0 } greediest)
            greediest.ResetBecause("The connection buffers as much as it may, and this stream most of it.");
    }

    /// <summary>By how much the receive window of a stream grows: it doubles while one window is read in fewer than four round trips.</summary>
    /// <remarks>What all windows have grown by is bounded by half of what may be buffered.</remarks>
    public int GrowWindow(int window, TimeSpan sinceLastUpdate)
    {
        if (_roundTrip is null)
        {
            SendPing();
            return 0;
        }

        var growth = Math.Min(window, Options.MaxWindowBytes - window);
        if (growth <= 0 || sinceLastUpdate > 4 * _roundTrip || _grown + growth > Options.MaxBufferedBytes / 2)
            return 0;
        _grown += growth;
        return growth;
    }

    /// <summary>A window that had grown is no more.</summary>
    public void OnWindowGone(int growth) => _grown -= growth;

    private async Task ReadAllAsync()
    {
        var input = ArrayPool<byte>.Shared.Rent(InputLength);
        try
        {
            for (var length = 0; ;)
            {
                var read = await _secured.ReadAsync(input.AsMemory(length), _stop.Token);
                length += read;
                lock (Gate)
                {
                    if (read == 0)
                        End(length == 0 && _payloadLeft == 0 ? "The other side closed it." : "The other side broke off within a frame.", null);
                    var taken = Take(input.AsSpan(0, length));
                    if (_endedBecause is not null)
                        return;
                    input.AsSpan(taken, length - taken).CopyTo(input);
                    length -= taken;
                }
            }
        }
        catch (Exception e)
        {
            // Whatever the connection below throws ends this one; nobody is there to catch it.
            lock (Gate)
                End($"It was lost: {e.Message}", null);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(input);
        }
    }

    /// <summary>Takes the frames, and parts of payloads, that have arrived; answers how many bytes they were.</summary>
    private int Take(ReadOnlySpan<byte> bytes)
    {
        _isHeardSincePing = true;
        var left = bytes;
        while (_endedBecause is null)
        {
            if (_payloadLeft > 0)
            {
                var length = (int)Math.Min(_payloadLeft, (uint)left.Length);
                if (length == 0)
                    break;
                _payloadLeft -= (uint)length;
                _payloadOf?.Receive(left[..length]);
                left = left[length..];
                if (_payloadLeft == 0 && _payloadIsLast)
                    _payloadOf?.ReceiveEnd();
                continue;
            }

            if (left.Length < YamuxHeader.Size)
                break;
            if (YamuxHeader.TryRead(left, out var header))
                OnFrame(header);
            else
                EndByFault("The other side speaks another version of Yamux.");
            left = left[YamuxHeader.Size..];
        }

        return bytes.Length - left.Length;
    }

    private void OnFrame(YamuxHeader header)
    {
        switch (header.Type)
        {
            case YamuxFrameType.Data or YamuxFrameType.WindowUpdate when header.Stream == 0:
                EndByFault("The other side sent data of no stream.");
                break;
            case YamuxFrameType.Data:
                OnData(header);
                break;
            case YamuxFrameType.WindowUpdate:
                OnWindowUpdate(header);
                break;
            case YamuxFrameType.Ping:
                OnPing(header);
                break;
            case YamuxFrameType.GoAway:
                OnGoAway((YamuxGoAway)header.Length);
                break;
            default:
                EndByFault($"The other side sent a frame of type {(byte)header.Type}, which is none.");
                break;
        }
    }

    private void OnData(YamuxHeader header)
    {
        if (header is { Length: 0, Flags: YamuxFlags.None })
            CountCheapFrame();
        var stream = OnStreamFrame(header);
        if (_endedBecause is not null)
            return;
        if (header.Length > (stream is null ? Options.MaxWindowBytes : stream.ReceiveWindow))
        {
            EndByFault("The other side sent more than the window of a stream.");
            return;
        }

        if (header.Length > 0 && stream is { IsEndReceived: true })
        {
            EndByFault("The other side sent data after the end of a stream.");
            return;
        }

        stream?.Expect((int)header.Length);
        (_payloadLeft, _payloadOf, _payloadIsLast) = (header.Length, stream, header.Flags.HasFlag(YamuxFlags.Fin));
        if (_payloadLeft == 0 && _payloadIsLast)
            stream?.ReceiveEnd();
    }

    private void OnWindowUpdate(YamuxHeader header)
    {
        if (header is { Length: 0, Flags: YamuxFlags.None })
            CountCheapFrame();
        if (OnStreamFrame(header) is not { } stream)
            return;
        if (!stream.TryWidenSendWindow(header.Length))
            EndByFault("The other side opened the window of a stream beyond its limit.");
        else if (header.Flags.HasFlag(YamuxFlags.Fin))
            stream.ReceiveEnd();
    }

    /// <summary>Does what the flags of a frame say, but for the end; answers its stream, if that stands.</summary>
    private YamuxStream? OnStreamFrame(YamuxHeader header)
    {
        YamuxStream? stream;
        if (header.Flags.HasFlag(YamuxFlags.Syn))
            stream = OnSyn(header.Stream);
        else if (_streams.TryGetValue(header.Stream, out stream))
            stream.OnAcknowledged();
        if (!header.Flags.HasFlag(YamuxFlags.Rst))
            return stream;
        CountCheapFrame();
        if (stream is not null)
        {
            // Nobody will read what nobody has accepted.
            var isAccepted = !_backlog.Contains(stream);
            Forget(stream);
            stream.Break("The other side reset the stream.", isBySelf: !isAccepted);
        }

        return null;
    }

    private YamuxStream? OnSyn(uint id)
    {
        if (IsOurs(id) || _streams.ContainsKey(id))
        {
            EndByFault("The other side opened a stream whose number is not free to it.");
            return null;
        }

        if (_incoming >= Options.MaxIncomingStreams || _backlog.Count >= Options.MaxBacklog)
        {
            CountCheapFrame();
            AppendControl(new YamuxHeader(YamuxFrameType.WindowUpdate, YamuxFlags.Rst, id, 0));
            return null;
        }

        var stream = new YamuxStream(this, id, YamuxOptions.InitialWindowBytes, isIncoming: true);
        _streams.Add(id, stream);
        _incoming++;
        _backlog.Add(stream);
        _acceptable.Ring();
        return stream;
    }

    private void OnGoAway(YamuxGoAway code)
    {
        if (code != YamuxGoAway.Normal)
        {
            End(code == YamuxGoAway.ProtocolError ? "The other side saw a breach of the protocol." : $"The other side ended it with code {(uint)code}.", null);
            return;
        }

        // What is under way may be finished; nothing new begins.
        _isOtherGoing = true;
        _openable.Ring();
        if (_streams.Count == 0)
            End("The other side closed it.", null);
    }

    private void OnPing(YamuxHeader header)
    {
        if (header.Flags.HasFlag(YamuxFlags.Syn))
        {
            CountCheapFrame();
            AppendControl(header with { Flags = YamuxFlags.Ack, Stream = 0 });
        }
        else if (_isPingOut && header.Length == _ping)
        {
            _isPingOut = false;
            _roundTrip = Time.GetElapsedTime(_pingSentAt);
            _keepAlive?.Change(Options.KeepAliveInterval, Timeout.InfiniteTimeSpan);
        }
        else
        {
            CountCheapFrame();
        }
    }

    private void SendPing()
    {
        if (_isPingOut)
            return;
        (_isPingOut, _isHeardSincePing, _pingSentAt) = (true, false, Time.GetTimestamp());
        AppendControl(new YamuxHeader(YamuxFrameType.Ping, YamuxFlags.Syn, 0, ++_ping));
        _keepAlive?.Change(Options.KeepAliveTimeout, Timeout.InfiniteTimeSpan);
    }

    private void KeepAlive()
    {
        lock (Gate)
        {
            if (_endedBecause is not null)
                return;
            if (!_isPingOut)
            {
                SendPing();
            }
            else if (_isHeardSincePing)
            {
                // The answer stands behind data on a slow way.
                _isHeardSincePing = false;
                _keepAlive?.Change(Options.KeepAliveTimeout, Timeout.InfiniteTimeSpan);
            }
            else
            {
                End($"Nothing was heard for {Options.KeepAliveTimeout.TotalSeconds:0.###} s after a ping.", null);
            }
        }
    }

    private void CountCheapFrame()
    {
        if (_cheapFrames.IsOneTooMany(Time))
            EndByFault($"The other side sent more than {Options.MaxCheapFramesPerSecond} resets, pings and empty frames in a second.");
    }
}

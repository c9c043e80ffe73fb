using System.Buffers.Binary;

namespace Stoa.Wasm.Wasi.Calls;

/// <summary><c>poll_oneoff</c>: waits for clocks, for input, and for outputs that are always ready.</summary>
internal sealed class PollCalls(DescriptorTable descriptors, WasiClock clock, WasiLimits limits)
{
    private const int SubscriptionBytes = 48;
    private const int EventBytes = 32;
    private const byte ClockEvent = 0;
    private const byte ReadEvent = 1;
    private const byte WriteEvent = 2;
    private const ushort AbsoluteTime = 1;
    private const ushort Hangup = 1;

    /// <summary>What an output says it has room for: it takes any number of bytes.</summary>
    private const ulong WritableBytes = 65_536;

    public Errno Poll(Guest guest, uint subscriptionsAddress, uint eventsAddress, uint count, uint resultAddress)
    {
        if (count == 0 || count > limits.MaxSubscriptionsPerCall)
            return Errno.Inval;
        guest.Charge(count * WasiFuel.Buffer);
        if (!guest.TryGet(subscriptionsAddress, count * SubscriptionBytes, out var records)
            || !guest.TryGet(eventsAddress, count * EventBytes, out var events)
            || !guest.TryGet(resultAddress, sizeof(uint), out _))
        {
            return Errno.Fault;
        }

        var subscriptions = new Subscription[count];
        for (var i = 0; i < subscriptions.Length; i++)
        {
            if (!TryRead(records.Slice(i * SubscriptionBytes, SubscriptionBytes), out subscriptions[i]))
                return Errno.Inval;
        }

        List<Event> fired;
        try
        {
            fired = Wait(guest, subscriptions);
        }
        catch (OperationCanceledException) when (guest.Stopping.IsCancellationRequested)
        {
            return guest.Interrupted();
        }

        for (var i = 0; i < fired.Count; i++)
            Write(events.Slice(i * EventBytes, EventBytes), fired[i]);
        return guest.Write(resultAddress, (uint)fired.Count);
    }

    private List<Event> Wait(Guest guest, Subscription[] subscriptions)
    {
        var fired = new List<Event>();
        while (true)
        {
            var waits = new List<Task>();
            ulong? sleepNs = null;
            foreach (var subscription in subscriptions)
            {
                if (subscription.Kind == ClockEvent)
                    LookAtClock(subscription, fired, ref sleepNs);
                else
                    LookAtDescriptor(subscription, fired, waits, guest.Stopping);
            }

            if (fired.Count > 0)
                return fired;
            Sleep(sleepNs, waits, guest.Stopping);
        }
    }

    private void LookAtClock(Subscription subscription, List<Event> fired, ref ulong? sleepNs)
    {
        if (!ClockCalls.TryRead(clock, subscription.ClockId, out var nowNs))
        {
            fired.Add(new Event(subscription, Errno.Inval));
            return;
        }

        if (nowNs >= subscription.DeadlineNs)
            fired.Add(new Event(subscription, Errno.Success));
        else
            sleepNs = Math.Min(sleepNs ?? ulong.MaxValue, subscription.DeadlineNs - nowNs);
    }

    private void LookAtDescriptor(Subscription subscription, List<Event> fired, List<Task> waits, CancellationToken stopping)
    {
        var descriptor = descriptors.Find(subscription.Fd);
        var reads = subscription.Kind == ReadEvent;
        var needed = Rights.PollFdReadwrite | (reads ? Rights.FdRead : Rights.FdWrite);
        var errno = descriptor is null ? Errno.Badf : (descriptor.Rights & needed) != needed ? Errno.NotCapable : Errno.Success;
        var bytes = 0UL;
        var hasEnded = false;
        if (errno == Errno.Success && !reads)
        {
            bytes = WritableBytes;
        }
        else if (errno == Errno.Success && descriptor is FileDescriptor file)
        {
            errno = file.Node.GetStat(out var stat);
            bytes = stat.SizeBytes > file.Offset ? stat.SizeBytes - file.Offset : 0;
        }
        else if (errno == Errno.Success && descriptor is InputDescriptor input)
        {
            // A clock that replays cannot depend on when input arrives: input counts as there, and reading waits for it.
            if (input.Input.WaitReadable() is { } wait && !clock.IsVirtual)
            {
                waits.Add(wait);
                return;
            }

            try
            {
                bytes = input.Input.CountReadable(clock.IsVirtual, out hasEnded, stopping);
            }
            catch (IOException)
            {
                errno = Errno.Io;
            }
        }

        fired.Add(new Event(subscription, errno, bytes, hasEnded));
    }

    private void Sleep(ulong? sleepNs, List<Task> waits, CancellationToken stopping)
    {
        using var woken = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        if (sleepNs is { } ns)
            waits.Add(clock.WaitAsync(ns, woken.Token));
        try
        {
            Task.WaitAny([.. waits], stopping);
        }
        finally
        {
            woken.Cancel();
        }
    }

    private bool TryRead(ReadOnlySpan<byte> record, out Subscription subscription)
    {
        var body = record[16..];
        subscription = new Subscription
        {
            UserData = BinaryPrimitives.ReadUInt64LittleEndian(record),
            Kind = record[8],
        };
        switch (subscription.Kind)
        {
            case ClockEvent:
                var clockId = BinaryPrimitives.ReadUInt32LittleEndian(body);
                var timeoutNs = BinaryPrimitives.ReadUInt64LittleEndian(body[8..]);
                var flags = BinaryPrimitives.ReadUInt16LittleEndian(body[24..]);
                var startNs = 0UL;
                if (flags != AbsoluteTime && !ClockCalls.TryRead(clock, clockId, out startNs))
                    timeoutNs = 0;
                var deadlineNs = startNs + timeoutNs < startNs ? ulong.MaxValue : startNs + timeoutNs;
                subscription = subscription with { ClockId = clockId, DeadlineNs = deadlineNs };
                return flags <= AbsoluteTime;
            case ReadEvent or WriteEvent:
                subscription = subscription with { Fd = BinaryPrimitives.ReadInt32LittleEndian(body) };
                return true;
            default:
                return false;
        }
    }

    private static void Write(Span<byte> record, Event fired)
    {
        record.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(record, fired.Subscription.UserData);
        BinaryPrimitives.WriteUInt16LittleEndian(record[8..], (ushort)fired.Errno);
        record[10] = fired.Subscription.Kind;
        BinaryPrimitives.WriteUInt64LittleEndian(record[16..], fired.Bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(record[24..], fired.HasEnded ? Hangup : (ushort)0);
    }

    private readonly record struct Subscription
    {
        public ulong UserData { get; init; }

        public byte Kind { get; init; }

        public uint ClockId { get; init; }

        public ulong DeadlineNs { get; init; }

        public int Fd { get; init; }
    }

    private readonly record struct Event(Subscription Subscription, Errno Errno, ulong Bytes = 0, bool HasEnded = false);
}

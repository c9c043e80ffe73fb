using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Stoa.Market.Inference;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Charging;

/// <summary>What was spent of open allowances, in a file that is mapped into memory: written at the cost of a few stores, and there after the process was killed.</summary>
/// <remarks>
/// The pages belong to the operating system, which writes them to the disk when it likes: a killed process loses nothing, a machine without power what came since the last settlement.
/// The file is a header and slots of 144 bytes, all integers in the machine's order: it never leaves the machine.
/// <code>
/// header: magic (8), version (4), bytes of a slot (4), zeros
/// slot:   taken (8), check (8), id of the allowance (16), then twice: requests, input tokens, output tokens, listing part, serving part, supplied part (8 each), sequence (8)
/// </code>
/// What is spent is written over the older of the two copies, its sequence last: whenever a process is killed, the copy of the higher sequence is whole. The check is of what does not change.
/// The file grows by doubling, its new part written with zeros so that no store finds the disk full.
/// One of version 1, whose slots have no supplied part, is written anew when it is opened.
/// </remarks>
public sealed class ChargeSlots : IDisposable
{
    /// <summary>Name of the file inside the data folder.</summary>
    public const string FileName = "inference-charges";

    /// <summary>How many slots a new file has.</summary>
    public const int FirstCount = 64;

    internal const int SlotBytes = CopiesAt + 2 * CopyBytes;

    private const int Version = 2;
    private const int IdVersion = 1;
    private const int CheckAt = 8;
    private const int IdAt = 16;
    private const int SlotIdBytes = 16;
    private const int CopiesAt = 32;
    private const int CopyBytes = Counters.Bytes + sizeof(long);
    private const int FirstSlotBytes = 128;
    private const int FirstCountersBytes = 40;

    private readonly Lock _gate = new();
    private readonly FileStream _lock;
    private readonly FileStream _file;
    private readonly int _most;
    private readonly List<MemoryMappedFile> _maps = [];
    private readonly List<(int First, int Count, MemoryMappedViewAccessor View)> _parts = [];
    private readonly Stack<int> _free = new();
    private int _count;

    /// <summary>Opens the file, and makes it when it is absent.</summary>
    /// <param name="path">Of the file.</param>
    /// <param name="most">How many slots it may have.</param>
    /// <param name="logger">Told of what cannot be read.</param>
    /// <exception cref="IOException">It cannot be opened, or another process has it open.</exception>
    public ChargeSlots(string path, int most, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(logger);
        _most = most;
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        // A file of its own, so that the other one may be read by whoever makes a backup. It stays, as that of the data folder does.
        options.Share = FileShare.None;
        _lock = new FileStream($"{path}.lock", options);
        try
        {
            options.Share = FileShare.ReadWrite;
            BringUpToDate(path, options);
            PutAsideWhatIsForeign(path, logger);
            _file = new FileStream(path, options);
            Left = Open(path, logger);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What an earlier start has left: allowances that it has not settled to their end.</summary>
    public IReadOnlyList<LeftSlot> Left { get; }

    /// <summary>Takes a slot for an allowance, with nothing spent; null when there are as many as there may be.</summary>
    /// <exception cref="IOException">The file cannot grow: the disk is full.</exception>
    public ChargeSlot? TryTake(Id<Allowance> id)
    {
        lock (_gate)
        {
            if (_free.Count == 0)
            {
                if (_count >= _most)
                    return null;
                Grow(Math.Min(_most, _count * 2));
            }

            var index = _free.Pop();
            var (view, at) = PlaceOf(index);
            for (var offset = 0; offset < SlotBytes; offset += sizeof(long))
                view.Write(at + offset, 0L);
            view.WriteArray(at + IdAt, id.Uuid.ToByteArray(bigEndian: true), 0, SlotIdBytes);
            view.Write(at + CheckAt, CheckOf(id));
            // Taken once it is whole.
            view.Write(at, 1L);
            return new ChargeSlot(this, index, view, at);
        }
    }

    /// <summary>Gives a slot back: what it says was spent is settled, or was given up.</summary>
    public void Free(int index)
    {
        lock (_gate)
        {
            var (view, at) = PlaceOf(index);
            view.Write(at, 0L);
            _free.Push(index);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var (_, _, view) in _parts)
                view.Dispose();
            foreach (var map in _maps)
                map.Dispose();
            _parts.Clear();
            _maps.Clear();
            _file?.Dispose();
            _lock.Dispose();
        }
    }

    /// <summary>Writes a file of version 1 anew: what is in its slots was spent by people who are charged for it.</summary>
    private static void BringUpToDate(string path, FileStreamOptions options)
    {
        if (!HasHeader(path, HeaderOf(1, FirstSlotBytes)))
            return;
        var old = File.ReadAllBytes(path).AsSpan();
        var count = (old.Length / FirstSlotBytes) - 1;
        var bytes = new byte[SlotBytes * (1 + count)];
        Header().CopyTo(bytes, 0);
        for (var index = 1; index <= count; index++)
        {
            var from = old.Slice(FirstSlotBytes * index, FirstSlotBytes);
            var to = bytes.AsSpan(SlotBytes * index, SlotBytes);
            from[..CopiesAt].CopyTo(to);
            for (var copy = 0; copy < 2; copy++)
            {
                var written = from.Slice(CopiesAt + (copy * (FirstCountersBytes + sizeof(long))), FirstCountersBytes + sizeof(long));
                written[..FirstCountersBytes].CopyTo(to[(CopiesAt + (copy * CopyBytes))..]);
                written[FirstCountersBytes..].CopyTo(to[(CopiesAt + (copy * CopyBytes) + Counters.Bytes)..]);
            }
        }

        var next = $"{path}.new";
        File.Delete(next);
        using (var file = new FileStream(next, options))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }

        File.Move(next, path, overwrite: true);
    }

    private static void PutAsideWhatIsForeign(string path, ILogger logger)
    {
        if (!IsForeign(path))
            return;
        var aside = $"{path}.unreadable";
        File.Move(path, aside, overwrite: true);
        logger.LogError("What requests to models have cost is kept in {Path}, which is no such file, or one of another version. It is put aside as {Aside}; what it says was spent is not paid.", path, aside);
    }

    // One that was never written to the end of its header has nothing in it.
    private static bool IsForeign(string path) => File.Exists(path) && new FileInfo(path).Length >= SlotBytes && !HasHeader(path, Header());

    private static bool HasHeader(string path, byte[] expected)
    {
        if (!File.Exists(path))
            return false;
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var header = new byte[expected.Length];
        return file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) == header.Length && header.AsSpan().SequenceEqual(expected);
    }

    private static byte[] Header() => HeaderOf(Version, SlotBytes);

    private static byte[] HeaderOf(int version, int slotBytes)
    {
        var header = new byte[slotBytes];
        "stoainf\n"u8.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), version);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), slotBytes);
        return header;
    }

    /// <summary>Of what does not change in a slot: so nothing that is there by accident is taken for money.</summary>
    private static ulong CheckOf(Id<Allowance> id)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int) + SlotIdBytes];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, IdVersion);
        id.Uuid.TryWriteBytes(bytes[sizeof(int)..], bigEndian: true, out _);
        return BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(bytes));
    }

    private List<LeftSlot> Open(string path, ILogger logger)
    {
        if (_file.Length < SlotBytes)
        {
            _file.SetLength(0);
            _file.Write(Header());
        }

        // All that are there, though fewer are wanted now.
        var count = (int)Math.Min(int.MaxValue / SlotBytes, (_file.Length - SlotBytes) / SlotBytes);
        if (count > 0)
            Map(count);
        var left = new List<LeftSlot>();
        for (var index = count - 1; index >= 0; index--)
        {
            var (view, at) = PlaceOf(index);
            if (view.ReadInt64(at) == 0)
            {
                _free.Push(index);
                continue;
            }

            if (Read(view, at) is { } slot)
            {
                left.Add(new LeftSlot(index, slot.Id, slot.Spent));
                continue;
            }

            logger.LogError("Slot {Index} of {Path} is damaged. What it says was spent is not paid.", index, path);
            Free(index);
        }

        if (count < FirstCount)
            Grow(FirstCount);
        return left;
    }

    private static (Id<Allowance> Id, InferenceSpending Spent)? Read(MemoryMappedViewAccessor view, long at)
    {
        var bytes = new byte[SlotIdBytes];
        view.ReadArray(at + IdAt, bytes, 0, bytes.Length);
        var id = new Id<Allowance>(new Guid(bytes, bigEndian: true));
        if (view.ReadUInt64(at + CheckAt) != CheckOf(id))
            return null;
        var newer = view.ReadInt64(at + CopiesAt + Counters.Bytes) >= view.ReadInt64(at + CopiesAt + CopyBytes + Counters.Bytes) ? 0 : 1;
        view.Read<Counters>(at + CopiesAt + newer * CopyBytes, out var counters);
        return counters.IsSound ? (id, counters.ToSpending()) : null;
    }

    private (MemoryMappedViewAccessor View, long At) PlaceOf(int index)
    {
        var part = _parts.FindLast(one => one.First <= index);
        return (part.View, (long)(index - part.First) * SlotBytes);
    }

    private void Grow(int count)
    {
        _file.Position = (long)SlotBytes * (1 + _count);
        _file.Write(new byte[SlotBytes * (count - _count)]);
        _file.Flush(flushToDisk: true);
        var first = _count;
        Map(count);
        for (var index = count - 1; index >= first; index--)
            _free.Push(index);
    }

    /// <summary>Maps the slots that are not mapped yet. Those that are stay where they are, since others write to them.</summary>
    private void Map(int count)
    {
        var map = MemoryMappedFile.CreateFromFile(_file, null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
        _maps.Add(map);
        _parts.Add((_count, count - _count, map.CreateViewAccessor((long)SlotBytes * (1 + _count), (long)SlotBytes * (count - _count))));
        _count = count;
    }

    /// <summary>Writes one of the two copies.</summary>
    internal static void Write(MemoryMappedViewAccessor view, long at, long sequence, in InferenceSpending spent)
    {
        var copy = at + CopiesAt + (sequence & 1) * CopyBytes;
        var counters = new Counters(spent);
        try
        {
            // Each of both takes and lets go of the view's handle, which no store passes: the sequence is seen after what it stands for.
            view.Write(copy, ref counters);
            view.Write(copy + Counters.Bytes, sequence);
        }
        catch (ObjectDisposedException)
        {
            // The node has stopped. What it had not settled before is settled at its next start; this came after all of it, and costs nothing.
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Counters(InferenceSpending spent)
    {
        public const int Bytes = 48;

        private readonly long _requests = spent.Requests;
        private readonly long _inputTokens = spent.InputTokens;
        private readonly long _outputTokens = spent.OutputTokens;
        private readonly long _listing = spent.Price.Listing.Nanodollars;
        private readonly long _serving = spent.Price.Serving.Nanodollars;
        private readonly long _supplied = spent.Price.Supplied.Nanodollars;

        public readonly bool IsSound =>
            _requests >= 0 && _inputTokens >= 0 && _outputTokens >= 0 && _listing >= 0 && _serving >= 0 && _supplied >= 0 && (Int128)_listing + _serving + _supplied <= long.MaxValue;

        public readonly InferenceSpending ToSpending() =>
            new(_requests, _inputTokens, _outputTokens, new InferencePrice(new Money(_listing), new Money(_serving), new Money(_supplied)));
    }
}

/// <summary>The slot of one allowance. Written by one thread at a time.</summary>
public sealed class ChargeSlot : ISpendingRecord
{
    private readonly ChargeSlots _slots;
    private readonly int _index;
    private readonly MemoryMappedViewAccessor _view;
    private readonly long _at;
    private long _sequence;

    internal ChargeSlot(ChargeSlots slots, int index, MemoryMappedViewAccessor view, long at) => (_slots, _index, _view, _at) = (slots, index, view, at);

    /// <inheritdoc/>
    public void Write(in InferenceSpending spent) => ChargeSlots.Write(_view, _at, ++_sequence, spent);

    /// <summary>Gives it back.</summary>
    public void Free() => _slots.Free(_index);
}

/// <summary>What an earlier start of the node has left in a slot.</summary>
/// <param name="Index">Of the slot.</param>
/// <param name="Id">Of the allowance.</param>
/// <param name="Spent">In all, since it was opened.</param>
public sealed record LeftSlot(int Index, Id<Allowance> Id, InferenceSpending Spent);

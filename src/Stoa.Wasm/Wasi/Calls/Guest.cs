using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Stoa.Wasm.Wasi.Calls;

/// <summary>The guest that makes a call: its memory, where every address is checked, and its fuel.</summary>
internal readonly struct Guest
{
    /// <summary>The most bytes that are moved between two looks at fuel and deadline.</summary>
    public const int PieceBytes = 1 << 20;

    private readonly Caller _caller;
    private readonly Memory? _memory;

    /// <summary>Begins a call, and charges for it.</summary>
    public Guest(Caller caller)
    {
        _caller = caller;
        _memory = caller.Instance.Memory;
        Charge(WasiFuel.Call);
    }

    /// <summary>Cancelled when the guest is to stop.</summary>
    public CancellationToken Stopping => _caller.CancellationToken;

    /// <summary>Takes fuel.</summary>
    /// <exception cref="TrapException">There is less left.</exception>
    public void Charge(long units) => _caller.ConsumeFuel(units);

    /// <summary>Ends a wait that was broken off: the trap that did it, or else <see cref="Errno.Intr"/>.</summary>
    /// <exception cref="TrapException">The deadline has passed, or the call was cancelled.</exception>
    public Errno Interrupted()
    {
        // Charging looks whether the guest is to stop. Where the news has not come that far, it meets the guest right after.
        Charge(0);
        return Errno.Intr;
    }

    /// <summary>The bytes of a region; false when it does not lie inside the memory.</summary>
    public bool TryGet(uint address, uint length, out Span<byte> span)
    {
        span = default;
        return length <= int.MaxValue && _memory is not null && _memory.TryGetSpan(address, (int)length, out span);
    }

    public bool TryReadUInt32(uint address, out uint value)
    {
        var found = TryGet(address, sizeof(uint), out var span);
        value = found ? BinaryPrimitives.ReadUInt32LittleEndian(span) : 0;
        return found;
    }

    public Errno Write(uint address, uint value)
    {
        if (!TryGet(address, sizeof(uint), out var span))
            return Errno.Fault;
        BinaryPrimitives.WriteUInt32LittleEndian(span, value);
        return Errno.Success;
    }

    public Errno Write(uint address, ulong value)
    {
        if (!TryGet(address, sizeof(ulong), out var span))
            return Errno.Fault;
        BinaryPrimitives.WriteUInt64LittleEndian(span, value);
        return Errno.Success;
    }

    /// <summary>Reads a path: UTF-8 without a NUL, not longer than allowed.</summary>
    public Errno ReadPath(uint address, uint length, WasiLimits limits, out string path)
    {
        path = "";
        if (length > limits.MaxPathBytes)
            return Errno.NameTooLong;
        if (!TryGet(address, length, out var span))
            return Errno.Fault;
        Charge(length * WasiFuel.Byte);
        if (span.Contains((byte)0))
            return Errno.Inval;
        if (!Utf8.IsValid(span))
            return Errno.Ilseq;
        path = Encoding.UTF8.GetString(span);
        return Errno.Success;
    }
}

using System.Buffers.Binary;
using System.Text;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm;

/// <summary>A linear memory: bytes that a guest reads and writes by 32-bit addresses.</summary>
/// <remarks>
/// Its base never moves, so a span stays good while the memory grows, until the instance is disposed. Like an instance, a memory is
/// used by one thread at a time. Numbers in it are little-endian on every machine.
/// </remarks>
public sealed unsafe class Memory : Extern, IDisposable
{
    /// <summary>Bytes in a page.</summary>
    public const int PageBytes = 65_536;

    /// <summary>Pages that 32-bit addresses can reach.</summary>
    public const uint MaxPagesOfFormat = 65_536;

    private readonly AddressSpace _space;
    private readonly uint? _declaredMaximum;
    private readonly List<(nint Context, nint View)> _views = [];
    private byte* _base;
    private long _sizeBytes;

    /// <summary>Makes a memory outside of any instance, to be imported.</summary>
    /// <param name="pages">Size in pages.</param>
    /// <param name="maxBytes">Bytes that it may hold, if that is less than the maximum in pages.</param>
    /// <exception cref="ArgumentOutOfRangeException">The minimum is above the maximum or above <paramref name="maxBytes"/>.</exception>
    /// <exception cref="InsufficientMemoryException">The system has no room.</exception>
    public Memory(Limits pages, long maxBytes = 4L << 30)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pages.Minimum, pages.Maximum ?? MaxPagesOfFormat, nameof(pages));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pages.Minimum, MaxPagesOfFormat, nameof(pages));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)pages.Minimum * PageBytes, maxBytes, nameof(pages));
        _declaredMaximum = pages.Maximum;
        MaxPages = (uint)Math.Min(Math.Min(pages.Maximum ?? MaxPagesOfFormat, MaxPagesOfFormat), maxBytes / PageBytes);
        _space = new AddressSpace((long)MaxPages * PageBytes);
        _base = (byte*)_space.Base;
        long bytes = (long)pages.Minimum * PageBytes;
        if (!_space.TryCommit(0, bytes))
        {
            _space.Dispose();
            throw new InsufficientMemoryException($"The system does not give {bytes} bytes of memory.");
        }

        _sizeBytes = bytes;
    }

    /// <inheritdoc/>
    public override MemoryType Type => new(new Limits(SizePages, _declaredMaximum));

    /// <summary>Present size in bytes; 0 once disposed.</summary>
    public long SizeBytes => _sizeBytes;

    /// <summary>Present size in pages of 64 KiB.</summary>
    public uint SizePages => (uint)(_sizeBytes / PageBytes);

    /// <summary>Pages that it can grow to: the least of its declared maximum, the limit in bytes and the format's own.</summary>
    public uint MaxPages { get; }

    /// <summary>The instances that go together with the one that made this memory; null when the host made it.</summary>
    internal InstanceGroup? Group { get; init; }

    internal bool IsDisposed => _base == null;

    /// <summary>What all memories of an instance may still grow by; null when the host made it.</summary>
    internal MemoryBudget? Budget { get; init; }

    /// <summary>The bytes from an address on.</summary>
    /// <exception cref="TrapException">They do not all lie inside the memory (<see cref="TrapCode.MemoryOutOfBounds"/>).</exception>
    public Span<byte> GetSpan(uint address, int length) =>
        TryGetSpan(address, length, out Span<byte> span) ? span : throw new TrapException(TrapCode.MemoryOutOfBounds);

    /// <summary>The bytes from an address on, or false when they do not all lie inside the memory.</summary>
    public bool TryGetSpan(uint address, int length, out Span<byte> span)
    {
        if (length < 0 || address + (long)length > _sizeBytes)
        {
            span = default;
            return false;
        }

        span = new Span<byte>(_base + address, length);
        return true;
    }

    /// <summary>Makes the memory larger; the new bytes are zero.</summary>
    /// <returns>The size before, in pages; -1 when the memory may not grow so far or the system has no room.</returns>
    public int Grow(uint pages)
    {
        long before = _sizeBytes;
        if (_base == null || !CanGrow(pages) || !_space.TryCommit(before, (long)pages * PageBytes))
            return -1;
        if (Budget is not null)
            Budget.LeftBytes -= (long)pages * PageBytes;
        _sizeBytes = before + ((long)pages * PageBytes);
        lock (_views)
        {
            foreach (var (_, view) in _views)
                ((MemoryView*)view)->SizeComplement = ~(nuint)_sizeBytes;
        }

        return (int)(before / PageBytes);
    }

    /// <summary>Whether the limits let it grow so far.</summary>
    internal bool CanGrow(uint pages) =>
        SizePages + (long)pages <= MaxPages && (Budget is null || (long)pages * PageBytes <= Budget.LeftBytes);

    /// <summary>Reads an i32.</summary>
    /// <exception cref="TrapException">Out of bounds.</exception>
    public int ReadInt32(uint address) => BinaryPrimitives.ReadInt32LittleEndian(GetSpan(address, sizeof(int)));

    /// <summary>Reads an i64.</summary>
    /// <exception cref="TrapException">Out of bounds.</exception>
    public long ReadInt64(uint address) => BinaryPrimitives.ReadInt64LittleEndian(GetSpan(address, sizeof(long)));

    /// <summary>Writes an i32.</summary>
    /// <exception cref="TrapException">Out of bounds.</exception>
    public void WriteInt32(uint address, int value) =>
        BinaryPrimitives.WriteInt32LittleEndian(GetSpan(address, sizeof(int)), value);

    /// <summary>Writes an i64.</summary>
    /// <exception cref="TrapException">Out of bounds.</exception>
    public void WriteInt64(uint address, long value) =>
        BinaryPrimitives.WriteInt64LittleEndian(GetSpan(address, sizeof(long)), value);

    /// <summary>Reads an f32.</summary>
    /// <exception cref="TrapException">Out of bounds.</exception>
    public float ReadSingle(uint address) => BinaryPrimitives.ReadSingleLittleEndian(GetSpan(address, sizeof(float)));

    /// <summary>Reads an f64.</summary>
    /// <exception cref="TrapException">Out of bounds.</exception>
    public double ReadDouble(uint address) => BinaryPrimitives.ReadDoubleLittleEndian(GetSpan(address, sizeof(double)));

    /// <summary>Writes an f32.</summary>
    /// <exception cref="TrapException">Out of bounds.</exception>
    public void WriteSingle(uint address, float value) =>
        BinaryPrimitives.WriteSingleLittleEndian(GetSpan(address, sizeof(float)), value);

    /// <summary>Writes an f64.</summary>
    /// <exception cref="TrapException">Out of bounds.</exception>
    public void WriteDouble(uint address, double value) =>
        BinaryPrimitives.WriteDoubleLittleEndian(GetSpan(address, sizeof(double)), value);

    /// <summary>Reads text; bytes that are not UTF-8 become U+FFFD.</summary>
    /// <param name="address">Where it begins.</param>
    /// <param name="length">Its bytes.</param>
    /// <exception cref="TrapException">Out of bounds.</exception>
    public string ReadUtf8(uint address, int length) => Encoding.UTF8.GetString(GetSpan(address, length));

    /// <summary>Writes text, without a zero at its end; halves of surrogate pairs become U+FFFD.</summary>
    /// <returns>How many bytes it has.</returns>
    /// <exception cref="TrapException">Out of bounds; then nothing is written.</exception>
    public int WriteUtf8(uint address, ReadOnlySpan<char> text) =>
        Encoding.UTF8.GetBytes(text, GetSpan(address, Encoding.UTF8.GetByteCount(text)));

    /// <summary>Gives the memory back to the system. For memories made by the constructor; instances free their own. A guest that touches it later traps.</summary>
    /// <exception cref="InvalidOperationException">An instance that sees the memory is running.</exception>
    public void Dispose()
    {
        lock (_views)
        {
            foreach (var (context, _) in _views)
            {
                // The owner of a forgotten instance may be gone before its finalizer removes the views.
                if (ContextOwner.TryFind((InstanceContext*)context) is { Group.IsRunning: true })
                    throw new InvalidOperationException("An instance that sees the memory is running.");
            }

            _sizeBytes = 0;
            _base = null;
            foreach (var (_, view) in _views)
                *(MemoryView*)view = new MemoryView { SizeComplement = nuint.MaxValue, Base = (byte*)(GuardPages.Arena?.Nowhere ?? 0) };

            _views.Clear();
        }

        _space.Dispose();
    }

    /// <summary>Lets the first bytes be a private copy of a file, made page by page when they are written to.</summary>
    /// <param name="file">What they become.</param>
    /// <param name="bytes">How many: whole pages of the system.</param>
    /// <returns>False when the system cannot do that; then all bytes are zero.</returns>
    internal bool TryMap(MemoryFile file, long bytes) => _space.TryMap(file, bytes);

    /// <summary>Keeps what compiled code reads in a context up to date until the view is removed.</summary>
    internal void AddView(InstanceContext* context, MemoryView* view)
    {
        lock (_views)
        {
            *view = new MemoryView { Base = _base, SizeComplement = ~(nuint)_sizeBytes };
            _views.Add(((nint)context, (nint)view));
        }
    }

    /// <summary>Removes the views of a context. Also called by finalizers.</summary>
    internal void RemoveViews(InstanceContext* context)
    {
        lock (_views)
            _views.RemoveAll(view => view.Context == (nint)context);
    }
}

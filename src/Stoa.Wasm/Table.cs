using System.Runtime.InteropServices;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm;

/// <summary>A table of references, which guests call through.</summary>
/// <remarks>
/// A function in it stays good as long as any instance lives that can reach the table. When the last of those is disposed, the functions of
/// instances become null; those of the host stay.
/// </remarks>
public sealed unsafe class Table : Extern, IDisposable
{
    private readonly Limits _limits;
    private readonly TableBudget _budget;

    // Pinned: instances that import the table know where its view lies, and it lies there for as long as anything refers to this object.
    private readonly TableView[] _view = GC.AllocateArray<TableView>(1, pinned: true);
    private nuint _capacity;

    /// <summary>Makes a table of null references outside of any instance, to be imported.</summary>
    /// <param name="element"><see cref="ValueKind.FuncRef"/> or <see cref="ValueKind.ExternRef"/>.</param>
    /// <param name="elements">Size in elements.</param>
    /// <param name="maxElements">Elements that it may hold, if that is less than the maximum of <paramref name="elements"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">No kind of reference, or the minimum is above a maximum.</exception>
    /// <exception cref="OutOfMemoryException">The system has no room.</exception>
    public Table(ValueKind element, Limits elements, int maxElements = 10_000_000)
        : this(new TableType(element, elements), new TableBudget(maxElements), new InstanceGroup())
    {
        if (element == ValueKind.FuncRef)
            Group.AddSurvivor(this);
    }

    internal Table(TableType type, TableBudget budget, InstanceGroup group)
    {
        if (type.Element is not (ValueKind.FuncRef or ValueKind.ExternRef))
            throw new ArgumentOutOfRangeException(nameof(type));
        Limits limits = type.Elements;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limits.Minimum, limits.Maximum ?? uint.MaxValue, nameof(type));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limits.Minimum, budget.Left, nameof(type));
        Element = type.Element;
        _limits = limits;
        _budget = budget;
        _capacity = Math.Max(limits.Minimum, 1);
        View->Entries = (nint*)NativeMemory.AllocZeroed(_capacity, (nuint)sizeof(nint));
        View->Length = limits.Minimum;
        _budget.Take(limits.Minimum);
        Group = group;
    }

    /// <summary>Frees what a forgotten table held.</summary>
    ~Table() => Free();

    /// <inheritdoc/>
    public override TableType Type => new(Element, new Limits(Length, _limits.Maximum));

    /// <summary>The kind of reference that it holds.</summary>
    public ValueKind Element { get; }

    /// <summary>Present number of elements; 0 once disposed.</summary>
    public uint Length => (uint)View->Length;

    internal TableView* View => (TableView*)Marshal.UnsafeAddrOfPinnedArrayElement(_view, 0);

    internal bool IsDisposed => View->Entries == null;

    internal InstanceGroup Group { get; private set; }

    /// <summary>An element.</summary>
    /// <exception cref="TrapException">The index is outside (<see cref="TrapCode.TableOutOfBounds"/>).</exception>
    /// <exception cref="ArgumentException">Set: the value is not of the table's kind.</exception>
    public Value this[uint index]
    {
        get => Slot.FromReference(Element, *Entry(index));
        set
        {
            nint* entry = Entry(index);
            if (value.Kind != Element)
                throw new ArgumentException($"The table holds {Element}, not {value.Kind}.", nameof(value));
            *entry = Slot.ToReference(value, Group);
        }
    }

    /// <summary>Makes the table longer.</summary>
    /// <returns>The length before; -1 when it may not grow so far or the system has no room.</returns>
    /// <exception cref="ArgumentException">The value is not of the table's kind.</exception>
    public int Grow(uint elements, Value fill)
    {
        if (fill.Kind != Element)
            throw new ArgumentException($"The table holds {Element}, not {fill.Kind}.", nameof(fill));
        if (!TryReserve(elements))
            return -1;
        if (elements > 0)
            new Span<nint>(View->Entries + Length, checked((int)elements)).Fill(Slot.ToReference(fill, Group));
        return Lengthen(elements);
    }

    /// <summary>Empties the table and frees what it held. Only for tables made by the constructor. A guest that uses it later traps.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Makes references to functions of instances null, just before those are freed.</summary>
    internal void ForgetInstances()
    {
        for (uint i = 0; i < Length; i++)
            View->Entries[i] = ContextOwner.IsOfInstance(View->Entries[i]) ? 0 : View->Entries[i];
    }

    /// <summary>Finds room for more elements behind the present ones, without making the table longer.</summary>
    /// <returns>False when the limits or the system do not allow it.</returns>
    /// <remarks>The room doubles, so that a guest which grows a table bit by bit does not have all of it copied each time.</remarks>
    internal bool TryReserve(uint elements)
    {
        if (!CanGrow(elements))
            return false;
        nuint after = (nuint)Length + elements;
        if (after <= _capacity)
            return true;
        nuint most = (nuint)Math.Min(_limits.Maximum ?? uint.MaxValue, Length + _budget.Left);
        nuint capacity = Math.Min(Math.Max(after, _capacity * 2), most);
        return TryReallocate(capacity) || TryReallocate(after);
    }

    /// <summary>Counts elements in that were reserved and filled.</summary>
    /// <returns>The length before.</returns>
    internal int Lengthen(uint elements)
    {
        uint before = Length;
        View->Length += elements;
        _budget.Take(elements);
        return (int)before;
    }

    internal bool CanGrow(uint elements) =>
        !IsDisposed && Length + (long)elements <= (_limits.Maximum ?? uint.MaxValue) && elements <= _budget.Left;

    internal void Join(InstanceGroup group) => Group = InstanceGroup.Merge(Group, group);

    private bool TryReallocate(nuint elements)
    {
        try
        {
            View->Entries = (nint*)NativeMemory.Realloc(View->Entries, elements * (nuint)sizeof(nint));
            _capacity = elements;
            return true;
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }

    private nint* Entry(uint index) =>
        index < Length ? View->Entries + index : throw new TrapException(TrapCode.TableOutOfBounds);

    private void Free()
    {
        nint* entries = View->Entries;
        *View = default;
        NativeMemory.Free(entries);
    }
}

using System.Runtime.InteropServices;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm;

/// <summary>A table of references, which guests call through.</summary>
public sealed unsafe class Table : Extern, IDisposable
{
    private readonly Limits _limits;
    private readonly TableBudget _budget;
    private TableView* _view;

    /// <summary>Makes a table of null references outside of any instance, to be imported.</summary>
    /// <param name="element"><see cref="ValueKind.FuncRef"/> or <see cref="ValueKind.ExternRef"/>.</param>
    /// <param name="elements">Size in elements.</param>
    /// <param name="maxElements">Elements that it may hold, if that is less than the maximum of <paramref name="elements"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">No kind of reference, or the minimum is above a maximum.</exception>
    public Table(ValueKind element, Limits elements, int maxElements = 10_000_000)
        : this(new TableType(element, elements), new TableBudget(maxElements), new InstanceGroup())
    {
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
        _view = (TableView*)NativeMemory.AllocZeroed((nuint)sizeof(TableView));
        _view->Entries = (nint*)NativeMemory.AllocZeroed(Math.Max(limits.Minimum, 1), (nuint)sizeof(nint));
        _view->Length = limits.Minimum;
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
    public uint Length => _view == null ? 0 : (uint)_view->Length;

    internal TableView* View => _view;

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
    /// <returns>The length before; -1 when it may not grow so far.</returns>
    /// <exception cref="ArgumentException">The value is not of the table's kind.</exception>
    public int Grow(uint elements, Value fill)
    {
        if (fill.Kind != Element)
            throw new ArgumentException($"The table holds {Element}, not {fill.Kind}.", nameof(fill));
        return Grow(elements, Slot.ToReference(fill, Group));
    }

    /// <summary>Frees the table. Only for tables made by the constructor, and when no instance that imports it runs again.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    internal bool CanGrow(uint elements) =>
        _view != null && Length + (long)elements <= (_limits.Maximum ?? uint.MaxValue) && elements <= _budget.Left;

    internal int Grow(uint elements, nint fill)
    {
        uint before = Length;
        if (!CanGrow(elements))
            return -1;
        if (elements == 0)
            return (int)before;
        nuint after = before + elements;
        _view->Entries = (nint*)NativeMemory.Realloc(_view->Entries, after * (nuint)sizeof(nint));
        new Span<nint>(_view->Entries + before, (int)elements).Fill(fill);
        _view->Length = (long)after;
        _budget.Take(elements);
        return (int)before;
    }

    internal void Join(InstanceGroup group) => Group = InstanceGroup.Merge(Group, group);

    private nint* Entry(uint index) =>
        index < Length ? _view->Entries + index : throw new TrapException(TrapCode.TableOutOfBounds);

    private void Free()
    {
        TableView* view = _view;
        _view = null;
        if (view == null)
            return;
        NativeMemory.Free(view->Entries);
        NativeMemory.Free(view);
    }
}

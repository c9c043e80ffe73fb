using System.Runtime.InteropServices;
using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Compilation;

/// <summary>Finds the loads of which the JIT may load a part only, and those of which it cannot.</summary>
/// <remarks>
/// <para>
/// With guard pages a load at the very end of a memory traps only if all of it is loaded, so by default each is emitted in a form that the
/// JIT cannot shorten, and becomes a plain one at the end if nothing in the function lets the JIT shorten it.
/// </para>
/// <para>
/// The bits of a number are shortened where a part of them is wanted: by a mask, a wrap, a sign extension, a narrow store, a remainder. That
/// goes back to the load through sums, products and locals, and through what may turn out to change nothing: a shift by zero, a division by one. So values that are made of each other form a class, whatever the order of
/// instructions, and in a class of which a part is wanted anywhere no load is plain.
/// </para>
/// <para>
/// A number of eight bytes is also shortened when nobody wants it. It is wanted for sure when it reaches a store of all of it, or a
/// call, on the evaluation stack alone: an integer straight from the load, a floating-point number through arithmetic, which the JIT never finds needless
/// unless it knows an operand to be no number. It is not told of such constants.
/// </para>
/// </remarks>
internal sealed class PartialLoads
{
    private readonly List<int> _parents = [];
    private readonly List<bool> _isShortened = [];
    private readonly List<Load> _loads = [];
    private readonly Dictionary<int, int> _locals = [];
    private readonly Dictionary<int, int> _slots = [];

    /// <summary>What is known of an operand.</summary>
    /// <param name="Class">The class it belongs to; 0: none.</param>
    /// <param name="First">The first of the loads that are wanted when this is; 0: none.</param>
    /// <param name="Last">The last of these, which form a chain.</param>
    internal readonly record struct Origin(int Class, int First, int Last);

    /// <summary>What makes a load plain.</summary>
    /// <param name="At">Where the code is that is overwritten.</param>
    /// <param name="Length">How long it is.</param>
    /// <param name="Opcode">What takes its place, with instructions behind it that do nothing.</param>
    internal readonly record struct Replacement(int At, int Length, byte Opcode);

    private struct Load
    {
        public Replacement Plain;
        public int Class;
        public bool IsWanted;
        public int Next;
    }

    /// <summary>Adds a load.</summary>
    /// <param name="plain">What makes it a plain one.</param>
    /// <param name="isWide">Whether it is shortened when nobody wants it.</param>
    public Origin Add(Replacement plain, bool isWide)
    {
        int @class = NewClass();
        _loads.Add(new Load { Plain = plain, Class = @class, IsWanted = !isWide });
        return new Origin(@class, _loads.Count, _loads.Count);
    }

    public Origin OfLocal(int local) => Of(_locals, local);

    /// <summary>The slot of an operand at a height.</summary>
    public Origin OfSlot(int height) => Of(_slots, height);

    /// <summary>A value is assigned to a local or slot, or is one of two that make a third.</summary>
    public void Join(Origin one, Origin other)
    {
        if (one.Class == 0 || other.Class == 0)
            return;
        int first = Root(one.Class);
        int second = Root(other.Class);
        _parents[first - 1] = second;
        _isShortened[second - 1] |= _isShortened[first - 1];
    }

    /// <summary>A part of a value is wanted only.</summary>
    public void Shorten(Origin origin)
    {
        if (origin.Class != 0)
            _isShortened[Root(origin.Class) - 1] = true;
    }

    /// <summary>All of a value is wanted.</summary>
    public void Want(Origin origin)
    {
        var loads = CollectionsMarshal.AsSpan(_loads);
        for (int load = origin.First; load != 0; load = loads[load - 1].Next)
            loads[load - 1].IsWanted = true;
    }

    /// <summary>What is known of the result of a numeric instruction.</summary>
    /// <param name="opcode">The instruction.</param>
    /// <param name="left">Its first operand.</param>
    /// <param name="right">Its second, if it has one.</param>
    /// <param name="constant">The second, when it is a constant.</param>
    public Origin Result(Opcode opcode, Origin left, Origin right, long? constant)
    {
        switch (opcode)
        {
            case >= Opcode.I32DivS and <= Opcode.I32RemU or (>= Opcode.I64DivS and <= Opcode.I64RemU):
                // A remainder of a power of two is a mask.
                Shorten(left);
                Shorten(right);
                return Merge(left, right);
            case Opcode.I32ShrS or Opcode.I32ShrU or Opcode.I32Rotl or Opcode.I32Rotr when constant is null || constant % 32 == 0:
            case Opcode.I64ShrS or Opcode.I64ShrU or Opcode.I64Rotl or Opcode.I64Rotr when constant is null || constant % 64 == 0:
                return new Origin(left.Class, 0, 0);
            case Opcode.I32And or Opcode.I64And or Opcode.I32WrapI64
                or (>= Opcode.I32Extend8S and <= Opcode.I64Extend32S):
                Shorten(left);
                Shorten(right);
                return Merge(left, right);
            case Opcode.I32Add or Opcode.I32Sub or Opcode.I32Mul or Opcode.I32Or or Opcode.I32Xor or Opcode.I32Shl
                or Opcode.I64Add or Opcode.I64Sub or Opcode.I64Mul or Opcode.I64Or or Opcode.I64Xor or Opcode.I64Shl
                or Opcode.I64ExtendI32S or Opcode.I64ExtendI32U or Opcode.F32ReinterpretI32 or Opcode.F64ReinterpretI64
                or Opcode.I32ReinterpretF32 or Opcode.I64ReinterpretF64:
                return Merge(left, right);
            case (>= Opcode.F32Abs and <= Opcode.F32Div) or (>= Opcode.F64Abs and <= Opcode.F64Div):
                return Chain(left, right);
            default:
                return default;
        }
    }

    /// <summary>What is known of a value that is made of two.</summary>
    public Origin Merge(Origin left, Origin right)
    {
        Join(left, right);
        return new Origin(left.Class != 0 ? left.Class : right.Class, 0, 0);
    }

    /// <summary>What makes those loads plain that the JIT cannot shorten.</summary>
    public IEnumerable<Replacement> Whole() =>
        from load in _loads
        where !_isShortened[Root(load.Class) - 1] && load.IsWanted
        select load.Plain;

    private Origin Chain(Origin left, Origin right)
    {
        if (left.First == 0 || right.First == 0)
            return (left.First == 0 ? right : left) with { Class = 0 };
        CollectionsMarshal.AsSpan(_loads)[left.Last - 1].Next = right.First;
        return new Origin(0, left.First, right.Last);
    }

    private Origin Of(Dictionary<int, int> places, int place)
    {
        if (!places.TryGetValue(place, out int @class))
            places.Add(place, @class = NewClass());
        return new Origin(@class, 0, 0);
    }

    private int NewClass()
    {
        _parents.Add(_parents.Count + 1);
        _isShortened.Add(false);
        return _parents.Count;
    }

    private int Root(int @class)
    {
        while (_parents[@class - 1] != @class)
        {
            int parent = _parents[@class - 1];
            _parents[@class - 1] = _parents[parent - 1];
            @class = parent;
        }

        return @class;
    }
}

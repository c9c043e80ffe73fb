using System.Runtime.Intrinsics;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm;

/// <summary>A global variable that a module exports or imports.</summary>
/// <remarks>
/// A function in it stays good as long as any instance lives that can reach the global. When the last of those is disposed, it becomes null,
/// unless it is one of the host.
/// </remarks>
public sealed unsafe class Global : Extern
{
    // Pinned, so compiled code may point at it for as long as anything refers to this object.
    private readonly Vector128<byte>[] _cell = GC.AllocateArray<Vector128<byte>>(1, pinned: true);

    /// <summary>Makes a global outside of any instance, to be imported.</summary>
    /// <param name="isMutable">Whether it may be assigned to.</param>
    /// <param name="value">What it starts with; its kind is the kind of the global.</param>
    public Global(bool isMutable, Value value)
    {
        Type = new GlobalType(value.Kind, isMutable);
        AddToGroup();
        Slot.Write(Cell, value, Group);
    }

    internal Global(GlobalType type, InstanceGroup group)
    {
        Type = type;
        Group = group;
        AddToGroup();
    }

    /// <inheritdoc/>
    public override GlobalType Type { get; }

    /// <summary>What it holds.</summary>
    /// <exception cref="InvalidOperationException">Set: the global is immutable.</exception>
    /// <exception cref="ArgumentException">Set: the value has another type.</exception>
    public Value Value
    {
        get => Slot.Read(Cell, Type.Content);
        set
        {
            if (!Type.IsMutable)
                throw new InvalidOperationException("The global is immutable.");
            if (value.Kind != Type.Content)
                throw new ArgumentException($"The global holds {Type.Content}, not {value.Kind}.", nameof(value));
            Slot.Write(Cell, value, Group);
        }
    }

    /// <summary>Where compiled code finds the value: 16 bytes.</summary>
    internal byte* Cell => (byte*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_cell, 0);

    internal InstanceGroup Group { get; private set; } = new();

    internal void Join(InstanceGroup group) => Group = InstanceGroup.Merge(Group, group);

    /// <summary>Makes a reference to a function of an instance null, just before that is freed.</summary>
    internal void ForgetInstance()
    {
        if (ContextOwner.IsOfInstance(*(nint*)Cell))
            *(nint*)Cell = 0;
    }

    private void AddToGroup()
    {
        if (Type.Content == ValueKind.FuncRef)
            Group.AddSurvivor(this);
    }
}

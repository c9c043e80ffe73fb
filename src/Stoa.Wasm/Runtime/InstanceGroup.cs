using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Stoa.Wasm.Runtime;

/// <summary>Instances, tables and globals that can reach each other, by imports or by references.</summary>
/// <remarks>
/// References between instances are plain addresses for compiled code, so what belongs together lives together: native memory is
/// given back when the last instance of the group is disposed, or when nothing refers to any of them. Tables and globals that the host
/// still has then lose their references to functions of those instances; functions of the host stay, as they belong to none.
/// Merging leaves a forwarding address behind, as in a union-find structure.
/// </remarks>
internal sealed class InstanceGroup
{
    // Replaced, never changed: a deadline reads it from another thread.
    private ContextOwner[] _owners = [];
    private HostObjects? _objects;
    private ConditionalWeakTable<Extern, object?>? _survivors;
    private InstanceGroup? _forward;
    private Interruption? _interruption;
    private bool _isRunning;

    private InstanceGroup Root
    {
        get
        {
            InstanceGroup root = this;
            while (root._forward is not null)
                root = root._forward;
            return root;
        }
    }

    /// <summary>Whether its instances are metered; null while it has none.</summary>
    private bool? IsMetered =>
        Array.Find(Owners, owner => owner.Instance is not null)?.Instance!.Module.Engine.Options.IsMetered;

    public ContextOwner[] Owners => Volatile.Read(ref Root._owners);

    /// <summary>Whether the host has called into one of the instances.</summary>
    public bool IsRunning
    {
        get => Root._isRunning;
        set => Root._isRunning = value;
    }

    /// <summary>What may stop the outermost call.</summary>
    public Interruption? Interruption
    {
        get => Root._interruption;
        set => Root._interruption = value;
    }

    /// <summary>Gives native memory back if no instance is left that can be called.</summary>
    public void FreeIfAllDisposed()
    {
        if (!Array.TrueForAll(Owners, owner => owner.Instance is null or { IsDisposed: true }))
            return;
        foreach ((Extern survivor, _) in Root._survivors ?? [])
        {
            if (survivor is Table table)
                table.ForgetInstances();
            else
                ((Global)survivor).ForgetInstance();
        }

        foreach (var owner in Owners)
        {
            if (owner.Instance is null)
                continue;
            owner.Instance.FreeParts();
            owner.Dispose();
        }

        Root._owners = Array.FindAll(Owners, owner => owner.Instance is null);
        if (Owners.Length > 0)
            ShareResults();
    }

    /// <summary>Has the functions of all instances leave their results in one place.</summary>
    public void ShareResults()
    {
        var largest = Owners.MaxBy(owner => owner.OwnResults.Slots)!;
        foreach (var owner in Owners)
            owner.LeaveResultsIn(largest);
    }

    public void Add(ContextOwner owner) => Root._owners = [.. Root._owners, owner];

    /// <summary>Has a table or a global of functions lose them when the instances are freed. It may be collected before.</summary>
    public void AddSurvivor(Extern holder) => (Root._survivors ??= []).Add(holder, null);

    /// <summary>Makes one group of two.</summary>
    /// <exception cref="LinkException">One is metered and the other is not.</exception>
    public static InstanceGroup Merge(InstanceGroup first, InstanceGroup second)
    {
        first = first.Root;
        second = second.Root;
        if (first == second)
            return first;
        if (first.IsMetered is { } isMetered && second.IsMetered == !isMetered)
            throw new LinkException(LinkRefusal.MixedMetering, "a metered instance and an unmetered one cannot reach each other");
        Volatile.Write(ref first._owners, [.. first._owners, .. second._owners]);
        second._owners = [];
        first._isRunning |= second._isRunning;
        first._interruption ??= second._interruption;
        if (second._objects is { } objects)
        {
            (first._objects ??= new()).TakeOver(objects);
            second._objects = null;
        }

        if (second._survivors is { } survivors)
        {
            first._survivors ??= [];
            foreach ((Extern holder, _) in survivors)
                first._survivors.Add(holder, null);
            second._survivors = null;
        }

        second._forward = first;
        first._interruption?.Repeat();
        return first;
    }

    /// <summary>The number by which guests of this group know an object of the host.</summary>
    public nint HandleOf(object target) => (Root._objects ??= new()).HandleOf(target);

    /// <summary>Objects of the host that guests know, alive until nothing refers to the group. Most groups have none, and so nothing to finalize.</summary>
    private sealed class HostObjects
    {
        private readonly Dictionary<object, nint> _handles = new(ReferenceEqualityComparer.Instance);

        ~HostObjects()
        {
            foreach (nint handle in _handles.Values)
                GCHandle.FromIntPtr(handle).Free();
        }

        public nint HandleOf(object target)
        {
            if (!_handles.TryGetValue(target, out nint handle))
            {
                handle = GCHandle.ToIntPtr(GCHandle.Alloc(target));
                _handles.Add(target, handle);
            }

            return handle;
        }

        public void TakeOver(HostObjects others)
        {
            foreach ((object target, nint handle) in others._handles)
            {
                // An object known to both keeps both handles: either may lie in a table.
                if (!_handles.TryAdd(target, handle))
                    _handles.Add(new object(), handle);
            }

            others._handles.Clear();
        }
    }
}

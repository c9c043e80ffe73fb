using System.Runtime.InteropServices;

namespace Stoa.Wasm.Runtime;

/// <summary>The managed side of an <see cref="InstanceContext"/>: finds what compiled code knows only as an address.</summary>
internal sealed unsafe class ContextOwner : IDisposable
{
    private readonly Dictionary<nint, Function> _functions = [];
    private readonly List<Memory> _memories = [];
    private GCHandle _handle;
    private InstanceGroup _group;
    private byte* _block;

    public ContextOwner(Instance? instance, int blockBytes, InstanceGroup group)
    {
        Instance = instance;
        _handle = GCHandle.Alloc(this, GCHandleType.Weak);
        _block = (byte*)NativeMemory.AlignedAlloc((nuint)blockBytes, 16);
        NativeMemory.Clear(_block, (nuint)blockBytes);
        _group = group;
        _group.Add(this);
        Context->MemorySizeComplement = nuint.MaxValue;
        Context->Owner = GCHandle.ToIntPtr(_handle);
    }

    ~ContextOwner() => Free();

    /// <summary>The instance; null for functions of the host that no instance imported.</summary>
    public Instance? Instance { get; }

    /// <summary>Functions of the host that contexts of this owner call, by <see cref="InstanceContext.HostIndex"/>.</summary>
    public Function[] HostFunctions { get; set; } = [];

    public InstanceGroup Group => _group;

    public InstanceContext* Context => (InstanceContext*)_block;

    /// <summary>The part of the block for results after the first, as an offset, and how many it has room for.</summary>
    public (int Offset, int Slots) OwnResults { get; private set; }

    public bool IsFreed => _block == null;

    public static ContextOwner Of(InstanceContext* context) => TryFind(context)!;

    /// <summary>As <see cref="Of"/>; null when nothing refers to the owner any more.</summary>
    public static ContextOwner? TryFind(InstanceContext* context) => (ContextOwner?)GCHandle.FromIntPtr(context->Owner).Target;

    public static Function FunctionOf(FunctionRecord* record) => Of(record->Context).Function(record);

    /// <summary>Whether a reference to a function goes away with an instance.</summary>
    public static bool IsOfInstance(nint reference) =>
        reference != 0 && Of(((FunctionRecord*)reference)->Context).Instance is not null;

    public Function Function(FunctionRecord* record)
    {
        if (!_functions.TryGetValue((nint)record, out Function? function))
        {
            function = new Function(this, record);
            _functions.Add((nint)record, function);
        }

        return function;
    }

    public Signature SignatureOf(FunctionRecord* record) =>
        record->Context == Context && Instance is { } instance
            ? instance.Module.Definition.TypeOfFunction(record->Index)
            : HostFunctions[record->Index].Host!.Signature;

    /// <summary>The address of a function, compiled if it was not yet.</summary>
    public nint CodeOf(FunctionRecord* record)
    {
        if (record->Code == 0)
            record->Code = Instance!.Module.Code.Compile(record->Index, Group.Interruption);
        return record->Code;
    }

    /// <summary>Says which part of the block is for results, and uses it.</summary>
    public void SetResults(int offset, int slots)
    {
        OwnResults = (offset, slots);
        LeaveResultsIn(this);
    }

    /// <summary>Has the functions leave results after the first in the block of an owner of the same group.</summary>
    public void LeaveResultsIn(ContextOwner other)
    {
        byte* area = other._block + other.OwnResults.Offset;
        Context->Results = area;
        if (Instance is not { } instance)
            return;
        var hosts = (InstanceContext*)(_block + instance.Module.Layout.HostContexts);
        for (int i = 0; i < instance.Module.Definition.ImportedFunctions; i++)
            hosts[i].Results = area;
    }

    public void Join(InstanceGroup group) => _group = InstanceGroup.Merge(_group, group);

    /// <summary>Shows a memory to compiled code for as long as this context lives.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="index">Which of the instance's it is.</param>
    public void View(Memory memory, int index)
    {
        memory.AddView(Context, index == 0 ? (MemoryView*)&Context->MemoryBase : (MemoryView*)(_block + Instance!.Module.Layout.MemoryView(index)));
        _memories.Add(memory);
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        byte* block = _block;
        _block = null;
        if (block == null)
            return;
        foreach (var memory in _memories)
            memory.RemoveViews((InstanceContext*)block);
        _handle.Free();
        NativeMemory.AlignedFree(block);
    }
}

using Stoa.Wasm.Runtime;

namespace Stoa.Wasm;

/// <summary>A module with memory, tables and globals of its own, ready to be called.</summary>
/// <remarks>
/// One thread at a time calls into an instance and the instances that it is linked with. Dispose it to give its memory back at
/// once; linked instances give theirs back together, when the last of them is disposed.
/// </remarks>
public sealed unsafe class Instance : IDisposable
{
    private readonly InstanceParts _parts;
    private readonly Lazy<IReadOnlyDictionary<string, Extern>> _exports;

    private Instance(Module module, ExecutionLimits limits)
    {
        Module = module;
        Limits = limits;
        Owner = new ContextOwner(this, module.Layout.Bytes, new InstanceGroup());
        _parts = new InstanceParts(this, Owner);
        _exports = new(_parts.Exports);
    }

    internal Instance(Module module, Imports imports, ExecutionLimits limits, InstanceState state)
        : this(module, limits)
    {
        try
        {
            _parts.Restore(imports, state);
        }
        catch
        {
            Abandon();
            throw;
        }
    }

    internal Instance(Module module, Imports imports, ExecutionLimits limits, CancellationToken cancellationToken)
        : this(module, limits)
    {
        try
        {
            _parts.Link(imports);
            Start(cancellationToken);
        }
        catch
        {
            Abandon();
            throw;
        }
    }

    /// <summary>The program that it runs.</summary>
    public Module Module { get; }

    /// <summary>What it may use.</summary>
    public ExecutionLimits Limits { get; }

    /// <summary>Its first memory, its own or an imported one, whether exported or not; null when it has none.</summary>
    public Memory? Memory => _parts.Memories.Length > 0 ? _parts.Memories[0] : null;

    /// <summary>What it offers, by name.</summary>
    public IReadOnlyDictionary<string, Extern> Exports => _exports.Value;

    /// <summary>Units of fuel that are left.</summary>
    public long FuelRemaining => IsDisposed ? 0 : Math.Max(Owner.Context->Fuel, 0);

    /// <summary>Units of fuel that it has used since it was made, by all calls.</summary>
    /// <remarks>
    /// The same module and input use the same fuel everywhere. After a trap the units of the innermost function since its last call
    /// may be missing, the same number everywhere.
    /// </remarks>
    public long FuelConsumed => IsDisposed ? _fuelConsumed : Limits.Fuel - FuelRemaining;

    internal ContextOwner Owner { get; }

    internal bool IsDisposed { get; private set; }

    internal CancellationToken CancellationToken => Owner.Group.Interruption?.Token ?? CancellationToken.None;

    private long _fuelConsumed;

    /// <summary>An exported function; null when there is none of that name.</summary>
    public Function? GetFunction(string name) => _parts.Export(name) as Function;

    /// <summary>An exported global; null when there is none of that name.</summary>
    public Global? GetGlobal(string name) => _parts.Export(name) as Global;

    /// <summary>An exported memory; null when there is none of that name.</summary>
    public Memory? GetMemory(string name) => _parts.Export(name) as Memory;

    /// <summary>An exported table; null when there is none of that name.</summary>
    public Table? GetTable(string name) => _parts.Export(name) as Table;

    /// <summary>Calls an exported function by its name.</summary>
    /// <exception cref="ArgumentException">No function of that name is exported, or the arguments do not match.</exception>
    /// <inheritdoc cref="Function.Invoke(ReadOnlySpan{Value})"/>
    public Value[] Invoke(string name, params ReadOnlySpan<Value> arguments) => Invoke(name, arguments, CancellationToken.None);

    /// <summary>Calls an exported function by its name until it ends or the token is cancelled.</summary>
    /// <inheritdoc cref="Invoke(string, ReadOnlySpan{Value})"/>
    public Value[] Invoke(string name, ReadOnlySpan<Value> arguments, CancellationToken cancellationToken)
    {
        var function = GetFunction(name) ?? throw new ArgumentException($"The module exports no function '{name}'.", nameof(name));
        return function.Invoke(arguments, cancellationToken);
    }

    /// <summary>Charges the guest, for what the host does on its behalf.</summary>
    /// <exception cref="TrapException">There is less left, or the guest is to stop.</exception>
    public void ConsumeFuel(long units)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(units);
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        Trap.Charge(Owner.Context, units);
    }

    /// <summary>Takes what the instance is now, for others to begin with. It takes time in proportion to the memory's size.</summary>
    /// <exception cref="SnapshotException">
    /// The module imports a memory, a table or a mutable global, or a table or global holds an object of the host or a foreign function.
    /// </exception>
    /// <exception cref="IOException">The system has no memory for it.</exception>
    /// <exception cref="InvalidOperationException">The instance is running: what lies on its stack cannot be taken.</exception>
    public InstanceSnapshot TakeSnapshot()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (Owner.Group.IsRunning)
            throw new InvalidOperationException("The instance is running.");
        return new InstanceSnapshot(Module, _parts.Capture());
    }

    /// <summary>Gives memory and tables back to the system. Nothing can be called afterwards.</summary>
    /// <remarks>
    /// Guests of instances that it is linked with can go on calling its functions, until the last of them is disposed. Then references to
    /// functions of instances, in tables and globals that the host still has, become null.
    /// </remarks>
    /// <exception cref="InvalidOperationException">It, or one that it is linked with, is running.</exception>
    public void Dispose()
    {
        if (IsDisposed)
            return;
        if (Owner.Group.IsRunning)
            throw new InvalidOperationException("The instance is running.");
        Abandon();
    }

    internal void FreeParts() => _parts.Free();

    internal Memory MemoryAt(int index) => _parts.Memories[index];

    internal Table Table(int index) => _parts.Tables[index];

    internal ReadOnlyMemory<byte> Data(int segment) => _parts.Data(segment);

    internal void DropData(int segment) => _parts.DropData(segment);

    internal ReadOnlySpan<int> Elements(int segment) => _parts.Elements(segment);

    internal void DropElements(int segment) => _parts.DropElements(segment);

    internal nint Reference(int item) => _parts.Reference(item);

    /// <summary>As <see cref="Dispose"/>. An instance that never came to be may be linked with one that runs, and is not on its stack.</summary>
    private void Abandon()
    {
        _fuelConsumed = FuelConsumed;
        IsDisposed = true;
        Owner.Group.FreeIfAllDisposed();
    }

    private void Start(CancellationToken cancellationToken)
    {
        if (Module.Definition.Start is { } start)
            ContextOwner.FunctionOf(_parts.Record(start)).Invoke([], cancellationToken);
    }
}

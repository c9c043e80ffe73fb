using Stoa.Wasm.Runtime;

namespace Stoa.Wasm;

/// <summary>What an instance was at one moment: new instances begin there, without running what led to it. It never changes; any thread may use it.</summary>
/// <remarks>
/// It holds the memory, the tables, the globals and which segments were dropped. Fuel, limits and imports are the new instance's own. References in
/// tables and globals to functions of the instance become references to the same functions of the new one; to functions that it
/// imported, to what the new one imports in their places. What the host knows of a guest, such as the open files of a
/// <see cref="Wasi.WasiContext"/>, is not part of it: take it before the guest has opened any, and give each new instance a world of its own.
/// </remarks>
/// <example>
/// <code>
/// using var instance = module.Instantiate(imports);
/// instance.Invoke("initialize");
/// using var snapshot = instance.TakeSnapshot();
/// using var ready = snapshot.Instantiate(imports);
/// </code>
/// </example>
public sealed class InstanceSnapshot : IDisposable
{
    private static readonly Imports s_none = new();

    private readonly InstanceState _state;
    private bool _isDisposed;

    internal InstanceSnapshot(Module module, InstanceState state)
    {
        Module = module;
        _state = state;
    }

    /// <summary>The program of the instance.</summary>
    public Module Module { get; }

    /// <summary>Bytes of memory that the snapshot keeps: the pages of 4 KiB that were not all zero.</summary>
    public long MemoryBytes => _state.Memories.Sum(memory => memory.Bytes);

    /// <summary>Makes an instance of a module that imports nothing; it goes on where the snapshot was taken.</summary>
    /// <inheritdoc cref="Instantiate(Imports, ExecutionLimits?)"/>
    public Instance Instantiate(ExecutionLimits? limits = null) => Instantiate(s_none, limits);

    /// <summary>Makes an instance that goes on where the snapshot was taken. No start function and no initializer runs.</summary>
    /// <param name="imports">Where the module's imports are looked up.</param>
    /// <param name="limits">What the instance may use; null: <see cref="ExecutionLimits.Default"/>.</param>
    /// <exception cref="LinkException">An import is missing or of another type, or memory or tables exceed the limits.</exception>
    /// <exception cref="ArgumentException">The engine is unmetered, and finite fuel or a timeout is given.</exception>
    public Instance Instantiate(Imports imports, ExecutionLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(imports);
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed), this);
        limits ??= ExecutionLimits.Default;
        Module.RequireStoppable(limits);
        return new Instance(Module, imports, limits, _state);
    }

    /// <summary>Gives its memory back as soon as no instance shares it any more. Instances that were made of it go on.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _isDisposed, true);
        foreach (var memory in _state.Memories)
            memory.Dispose();
    }
}

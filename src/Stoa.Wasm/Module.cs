using System.Collections.Immutable;
using Stoa.Primitives;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Compilation;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm;

/// <summary>A validated WebAssembly program. It never changes, and any number of threads may instantiate it at the same time.</summary>
/// <remarks>A function is compiled when it is first called; all instances share the code.</remarks>
public sealed class Module
{
    private static readonly Imports s_none = new();

    private readonly Dictionary<string, ExportDefinition> _exports;
    private readonly Lazy<FunctionNames> _names;
    private readonly Lazy<ContentHash> _digest;

    internal Module(Engine engine, ModuleDefinition definition)
    {
        Engine = engine;
        Definition = definition;
        Layout = new ContextLayout(definition);
        Code = new LazyCode(this);
        _exports = definition.Exports.ToDictionary(export => export.Name, StringComparer.Ordinal);
        Imports = [.. definition.Imports];
        Exports = [.. definition.Exports.Select(export => new ModuleExport(export.Name, TypeOf(export)))];
        _digest = new(() => ContentHash.Of(definition.Bytes.Span));
        _names = new(() => FunctionNames.Decode(definition.Names));
    }

    /// <summary>The engine that compiled it.</summary>
    public Engine Engine { get; }

    /// <summary>The hash of its bytes. It is computed when it is first asked for.</summary>
    public ContentHash Digest => _digest.Value;

    /// <summary>What it needs, in its own order.</summary>
    public ImmutableArray<ModuleImport> Imports { get; }

    /// <summary>What it offers, in its own order.</summary>
    public ImmutableArray<ModuleExport> Exports { get; }

    internal ModuleDefinition Definition { get; }

    internal ContextLayout Layout { get; }

    internal LazyCode Code { get; }

    /// <summary>Makes an instance of a module that imports nothing, and runs its start function if it has one.</summary>
    /// <inheritdoc cref="Instantiate(Imports, ExecutionLimits?, CancellationToken)"/>
    public Instance Instantiate(ExecutionLimits? limits = null, CancellationToken cancellationToken = default) =>
        Instantiate(s_none, limits, cancellationToken);

    /// <summary>Makes an instance, and runs the module's start function if it has one.</summary>
    /// <param name="imports">Where the module's imports are looked up.</param>
    /// <param name="limits">What the instance may use; null: <see cref="ExecutionLimits.Default"/>.</param>
    /// <param name="cancellationToken">Stops the start function.</param>
    /// <exception cref="LinkException">An import is missing or of another type, or memory or tables exceed the limits.</exception>
    /// <exception cref="TrapException">A segment does not fit, or the start function trapped.</exception>
    /// <exception cref="ArgumentException">The engine is unmetered, and finite fuel, a timeout or a token that can be cancelled is given.</exception>
    public Instance Instantiate(Imports imports, ExecutionLimits? limits = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(imports);
        limits ??= ExecutionLimits.Default;
        RequireStoppable(limits);
        RequireStoppable(cancellationToken);
        return new Instance(this, imports, limits, cancellationToken);
    }

    /// <summary>The name that the name section gives to a function; null when it gives none.</summary>
    public string? FunctionName(int index) => _names.Value.Find(index);

    internal ExportDefinition? FindExport(string name) => _exports.TryGetValue(name, out var export) ? export : null;

    /// <summary>What a backtrace calls a function: <see cref="FunctionName"/>, else a name that it is exported by, else null.</summary>
    internal string? LabelOf(int function)
    {
        if (FunctionName(function) is { Length: > 0 } name)
            return name;
        foreach (var export in Definition.Exports)
        {
            if (export.Kind == ExternKind.Function && export.Index == function)
                return export.Name;
        }

        return null;
    }

    /// <summary>Refuses limits that would not hold.</summary>
    /// <exception cref="ArgumentException">The engine is unmetered, and finite fuel or a timeout is given.</exception>
    internal void RequireStoppable(ExecutionLimits limits)
    {
        if (!Engine.Options.IsMetered && (limits.Fuel != long.MaxValue || limits.Timeout is not null))
            throw new ArgumentException("An unmetered engine knows neither fuel nor timeouts.", nameof(limits));
    }

    /// <summary>Refuses a token that could not stop the guest.</summary>
    /// <exception cref="ArgumentException">The engine is unmetered and the token can be cancelled.</exception>
    internal void RequireStoppable(CancellationToken cancellationToken)
    {
        if (cancellationToken.CanBeCanceled && !Engine.Options.IsMetered)
            throw new ArgumentException("A guest of an unmetered engine cannot be cancelled.", nameof(cancellationToken));
    }

    private ExternType TypeOf(ExportDefinition export) => export.Kind switch
    {
        ExternKind.Function => Definition.TypeOfFunction(export.Index).Type,
        ExternKind.Table => Definition.Tables[export.Index],
        ExternKind.Memory => Definition.Memories[export.Index],
        _ => Definition.Globals[export.Index],
    };
}

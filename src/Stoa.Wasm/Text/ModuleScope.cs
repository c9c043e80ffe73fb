namespace Stoa.Wasm.Text;

/// <summary>What the identifiers of a module mean, wherever in it they stand.</summary>
internal sealed class ModuleScope(EngineOptions options)
{
    public TypeTable Types { get; } = new(options);

    public IndexSpace Functions { get; } = new("function", options.MaxFunctions);

    public IndexSpace Tables { get; } = new("table", options.MaxTables);

    public IndexSpace Memories { get; } = new("memory", int.MaxValue);

    public IndexSpace Globals { get; } = new("global", options.MaxGlobals);

    public IndexSpace Elements { get; } = new("elem segment", options.MaxSegments);

    public IndexSpace Data { get; } = new("data segment", options.MaxSegments);

    /// <summary>Whether code names data segments, so that their number has to be known before it.</summary>
    public bool UsesData { get; set; }
}

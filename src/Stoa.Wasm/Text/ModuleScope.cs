namespace Stoa.Wasm.Text;

/// <summary>What the identifiers of a module mean, wherever in it they stand.</summary>
internal sealed class ModuleScope
{
    public TypeTable Types { get; } = new();

    public IndexSpace Functions { get; } = new("function");

    public IndexSpace Tables { get; } = new("table");

    public IndexSpace Memories { get; } = new("memory");

    public IndexSpace Globals { get; } = new("global");

    public IndexSpace Elements { get; } = new("elem segment");

    public IndexSpace Data { get; } = new("data segment");

    /// <summary>Whether code names data segments, so that their number has to be known before it.</summary>
    public bool UsesData { get; set; }
}

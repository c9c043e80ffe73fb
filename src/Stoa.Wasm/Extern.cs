namespace Stoa.Wasm;

/// <summary>Something that can be exported by one module and imported by another: function, memory, table or global.</summary>
public abstract class Extern
{
    private protected Extern()
    {
    }

    /// <summary>What it is, with its present size as the minimum.</summary>
    public abstract ExternType Type { get; }
}

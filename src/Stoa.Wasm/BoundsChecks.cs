namespace Stoa.Wasm;

/// <summary>How compiled code finds loads and stores out of bounds. What a guest sees is the same.</summary>
public enum BoundsChecks
{
    /// <summary>By pages without rights behind each memory where the system has them (Linux on x64), else by comparisons.</summary>
    Automatic,

    /// <summary>By a comparison before each access, on every system.</summary>
    Explicit,
}

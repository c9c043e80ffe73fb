namespace Stoa.Wasm;

/// <summary>Parts of WebAssembly that came after version 2.0, for <see cref="EngineOptions.Features"/>.</summary>
[Flags]
public enum WasmFeatures
{
    /// <summary>WebAssembly 2.0 alone.</summary>
    None = 0,

    /// <summary>Extended constant expressions: additions, subtractions and multiplications of integers, and the values of all immutable globals before.</summary>
    ExtendedConstantExpressions = 1,

    /// <summary>Tail calls: <c>return_call</c> and <c>return_call_indirect</c>, which leave their caller before they call.</summary>
    TailCalls = 2,

    /// <summary>Relaxed vector instructions, all of them with the results of the specification's deterministic profile.</summary>
    RelaxedVectors = 4,

    /// <summary>Multiple memories: a module may have several, and its instructions say which one they mean.</summary>
    MultipleMemories = 8,

    /// <summary>All that this engine knows.</summary>
    All = ExtendedConstantExpressions | TailCalls | RelaxedVectors | MultipleMemories,
}

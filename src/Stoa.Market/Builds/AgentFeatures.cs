using Stoa.Wasm;

namespace Stoa.Market.Builds;

/// <summary>What the programs of agents may use beyond WebAssembly 2.0.</summary>
public static class AgentFeatures
{
    /// <summary>All that the engine knows but tail calls: of those the runtime keeps some kilobytes for each call in a program, for ever.</summary>
    public const WasmFeatures Admitted = WasmFeatures.All & ~WasmFeatures.TailCalls;
}

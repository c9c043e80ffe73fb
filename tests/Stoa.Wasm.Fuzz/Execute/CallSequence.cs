using Stoa.Wasm.Fuzz.Generation;

namespace Stoa.Wasm.Fuzz.Execute;

/// <summary>The order in which a module's calls are made. After the last one of each export the state is compared.</summary>
internal static class CallSequence
{
    public static bool EndsExport(IReadOnlyList<GeneratedCall> calls, int index) =>
        index + 1 == calls.Count || calls[index + 1].Export != calls[index].Export;
}

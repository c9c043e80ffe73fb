using System.Collections.Immutable;

namespace Stoa.Wasm.Runtime;

/// <summary>What an instance holds that its code can change, with references by number.</summary>
/// <param name="Memories">The content of each memory.</param>
/// <param name="Tables">For each table the number of the function that each element refers to; <see cref="Null"/> for null.</param>
/// <param name="Globals">For each global of the module's own 16 bytes; references as numbers of functions in the first four.</param>
/// <param name="DroppedData">For each data segment whether it was dropped; null when none was.</param>
/// <param name="DroppedElements">For each element segment whether it was dropped; null when none was.</param>
internal sealed record InstanceState(
    ImmutableArray<MemoryImage> Memories,
    ImmutableArray<int[]> Tables,
    ImmutableArray<Int128> Globals,
    bool[]? DroppedData,
    bool[]? DroppedElements)
{
    public const int Null = -1;
}

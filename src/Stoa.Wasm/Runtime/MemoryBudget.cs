namespace Stoa.Wasm.Runtime;

/// <summary>What the memories of one instance share: the bytes of <see cref="ExecutionLimits.MaxMemoryBytes"/> that none of them has taken.</summary>
internal sealed class MemoryBudget(long bytes)
{
    public long LeftBytes { get; set; } = bytes;
}

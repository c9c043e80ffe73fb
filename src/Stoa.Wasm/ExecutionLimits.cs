namespace Stoa.Wasm;

/// <summary>What one instance may use. Every limit always works, whatever the guest does.</summary>
public sealed record ExecutionLimits
{
    /// <summary>The defaults: endless fuel and time, 4 GiB of memory.</summary>
    public static ExecutionLimits Default { get; } = new();

    /// <summary>Units of work before <see cref="TrapCode.OutOfFuel"/>. Default: <see cref="long.MaxValue"/>, which never runs out.</summary>
    /// <remarks>
    /// One unit an instruction, charged a basic block at a time; <c>block</c>, <c>loop</c>, <c>end</c>, <c>else</c> and <c>nop</c>
    /// are free. A bulk operation adds one unit for each 16 bytes of memory, or each 2 table elements, that it covers;
    /// <c>memory.grow</c> adds 1,024 a page. Host functions charge what they like by <see cref="Caller.ConsumeFuel"/>.
    /// </remarks>
    public long Fuel { get; init; } = long.MaxValue;

    /// <summary>Most bytes that the memories defined by the module may hold together; imported ones have limits of their own. Default 4 GiB. <c>memory.grow</c> beyond it returns -1.</summary>
    public long MaxMemoryBytes { get; init; } = 4L << 30;

    /// <summary>Most elements that the tables defined by the module may hold together. Default 10,000,000. <c>table.grow</c> beyond it returns -1.</summary>
    public int MaxTableElements { get; init; } = 10_000_000;

    /// <summary>Most nested calls. Default 16,384. The thread's own stack may end earlier, with the same trap.</summary>
    public int MaxCallDepth { get; init; } = 16_384;

    /// <summary>Time that one call from the host may take, and that the start function may take, what is compiled for it included. Default null: endless.</summary>
    public TimeSpan? Timeout { get; init; }
}

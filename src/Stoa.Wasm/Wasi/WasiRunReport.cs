namespace Stoa.Wasm.Wasi;

/// <summary>What to run, in which world and within which limits.</summary>
public sealed record WasiRunRequest
{
    /// <summary>The module's bytes.</summary>
    public required ReadOnlyMemory<byte> Module { get; init; }

    /// <summary>Whether the bytes are the text format, in UTF-8, and not the binary one.</summary>
    public bool IsText { get; init; }

    /// <summary>The world that it is given. Its arguments are the guest's, the program's name included.</summary>
    public WasiOptions World { get; init; } = new();

    /// <summary>Defines what the module may import beside WASI; null for nothing.</summary>
    public Action<Imports>? DefineMore { get; init; }

    /// <summary>Fuel, memory, time and depth.</summary>
    public ExecutionLimits Limits { get; init; } = ExecutionLimits.Default;

    /// <summary>An exported function to call instead of <c>_start</c>; null runs the module as a command.</summary>
    public string? Invoke { get; init; }

    /// <summary>The arguments of <see cref="Invoke"/>, as numbers in decimal or, for integers, hexadecimal with <c>0x</c>.</summary>
    public IReadOnlyList<string> InvokeArguments { get; init; } = [];
}

/// <summary>How a run ended. The list of cases is closed.</summary>
public abstract record WasiRunOutcome
{
    private WasiRunOutcome()
    {
    }

    /// <summary>The command ended, by itself or by <c>proc_exit</c>.</summary>
    /// <param name="ExitCode">0 means success.</param>
    public sealed record Exited(int ExitCode) : WasiRunOutcome;

    /// <summary>The invoked function returned.</summary>
    /// <param name="Results">What it gave back.</param>
    public sealed record Returned(IReadOnlyList<Value> Results) : WasiRunOutcome;

    /// <summary>The guest trapped: an error of its own, or a limit of the engine.</summary>
    /// <param name="Trap">The trap, with what the engine knows about where it happened.</param>
    public sealed record Trapped(TrapException Trap) : WasiRunOutcome;

    /// <summary>The guest wrote more to an output than it may hold.</summary>
    /// <param name="MaxBytes">The limit.</param>
    public sealed record OutputLimitExceeded(long MaxBytes) : WasiRunOutcome;

    /// <summary>The run never began.</summary>
    /// <param name="Reason">A sentence that says why.</param>
    public sealed record Refused(string Reason) : WasiRunOutcome;
}

/// <summary>How a run ended and what it took.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="FuelConsumed">Units of fuel.</param>
/// <param name="MemoryBytes">The size of the guest's memory at the end; memories never shrink, so also its greatest.</param>
/// <param name="BytesRead">From the standard input.</param>
/// <param name="BytesWritten">To the standard output.</param>
public sealed record WasiRunReport(
    WasiRunOutcome Outcome,
    long FuelConsumed,
    long MemoryBytes,
    long BytesRead,
    long BytesWritten);


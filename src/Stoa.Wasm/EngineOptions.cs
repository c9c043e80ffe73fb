namespace Stoa.Wasm;

/// <summary>What an engine admits, and how much it keeps. Every limit refuses with <see cref="InvalidModuleException"/>.</summary>
public sealed record EngineOptions
{
    /// <summary>Largest module, in bytes, of the binary format or of text. Default 64 MiB.</summary>
    /// <remarks>Turning a text into a module takes up to fifteen times its size in memory.</remarks>
    public int MaxModuleBytes { get; init; } = 64 << 20;

    /// <summary>Most types, and most imports, and most exports. Default 100,000 each.</summary>
    public int MaxDeclarations { get; init; } = 100_000;

    /// <summary>Most functions, imported ones included. Default 200,000.</summary>
    public int MaxFunctions { get; init; } = 200_000;

    /// <summary>Largest body of one function, in bytes. Default 1 MiB.</summary>
    /// <remarks>
    /// This is the limit of what compiling takes: up to three seconds of a processor and hundreds of megabytes for a function of this size, and
    /// up to 1.3 seconds for one of 8,000 bytes that are 650 loops. A function is compiled when it is first called. A guest that waits for that stops at
    /// its deadline and by its token all the same; a compilation that has begun goes on behind it, on one of as many threads as there are
    /// processors (at least two), and serves later calls. Compiling burns no fuel: fuel must not depend on what others have called before.
    /// </remarks>
    public int MaxFunctionBytes { get; init; } = 1 << 20;

    /// <summary>Most locals of one function, parameters included. Default 50,000.</summary>
    public int MaxLocals { get; init; } = 50_000;

    /// <summary>Most parameters of a function or block, and most results. Default 1,000 each.</summary>
    public int MaxParameters { get; init; } = 1_000;

    /// <summary>Most operands on the stack of one function. Default 2,000.</summary>
    public int MaxOperands { get; init; } = 2_000;

    /// <summary>
    /// Most operands that lie in the blocks of one function where they begin, end or branch, and that its calls take and give, all added up, but
    /// for the first eight of each. Default 100,000. Code that compilers generate has next to none.
    /// </summary>
    /// <remarks>Compiled code moves them there, so two bytes of a module may be a thousand moves that the JIT has to make code of.</remarks>
    public int MaxOperandMoves { get; init; } = 100_000;

    /// <summary>Deepest nesting of blocks in one function, and of parentheses in a text. Default 5,000.</summary>
    public int MaxNestingDepth { get; init; } = 5_000;

    /// <summary>Most targets of one <c>br_table</c>. Default 65,536.</summary>
    public int MaxBranchTargets { get; init; } = 65_536;

    /// <summary>Most globals. Default 100,000.</summary>
    public int MaxGlobals { get; init; } = 100_000;

    /// <summary>Most tables. Default 100.</summary>
    public int MaxTables { get; init; } = 100;

    /// <summary>Most memories of one module. Default 8.</summary>
    /// <remarks>Each takes addresses of which the process has enough for about ten thousand.</remarks>
    public int MaxMemories { get; init; } = 8;

    /// <summary>Most data segments, and most element segments. Default 100,000 each.</summary>
    public int MaxSegments { get; init; } = 100_000;

    /// <summary>Most threads that check one module, the caller's included. Default: one a processor, but no more than 8.</summary>
    /// <remarks>
    /// Only code of more than 256 KiB is worth a second thread. The others are of the thread pool, when it has some to spare; what is
    /// refused, and why, is the same for any number.
    /// </remarks>
    public int MaxValidationThreads { get; init; } = Math.Min(Environment.ProcessorCount, 8);

    /// <summary>What is admitted beyond WebAssembly 2.0. Default: all that the engine knows.</summary>
    public WasmFeatures Features { get; init; } = WasmFeatures.All;

    /// <summary>How compiled code finds accesses out of bounds. Default: by guard pages where the system has them.</summary>
    public BoundsChecks BoundsChecks { get; init; }

    /// <summary>Most modules kept in the cache. Default 256; 0 switches it off.</summary>
    public int CachedModules { get; init; } = 256;

    /// <summary>Most bytes of modules kept in the cache. Default 256 MiB.</summary>
    public long CachedModuleBytes { get; init; } = 256L << 20;

    /// <summary>Whether compiled code counts its fuel and can be stopped. Default true. False is for guests that are trusted to end.</summary>
    /// <remarks>
    /// Unmetered code runs faster, and nothing can stop it: <see cref="Module.Instantiate(Imports, ExecutionLimits?, CancellationToken)"/> and calls refuse finite
    /// <see cref="ExecutionLimits.Fuel"/>, an <see cref="ExecutionLimits.Timeout"/> and a token that can be cancelled with
    /// <see cref="ArgumentException"/>. The limits of memory, tables and nested calls hold as ever. Metered and unmetered instances cannot
    /// be linked, nor be given references to each other's functions (<see cref="LinkRefusal.MixedMetering"/>).
    /// </remarks>
    public bool IsMetered { get; init; } = true;

    /// <summary>The clock of <see cref="ExecutionLimits.Timeout"/>. Default: the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}

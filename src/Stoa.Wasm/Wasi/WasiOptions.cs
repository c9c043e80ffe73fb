using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Wasm.Wasi;

/// <summary>The world that a guest is given. By default it is empty: no files, no input, nothing but a clock and chance.</summary>
public sealed record WasiOptions
{
    /// <summary>The program's arguments; the first is its own name.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>The environment variables, in the order in which the guest sees them.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Environment { get; init; } = [];

    /// <summary>Descriptor 0; null is an empty input.</summary>
    public GuestInput? Stdin { get; init; }

    /// <summary>Descriptor 1; null drops what is written.</summary>
    public GuestOutput? Stdout { get; init; }

    /// <summary>Descriptor 2; null drops what is written.</summary>
    public GuestOutput? Stderr { get; init; }

    /// <summary>The directories that are open from descriptor 3 on.</summary>
    public IReadOnlyList<Preopen> Preopens { get; init; } = [];

    /// <summary>The clocks. Default: the system's.</summary>
    public WasiClock Clock { get; init; } = WasiClock.Real(TimeProvider.System);

    /// <summary>The randomness. Default: the operating system's secure generator.</summary>
    public RandomSource Random { get; init; } = RandomSource.Secure;

    /// <summary>How much the guest may ask for.</summary>
    public WasiLimits Limits { get; init; } = WasiLimits.Default;

    /// <summary>A world that is the same in each run: clocks that start at an instant and count the guest's own calls, chance from a seed.</summary>
    /// <remarks>
    /// With the same module, arguments, environment, input and files, the guest does the same, writes the same and burns the same
    /// fuel. Give it input from memory, or from a stream with filled reads, and in-memory or read-only files.
    /// </remarks>
    public static WasiOptions Deterministic(DateTimeOffset start, ulong seed) => new()
    {
        Clock = WasiClock.Deterministic(start),
        Random = RandomSource.Seeded(seed),
    };
}

namespace Stoa.Bench.Wasm;

/// <summary>A guest with the export <c>run(n) -> i64</c>, which works for some hundred milliseconds and gives a checksum.</summary>
/// <param name="Name">Of its files in <c>benchmarks/programs</c>.</param>
/// <param name="Size">What <c>run</c> is given.</param>
internal sealed record WasmProgram(string Name, int Size)
{
    public static IReadOnlyList<WasmProgram> All { get; } =
    [
        new("sha256", 600),
        new("matrix", 18),
        new("quicksort", 5),
        new("sieve", 10),
        new("fibonacci", 37),
        new("nbody", 1_500_000),
        new("json", 80),
        new("lz", 25),
        new("interpreter", 60_000),
    ];

    public string Path => System.IO.Path.Combine(Checkout.Root, "benchmarks", "programs", $"{Name}.wasm");
}

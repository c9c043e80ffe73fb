using Cell = Stoa.Wasm.Fuzz.Reference.Cell;

namespace Stoa.Wasm.Fuzz.Generation;

/// <summary>A module made from a seed, with what a caller has to know of it. Bodies can be exchanged, to make a failing one smaller.</summary>
/// <param name="Seed">What it was made from.</param>
/// <param name="IsPortable">
/// Whether its calls take and give integers only, and no signalling NaN crosses to a host: what a JavaScript engine can be asked too.
/// </param>
/// <param name="Needs">What an engine has to know beyond WebAssembly 2.0 with tail calls.</param>
/// <param name="BeforeCode">Its sections up to the code.</param>
/// <param name="Bodies">Its functions without their sizes.</param>
/// <param name="AfterCode">Its sections behind the code.</param>
/// <param name="Exports">What is called, by the index in <c>f0</c>, <c>f1</c> and so on.</param>
internal sealed record GeneratedModule(
    ulong Seed, bool IsPortable, WasmFeatures Needs, byte[] BeforeCode, byte[][] Bodies, byte[] AfterCode, FunctionType[] Exports)
{
    /// <summary>Loops and calls that one call from outside may make: what the global <c>budget</c> is set to before it.</summary>
    public const int Budget = 20;

    /// <summary>The export that gives the values of all globals and the sizes of all tables.</summary>
    public const string State = "state";

    /// <summary>The same for one of <see cref="Exports"/>.</summary>
    public static string NameOf(int export) => $"f{export}";

    public byte[] ToBytes()
    {
        var code = new CodeWriter();
        code.Number((uint)Bodies.Length);
        foreach (byte[] body in Bodies)
        {
            code.Number((uint)body.Length);
            code.Bytes(body);
        }

        var module = new CodeWriter();
        module.Bytes(BeforeCode);
        module.Byte(10);
        module.Sized(code);
        module.Bytes(AfterCode);
        return module.ToArray();
    }

    public GeneratedModule WithBody(int index, byte[] body)
    {
        byte[][] bodies = [.. Bodies];
        bodies[index] = body;
        return this with { Bodies = bodies };
    }

    /// <summary>The calls of a module: for each export some tuples of arguments.</summary>
    public IReadOnlyList<GeneratedCall> Calls(int tuples)
    {
        var random = new SeededRandom(Seed ^ 0x5EED);
        var calls = new List<GeneratedCall>(Exports.Length * tuples);
        for (int export = 0; export < Exports.Length; export++)
        {
            int count = Exports[export].Parameters.IsEmpty ? Math.Min(tuples, 3) : tuples;
            for (int i = 0; i < count; i++)
                calls.Add(new GeneratedCall(export, [.. Exports[export].Parameters.Select(kind => InterestingValues.Of(kind, random))]));
        }

        return calls;
    }
}

/// <summary>One call: the export, and the bits of its arguments.</summary>
internal sealed record GeneratedCall(int Export, Cell[] Arguments);

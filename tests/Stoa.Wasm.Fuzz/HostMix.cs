using System.Numerics;
using Stoa.Wasm.Fuzz.Reference;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Fuzz;

/// <summary>The one function that generated modules import. <c>v8.mjs</c> has the same.</summary>
internal static class HostMix
{
    public const string Module = "host";
    public const string Name = "mix";

    public static FunctionType Type { get; } = new([I32, I64], [I64]);

    public static long Mix(int turns, long value) => unchecked((long)(BitOperations.RotateLeft((ulong)value, turns & 63) + (uint)turns));

    public static Cell[] Mix(int function, Cell[] arguments) => [Cell.Of(Mix(arguments[0].I32, arguments[1].I64))];
}

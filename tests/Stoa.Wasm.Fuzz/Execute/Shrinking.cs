using System.Diagnostics;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Fuzz.Generation;
using Stoa.Wasm.Fuzz.Reference;

namespace Stoa.Wasm.Fuzz.Execute;

/// <summary>Takes away from a module whatever its difference does not need.</summary>
internal sealed class Shrinking(ModuleComparison comparison)
{
    private const long FuelLimit = 2_000_000;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(40);
    private static readonly int[] s_windows = [200, 120, 80, 60, 45, 35, 28, 22, 18, 15, 13, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1];

    /// <summary>Nothing, then a constant of each kind.</summary>
    private static readonly byte[][] s_constants = MakeConstants();

    private static readonly byte[] s_trapping = [0, (byte)Opcode.Unreachable, (byte)Opcode.End];

    private readonly Engine _engine = new(new EngineOptions { CachedModules = 0 });
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    /// <summary>Makes a module smaller.</summary>
    /// <returns>The smaller module with the calls that it needs, and its difference.</returns>
    public (GeneratedModule Module, Difference Difference) Shrink(GeneratedModule module, IReadOnlyList<GeneratedCall> calls, Difference difference)
    {
        IReadOnlyList<GeneratedCall> needed = [.. calls.Take(difference.Call + 1)];
        foreach (var fewer in (ReadOnlySpan<IReadOnlyList<GeneratedCall>>)[[needed[^1]], [.. needed.Where(call => call.Export == needed[^1].Export)]])
        {
            if (Again(module, fewer, difference.Between) is null)
                continue;
            needed = fewer;
            break;
        }

        for (int i = 0; i < module.Bodies.Length; i++)
        {
            var without = module.WithBody(i, s_trapping);
            if (Again(without, needed, difference.Between) is not null)
                module = without;
        }

        for (bool isSmaller = true; isSmaller && _clock.Elapsed < s_patience;)
        {
            isSmaller = false;
            for (int i = 0; i < module.Bodies.Length; i++)
                isSmaller |= ShrinkBody(ref module, i, needed, difference.Between);
        }

        return (module, Again(module, needed, difference.Between) ?? difference);
    }

    private bool ShrinkBody(ref GeneratedModule module, int body, IReadOnlyList<GeneratedCall> calls, string between)
    {
        bool isSmaller = false;
        foreach (int window in s_windows)
        {
            int[] starts = InstructionStarts(module, body);
            for (int i = starts.Length - 1 - window; i >= 0 && _clock.Elapsed < s_patience; i--)
            {
                if (i + window >= starts.Length || !TryWithout(ref module, body, starts[i], starts[i + window], window, calls, between))
                    continue;
                isSmaller = true;
                starts = InstructionStarts(module, body);
            }
        }

        return isSmaller;
    }

    /// <summary>Takes instructions out, or puts a constant in their place.</summary>
    private bool TryWithout(
        ref GeneratedModule module, int body, int start, int end, int window, IReadOnlyList<GeneratedCall> calls, string between)
    {
        byte[] old = module.Bodies[body];
        foreach (byte[] constant in s_constants)
        {
            if (constant.Length > 0 && window == 1)
                break;
            var smaller = module.WithBody(body, [.. old[..start], .. constant, .. old[end..]]);
            if (!IsValid(smaller) || Again(smaller, calls, between) is null)
                continue;
            module = smaller;
            return true;
        }

        return false;
    }

    private bool IsValid(GeneratedModule module)
    {
        try
        {
            _engine.Compile(module.ToBytes());
            return true;
        }
        catch (Exception unfit) when (unfit is InvalidModuleException or FuzzException)
        {
            return false;
        }
    }

    /// <summary>Where in a body its instructions begin.</summary>
    private int[] InstructionStarts(GeneratedModule module, int body)
    {
        var definition = _engine.Compile(module.ToBytes()).Definition;
        var function = ReferenceFunction.Read(definition, definition.ImportedFunctions + body);
        int start = definition.Bodies[body].Offset;
        return [.. function.Code.Select(instruction => instruction.Offset - start)];
    }

    private static byte[][] MakeConstants()
    {
        var constants = new List<byte[]> { Array.Empty<byte>() };
        foreach (var kind in (ReadOnlySpan<ValueKind>)[ValueKind.I32, ValueKind.I64, ValueKind.F32, ValueKind.F64, ValueKind.V128, ValueKind.FuncRef, ValueKind.ExternRef])
        {
            var code = new CodeWriter();
            FunctionGenerator.WriteZero(code, kind);
            constants.Add(code.ToArray());
        }

        return [.. constants];
    }

    private Difference? Again(GeneratedModule module, IReadOnlyList<GeneratedCall> calls, string between)
    {
        try
        {
            var result = comparison.Run(module, calls, checksEveryCall: true, FuelLimit);
            return result.Difference is { } difference && difference.Between == between ? difference : null;
        }
        catch (Exception failure) when (failure is InvalidModuleException or FuzzException)
        {
            // Not a module any more, or one whose state V8 cannot tell.
            return null;
        }
    }
}

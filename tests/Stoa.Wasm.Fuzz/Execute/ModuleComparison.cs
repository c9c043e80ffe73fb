using Stoa.Wasm.Fuzz.Generation;
using Stoa.Wasm.Fuzz.Reference;

namespace Stoa.Wasm.Fuzz.Execute;

/// <summary>A call that two engines ended differently.</summary>
/// <param name="Call">Its place among the calls; -1 where there was none.</param>
/// <param name="Between">The two engines and what differs: the same difference again has the same words.</param>
/// <param name="Description">Call, arguments, outcomes.</param>
internal sealed record Difference(int Call, string Between, string Description);

/// <summary>What the comparison of one module came to.</summary>
/// <param name="Executions">Calls that were compared.</param>
/// <param name="Traps">How many of them trapped.</param>
/// <param name="Units">Fuel that they used.</param>
/// <param name="HasRunInV8">Whether V8 took part.</param>
/// <param name="Difference">The first one; null: there is none.</param>
/// <param name="IsEndless">Whether the reference interpreter came to its limits; nothing is compared then.</param>
internal sealed record Comparison(int Executions, int Traps, long Units, bool HasRunInV8, Difference? Difference, bool IsEndless);

/// <summary>Runs all calls of a module in all engines, step by step beside each other.</summary>
internal sealed class ModuleComparison(Engine guarded, Engine @explicit, V8Process? v8)
{
    /// <summary>Compares.</summary>
    /// <param name="module">The module.</param>
    /// <param name="calls">Its calls.</param>
    /// <param name="checksEveryCall">Whether the state is compared after each call, and not only after the last one of each export.</param>
    /// <param name="fuelLimit">Units after which the reference interpreter gives up. Default: never.</param>
    /// <exception cref="InvalidModuleException">The module is not valid.</exception>
    public Comparison Run(GeneratedModule module, IReadOnlyList<GeneratedCall> calls, bool checksEveryCall = false, long fuelLimit = long.MaxValue)
    {
        byte[] bytes = module.ToBytes();
        var inGuarded = guarded.Compile(bytes);
        var inExplicit = @explicit.Compile(bytes);
        var state = (FunctionType)inGuarded.Exports.Single(export => export.Name == GeneratedModule.State).Type;
        bool asksV8 = v8 is not null && module.IsPortable && (module.Needs & ~v8.Features) == 0;
        if (fuelLimit != long.MaxValue && IsEndless(inGuarded, calls, fuelLimit))
            return new Comparison(0, 0, 0, false, null, true);
        if (asksV8)
            v8!.Send(module, bytes, state, calls);
        Comparison result;
        List<(Outcome Outcome, uint MemoryHash)> reference = [];
        try
        {
            result = RunHere(inGuarded, inExplicit, calls, checksEveryCall, reference);
        }
        catch (Exception failure) when (asksV8)
        {
            // V8's answer is taken, so that the next one is not taken for it.
            v8!.Receive(module, state, calls);
            throw new FuzzException($"{failure}");
        }

        if (!asksV8)
            return result;
        var answers = v8!.Receive(module, state, calls);
        return result with { HasRunInV8 = true, Difference = result.Difference ?? CompareWithV8(calls, reference, answers) };
    }

    /// <summary>The calls without most of those of exports that do nothing but trap.</summary>
    /// <param name="module">The module.</param>
    /// <param name="calls">Its calls, those of an export behind each other.</param>
    /// <param name="probes">How many calls of an export have to trap; those stay.</param>
    /// <exception cref="InvalidModuleException">The module is not valid.</exception>
    public IReadOnlyList<GeneratedCall> WithoutTraps(GeneratedModule module, IReadOnlyList<GeneratedCall> calls, int probes)
    {
        using var subject = new ReferenceSubject(guarded.Compile(module.ToBytes()));
        var kept = new List<GeneratedCall>(calls.Count);
        foreach (var ofExport in calls.GroupBy(call => call.Export))
        {
            var probed = ofExport.Take(probes).ToArray();
            bool returns = Array.Exists(probed, call => subject.Call(GeneratedModule.NameOf(call.Export), call.Arguments).Trap is null);
            kept.AddRange(returns ? ofExport : probed);
        }

        return kept;
    }

    private static bool IsEndless(Module module, IReadOnlyList<GeneratedCall> calls, long fuelLimit)
    {
        using var subject = new ReferenceSubject(module, fuelLimit);
        return calls.Any(call =>
            subject.Call(GeneratedModule.NameOf(call.Export), call.Arguments).Trap is TrapCode.OutOfFuel or TrapCode.CallStackExhausted);
    }

    private static Comparison RunHere(
        Module inGuarded, Module inExplicit, IReadOnlyList<GeneratedCall> calls, bool checksEveryCall, List<(Outcome, uint)> outcomes)
    {
        using var first = new EngineSubject(inGuarded);
        using var second = new EngineSubject(inExplicit);
        using var reference = new ReferenceSubject(inGuarded);
        int traps = 0;
        long units = 0;
        for (int i = 0; i < calls.Count; i++)
        {
            string export = GeneratedModule.NameOf(calls[i].Export);
            var expected = reference.Call(export, calls[i].Arguments);
            var inFirst = first.Call(export, calls[i].Arguments);
            var inSecond = second.Call(export, calls[i].Arguments);
            units += expected.Fuel;
            traps += expected.Trap is null ? 0 : 1;
            outcomes.Add((expected, 0));
            var difference = Compare(i, calls[i], reference.Name, expected, first.Name, inFirst, comparesFuelOfTraps: false)
                ?? Compare(i, calls[i], first.Name, inFirst, "explicit checks", inSecond, comparesFuelOfTraps: true);
            if (difference is null && (checksEveryCall || CallSequence.EndsExport(calls, i)))
            {
                difference = CompareState(i, calls[i], reference, first, out var state, out uint hash) ?? CompareState(i, calls[i], first, second, out _, out _);
                if (CallSequence.EndsExport(calls, i))
                    outcomes.Add((state, hash));
            }

            if (difference is not null)
                return new Comparison(i + 1, traps, units, false, difference, false);
        }

        return new Comparison(calls.Count, traps, units, false, RunShortOfFuel(inGuarded, inExplicit, calls), false);
    }

    /// <summary>Both ways of checking bounds have to run out of fuel at the same place, and what a call used has to be enough for it.</summary>
    private static Difference? RunShortOfFuel(Module inGuarded, Module inExplicit, IReadOnlyList<GeneratedCall> calls)
    {
        for (int i = 0; i < calls.Count; i++)
        {
            if (!CallSequence.EndsExport(calls, i))
                continue;
            string export = GeneratedModule.NameOf(calls[i].Export);
            long before;
            Outcome inWhole;
            using (var whole = new EngineSubject(inGuarded))
            {
                before = whole.FuelConsumed;
                inWhole = whole.Call(export, calls[i].Arguments);
            }

            // A trap forgets what the innermost function has used since it last called another.
            using (var exact = inWhole.Trap is null ? new EngineSubject(inGuarded, before + inWhole.Fuel) : null)
            {
                if (exact is not null && Compare(i, calls[i], "without a limit", inWhole, $"with fuel {before + inWhole.Fuel}", exact.Call(export, calls[i].Arguments), comparesFuelOfTraps: true) is { } unequal)
                    return unequal;
            }

            long fuel = before + (inWhole.Fuel * (1 + (i % 7)) / 8);
            using var first = new EngineSubject(inGuarded, fuel);
            using var second = new EngineSubject(inExplicit, fuel);
            var inFirst = first.Call(export, calls[i].Arguments);
            var inSecond = second.Call(export, calls[i].Arguments);
            var difference = Compare(i, calls[i], $"{first.Name} with fuel {fuel}", inFirst, "explicit checks with as much", inSecond, comparesFuelOfTraps: true);
            if (difference is null && first.HashOfMemories() != second.HashOfMemories())
                difference = new Difference(i, "memory when short of fuel", Describe(calls[i], $"fuel {fuel}: the memories differ"));
            if (difference is not null)
                return difference;
        }

        return null;
    }

    private static Difference? Compare(
        int index, GeneratedCall call, string expectedName, Outcome expected, string actualName, Outcome actual, bool comparesFuelOfTraps)
    {
        string? what = expected.Trap != actual.Trap ? "trap"
            : !expected.Results.AsSpan().SequenceEqual(actual.Results) ? "results"
            : expected.Fuel != actual.Fuel && (comparesFuelOfTraps || expected.Trap is null) ? "fuel"
            : null;
        return what is null ? null : new Difference(
            index, $"{expectedName}, {actualName}: {what}", Describe(call, $"{what}\n  {expectedName}: {expected}\n  {actualName}: {actual}"));
    }

    private static Difference? CompareState(int index, GeneratedCall call, Subject expected, Subject actual, out Outcome state, out uint hash)
    {
        state = expected.Call(GeneratedModule.State, []);
        hash = expected.HashOfMemories();
        var other = actual.Call(GeneratedModule.State, []);
        for (int i = 0; i < expected.Memories; i++)
        {
            var one = expected.Memory(i);
            var two = actual.Memory(i);
            if (one.SequenceEqual(two))
                continue;
            string where = $"memories {i} of {one.Length} and {two.Length} bytes differ from 0x{one.CommonPrefixLength(two):x} on";
            return new Difference(index, $"{expected.Name}, {actual.Name}: memory", Describe(call, $"{expected.Name}, {actual.Name}: {where}"));
        }

        var difference = Compare(index, call, expected.Name, state, actual.Name, other, comparesFuelOfTraps: true);
        return difference is null ? null : difference with { Description = $"Globals and tables after {difference.Description}" };
    }

    private static Difference? CompareWithV8(
        IReadOnlyList<GeneratedCall> calls, List<(Outcome Outcome, uint MemoryHash)> expected, IReadOnlyList<V8Outcome> actual)
    {
        int answer = 0;
        for (int i = 0; i < calls.Count; i++)
        {
            var outcome = expected[answer].Outcome;
            var inV8 = actual[answer++];
            // V8's stack is its own affair, and what it did not finish makes everything after it different.
            if (inV8.Status == V8Status.StackExhausted)
                return null;
            if (!Agree(outcome.Trap, inV8.Status) || !outcome.Results.AsSpan().SequenceEqual(inV8.Results))
                return new Difference(i, "reference, V8: outcome", Describe(calls[i], $"outcome\n  reference: {outcome}\n  V8: {inV8}"));
            if (!CallSequence.EndsExport(calls, i))
                continue;
            var (state, hash) = expected[answer];
            inV8 = actual[answer++];
            if (hash != inV8.MemoryHash && hash != 0)
                return new Difference(i, "reference, V8: memory", Describe(calls[i], "the memories of the reference and V8 differ"));
            if (!state.Results.AsSpan().SequenceEqual(inV8.Results))
                return new Difference(i, "reference, V8: state", Describe(calls[i], $"globals and tables\n  reference: {state}\n  V8: {inV8}"));
        }

        return null;
    }

    /// <summary>V8 has fewer words for traps.</summary>
    private static bool Agree(TrapCode? trap, V8Status status) => status switch
    {
        V8Status.Returned => trap is null,
        V8Status.Unreachable => trap is TrapCode.Unreachable,
        V8Status.MemoryOutOfBounds => trap is TrapCode.MemoryOutOfBounds,
        V8Status.TableOutOfBounds => trap is TrapCode.TableOutOfBounds,
        V8Status.NullOrMismatch => trap is TrapCode.IndirectCallToNull or TrapCode.IndirectCallTypeMismatch,
        V8Status.DivideByZero => trap is TrapCode.IntegerDivideByZero,
        V8Status.DivideOverflow => trap is TrapCode.IntegerOverflow,
        V8Status.Conversion => trap is TrapCode.IntegerOverflow or TrapCode.InvalidConversionToInteger,
        _ => false,
    };

    private static string Describe(GeneratedCall call, string what)
    {
        var arguments = call.Arguments.Select(cell => new Outcome(null, [cell], 0).Results[0]);
        return $"{GeneratedModule.NameOf(call.Export)}({string.Join(", ", arguments.Select(Text))}): {what}";
    }

    private static string Text(Cell cell) => cell.High == 0 ? $"0x{cell.Low:x}" : $"0x{cell.High:x16}{cell.Low:x16}";
}

using System.Buffers.Binary;
using Stoa.Wasm.Fuzz.Generation;
using Stoa.Wasm.Fuzz.Reference;

namespace Stoa.Wasm.Fuzz.Execute;

/// <summary>How a call ended.</summary>
/// <param name="Trap">Why it trapped; null: it returned.</param>
/// <param name="Results">What it returned: of a reference whether it is null (0) or not (1).</param>
/// <param name="Fuel">Units that it used.</param>
internal sealed record Outcome(TrapCode? Trap, Cell[] Results, long Fuel)
{
    public override string ToString() => Trap is { } trap
        ? $"trap {trap} (fuel {Fuel})"
        : $"({string.Join(' ', Results.Select(result => result.High == 0 ? $"0x{result.Low:x}" : $"0x{result.High:x16}{result.Low:x16}"))}) (fuel {Fuel})";
}

/// <summary>An instance of a generated module in one of the engines that are compared.</summary>
internal abstract class Subject : IDisposable
{
    public abstract string Name { get; }

    /// <summary>Calls an export with a full budget.</summary>
    public abstract Outcome Call(string export, ReadOnlySpan<Cell> arguments);

    public abstract int Memories { get; }

    public abstract ReadOnlySpan<byte> Memory(int index);

    public abstract void Dispose();

    /// <summary>A number from all memories. <c>v8.mjs</c> makes the same.</summary>
    public uint HashOfMemories()
    {
        uint hash = 0;
        for (int i = 0; i < Memories; i++)
            hash = Hash(hash, Memory(i));
        return hash;
    }

    private static uint Hash(uint hash, ReadOnlySpan<byte> memory)
    {
        hash ^= (uint)memory.Length;
        for (int i = 0; i < memory.Length; i += sizeof(uint))
        {
            hash = unchecked((hash ^ BinaryPrimitives.ReadUInt32LittleEndian(memory[i..])) * 0x9E3779B1);
            hash ^= hash >> 15;
        }

        return hash;
    }
}

/// <summary>The engine itself, with one way of checking bounds.</summary>
internal sealed class EngineSubject : Subject
{
    private readonly Instance _instance;
    private readonly Global? _budget;
    private readonly Value[][] _arguments = [.. Enumerable.Range(0, 64).Select(count => new Value[count])];

    public EngineSubject(Module module, long fuel = long.MaxValue)
    {
        Name = module.Engine.HasGuardPages ? "guard pages" : "explicit checks";
        var imports = new Imports().AddFunction(HostMix.Module, HostMix.Name, (Func<int, long, long>)HostMix.Mix);
        _instance = module.Instantiate(imports, new ExecutionLimits { Fuel = fuel });
        _budget = _instance.GetGlobal("budget");
    }

    public override string Name { get; }

    public long FuelConsumed => _instance.FuelConsumed;

    public override int Memories => _instance.Module.Definition.Memories.Count;

    public override ReadOnlySpan<byte> Memory(int index) => _instance.MemoryAt(index).GetSpan(0, (int)_instance.MemoryAt(index).SizeBytes);

    public override Outcome Call(string export, ReadOnlySpan<Cell> arguments)
    {
        var function = _instance.GetFunction(export)!;
        var values = arguments.Length < _arguments.Length ? _arguments[arguments.Length] : new Value[arguments.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = CellValues.ToValue(function.Type.Parameters[i], arguments[i]);
        if (_budget is not null)
            _budget.Value = GeneratedModule.Budget;
        long before = _instance.FuelConsumed;
        try
        {
            var results = function.Invoke(values);
            var cells = new Cell[results.Length];
            for (int i = 0; i < cells.Length; i++)
                cells[i] = CellValues.FromValue(results[i]);
            return new Outcome(null, cells, _instance.FuelConsumed - before);
        }
        catch (TrapException trap)
        {
            return new Outcome(trap.Code, [], _instance.FuelConsumed - before);
        }
    }

    public override void Dispose() => _instance.Dispose();
}

/// <summary>The reference interpreter.</summary>
internal sealed class ReferenceSubject : Subject
{
    private readonly ReferenceInstance _instance;
    private readonly Interpreter _interpreter;
    private readonly Dictionary<string, int> _exports;

    public ReferenceSubject(Module module, long fuel = long.MaxValue)
    {
        _instance = new ReferenceInstance(module.Definition, HostMix.Mix);
        _interpreter = new Interpreter(_instance) { FuelLimit = fuel };
        _exports = module.Definition.Exports.Where(export => export.Kind == Binary.ExternKind.Function)
            .ToDictionary(export => export.Name, export => export.Index, StringComparer.Ordinal);
    }

    public override string Name => "reference";

    public override int Memories => _instance.Memories.Length;

    public override ReadOnlySpan<byte> Memory(int index) => _instance.Memories[index];

    public override Outcome Call(string export, ReadOnlySpan<Cell> arguments)
    {
        int function = _exports[export];
        _instance.Globals[0] = new Cell(GeneratedModule.Budget);
        long before = _interpreter.Fuel;
        var (results, trap) = _interpreter.Invoke(function, arguments);
        var type = _instance.Definition.TypeOfFunction(function).Type;
        for (int i = 0; i < results.Length; i++)
        {
            if (type.Results[i] is ValueKind.FuncRef or ValueKind.ExternRef)
                results[i] = new Cell(Math.Min(results[i].Low, 1));
        }

        return new Outcome(trap, results, _interpreter.Fuel - before);
    }

    public override void Dispose()
    {
    }
}

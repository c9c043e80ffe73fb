using Stoa.Market.Calls;
using Stoa.Market.Registry;
using Stoa.Wasm;

namespace Stoa.Market.Builds;

/// <summary>Whether a program can be an agent: a valid module, a WASI preview 1 command, within its own manifest's limits.</summary>
public static class ProgramCheck
{
    private const string WasiModule = "wasi_snapshot_preview1";
    private const string Pointer = "/program";
    private const long PageBytes = 64 * 1024;

    /// <summary>The digest's module, or every reason why the program cannot be an agent.</summary>
    /// <param name="engine">Compiles it, and keeps it for the first task.</param>
    /// <param name="program">The bytes.</param>
    /// <param name="memoryBytes">The memory limit of the manifest; null when the manifest could not be read.</param>
    public static Outcome<Module, PublishRefusal> Check(Engine engine, ReadOnlyMemory<byte> program, long? memoryBytes)
    {
        Module module;
        try
        {
            module = engine.Compile(program);
        }
        catch (InvalidModuleException e)
        {
            var reason = $"{e.Kind} at byte {e.Offset}: {e.Reason}.";
            return new Refusal<PublishRefusal>(
                PublishRefusal.ProgramInvalid,
                $"The program is not a WebAssembly module that can run here. {reason}",
                [new FieldError(Pointer, reason)]);
        }

        var faults = FindFaults(module, memoryBytes).Select(fault => new FieldError(Pointer, fault)).ToList();
        return faults.Count == 0
            ? module
            : new Refusal<PublishRefusal>(
                PublishRefusal.ProgramUnusable, "The program is valid WebAssembly, but not an agent: it must be a WASI preview 1 command.", faults);
    }

    /// <summary>Says when a program cannot start in what its memory limit leaves beside its calls.</summary>
    /// <param name="module">Checked before.</param>
    /// <param name="memoryBytes">The memory limit of the manifest.</param>
    /// <param name="roomBytes">What of it is kept for calls.</param>
    public static Refusal<PublishRefusal>? FindRoomFault(Module module, long memoryBytes, long roomBytes)
    {
        if (roomBytes == 0)
            return null;
        var least = ((MemoryType)module.Exports.First(export => export.Name == "memory").Type).Pages.Minimum * PageBytes;
        return least + roomBytes <= memoryBytes
            ? null
            : new Refusal<PublishRefusal>(
                PublishRefusal.UsesInvalid,
                "The memory limit is too small for the program and what it calls or asks together.",
                [new FieldError("/limits/memoryBytes", $"Must be at least {least + roomBytes}: {least} bytes for the program at its start, and {roomBytes} for its greatest call (maxInputBytes, memoryBytes and outputBytes of one entry of uses, or maxRequestBytes and maxAnswerBytes of one of asks).")]);
    }

    /// <summary>Every reason why a valid module cannot be an agent.</summary>
    internal static IEnumerable<string> FindFaults(Module module, long? memoryBytes)
    {
        var exports = module.Exports.ToDictionary(export => export.Name, export => export.Type);
        if (exports.GetValueOrDefault("_start") is not FunctionType { Parameters.IsEmpty: true, Results.IsEmpty: true })
            yield return "It must export a function '_start' without parameters and results, as a WASI command does.";
        if (exports.GetValueOrDefault("memory") is not MemoryType memory)
            yield return "It must export its memory as 'memory', as a WASI command does.";
        else if (memory.Pages.Minimum * PageBytes > memoryBytes)
            yield return $"It asks for {memory.Pages.Minimum * PageBytes:N0} bytes of memory at its start; limits.memoryBytes allows {memoryBytes:N0}.";
        foreach (var import in module.Imports)
        {
            if (import is { Module: AgentCalls.ModuleName, Type: FunctionType type } && AgentCalls.Functions.GetValueOrDefault(import.Name) is { } given)
            {
                if (!type.Equals(given))
                    yield return $"It imports '{import.Module}.{import.Name}' as {type}; it is {given}.";
            }
            else if (import.Module != WasiModule || import.Type is not FunctionType)
            {
                yield return $"It imports '{import.Module}.{import.Name}', which no node gives; an agent imports functions of {WasiModule} "
                    + $"and of {AgentCalls.ModuleName} ({string.Join(", ", AgentCalls.Functions.Keys.Order(StringComparer.Ordinal))}).";
            }
        }
    }
}

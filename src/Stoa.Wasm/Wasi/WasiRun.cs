using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Wasm.Wasi;

/// <summary>Runs a WASI program from its bytes to its end: what <c>stoa wasm run</c> does.</summary>
public static class WasiRun
{
    /// <summary>Compiles, links and runs; whatever the bytes are, the answer is a report.</summary>
    /// <exception cref="IOException">A preopened directory cannot be opened, or an output failed at the end.</exception>
    public static WasiRunReport Execute(Engine engine, WasiRunRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(request);
        Module module;
        try
        {
            module = request.IsText ? engine.CompileText(request.Module) : engine.Compile(request.Module);
        }
        catch (InvalidModuleException exception)
        {
            return Refuse($"This is not a WebAssembly module that can run here: {exception.Message}");
        }

        WasiContext context;
        try
        {
            context = new WasiContext(request.World);
        }
        catch (ArgumentException exception)
        {
            return Refuse(exception.Message);
        }

        using (context)
            return Execute(module, context, request, cancellationToken);
    }

    private static WasiRunReport Execute(Module module, WasiContext context, WasiRunRequest request, CancellationToken cancellationToken)
    {
        if (!TryFindEntry(module, request, out var arguments, out var refusal))
            return Refuse(refusal);
        var imports = new Imports();
        context.DefineIn(imports);
        request.DefineMore?.Invoke(imports);
        Instance instance;
        try
        {
            instance = module.Instantiate(imports, request.Limits, cancellationToken);
        }
        catch (LinkException exception)
        {
            return Refuse($"The module cannot be linked: {exception.Message}");
        }
        catch (Exception exception) when (OutcomeOf(exception) is not null)
        {
            return Refuse("") with { Outcome = OutcomeOf(exception)!, BytesRead = context.Stdin.BytesRead, BytesWritten = context.Stdout.BytesWritten };
        }

        using (instance)
        {
            var outcome = Run(instance, context, request, arguments, cancellationToken);
            return new WasiRunReport(
                outcome,
                instance.FuelConsumed,
                instance.Memory?.SizeBytes ?? 0,
                context.Stdin.BytesRead,
                context.Stdout.BytesWritten);
        }
    }

    private static WasiRunOutcome Run(
        Instance instance, WasiContext context, WasiRunRequest request, Value[] arguments, CancellationToken cancellationToken)
    {
        try
        {
            if (request.Invoke is not { } name)
                return new WasiRunOutcome.Exited(context.RunCommand(instance, cancellationToken));
            // A module that is called more than once sets itself up first, where it has something to set up.
            if (instance.GetFunction("_initialize") is { } initialize && name != "_initialize")
                initialize.Invoke([], cancellationToken);
            return new WasiRunOutcome.Returned(instance.Invoke(name, arguments, cancellationToken));
        }
        catch (Exception exception) when (OutcomeOf(exception) is not null)
        {
            return OutcomeOf(exception)!;
        }
        finally
        {
            context.Stdout.Flush();
            context.Stderr.Flush();
        }
    }

    private static bool TryFindEntry(Module module, WasiRunRequest request, out Value[] arguments, out string refusal)
    {
        arguments = [];
        refusal = "";
        var name = request.Invoke ?? "_start";
        var type = module.Exports.FirstOrDefault(export => export.Name == name)?.Type as FunctionType;
        if (type is null)
            refusal = $"The module exports no function '{name}'.";
        else if (request.Invoke is null && (type.Parameters.Length > 0 || type.Results.Length > 0))
            refusal = $"'_start' is {type}; a command's takes nothing and gives nothing.";
        else if (request.Invoke is not null && type.Parameters.Length != request.InvokeArguments.Count)
            refusal = $"'{name}' is {type}, and {request.InvokeArguments.Count} arguments are given.";
        if (refusal.Length > 0 || request.Invoke is null)
            return refusal.Length == 0;
        arguments = new Value[request.InvokeArguments.Count];
        for (var i = 0; i < arguments.Length; i++)
        {
            if (ValueText.Parse(type!.Parameters[i], request.InvokeArguments[i]) is { } value)
                arguments[i] = value;
            else
                refusal = $"Argument {i + 1}, '{request.InvokeArguments[i]}', is no {type.Parameters[i].ToString().ToLowerInvariant()}.";
        }

        return refusal.Length == 0;
    }

    private static WasiRunOutcome? OutcomeOf(Exception exception) => exception switch
    {
        TrapException trap => new WasiRunOutcome.Trapped(trap),
        ProcessExitException exit => new WasiRunOutcome.Exited(unchecked((int)exit.ExitCode)),
        OutputLimitExceededException limit => new WasiRunOutcome.OutputLimitExceeded(limit.MaxBytes),
        _ => null,
    };

    private static WasiRunReport Refuse(string reason) => new(new WasiRunOutcome.Refused(reason), 0, 0, 0, 0);
}

using Stoa.Market.Builds;
using Stoa.Market.Tasks;
using Stoa.Node.Inference.Gateway;
using Stoa.Wasm;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Node.Inference.Programs;

/// <summary>A model that is a WebAssembly program, loaded and ready for requests.</summary>
/// <remarks>
/// Each request has an instance of its own, which begins where loading has ended, or at the program's very beginning where it exports nothing to be loaded by. So what accounts ask shares nothing, and whatever a request does to its
/// instance, the next one finds another. Memory that requests do not write to is shared by all (copy on write).
/// Its threads are its own: a task that runs on a thread for tasks may wait for it.
/// </remarks>
internal sealed class ModelProgram : IDisposable
{
    /// <summary>What a program exports that is to be loaded once: a function without arguments and results.</summary>
    public const string LoadExport = "stoa_model_load";

    private readonly Module _module;
    private readonly InstanceSnapshot? _loaded;
    private readonly GuestThreads _threads;
    private readonly ProgramLog _log;
    private readonly string _name;
    private readonly TimeProvider _time;

    private ModelProgram(Module module, InstanceSnapshot? loaded, GuestThreads threads, ProgramRequirements requirements)
    {
        (_module, _loaded, _threads) = (module, loaded, threads);
        (_name, Limits, _log, _time) = (requirements.Name, requirements.Limits, requirements.Log, requirements.Time);
    }

    /// <summary>What it may use.</summary>
    public ProgramLimits Limits { get; }

    /// <summary>Bytes of memory that all requests share; null where each request begins afresh.</summary>
    public long? SharedBytes => _loaded?.MemoryBytes;

    /// <summary>Makes a program of its bytes, and has it load itself, on a thread of its own.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="requirements">What it is run with.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>The program; or else why it cannot be served, for its operator.</returns>
    public static async Task<(ModelProgram? Program, string? Fault)> LoadAsync(byte[] bytes, ProgramRequirements requirements, CancellationToken cancellationToken)
    {
        var threads = new GuestThreads(requirements.Slots);
        ModelProgram? program = null;
        try
        {
            // Nothing can stop it at work; what it comes to when nobody waits any more is dropped, and its thread ends then.
            var (module, torn) = await threads.RunAsync(() => Compile(bytes, requirements)).WaitAsync(requirements.Limits.LoadTime, requirements.Time, cancellationToken);
            if (module is null)
                return (null, torn);
            (program, var fault) = await threads.RunAsync(() => Load(module, threads, requirements, cancellationToken));
            return (program, fault);
        }
        catch (TimeoutException)
        {
            return (null, TooSlow(requirements));
        }
        finally
        {
            if (program is null)
                threads.Dispose();
        }
    }

    /// <summary>Has it answer a request.</summary>
    /// <returns>As <see cref="ProgramRun.RunAsync"/>.</returns>
    public Task<bool> Start(ProgramRun run)
    {
        try
        {
            return run.RunAsync(_threads);
        }
        catch (ObjectDisposedException gone)
        {
            throw new UpstreamException(UpstreamFailureKind.Unreachable, "The program is not served any more.", gone);
        }
    }

    /// <summary>The world that one run of it sees: no file, no network, a clock that begins now and goes on with what the program does, and chance.</summary>
    /// <param name="arguments">Besides its name.</param>
    public WasiOptions World(params string[] arguments) => WorldOf(_name, _log, _time, arguments);

    /// <summary>An instance for one request.</summary>
    /// <exception cref="LinkException">There is no memory for it.</exception>
    /// <exception cref="TrapException">It traps in its start function.</exception>
    public Instance Instantiate(WasiContext context, CancellationToken cancellationToken)
    {
        var imports = new Imports();
        context.DefineIn(imports);
        return _loaded is not null ? _loaded.Instantiate(imports, Limits.OfRequest) : _module.Instantiate(imports, Limits.OfRequest, cancellationToken);
    }

    /// <summary>Lets its threads end when they have done what they have. Nothing may be asked of it any more.</summary>
    public void Dispose()
    {
        _threads.Dispose();
        _loaded?.Dispose();
    }

    private static (Module? Module, string? Fault) Compile(byte[] bytes, ProgramRequirements requirements)
    {
        try
        {
            // An engine of its own, which remembers nothing: a program may be large, and is compiled once.
            var engine = new Engine(new EngineOptions { MaxModuleBytes = ModelProgramFile.MostBytes, Features = AgentFeatures.Admitted, CachedModules = 0, TimeProvider = requirements.Time });
            return (engine.Compile(bytes), null);
        }
        catch (InvalidModuleException invalid)
        {
            return (null, requirements.Refuse($"it is no WebAssembly that runs here: {invalid.Message}. It may be torn: copy it anew."));
        }
    }

    private static string TooSlow(ProgramRequirements requirements) =>
        requirements.Refuse($"it was not loaded within {requirements.Limits.LoadTime.TotalMilliseconds:N0} ms. Raise LoadMs of this model in the option Inference:Local.");

    private static (ModelProgram? Program, string? Fault) Load(Module module, GuestThreads threads, ProgramRequirements requirements, CancellationToken cancellationToken)
    {
        try
        {
            if (!IsCall(module, "_start"))
                return Refuse("it exports no function _start without arguments and results. A model is a command of WASI preview 1; in C, one that has main.");
            var hasLoad = module.Exports.Any(export => export.Name == LoadExport);
            if (hasLoad && !IsCall(module, LoadExport))
                return Refuse($"its {LoadExport} is not a function without arguments and results.");
            using var context = new WasiContext(WorldOf(requirements.Name, requirements.Log, requirements.Time, []));
            var imports = new Imports();
            context.DefineIn(imports);
            // Made where there is nothing to load, too: what cannot be linked is told now, and not with each request.
            using var instance = module.Instantiate(imports, requirements.Limits.OfLoading, cancellationToken);
            if (!hasLoad)
                return (new ModelProgram(module, null, threads, requirements), null);
            try
            {
                instance.Invoke(LoadExport, [], cancellationToken);
            }
            finally
            {
                context.Stderr.Flush();
            }

            return (new ModelProgram(module, instance.TakeSnapshot(), threads, requirements), null);
        }
        catch (TrapException stopped) when (stopped.Code is TrapCode.Cancelled)
        {
            throw new OperationCanceledException("The node ends.", stopped, cancellationToken);
        }
        catch (LinkException unlinked)
        {
            return Refuse(unlinked.Refusal is LinkRefusal.MemoryLimit
                ? $"it needs more memory to begin with than the {requirements.Limits.MemoryBytes:N0} bytes that it may have. Raise MemoryBytes of this model in the option Inference:Local."
                : $"{unlinked.Message}. A model has the functions of WASI preview 1 and no others.");
        }
        catch (TrapException slow) when (slow.Code is TrapCode.DeadlineExceeded)
        {
            return (null, TooSlow(requirements));
        }
        catch (TrapException trap)
        {
            return Refuse($"it trapped while it was loaded: {TrapException.Describe(trap.Code)}. Ask its publisher; it may need more memory than MemoryBytes gives it.");
        }
        catch (ProcessExitException exit)
        {
            return Refuse($"it ended with exit code {exit.ExitCode} while it was loaded; the log has what it said.");
        }
        catch (SnapshotException shared)
        {
            return Refuse($"what it has loaded cannot be kept: {shared.Message}");
        }

        (ModelProgram?, string?) Refuse(string reason) => (null, requirements.Refuse(reason));
    }

    private static bool IsCall(Module module, string name) => module.Exports.Any(export => export.Name == name && export.Type is FunctionType { Parameters.Length: 0, Results.Length: 0 });

    private static WasiOptions WorldOf(string name, ProgramLog log, TimeProvider time, string[] arguments) => new()
    {
        Arguments = [name, .. arguments],
        // How long something takes is how others are listened to: time goes on by looking at it alone.
        Clock = WasiClock.Deterministic(time.GetUtcNow()),
        Stderr = GuestOutput.ToStream(log.Open()),
    };
}

/// <summary>What a program is run with.</summary>
/// <param name="Name">Of the model; the program's first argument.</param>
/// <param name="File">Where it was read.</param>
/// <param name="Slots">So many requests at once.</param>
/// <param name="Limits">What it may use.</param>
/// <param name="Log">Takes what it writes to stderr.</param>
/// <param name="Time">The clock.</param>
internal sealed record ProgramRequirements(string Name, string File, int Slots, ProgramLimits Limits, ProgramLog Log, TimeProvider Time)
{
    /// <summary>That it cannot be served, for its operator.</summary>
    /// <param name="reason">The end of the sentence.</param>
    public string Refuse(string reason) => $"{File} cannot be served: {reason}";
}

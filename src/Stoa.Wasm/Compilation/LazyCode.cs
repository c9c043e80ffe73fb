using System.Collections.Concurrent;
using System.Reflection.Emit;
using System.Runtime.InteropServices;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Compilation;

/// <summary>The compiled functions of a module: each is compiled when it is first needed, by whichever thread needs it.</summary>
/// <remarks>
/// A cell holds the address that direct calls jump to. It is empty until code that calls the function is compiled, then it leads to
/// the signature's lazy stub, at last to the function itself.
/// </remarks>
internal sealed unsafe class LazyCode
{
    /// <summary>Stack that the compilers, ours and the JIT, may need.</summary>
    private const int CompilerStackBytes = 1 << 20;

    /// <summary>The longest body that is compiled by the guest's own thread, which cannot be stopped meanwhile: in the worst case found 5 ms.</summary>
    private const int SmallFunctionBytes = 1_000;

    private readonly Module _module;
    private readonly DynamicMethod?[] _methods;
    private readonly ConcurrentBag<DynamicMethod> _guards = [];
    private readonly Lock[] _locks = [new(), new(), new(), new(), new(), new(), new(), new()];
    private readonly Dictionary<int, CompilationJob> _jobs = [];
    private readonly nint* _cells;

    public LazyCode(Module module)
    {
        _module = module;
        int count = module.Definition.FunctionTypes.Count;
        _methods = new DynamicMethod?[count];
        _cells = (nint*)NativeMemory.AllocZeroed((nuint)Math.Max(count, 1), (nuint)sizeof(nint));
    }

    ~LazyCode() => NativeMemory.Free(_cells);

    /// <summary>Whether a function is compiled.</summary>
    public bool IsCompiled(int function) => Volatile.Read(ref _methods[function]) is not null;

    /// <summary>The address of a function if it is compiled, else 0.</summary>
    public nint Find(int function) => IsCompiled(function) ? Volatile.Read(ref _cells[function]) : 0;

    /// <summary>The cell for direct calls to a function; from now on it leads somewhere.</summary>
    public nint CellOf(int function)
    {
        if (Volatile.Read(ref _cells[function]) == 0)
            Interlocked.CompareExchange(ref _cells[function], _module.Definition.TypeOfFunction(function).LazyStub, 0);
        return (nint)(_cells + function);
    }

    /// <summary>Compiles a function unless it is compiled already.</summary>
    /// <param name="function">Its number.</param>
    /// <param name="interruption">What may stop the guest that needs it; null: nothing.</param>
    /// <returns>Its address.</returns>
    /// <exception cref="TrapException">The guest is to stop; the function is compiled all the same if that has begun.</exception>
    public nint Compile(int function, Interruption? interruption)
    {
        if (IsCompiled(function))
            return _cells[function];

        // A guest may call a hundred thousand small functions one after the other, which never look at the fuel.
        if (interruption is { HasFired: true })
            throw new TrapException(interruption.Reason);
        bool hasRoom = StackBounds.Remaining >= CompilerStackBytes;
        if (hasRoom && IsSmall(function))
            return CompileHere(function);
        var job = JobFor(function, out bool isNew);
        if (isNew && hasRoom && interruption is null)
            job.Run();
        else if (isNew)
            CompilerThreads.Shared.Add(job);
        return job.Wait(interruption);
    }

    /// <summary>What the lazy stubs call: compiles the function that the caller was about to call.</summary>
    internal static nint CompilePending(nint contextAddress)
    {
        var context = (InstanceContext*)contextAddress;
        var owner = ContextOwner.Of(context);
        return owner.Instance!.Module.Code.Compile(context->PendingFunction, owner.Group.Interruption);
    }

    /// <summary>Puts a check of the stack in front of a function whose frame may be large.</summary>
    private nint Guard(int function, nint address)
    {
        var graph = _module.Definition.CallGraph;
        if (!graph.IsLarge(function))
            return address;
        var guard = Thunks.StackGuard(_module.Definition.TypeOfFunction(function), address, graph.FrameBytes(function));
        _guards.Add(guard);
        return NativeCode.Compile(guard);
    }

    private bool IsSmall(int function)
    {
        var definition = _module.Definition;
        return definition.Bodies[function - definition.ImportedFunctions].Length <= SmallFunctionBytes;
    }

    private CompilationJob JobFor(int function, out bool isNew)
    {
        lock (_jobs)
        {
            isNew = !_jobs.TryGetValue(function, out var job) || !job.TryJoin();
            if (!isNew)
                return job!;
            job = new CompilationJob(() => CompileAndForget(function));
            job.TryJoin();
            return _jobs[function] = job;
        }
    }

    private nint CompileAndForget(int function)
    {
        try
        {
            return CompileHere(function);
        }
        finally
        {
            lock (_jobs)
                _jobs.Remove(function);
        }
    }

    private nint CompileHere(int function)
    {
        // A large function has one job; waiting for a small one must not become waiting for a large one.
        if (!IsSmall(function))
            return CompileOnce(function);
        lock (_locks[function % _locks.Length])
            return CompileOnce(function);
    }

    private nint CompileOnce(int function)
    {
        if (IsCompiled(function))
            return _cells[function];
        var method = FunctionCompiler.Compile(_module, function);
        MethodOrigin.OfFunction(method, _module, function);
        nint address = Guard(function, NativeCode.Compile(method));
        Volatile.Write(ref _cells[function], address);
        Volatile.Write(ref _methods[function], method);
        return address;
    }
}

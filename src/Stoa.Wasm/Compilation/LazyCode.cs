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

    private const int CompilerThreadStackBytes = 16 << 20;

    private readonly Module _module;
    private readonly DynamicMethod?[] _methods;
    private readonly ConcurrentBag<DynamicMethod> _guards = [];
    private readonly Lock[] _locks = [new(), new(), new(), new(), new(), new(), new(), new()];
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
    /// <returns>Its address.</returns>
    public nint Compile(int function)
    {
        if (IsCompiled(function))
            return _cells[function];
        if (StackBounds.Remaining < CompilerStackBytes)
            return CompileOnOtherThread(function);
        lock (_locks[function % _locks.Length])
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

    /// <summary>What the lazy stubs call: compiles the function that the caller was about to call.</summary>
    internal static nint CompilePending(nint contextAddress)
    {
        var context = (InstanceContext*)contextAddress;
        return ContextOwner.Of(context).Instance!.Module.Code.Compile(context->PendingFunction);
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

    private nint CompileOnOtherThread(int function)
    {
        nint address = 0;
        Exception? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    address = Compile(function);
                }
                catch (Exception exception)
                {
                    failure = exception;
                }
            },
            CompilerThreadStackBytes);
        thread.Start();
        thread.Join();
        if (failure is not null)
            throw new InvalidOperationException("A function could not be compiled.", failure);
        return address;
    }
}

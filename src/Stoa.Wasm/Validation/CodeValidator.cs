using System.Runtime.ExceptionServices;
using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Validation;

/// <summary>Checks all bodies of a module's code section; those of a large one on several threads.</summary>
/// <remarks>
/// The bodies are cut into parts. The calling thread takes one part after the other; threads of the pool that have time do the same. The
/// caller waits for nobody but those who are in the middle of a part, so that it ends even when the pool has no thread to spare, and when
/// the caller is of the pool itself. What is refused, and why, does not depend on who checks: it is the first fault in the module's order.
/// </remarks>
internal sealed class CodeValidator
{
    /// <summary>Below this many bytes of code one thread is done before others have begun.</summary>
    public const int ParallelBytes = 256 << 10;

    private const int PartBytes = 64 << 10;

    private readonly ModuleDefinition _module;
    private readonly byte[] _bytes;
    private readonly EngineOptions _options;
    private readonly FunctionBody[] _bodies;

    /// <summary>The first body behind each part.</summary>
    private readonly List<int> _ends = [];
    private readonly object _finishing = new();
    private int[][] _callees = [];
    private ExceptionDispatchInfo?[] _refusals = [];
    private int _lastTaken = -1;
    private int _firstRefused = int.MaxValue;
    private int _finished;

    private CodeValidator(ModuleDefinition module, byte[] bytes, EngineOptions options, int count)
    {
        _module = module;
        _bytes = bytes;
        _options = options;
        _bodies = new FunctionBody[count];
    }

    /// <summary>Checks the bodies and completes the module by them and by its call graph.</summary>
    /// <param name="reader">Stands before the first body.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="module">All that comes before the code.</param>
    /// <param name="bytes">The whole module.</param>
    /// <param name="options">The limits.</param>
    /// <exception cref="InvalidModuleException">A body is not valid or exceeds a limit.</exception>
    public static void Validate(ref WasmReader reader, int count, ModuleDefinition module, byte[] bytes, EngineOptions options)
    {
        var validator = new CodeValidator(module, bytes, options, count);
        module.CallGraph = new CallGraph(module.ImportedFunctions, count);

        // A length that is refused comes after the bodies before it, whose faults come first.
        var cut = validator.ReadLengths(ref reader);
        validator.CheckBodies();
        cut?.Throw();
        module.CallGraph.Close([.. validator._callees.SelectMany(part => part)]);
        module.Bodies = validator._bodies;
    }

    private ExceptionDispatchInfo? ReadLengths(ref WasmReader reader)
    {
        int i = 0;
        int start = reader.Position;
        int partBytes = reader.Remaining < ParallelBytes ? int.MaxValue : PartBytes;
        ExceptionDispatchInfo? cut = null;
        try
        {
            for (; i < _bodies.Length; i++)
            {
                int at = reader.Position;
                int length = reader.ReadLength();
                if (length > _options.MaxFunctionBytes)
                    Forms.Exceeded($"function body is longer than {_options.MaxFunctionBytes} bytes", at);
                _bodies[i] = new FunctionBody(reader.Position, length);
                reader.Position += length;
                if (reader.Position - start < partBytes)
                    continue;
                _ends.Add(i + 1);
                start = reader.Position;
            }
        }
        catch (InvalidModuleException refusal)
        {
            cut = ExceptionDispatchInfo.Capture(refusal);
        }

        if (_ends.Count == 0 || _ends[^1] < i)
            _ends.Add(i);
        return cut;
    }

    private void CheckBodies()
    {
        _callees = new int[_ends.Count][];
        _refusals = new ExceptionDispatchInfo?[_ends.Count];
        for (int helpers = Math.Min(_options.MaxValidationThreads, _ends.Count) - 1; helpers > 0; helpers--)
            ThreadPool.UnsafeQueueUserWorkItem(static validator => validator.CheckParts(), this, preferLocal: false);
        CheckParts();
        lock (_finishing)
        {
            while (_finished < _ends.Count)
                Monitor.Wait(_finishing);
        }

        if (_firstRefused < _refusals.Length)
            _refusals[_firstRefused]!.Throw();
    }

    private void CheckParts()
    {
        FunctionValidator? validator = null;
        for (int part = Interlocked.Increment(ref _lastTaken); part < _ends.Count; part = Interlocked.Increment(ref _lastTaken))
        {
            try
            {
                // Parts are taken in order, so what lies before the first refusal is checked by someone in any case.
                if (part < Volatile.Read(ref _firstRefused))
                    CheckPart(part, validator ??= new FunctionValidator(_module, _bytes, _options));
            }
            catch (Exception exception)
            {
                _refusals[part] = ExceptionDispatchInfo.Capture(exception);
                lock (_finishing)
                    _firstRefused = Math.Min(_firstRefused, part);
            }

            lock (_finishing)
            {
                if (++_finished == _ends.Count)
                    Monitor.PulseAll(_finishing);
            }
        }
    }

    private void CheckPart(int part, FunctionValidator validator)
    {
        for (int i = part == 0 ? 0 : _ends[part - 1]; i < _ends[part]; i++)
            _bodies[i] = validator.Validate(_module.ImportedFunctions + i, _bodies[i]);
        _callees[part] = validator.Calls.Take();
    }
}

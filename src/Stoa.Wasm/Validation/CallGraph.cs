using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Validation;

/// <summary>Which functions call which, and so where a call has to look at how deep it is and how much stack is left.</summary>
/// <remarks>
/// Only a function that may be entered again before it returns can use up the stack: one on a cycle of direct calls, or one that
/// calls through a table or an import, where anything may follow. Other functions have a depth that is known; they look only where
/// their frames together could be larger than what is kept in reserve below the limit.
/// </remarks>
internal sealed class CallGraph
{
    /// <summary>Stack that functions which do not look may use together, below one that did.</summary>
    private const long MaxUnguardedBytes = 64 << 10;

    private readonly int _imported;
    private readonly long[] _frameBytes;

    /// <summary>Where the callees of a function end in <see cref="_callees"/>; until the graph is closed, how many it has.</summary>
    private readonly int[] _ends;
    private int[] _callees = [];
    private bool[] _isGuarded = [];

    /// <summary>Makes a graph.</summary>
    /// <param name="importedFunctions">They come first.</param>
    /// <param name="functions">How many the module has of its own.</param>
    public CallGraph(int importedFunctions, int functions)
    {
        _imported = importedFunctions;
        _frameBytes = new long[functions];
        _ends = new int[functions];
    }

    /// <summary>Whether a function checks depth and stack when it is entered.</summary>
    public bool IsGuarded(int function) => _isGuarded[function - _imported];

    /// <summary>Whether the frame may be so large that the stack has to be checked before there is a frame.</summary>
    public bool IsLarge(int function) => FrameBytes(function) > MaxUnguardedBytes;

    /// <summary>No less than the stack that one call takes, whatever the JIT does.</summary>
    public long FrameBytes(int function) => _frameBytes[function - _imported];

    /// <summary>Adds a function, from any thread.</summary>
    /// <param name="function">Its index among all functions.</param>
    /// <param name="body">What validation saw.</param>
    /// <param name="locals">Parameters included.</param>
    /// <param name="callees">How many entries it has in the list that <see cref="Close"/> gets.</param>
    public void AddFunction(int function, FunctionBody body, int locals, int callees)
    {
        _ends[function - _imported] = callees;

        // Each local may have a home in the frame, and so may each value in between. The densest code measured, nothing but calls
        // that the JIT did not optimise, took 8 bytes of frame a byte of code.
        // Vectors take twice the room: 16 bytes a byte of code were measured, and 49 where the processor's vectors are not used.
        bool hasVectors = (body.Facts & FunctionFacts.HasVectors) != 0;
        _frameBytes[function - _imported] = hasVectors
            ? 128 + (16L * locals) + (32L * body.MaxOperands) + ((Sse41.IsSupported || AdvSimd.IsSupported ? 20L : 64L) * body.Length)
            : 128 + (8L * locals) + (16L * body.MaxOperands) + (12L * body.Length);
    }

    /// <summary>Decides for all functions, once they are all known: strongly connected components by Tarjan's algorithm.</summary>
    /// <param name="callees">The callees of all functions in their order, as <see cref="CallList"/> has them.</param>
    public void Close(int[] callees)
    {
        _callees = callees;
        int end = 0;
        foreach (ref int callsOrEnd in _ends.AsSpan())
            callsOrEnd = end += callsOrEnd;
        int count = _ends.Length;
        _isGuarded = new bool[count];
        var order = new int[count];
        var lowest = new int[count];
        var isOpen = new bool[count];
        var chains = new long[count];
        var component = new Stack<int>();
        var path = new Stack<(int Function, int Next)>();
        int visited = 0;
        for (int root = 0; root < count; root++)
        {
            if (order[root] != 0)
                continue;
            path.Push((root, Start(root)));
            while (path.TryPop(out var step))
            {
                var (function, next) = step;
                if (next == Start(function))
                {
                    order[function] = lowest[function] = ++visited;
                    isOpen[function] = true;
                    component.Push(function);
                }

                int child = NextChild(function, ref next, order, lowest, isOpen);
                if (child >= 0)
                {
                    path.Push((function, next));
                    path.Push((child, Start(child)));
                    continue;
                }

                if (lowest[function] == order[function])
                    CloseComponent(function, component, isOpen, chains);
                if (path.TryPeek(out var parent))
                    lowest[parent.Function] = Math.Min(lowest[parent.Function], lowest[function]);
            }
        }

        _callees = [];
    }

    private int Start(int function) => function == 0 ? 0 : _ends[function - 1];

    /// <summary>Goes on through the callees of a function until one is met that was never visited; -1 when none is left.</summary>
    private int NextChild(int function, ref int next, int[] order, int[] lowest, bool[] isOpen)
    {
        while (next < _ends[function])
        {
            int callee = _callees[next++];
            if (callee < 0)
                continue;
            if (order[callee] == 0)
                return callee;
            if (isOpen[callee])
                lowest[function] = Math.Min(lowest[function], order[callee]);
        }

        return -1;
    }

    private void CloseComponent(int root, Stack<int> component, bool[] isOpen, long[] chains)
    {
        bool isCycle = component.Peek() != root;
        int function;
        do
        {
            function = component.Pop();
            isOpen[function] = false;
            Decide(function, isCycle, chains);
        }
        while (function != root);
    }

    private void Decide(int function, bool isCycle, long[] chains)
    {
        long below = 0;
        bool isGuarded = isCycle;
        foreach (int callee in _callees.AsSpan(Start(function).._ends[function]))
        {
            if (callee < 0 || callee == function)
                isGuarded = true;
            else if (!_isGuarded[callee])
                below = Math.Max(below, chains[callee]);
        }

        chains[function] = below + _frameBytes[function];
        _isGuarded[function] = isGuarded || chains[function] > MaxUnguardedBytes;
    }
}

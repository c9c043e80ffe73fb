namespace Stoa.Wasm.Validation;

/// <summary>Collects what functions call, each callee once for each caller, for <see cref="CallGraph"/>.</summary>
internal sealed class CallList(int importedFunctions, int functions)
{
    /// <summary>Stands for a call that may lead anywhere: of an import or through a table.</summary>
    public const int Anything = -1;

    private readonly List<int> _callees = [];

    /// <summary>For each function which caller, counted from one, added it last.</summary>
    private readonly int[] _lastCallers = new int[functions];
    private int _caller = 1;
    private int _start;
    private bool _callsAnything;

    public void Add(int function)
    {
        int callee = function - importedFunctions;
        if (callee < 0)
        {
            _callsAnything = true;
        }
        else if (_lastCallers[callee] != _caller)
        {
            _lastCallers[callee] = _caller;
            _callees.Add(callee);
        }
    }

    public void AddAny() => _callsAnything = true;

    /// <summary>Ends the function whose calls were added.</summary>
    /// <returns>How many entries it has.</returns>
    public int EndFunction()
    {
        if (_callsAnything)
            _callees.Add(Anything);
        _callsAnything = false;
        _caller++;
        int added = _callees.Count - _start;
        _start = _callees.Count;
        return added;
    }

    /// <summary>Takes out the callees of all functions that were ended, one after the other, without the imported ones.</summary>
    public int[] Take()
    {
        int[] callees = [.. _callees];
        _callees.Clear();
        _start = 0;
        return callees;
    }
}

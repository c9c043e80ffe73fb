using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Runtime;

/// <summary>Where the parts of an instance's block lie that depend on its module. Offsets are bytes from the context.</summary>
internal sealed unsafe class ContextLayout
{
    private readonly int[] _globals;
    private readonly int _memories;
    private readonly Dictionary<int, int> _records = [];

    public ContextLayout(ModuleDefinition module)
    {
        int at = Align(sizeof(InstanceContext));
        Results = at;
        int results = module.Types.Length == 0 ? 0 : module.Types.Max(type => type.Type.Results.Length);
        ResultSlots = Math.Max(results - 1, 0);
        at += ResultSlots * Slot.Bytes;

        var exported = module.Exports.Where(export => export.Kind == ExternKind.Global).Select(export => export.Index).ToHashSet();
        _globals = new int[module.Globals.Count];
        for (int i = 0; i < _globals.Length; i++)
        {
            bool shared = i < module.ImportedGlobals || exported.Contains(i);
            _globals[i] = shared ? ~at : at;
            at += Slot.Bytes;
        }

        // The view of memory 0 is a part of the context.
        at = Align(at);
        _memories = at - sizeof(MemoryView);
        at += Math.Max(module.Memories.Count - 1, 0) * sizeof(MemoryView);
        Tables = at;
        at += module.Tables.Count * sizeof(nint);
        Imports = at;
        at += module.ImportedFunctions * sizeof(nint);
        at = Align(at);
        HostContexts = at;
        at += module.ImportedFunctions * sizeof(InstanceContext);
        HostRecords = at;
        at += module.ImportedFunctions * sizeof(FunctionRecord);
        Records = at;
        var referenced = module.ReferencedFunctions.Concat(module.Start is { } start ? [start] : []).Distinct().Order();
        foreach (int function in referenced.SkipWhile(function => function < module.ImportedFunctions))
        {
            _records.Add(function, at);
            at += sizeof(FunctionRecord);
        }

        Bytes = at;
    }

    /// <summary>Results after the first.</summary>
    public int Results { get; }

    /// <summary>How many there is room for.</summary>
    public int ResultSlots { get; }

    /// <summary>Pointers to <see cref="TableView"/>.</summary>
    public int Tables { get; }

    /// <summary>Pointers to <see cref="FunctionRecord"/>, one an imported function.</summary>
    public int Imports { get; }

    public int HostContexts { get; }

    public int HostRecords { get; }

    /// <summary>Records of the module's own functions that can be referred to.</summary>
    public int Records { get; }

    public int Bytes { get; }

    /// <summary>The module's own functions that have a record, with its offset.</summary>
    public IReadOnlyDictionary<int, int> FunctionRecords => _records;

    /// <summary>Where a global lies.</summary>
    /// <param name="index">Which one.</param>
    /// <param name="isShared">Whether that place holds only the address of the value, because others see the global too.</param>
    public int Global(int index, out bool isShared)
    {
        int at = _globals[index];
        isShared = at < 0;
        return isShared ? ~at : at;
    }

    /// <summary>Where the view of a memory lies that is not the first.</summary>
    public int MemoryView(int index) => _memories + (index * sizeof(MemoryView));

    private static int Align(int offset) => (offset + Slot.Bytes - 1) / Slot.Bytes * Slot.Bytes;
}

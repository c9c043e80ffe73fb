using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Fuzz.Generation;

/// <summary>What the functions of a generated module may refer to, decided before their code is written.</summary>
internal sealed class ModuleShape
{
    private static readonly ValueKind[] s_kinds = [I32, I32, I32, I64, I64, F32, F64, V128, FuncRef, ExternRef];

    private readonly List<FunctionType> _types = [];

    public IReadOnlyList<FunctionType> Types => _types;

    /// <summary>Types of all functions: the imported ones first, then those with generated code.</summary>
    public List<FunctionType> Functions { get; } = [];

    public int ImportedFunctions { get; set; }

    /// <summary>The globals; the first one is the budget.</summary>
    public List<GlobalType> Globals { get; } = [];

    public List<TableType> Tables { get; } = [];

    /// <summary>How many elements each element segment has, and of which kind; the first ones fill the tables.</summary>
    public List<(ValueKind Element, int Length)> Elements { get; } = [];

    /// <summary>Bytes of each data segment; the first ones fill the memories.</summary>
    public List<int> Data { get; } = [];

    public List<Limits> Memories { get; } = [];

    public bool HasMemory => Memories.Count > 0;

    public bool HasVectors { get; set; }

    /// <summary>Whether a NaN is made one value when it is quiet and another when it is signalling, so that one which was not quietened shows.</summary>
    public bool TellsSignalling { get; set; }

    /// <summary>Whether only what does not trap is generated, as far as that is known.</summary>
    public bool IsCautious { get; set; }

    /// <summary>Whether small loops without calls are frequent.</summary>
    public bool IsTight { get; set; }

    /// <summary>Whether loads near the end of a memory, of which little or nothing is wanted, are frequent.</summary>
    public bool IsAtEdge { get; set; }

    /// <summary>The first of the functions, the last ones, that do nothing else.</summary>
    public int FirstOfLoads { get; set; }

    /// <summary>Whether constant expressions compute and read globals.</summary>
    public bool HasExtendedConstants { get; set; }

    public int TypeIndex(FunctionType type)
    {
        int index = _types.IndexOf(type);
        if (index >= 0)
            return index;
        _types.Add(type);
        return _types.Count - 1;
    }

    public ValueKind Kind(SeededRandom random)
    {
        var kind = random.Pick<ValueKind>(s_kinds);
        return kind == V128 && !HasVectors ? I64 : kind;
    }

    public ValueKind[] Kinds(SeededRandom random, int count)
    {
        var kinds = new ValueKind[count];
        for (int i = 0; i < count; i++)
            kinds[i] = Kind(random);
        return kinds;
    }
}

using Stoa.Wasm.Binary;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Fuzz.Generation;

/// <summary>Makes a valid module out of a seed: the same one on every machine.</summary>
internal sealed class ModuleGenerator
{
    private readonly SeededRandom _random;
    private readonly ModuleShape _shape = new();
    private readonly List<byte[]> _bodies = [];
    private readonly List<FunctionType> _types = [];
    private readonly List<(string Name, ExternKind Kind, int Index)> _exports = [];
    private readonly List<FunctionType> _called = [];

    /// <summary>The bits that immutable globals hold, as far as they are known.</summary>
    private readonly Dictionary<int, ulong> _known = [];

    private WasmFeatures _needs;

    private ModuleGenerator(ulong seed) => _random = new SeededRandom(seed);

    /// <summary>Makes the module of a seed.</summary>
    public static GeneratedModule Generate(ulong seed) => new ModuleGenerator(seed).Build(seed);

    private GeneratedModule Build(ulong seed)
    {
        bool isPortable = !_random.Chance(20);
        Decide();
        int size = _random.Below(100) switch { < 60 => 60, < 90 => 200, < 99 => 600, _ => 4000 };
        int first = _shape.ImportedFunctions;
        for (int i = first; i < _shape.Functions.Count; i++)
        {
            var function = new FunctionGenerator(_shape, _shape.Functions[i], i, _random);
            _bodies.Add(i < _shape.FirstOfLoads ? function.Generate(_random.Between(size / 4, size)) : function.GenerateLoads());
        }

        _types.AddRange(_shape.Functions.Skip(first));
        for (int i = first; i < _shape.Functions.Count; i++)
            AddCalled(i, isPortable);
        AddState();
        _exports.Add(("budget", ExternKind.Global, 0));
        for (int i = 0; i < _shape.Memories.Count; i++)
            _exports.Add(($"memory{i}", ExternKind.Memory, i));
        foreach (var type in _types)
            _shape.TypeIndex(type);
        var (before, after) = Sections();
        return new GeneratedModule(seed, isPortable, _needs, before, [.. _bodies], after, [.. _called]);
    }

    private void Decide()
    {
        _shape.HasVectors = _random.Chance(60);
        _shape.TellsSignalling = _random.Chance(40);
        _shape.IsCautious = _random.Chance(80);
        _shape.IsTight = _random.Chance(50);
        _shape.IsAtEdge = _random.Chance(40);
        _shape.HasExtendedConstants = _random.Chance(40);
        if (_random.Chance(50))
        {
            _shape.ImportedFunctions = 1;
            _shape.Functions.Add(HostMix.Type);
        }

        int functions = _random.Between(2, 6);
        for (int i = 0; i < functions; i++)
        {
            int parameters = _random.Chance(4) ? _random.Between(8, 40) : _random.Below(6);
            int results = _random.Below(100) switch { < 10 => 0, < 75 => 1, < 96 => _random.Between(2, 4), _ => _random.Between(5, 16) };
            _shape.Functions.Add(new FunctionType(_shape.Kinds(_random, parameters), _shape.Kinds(_random, results)));
        }

        _shape.FirstOfLoads = _shape.Functions.Count;
        for (int i = _shape.IsAtEdge ? _random.Between(2, 5) : 0; i > 0; i--)
            _shape.Functions.Add(new FunctionType([I32, .. _shape.Kinds(_random, _random.Below(3))], [.. new[] { I32, I64 }.Take(_random.Below(3))]));
        foreach (var type in _shape.Functions)
            _shape.TypeIndex(type);
        _shape.Globals.Add(new GlobalType(I32, true));
        for (int i = _random.Between(2, 8); i > 0; i--)
            _shape.Globals.Add(new GlobalType(_shape.Kind(_random), _random.Chance(80)));
        if (_shape.IsAtEdge || _random.Chance(90))
        {
            int memories = _random.Chance(20) ? _random.Between(2, 4) : 1;
            if (memories > 1)
                Need(WasmFeatures.MultipleMemories);
            for (int i = 0; i < memories; i++)
            {
                uint minimum = _random.Chance(5) ? 0u : (uint)_random.Between(1, 2);
                _shape.Memories.Add(new Limits(minimum, minimum + (uint)_random.Below(3)));
            }

            for (int i = memories - 1 + _random.Between(1, 3); i > 0; i--)
                _shape.Data.Add(_random.Below(200));
        }

        for (int i = _random.Below(4); i > 0; i--)
        {
            var element = i == 1 || _random.Chance(60) ? FuncRef : ExternRef;
            uint minimum = (uint)_random.Between(1, 12);
            _shape.Tables.Add(new TableType(element, new Limits(minimum, minimum + (uint)_random.Below(6))));
            _shape.Elements.Add((element, (int)minimum - _random.Below(2)));
        }

        if (_shape.Tables.Count > 0)
            _shape.Elements.Add((FuncRef, _random.Below(6)));
    }

    /// <summary>Exports a function, or for a portable module one that makes its parameters of integers and integers of its results.</summary>
    private void AddCalled(int function, bool isPortable)
    {
        var type = _shape.Functions[function];
        string name = GeneratedModule.NameOf(_called.Count);
        if (!isPortable)
        {
            _exports.Add((name, ExternKind.Function, function));
            _called.Add(type);
            return;
        }

        var wrapper = PortableWrapper.Of(type, function);
        _exports.Add((name, ExternKind.Function, _shape.ImportedFunctions + _bodies.Count));
        _bodies.Add(wrapper.Body);
        _types.Add(wrapper.Type);
        _called.Add(wrapper.Type);
    }

    private void AddState()
    {
        var code = new CodeWriter();
        code.Number(0);
        var results = new List<ValueKind>();
        for (int i = 0; i < _shape.Globals.Count; i++)
        {
            code.Op(Opcode.GlobalGet, i);
            PortableWrapper.WriteAsIntegers(code, _shape.Globals[i].Content, results, () => code.Op(Opcode.GlobalGet, i));
        }

        for (int table = 0; table < _shape.Tables.Count; table++)
        {
            code.Op(ExtendedOpcode.TableSize, table);
            results.Add(I32);
            for (int i = 0; i < _shape.Tables[table].Elements.Minimum; i++)
            {
                code.I32(i);
                code.Op(Opcode.TableGet, table);
                code.Op(Opcode.RefIsNull);
                results.Add(I32);
            }
        }

        code.Op(Opcode.End);
        _exports.Add((GeneratedModule.State, ExternKind.Function, _shape.ImportedFunctions + _bodies.Count));
        _bodies.Add(code.ToArray());
        _types.Add(new FunctionType([], [.. results]));
    }

    private (byte[] Before, byte[] After) Sections()
    {
        var before = new CodeWriter();
        before.Bytes([.. "\0asm"u8, 1, 0, 0, 0]);
        Section(before, 1, _shape.Types, (code, type) =>
        {
            code.Byte(0x60);
            WriteKinds(code, type.Parameters.AsSpan());
            WriteKinds(code, type.Results.AsSpan());
        });
        Section(before, 2, _shape.Functions.Take(_shape.ImportedFunctions), (code, type) =>
        {
            code.Name(HostMix.Module);
            code.Name(HostMix.Name);
            code.Byte(0);
            code.Number((uint)_shape.TypeIndex(type));
        });
        Section(before, 3, _types, (code, type) => code.Number((uint)_shape.TypeIndex(type)));
        Section(before, 4, _shape.Tables, (code, table) =>
        {
            code.Byte((byte)table.Element);
            WriteLimits(code, table.Elements);
        });
        Section(before, 5, _shape.Memories, WriteLimits);
        Section(before, 6, Enumerable.Range(0, _shape.Globals.Count), WriteGlobal);
        Section(before, 7, _exports, (code, export) =>
        {
            code.Name(export.Name);
            code.Byte((byte)export.Kind);
            code.Number((uint)export.Index);
        });
        Section(before, 9, Enumerable.Range(0, _shape.Elements.Count + 1), WriteElements);
        if (_shape.Data.Count > 0)
        {
            before.Byte(12);
            before.Number(1);
            before.Number((uint)_shape.Data.Count);
        }

        var after = new CodeWriter();
        Section(after, 11, Enumerable.Range(0, _shape.Data.Count), WriteData);
        return (before.ToArray(), after.ToArray());
    }

    private void WriteGlobal(CodeWriter code, int index)
    {
        var global = _shape.Globals[index];
        code.Byte((byte)global.Content);
        code.Byte(global.IsMutable ? 1 : 0);
        var content = new CodeWriter();
        int source = FindImmutable(global.Content, before: index);
        if (_shape.HasExtendedConstants && global.Content is I32 or I64 && _random.Chance(60))
        {
            ulong value = WriteComputed(content, global.Content, index, depth: 0);
            if (!global.IsMutable)
                _known[index] = value;
        }
        else if (_shape.HasExtendedConstants && source >= 0 && _random.Chance(40))
        {
            Need(WasmFeatures.ExtendedConstantExpressions);
            content.Op(Opcode.GlobalGet, source);
        }
        else if (global.Content == FuncRef && _random.Chance(50))
        {
            content.Op(Opcode.RefFunc, _random.Below(_shape.Functions.Count));
        }
        else
        {
            FunctionGenerator.WriteConstant(content, global.Content, _random);
        }

        code.Append(content);
        code.Op(Opcode.End);
    }

    /// <summary>Writes sums, differences and products of constants and globals.</summary>
    /// <returns>What they come to.</returns>
    private ulong WriteComputed(CodeWriter code, ValueKind kind, int before, int depth)
    {
        int source = _random.Chance(40) ? FindKnown(kind, before) : -1;
        if (source >= 0)
        {
            Need(WasmFeatures.ExtendedConstantExpressions);
            code.Op(Opcode.GlobalGet, source);
            return _known[source];
        }

        if (depth > 0 && (depth > 4 || _random.Chance(40)))
        {
            ulong bits = InterestingValues.Of(kind, _random).Low;
            if (kind == I32)
                code.I32((int)bits);
            else
                code.I64((long)bits);
            return bits;
        }

        Need(WasmFeatures.ExtendedConstantExpressions);
        ulong first = WriteComputed(code, kind, before, depth + 1);
        ulong second = WriteComputed(code, kind, before, depth + 1);
        int operation = _random.Below(3);
        code.Op((Opcode)((int)(kind == I32 ? Opcode.I32Add : Opcode.I64Add) + operation));
        return operation switch { 0 => first + second, 1 => first - second, _ => first * second };
    }

    /// <summary>Writes the constant expression of an address or index, which may compute it.</summary>
    private void WriteOffset(CodeWriter code, int offset)
    {
        if (!_shape.HasExtendedConstants || _random.Chance(40))
        {
            code.I32(offset);
        }
        else
        {
            int known = (int)WriteComputed(code, I32, _shape.Globals.Count, depth: 0);
            code.I32(unchecked(offset - known));
            code.Op(Opcode.I32Add);
            Need(WasmFeatures.ExtendedConstantExpressions);
        }

        code.Op(Opcode.End);
    }

    private void Need(WasmFeatures feature) => _needs |= feature;

    private int FindKnown(ValueKind kind, int before) =>
        _random.Pick<int>([-1, .. _known.Keys.Where(global => global < before && _shape.Globals[global].Content == kind)]);

    private int FindImmutable(ValueKind kind, int before) =>
        _random.Pick<int>([-1, .. Enumerable.Range(0, before).Where(i => !_shape.Globals[i].IsMutable && _shape.Globals[i].Content == kind)]);

    private void WriteElements(CodeWriter code, int segment)
    {
        if (segment == _shape.Elements.Count)
        {
            // Declares every function, so that code may refer to it.
            code.Bytes([3, 0]);
            code.Number((uint)_shape.Functions.Count);
            for (int i = 0; i < _shape.Functions.Count; i++)
                code.Number((uint)i);
            return;
        }

        var (element, length) = _shape.Elements[segment];
        if (segment < _shape.Tables.Count)
        {
            code.Byte(6);
            code.Number((uint)segment);
            WriteOffset(code, 0);
        }
        else
        {
            code.Byte(5);
        }

        code.Byte((byte)element);
        code.Number((uint)length);
        for (int i = 0; i < length; i++)
        {
            if (_shape.HasExtendedConstants && _random.Chance(25) && FindImmutable(element, _shape.Globals.Count) is >= 0 and var global)
            {
                Need(WasmFeatures.ExtendedConstantExpressions);
                code.Op(Opcode.GlobalGet, global);
            }
            else if (element == FuncRef && !_random.Chance(8))
            {
                code.Op(Opcode.RefFunc, _random.Below(_shape.Functions.Count));
            }
            else
            {
                code.Op(Opcode.RefNull);
                code.Byte((byte)element);
            }

            code.Op(Opcode.End);
        }
    }

    private void WriteData(CodeWriter code, int segment)
    {
        int length = _shape.Data[segment];
        if (segment < _shape.Memories.Count && _shape.Memories[segment].Minimum > 0)
        {
            code.Byte(segment == 0 ? 0 : 2);
            if (segment > 0)
                code.Number((uint)segment);
            WriteOffset(code, _random.Chance(50) ? ((int)_shape.Memories[segment].Minimum * Memory.PageBytes) - length : _random.Below(1000));
        }
        else
        {
            code.Byte(1);
        }

        byte[] content = new byte[length];
        _random.Fill(content);
        code.Number((uint)length);
        code.Bytes(content);
    }

    private static void WriteKinds(CodeWriter code, ReadOnlySpan<ValueKind> kinds)
    {
        code.Number((uint)kinds.Length);
        foreach (var kind in kinds)
            code.Byte((byte)kind);
    }

    private static void WriteLimits(CodeWriter code, Limits limits)
    {
        code.Byte(1);
        code.Number(limits.Minimum);
        code.Number(limits.Maximum!.Value);
    }

    private static void Section<T>(CodeWriter module, byte id, IEnumerable<T> items, Action<CodeWriter, T> write)
    {
        var content = new CodeWriter();
        T[] all = [.. items];
        if (all.Length == 0)
            return;
        content.Number((uint)all.Length);
        foreach (var item in all)
            write(content, item);
        module.Byte(id);
        module.Sized(content);
    }
}

using System.Text;
using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Tests;

/// <summary>Writes small modules, so that tests need no other tool. Functions are exported by their names.</summary>
internal sealed class ModuleBuilder
{
    private readonly List<byte[]> _types = [];
    private readonly List<byte[]> _imports = [];
    private readonly List<byte[]> _functions = [];
    private readonly List<byte[]> _exports = [];
    private readonly List<byte[]> _bodies = [];
    private readonly List<byte[]> _globals = [];
    private readonly List<byte[]> _elements = [];
    private readonly List<byte[]> _data = [];
    private int _importedFunctions;
    private int _importedGlobals;
    private byte[]? _table;
    private byte[]? _memory;
    private byte[]? _start;

    public static byte[] Empty => new ModuleBuilder().Build();

    public ModuleBuilder Import(string module, string name, ValueKind[] parameters, ValueKind[] results)
    {
        _imports.Add([.. Name(module), .. Name(name), 0, .. Number(Type(parameters, results))]);
        _importedFunctions++;
        return this;
    }

    public ModuleBuilder ImportMemory(string module, string name, uint minimum)
    {
        _imports.Add([.. Name(module), .. Name(name), 2, 0, .. Number(minimum)]);
        return this;
    }

    /// <summary>Imports a global; those of the module itself come after all of these.</summary>
    public ModuleBuilder ImportGlobal(string module, string name, ValueKind kind, bool isMutable)
    {
        _imports.Add([.. Name(module), .. Name(name), 3, (byte)kind, isMutable ? (byte)1 : (byte)0]);
        _importedGlobals++;
        return this;
    }

    public ModuleBuilder Memory(uint minimum, uint? maximum = null)
    {
        _memory = maximum is { } most ? [1, .. Number(minimum), .. Number(most)] : [0, .. Number(minimum)];
        _exports.Add([.. Name("memory"), 2, 0]);
        return this;
    }

    public ModuleBuilder Table(uint minimum, params int[] functions)
    {
        _table = [0x70, 0, .. Number(minimum)];
        _elements.Add([0, (byte)Opcode.I32Const, 0, (byte)Opcode.End, .. Vector(functions.Select(function => Number((uint)function)))]);
        return this;
    }

    public ModuleBuilder Global(ValueKind kind, bool isMutable, string? export, params byte[] initializer)
    {
        if (export is not null)
            _exports.Add([.. Name(export), 3, .. Number((uint)(_importedGlobals + _globals.Count))]);
        _globals.Add([(byte)kind, isMutable ? (byte)1 : (byte)0, .. initializer, (byte)Opcode.End]);
        return this;
    }

    public ModuleBuilder Data(int offset, params byte[] content)
    {
        _data.Add([0, .. ConstI32(offset), (byte)Opcode.End, .. Number((uint)content.Length), .. content]);
        return this;
    }

    /// <summary>Adds a function; its code ends without <c>end</c>.</summary>
    /// <param name="name">Under which it is exported; null: it is not.</param>
    /// <param name="parameters">Of its type.</param>
    /// <param name="results">Of its type.</param>
    /// <param name="locals">Beyond the parameters.</param>
    /// <param name="code">Parts of the body, one after the other.</param>
    public ModuleBuilder Function(string? name, ValueKind[] parameters, ValueKind[] results, ValueKind[] locals, params byte[][] code)
    {
        if (name is not null)
            _exports.Add([.. Name(name), 0, .. Number((uint)(_importedFunctions + _functions.Count))]);
        _functions.Add(Number(Type(parameters, results)));
        byte[] body = [.. Vector(locals.Select(kind => (byte[])[1, (byte)kind])), .. code.SelectMany(part => part), (byte)Opcode.End];
        _bodies.Add([.. Number((uint)body.Length), .. body]);
        return this;
    }

    public ModuleBuilder Start(int function)
    {
        _start = Number((uint)function);
        return this;
    }

    public byte[] Build()
    {
        byte[] module = [.. "\0asm"u8, 1, 0, 0, 0];
        return
        [
            .. module,
            .. Section(1, _types), .. Section(2, _imports), .. Section(3, _functions),
            .. Section(4, _table is null ? [] : [_table]), .. Section(5, _memory is null ? [] : [_memory]),
            .. Section(6, _globals), .. Section(7, _exports),
            .. _start is null ? [] : Section(8, _start), .. Section(9, _elements), .. Section(10, _bodies), .. Section(11, _data),
        ];
    }

    public static byte[] Op(params Opcode[] opcodes) => [.. opcodes.Select(opcode => (byte)opcode)];

    public static byte[] Ins(Opcode opcode, uint immediate) => [(byte)opcode, .. Number(immediate)];

    /// <summary>A block, loop or if without parameters and results.</summary>
    public static byte[] Plain(Opcode opcode, params byte[][] code) =>
        [(byte)opcode, 0x40, .. code.SelectMany(part => part), (byte)Opcode.End];

    public static byte[] Access(Opcode opcode, uint offset = 0) => [(byte)opcode, 0, .. Number(offset)];

    public static byte[] ConstI32(int value) => [(byte)Opcode.I32Const, .. Signed(value)];

    public static byte[] ConstI64(long value) => [(byte)Opcode.I64Const, .. Signed(value)];

    public static byte[] Extended(ExtendedOpcode opcode, params byte[] immediates) => [(byte)Opcode.PrefixFC, (byte)opcode, .. immediates];

    public static byte[] Vector(VectorOpcode opcode) => [(byte)Opcode.PrefixVector, .. Number((uint)opcode)];

    public static byte[] Number(uint value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return [.. bytes];
    }

    private static byte[] Signed(long value)
    {
        var bytes = new List<byte>();
        for (; value is < -64 or > 63; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)(value & 0x7F));
        return [.. bytes];
    }

    private uint Type(ValueKind[] parameters, ValueKind[] results)
    {
        byte[] type = [0x60, .. Vector(parameters.Select(kind => (byte[])[(byte)kind])), .. Vector(results.Select(kind => (byte[])[(byte)kind]))];
        int known = _types.FindIndex(other => other.AsSpan().SequenceEqual(type));
        if (known >= 0)
            return (uint)known;
        _types.Add(type);
        return (uint)_types.Count - 1;
    }

    private static byte[] Name(string name)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(name);
        return [.. Number((uint)utf8.Length), .. utf8];
    }

    private static byte[] Vector(IEnumerable<byte[]> items)
    {
        var all = items.ToList();
        return [.. Number((uint)all.Count), .. all.SelectMany(item => item)];
    }

    private static byte[] Section(byte id, List<byte[]> items) => items.Count == 0 ? [] : Section(id, Vector(items));

    private static byte[] Section(byte id, byte[] content) => [id, .. Number((uint)content.Length), .. content];
}

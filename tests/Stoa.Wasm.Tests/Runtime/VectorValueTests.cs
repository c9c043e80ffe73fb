using System.Runtime.Intrinsics;
using Stoa.Wasm.Binary;
using static Stoa.Wasm.Binary.VectorOpcode;
using static Stoa.Wasm.Tests.ModuleBuilder;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Tests.Runtime;

/// <summary>Vectors on their way between memory, globals, instances and the host.</summary>
public sealed class VectorValueTests
{
    private static readonly byte[] s_first = Ins(Opcode.LocalGet, 0);
    private static readonly byte[] s_second = Ins(Opcode.LocalGet, 1);
    private static readonly Vector128<byte> s_counting = Vector128.Create([.. Enumerable.Range(1, 16).Select(value => (byte)value)]);

    private static byte[] Accesses { get; } = new ModuleBuilder()
        .Memory(1)
        .Function("load", [I32], [V128], Samples.None, s_first, Vector(V128Load), [0, 0])
        .Function("store", [I32, V128], Samples.None, Samples.None, s_first, s_second, Vector(V128Store), [4, 0])
        .Function("load far", [I32], [V128], Samples.None, s_first, Vector(V128Load), [0, .. Number(0xFFFFFFFF)])
        .Function("load 64 zero", [I32], [V128], Samples.None, s_first, Vector(V128Load64Zero), [0, 0])
        .Function("load 8x8", [I32], [V128], Samples.None, s_first, Vector(V128Load8x8S), [0, 0])
        .Function("load 16 splat", [I32], [V128], Samples.None, s_first, Vector(V128Load16Splat), [0, 0])
        .Function("load 32 lane", [I32, V128], [V128], Samples.None, s_first, s_second, Vector(V128Load32Lane), [0, 0, 3])
        .Function("store 16 lane", [I32, V128], Samples.None, Samples.None, s_first, s_second, Vector(V128Store16Lane), [0, 0, 7])
        .Build();

    [Theory]
    [InlineData("load", 16)]
    [InlineData("store", 16)]
    [InlineData("load 64 zero", 8)]
    [InlineData("load 8x8", 8)]
    [InlineData("load 16 splat", 2)]
    [InlineData("load 32 lane", 4)]
    [InlineData("store 16 lane", 2)]
    public void Access_AtTheEndOfMemory_TrapsWhenAByteLiesOutside(string name, int bytes)
    {
        using var instance = Samples.Instantiate(Accesses);
        var function = instance.GetFunction(name)!;
        Value[] Arguments(int address) => function.Type.Parameters.Length == 1 ? [address] : [address, Value.FromVector(s_counting)];
        function.Invoke(Arguments(65_536 - bytes));
        foreach (int address in (int[])[65_536 - bytes + 1, 65_535, 65_536, -1, -bytes, int.MinValue])
            FuelTests.Traps(() => function.Invoke(Arguments(address)), TrapCode.MemoryOutOfBounds);
        FuelTests.Traps(() => instance.Invoke("load far", 0), TrapCode.MemoryOutOfBounds);
    }

    [Fact]
    public void Store_ThatTraps_WritesNothing()
    {
        using var instance = Samples.Instantiate(Accesses);
        FuelTests.Traps(() => instance.Invoke("store", 65_529, Value.FromVector(s_counting)), TrapCode.MemoryOutOfBounds);
        instance.Memory!.ReadInt64(65_528).ShouldBe(0);
    }

    [Fact]
    public void Access_WhereNothingIsAligned_ReadsTheBytesAsTheyAre()
    {
        using var instance = Samples.Instantiate(Accesses);
        instance.Invoke("store", 3, Value.FromVector(s_counting));
        instance.Invoke("load", 3)[0].ToVector().ShouldBe(s_counting);
        instance.Invoke("load 64 zero", 5)[0].ToVector().AsUInt64().ShouldBe(Vector128.Create(0x0A09080706050403ul, 0));
        instance.Invoke("load 8x8", 3)[0].ToVector().AsInt16().ShouldBe(Vector128.Create((short)1, 2, 3, 4, 5, 6, 7, 8));
        instance.Invoke("load 16 splat", 4)[0].ToVector().AsUInt16().ShouldBe(Vector128.Create((ushort)0x0302));
        instance.Invoke("load 32 lane", 6, Value.Zero(V128))[0].ToVector().AsUInt32().ShouldBe(Vector128.Create(0, 0, 0, 0x07060504u));
        instance.Invoke("store 16 lane", 100, Value.FromVector(s_counting));
        instance.Memory!.ReadInt32(100).ShouldBe(0x100F);
    }

    [Fact]
    public void Global_OfAVector_IsSharedWithTheHostAndWithOtherInstances()
    {
        byte[] first = new ModuleBuilder()
            .Global(V128, isMutable: true, "shared", [.. Vector(V128Const), .. Bytes(s_counting)])
            .Global(V128, isMutable: true, null, [.. Vector(V128Const), .. Bytes(s_counting)])
            .Function("double", Samples.None, [V128], Samples.None, Ins(Opcode.GlobalGet, 0), Ins(Opcode.GlobalGet, 1), Vector(I8x16Add), Ins(Opcode.GlobalSet, 0), Ins(Opcode.GlobalGet, 0))
            .Build();
        using var exporter = Samples.Instantiate(first);
        var shared = exporter.GetGlobal("shared")!;
        shared.Value.ToVector().ShouldBe(s_counting);
        exporter.Invoke("double")[0].ToVector().ShouldBe(s_counting + s_counting);

        byte[] second = new ModuleBuilder()
            .ImportGlobal("first", "shared", V128, isMutable: true)
            .ImportGlobal("host", "fixed", V128, isMutable: false)
            .Global(V128, isMutable: false, "copy", Ins(Opcode.GlobalGet, 1))
            .Function("invert", Samples.None, Samples.None, Samples.None, Ins(Opcode.GlobalGet, 0), Vector(V128Not), Ins(Opcode.GlobalSet, 0))
            .Build();
        var imports = new Imports().AddInstance("first", exporter).Add("host", "fixed", new Global(isMutable: false, Value.FromVector(~s_counting)));
        using var importer = Samples.Instantiate(second, imports: imports);
        importer.GetGlobal("copy")!.Value.ToVector().ShouldBe(~s_counting);
        importer.Invoke("invert");
        shared.Value.ToVector().ShouldBe(~(s_counting + s_counting));
        exporter.Invoke("double")[0].ToVector().ShouldBe(~(s_counting + s_counting) + s_counting);

        shared.Value = Value.FromVector(Vector128.Create((byte)100));
        exporter.Invoke("double")[0].ToVector().ShouldBe(Vector128.Create((byte)100) + s_counting);
        Should.Throw<ArgumentException>(() => shared.Value = 1);
    }

    [Fact]
    public void LinkedInstances_PassVectorsDirectlyAndThroughATable()
    {
        byte[] mixer = new ModuleBuilder()
            .Function("mix", [I32, V128, F64, V128], [V128], Samples.None, Ins(Opcode.LocalGet, 1), Ins(Opcode.LocalGet, 3), Vector(I8x16Sub), s_first, Vector(I32x4Splat), Vector(I32x4Add))
            .Build();
        byte[] caller = new ModuleBuilder()
            .Import("mixer", "mix", [I32, V128, F64, V128], [V128])
            .Table(1, 0)
            .Function("direct", [V128, V128], [V128], Samples.None, ConstI32(1), s_first, ConstF64(0), s_second, Ins(Opcode.Call, 0))
            .Function("indirect", [V128, V128], [V128], Samples.None, ConstI32(1), s_first, ConstF64(0), s_second, ConstI32(0), [(byte)Opcode.CallIndirect, 0, 0])
            .Function("own", [V128, V128], [V128], Samples.None, s_second, s_first, Ins(Opcode.Call, 1))
            .Build();
        using var exporter = Samples.Instantiate(mixer);
        using var instance = Samples.Instantiate(caller, imports: new Imports().AddInstance("mixer", exporter));
        var a = Vector128.Create((byte)50);
        var expected = ((a - s_counting).AsInt32() + Vector128.Create(1)).AsByte();
        instance.Invoke("direct", Value.FromVector(a), Value.FromVector(s_counting))[0].ToVector().ShouldBe(expected);
        instance.Invoke("indirect", Value.FromVector(a), Value.FromVector(s_counting))[0].ToVector().ShouldBe(expected);
        instance.Invoke("own", Value.FromVector(s_counting), Value.FromVector(a))[0].ToVector().ShouldBe(expected);
    }

    [Fact]
    public void HostFunction_OfADelegateWithVectors_GetsAndGivesThem()
    {
        var imports = new Imports()
            .AddFunction("host", "mix", (Caller caller, Vector128<byte> a, int n, Vector128<byte> b) => a + (Vector128.Create((byte)n) * b));
        using var instance = Samples.Instantiate(HostCaller([V128, I32, V128], [V128]), imports: imports);
        instance.Invoke("go", Value.FromVector(s_counting), 3, Value.FromVector(s_counting))[0].ToVector()
            .ShouldBe(s_counting + (Vector128.Create((byte)3) * s_counting));
    }

    [Fact]
    public void HostFunction_UntypedWithSeveralVectors_GetsAndGivesThem()
    {
        var type = new FunctionType([V128, I32, V128], [V128, I32, V128]);
        var imports = new Imports().AddFunction("host", "mix", type, (Caller _, ReadOnlySpan<Value> arguments, Span<Value> results) =>
        {
            for (int i = 0; i < 3; i++)
                results[i] = arguments[2 - i];
        });
        using var instance = Samples.Instantiate(HostCaller([V128, I32, V128], [V128, I32, V128]), imports: imports);
        var a = Value.FromVector(s_counting);
        var b = Value.FromVector(~s_counting);
        instance.Invoke("go", a, 3, b).ShouldBe([b, 3, a]);
    }

    [Fact]
    public void FromDelegate_WithVectorsOfOtherLanes_IsRefused() =>
        Should.Throw<ArgumentException>(() => Function.FromDelegate((Vector128<int> _) => { }));

    [Fact]
    public void BlockResultsAndSelect_OfVectors_TakeTheRightOne()
    {
        byte[] module = new ModuleBuilder()
            .Function(
                "choose", [I32, V128, V128], [V128], [V128],
                s_first, [(byte)Opcode.If, (byte)V128, .. s_second, (byte)Opcode.Else, .. Ins(Opcode.LocalGet, 2), (byte)Opcode.End],
                s_second, Ins(Opcode.LocalGet, 2), s_first, [(byte)Opcode.Select],
                s_second, Ins(Opcode.LocalGet, 2), s_first, [(byte)Opcode.SelectTyped, 1, (byte)V128],
                Ins(Opcode.LocalTee, 3), Vector(V128And), Ins(Opcode.LocalGet, 3), Vector(V128Or), Vector(V128And))
            .Build();
        using var instance = Samples.Instantiate(module);
        var other = Vector128.Create((byte)0x5A);
        instance.Invoke("choose", 1, Value.FromVector(s_counting), Value.FromVector(other))[0].ToVector().ShouldBe(s_counting);
        instance.Invoke("choose", 0, Value.FromVector(s_counting), Value.FromVector(other))[0].ToVector().ShouldBe(other);
    }

    private static byte[] HostCaller(ValueKind[] parameters, ValueKind[] results) => new ModuleBuilder()
        .Import("host", "mix", parameters, results)
        .Function("go", parameters, results, Samples.None, s_first, s_second, Ins(Opcode.LocalGet, 2), Ins(Opcode.Call, 0))
        .Build();

    private static byte[] ConstF64(double value) => [(byte)Opcode.F64Const, .. BitConverter.GetBytes(value)];

    private static byte[] Bytes(Vector128<byte> vector)
    {
        byte[] bytes = new byte[16];
        vector.CopyTo(bytes);
        return bytes;
    }
}

using Stoa.Wasm.Binary;
using static Stoa.Wasm.Tests.ModuleBuilder;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Tests.Runtime;

/// <summary>Accesses at the very end of a memory, by guard pages (where the system has them) and by comparisons.</summary>
public sealed class BoundsChecksTests
{
    private const int End = Memory.PageBytes;

    public static TheoryData<BoundsChecks> Both => [BoundsChecks.Automatic, BoundsChecks.Explicit];

    /// <summary>Loads of which the JIT needs fewer bytes than they have, or none: name, bytes, code after the address.</summary>
    private static readonly (string Name, int Bytes, byte[] Code)[] s_loads =
    [
        ("dropped i32", 4, [.. Access(Opcode.I32Load), (byte)Opcode.Drop]),
        ("dropped i64", 8, [.. Access(Opcode.I64Load), (byte)Opcode.Drop]),
        ("dropped f64", 8, [.. Access(Opcode.F64Load), (byte)Opcode.Drop]),
        ("dead i64", 8, [.. Access(Opcode.I64Load), .. ConstI64(1), (byte)Opcode.I64Add, (byte)Opcode.LocalSet, 1]),
        ("wrapped i64", 8, [.. Access(Opcode.I64Load), (byte)Opcode.I32WrapI64, (byte)Opcode.GlobalSet, 0]),
        ("masked i64", 8, [.. Access(Opcode.I64Load), .. ConstI64(255), (byte)Opcode.I64And, (byte)Opcode.I64Eqz, (byte)Opcode.GlobalSet, 0]),
        ("masked i32", 4, [.. Access(Opcode.I32Load), .. ConstI32(255), (byte)Opcode.I32And, (byte)Opcode.GlobalSet, 0]),
        ("extended i32", 4, [.. Access(Opcode.I32Load), (byte)Opcode.I32Extend8S, (byte)Opcode.GlobalSet, 0]),
        ("masked sum", 4, [.. Access(Opcode.I32Load), .. ConstI32(9), (byte)Opcode.I32Add, .. ConstI32(255), (byte)Opcode.I32And, (byte)Opcode.GlobalSet, 0]),
        ("multiplied i64", 8, [.. Access(Opcode.I64Load), .. ConstI64(0), (byte)Opcode.I64Mul, (byte)Opcode.I32WrapI64, (byte)Opcode.GlobalSet, 0]),
        ("stored byte", 4, [.. Access(Opcode.I32Load), .. Ins(Opcode.LocalSet, 2), .. ConstI32(0), .. Ins(Opcode.LocalGet, 2), .. Access(Opcode.I32Store8)]),
        ("stored half", 8, [.. Access(Opcode.I64Load), .. Ins(Opcode.LocalSet, 1), .. ConstI32(0), .. Ins(Opcode.LocalGet, 1), .. Access(Opcode.I64Store32)]),
        ("extended sum of a local", 4, [.. Access(Opcode.I32Load), .. Ins(Opcode.LocalTee, 2), .. ConstI32(1), (byte)Opcode.I32Add, (byte)Opcode.I32Extend16S, (byte)Opcode.GlobalSet, 0]),
        ("extended result of a block", 4, [(byte)Opcode.Drop, (byte)Opcode.Block, (byte)I32, .. Ins(Opcode.LocalGet, 0), .. Access(Opcode.I32Load), (byte)Opcode.End, (byte)Opcode.I32Extend8S, (byte)Opcode.GlobalSet, 0]),
        ("masked bits of f32", 4, [.. Access(Opcode.F32Load), (byte)Opcode.I32ReinterpretF32, .. ConstI32(255), (byte)Opcode.I32And, (byte)Opcode.GlobalSet, 0]),
        ("wrapped bits of f64", 8, [.. Access(Opcode.F64Load), (byte)Opcode.I64ReinterpretF64, (byte)Opcode.I32WrapI64, (byte)Opcode.GlobalSet, 0]),
        ("selected and wrapped", 8, [.. Access(Opcode.I64Load), .. ConstI64(3), .. Ins(Opcode.LocalGet, 0), (byte)Opcode.Select, (byte)Opcode.I32WrapI64, (byte)Opcode.GlobalSet, 0]),
        ("splat of bytes", 4, [.. Access(Opcode.I32Load), .. Vector(VectorOpcode.I8x16Splat), .. Vector(VectorOpcode.V128AnyTrue), (byte)Opcode.GlobalSet, 0]),
        ("first lane", 16, [(byte)Opcode.PrefixVector, 0, 0, 0, .. Vector(VectorOpcode.I8x16ExtractLaneS), 0, (byte)Opcode.GlobalSet, 0]),
        ("whole i32", 4, [.. Access(Opcode.I32Load), (byte)Opcode.GlobalSet, 0]),
        ("dropped i16", 2, [.. Access(Opcode.I32Load16S), (byte)Opcode.Drop]),
        ("dropped v128", 16, [(byte)Opcode.PrefixVector, 0, 0, 0, (byte)Opcode.Drop]),
    ];

    [Theory]
    [MemberData(nameof(Both))]
    public void Load_OfWhichFewBytesAreWanted_TrapsAllTheSame(BoundsChecks checks)
    {
        var builder = new ModuleBuilder().Memory(1).Global(I32, isMutable: true, null, ConstI32(0));
        foreach (var (name, _, code) in s_loads)
            builder.Function(name, [I32], Samples.None, [I64, I32], Ins(Opcode.LocalGet, 0), code);
        using var instance = Instantiate(builder, checks);

        foreach (var (name, bytes, _) in s_loads)
        {
            for (int address = End - 20; address < End + 2; address++)
                IsTrap(() => instance.Invoke(name, address)).ShouldBe(address + bytes > End, $"{name} at {address}");
        }
    }

    /// <summary>The JIT drops loads that nobody wants near addresses that it knows not to be null: first access, then the one that has to trap.</summary>
    public static TheoryData<string, byte[], byte[]> NeighboursOfDeadLoads => new()
    {
        { "constant addresses", [.. ConstI32(0), .. Access(Opcode.I32Load)], [.. ConstI32(End - 3), .. Access(Opcode.I32Load)] },
        { "constant addresses, a byte", [.. ConstI32(0), .. Access(Opcode.I32Load)], [.. ConstI32(End), .. Access(Opcode.I32Load8U)] },
        { "one address, offsets", [.. Ins(Opcode.LocalGet, 0), .. Access(Opcode.I32Load)], [.. Ins(Opcode.LocalGet, 0), .. Access(Opcode.I32Load, 27)] },
        { "one address, offsets, a byte", [.. Ins(Opcode.LocalGet, 0), .. Access(Opcode.I32Load)], [.. Ins(Opcode.LocalGet, 0), .. Access(Opcode.I32Load8U, 30)] },
        { "one address, offsets, two bytes", [.. Ins(Opcode.LocalGet, 0), .. Access(Opcode.I32Load)], [.. Ins(Opcode.LocalGet, 0), .. Access(Opcode.I32Load16U, 29)] },
        { "one place, widths", [.. ConstI32(End - 4), .. Access(Opcode.I32Load)], [.. ConstI32(End - 4), .. Access(Opcode.I64Load), (byte)Opcode.I32WrapI64] },
    };

    [Theory]
    [MemberData(nameof(NeighboursOfDeadLoads))]
    public void Load_ThatNobodyWantsNearOneThatSomebodyDoes_TrapsAllTheSame(string name, byte[] first, byte[] dead)
    {
        foreach (byte[] use in (byte[][])[[(byte)Opcode.Drop], [.. ConstI32(0), (byte)Opcode.I32And, (byte)Opcode.Drop], [.. ConstI32(1), (byte)Opcode.I32And, (byte)Opcode.GlobalSet, 0]])
        {
            foreach (var checks in (BoundsChecks[])[BoundsChecks.Automatic, BoundsChecks.Explicit])
            {
                using var instance = Instantiate(
                    new ModuleBuilder().Memory(1).Global(I32, isMutable: true, null, ConstI32(0)).Function(
                        "run", [I32], Samples.None, Samples.None, first, [(byte)Opcode.GlobalSet, 0], dead, use),
                    checks);
                IsTrap(() => instance.Invoke("run", End - 30)).ShouldBeTrue($"{name}, {checks}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Store_BeforeTheOneThatTraps_IsSeen(BoundsChecks checks)
    {
        using var instance = Instantiate(
            new ModuleBuilder().Memory(1).Function(
                "run", [I32], Samples.None, Samples.None,
                Ins(Opcode.LocalGet, 0), ConstI32(1), Access(Opcode.I32Store),
                Ins(Opcode.LocalGet, 0), ConstI32(2), [(byte)Opcode.I32Store, 0, 4]),
            checks);

        IsTrap(() => instance.Invoke("run", End - 4)).ShouldBeTrue();

        instance.Memory!.ReadInt32(End - 4).ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Offset_OfAnySize_IsAddedWithoutWrappingAround(BoundsChecks checks)
    {
        uint[] offsets = [0, 1, End - 4, End, int.MaxValue, 0x8000_0000, 0x8000_0001, uint.MaxValue - 3, uint.MaxValue];
        var builder = new ModuleBuilder().Memory(1);
        foreach (uint offset in offsets)
        {
            byte[] memory = [2, .. Number(offset)];
            builder.Function($"load {offset}", [I32], [I32], Samples.None, Ins(Opcode.LocalGet, 0), [(byte)Opcode.I32Load, .. memory]);
            builder.Function($"store {offset}", [I32], Samples.None, Samples.None, Ins(Opcode.LocalGet, 0), Ins(Opcode.LocalGet, 0), [(byte)Opcode.I32Store, .. memory]);
        }

        using var instance = Instantiate(builder, checks);
        foreach (uint offset in offsets)
        {
            foreach (uint address in (uint[])[0, 4, End - 4, End, int.MaxValue, 0x8000_0000, uint.MaxValue])
            {
                bool isOutside = (long)offset + address + 4 > End;
                IsTrap(() => instance.Invoke($"load {offset}", (int)address)).ShouldBe(isOutside, $"load of {address} + {offset}");
                IsTrap(() => instance.Invoke($"store {offset}", (int)address)).ShouldBe(isOutside, $"store to {address} + {offset}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Traps_OnManyThreadsAtOnce_AreEachTheirOwn(BoundsChecks checks)
    {
        var module = Compile(Samples.MemoryAccess, checks);
        int traps = 0;
        Parallel.For(0, 8, _ =>
        {
            using var instance = module.Instantiate(new Imports());
            for (int i = 0; i < 200; i++)
            {
                if (IsTrap(() => instance.Invoke("load", End - 3 + i)))
                    Interlocked.Increment(ref traps);
                if (i % 50 == 0)
                    GC.Collect(0);
                instance.Invoke("load", End - 4)[0].ToInt32().ShouldBe(0);
            }
        });
        traps.ShouldBe(8 * 200);
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void MemoryThatGrew_EndsWhereItEnds_AndTheNextOneBeginsSmallAndEmpty(BoundsChecks checks)
    {
        var module = Compile(Samples.MemoryAccess, checks);
        using (var first = module.Instantiate(new Imports()))
        {
            first.Invoke("grow", 3);
            first.Invoke("store", (4 * End) - 4, 7);
            first.Invoke("store", 0, 7);
            IsTrap(() => first.Invoke("load", (4 * End) - 3)).ShouldBeTrue();
        }

        using var second = module.Instantiate(new Imports());
        IsTrap(() => second.Invoke("load", End)).ShouldBeTrue();
        second.Invoke("load", 0)[0].ToInt32().ShouldBe(0);
        second.Invoke("grow", 3);
        second.Invoke("load", (4 * End) - 4)[0].ToInt32().ShouldBe(0);
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void DisposedMemory_IsNoLongerThere(BoundsChecks checks)
    {
        var builder = new ModuleBuilder().ImportMemory("env", "memory", 1)
            .Function("load", [I32], [I32], Samples.None, Ins(Opcode.LocalGet, 0), Access(Opcode.I32Load));
        var memory = new Memory(new Limits(1, null));
        using var instance = Compile(builder.Build(), checks).Instantiate(new Imports().Add("env", "memory", memory));
        instance.Invoke("load", 0);

        memory.Dispose();
        using var next = new Memory(new Limits(1, null));
        next.WriteInt32(0, 42);

        IsTrap(() => instance.Invoke("load", 0)).ShouldBeTrue();
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void MemoryOfARunningInstance_CannotBeDisposed(BoundsChecks checks)
    {
        var memory = new Memory(new Limits(1, null));
        var imports = new Imports().Add("env", "memory", memory).AddFunction("env", "call", memory.Dispose);
        var builder = new ModuleBuilder().Import("env", "call", Samples.None, Samples.None).ImportMemory("env", "memory", 1)
            .Function("run", Samples.None, Samples.None, Samples.None, Ins(Opcode.Call, 0));
        using var instance = Compile(builder.Build(), checks).Instantiate(imports);

        Should.Throw<InvalidOperationException>(() => instance.Invoke("run"));

        memory.SizePages.ShouldBe(1u);
        memory.Dispose();
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void NullReferenceOfTheHost_IsNoTrap(BoundsChecks checks)
    {
        string? nothing = null;
        var imports = new Imports().AddFunction("env", "call", () => { _ = nothing!.Length; });
        using var instance = Compile(Samples.HostRecursion, checks).Instantiate(imports);

        Should.Throw<NullReferenceException>(() => instance.Invoke("run"));
    }

    private static Module Compile(byte[] module, BoundsChecks checks) => new Engine(new EngineOptions { BoundsChecks = checks }).Compile(module);

    private static Instance Instantiate(ModuleBuilder builder, BoundsChecks checks) => Compile(builder.Build(), checks).Instantiate(new Imports());

    private static bool IsTrap(Action call)
    {
        try
        {
            call();
            return false;
        }
        catch (TrapException trap) when (trap.Code == TrapCode.MemoryOutOfBounds)
        {
            return true;
        }
    }
}

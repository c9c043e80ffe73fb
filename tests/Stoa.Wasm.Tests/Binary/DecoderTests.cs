using Stoa.Primitives;
using Stoa.Wasm.Binary;
using static Stoa.Wasm.Tests.ModuleBuilder;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Tests.Binary;

public sealed class DecoderTests
{
    private static byte[] Rich { get; } = new ModuleBuilder()
        .Import("env", "call", [I32, I64], [F64])
        .Memory(1, 4)
        .Table(4, 1, 2)
        .Global(I32, isMutable: true, "counter", ConstI32(7))
        .Function(
            "sum", [I32], [I32], [I32],
            Plain(Opcode.Block, Plain(Opcode.Loop, Ins(Opcode.LocalGet, 0), Op(Opcode.I32Eqz), Ins(Opcode.BrIf, 1), Ins(Opcode.LocalGet, 0), ConstI32(1), Op(Opcode.I32Sub), Ins(Opcode.LocalSet, 0), Ins(Opcode.Br, 0))),
            Ins(Opcode.LocalGet, 1), Access(Opcode.I32Load, 16), Ins(Opcode.GlobalGet, 0), Op(Opcode.I32Add))
        .Function("call", [I64], [F64], Samples.None, ConstI32(3), Ins(Opcode.LocalGet, 0), ConstI32(1), [(byte)Opcode.CallIndirect, 0, 0])
        .Function(
            "vectors", [I32], [V128], [V128],
            Ins(Opcode.LocalGet, 0), Ins(Opcode.LocalGet, 1), Vector(VectorOpcode.V128Load16Lane), [1, 8, 7],
            Vector(VectorOpcode.V128Const), [.. Enumerable.Range(0, 16).Select(lane => (byte)lane)],
            Vector(VectorOpcode.I8x16Shuffle), [.. Enumerable.Range(8, 16).Select(lane => (byte)lane)],
            Ins(Opcode.LocalGet, 0), Vector(VectorOpcode.I16x8Shl))
        .Data(8, 1, 2, 3, 4, 5)
        .Build();

    [Fact]
    public void Compile_EveryTruncation_IsRefusedWithAnOffset()
    {
        var engine = new Engine();
        engine.Compile(Rich).Exports.Length.ShouldBe(5);
        for (int length = 0; length < Rich.Length; length++)
        {
            byte[] part = Rich[..length];
            var refusal = Record.Exception(() => engine.Compile(part)) as InvalidModuleException;
            if (refusal is null)
            {
                // Cut between two sections the rest may be a module of its own.
                length.ShouldBeOneOf(WholeSections().ToArray());
                continue;
            }

            refusal.Offset.ShouldBeInRange(0, length);
            refusal.Reason.ShouldNotBeEmpty();
        }
    }

    [Fact]
    public void Compile_MutatedBytes_AreRefusedOrRunToAnEnd()
    {
        const int Seed = 20261122;
        var random = new Random(Seed);
        var engine = new Engine(new EngineOptions { CachedModules = 0 });
        var limits = new ExecutionLimits { Fuel = 10_000, MaxMemoryBytes = 1 << 20, MaxTableElements = 1000 };
        var imports = new Imports().AddFunction("env", "call", (int _, long _) => 1.5);
        int accepted = 0;
        for (int round = 0; round < 4_000; round++)
        {
            byte[] bytes = [.. Rich];
            for (int change = random.Next(1, 4); change > 0; change--)
                bytes[random.Next(8, bytes.Length)] = (byte)random.Next(256);
            try
            {
                using var instance = engine.Compile(bytes).Instantiate(imports, limits);
                accepted++;
                if (instance.GetFunction("sum") is { Type.Parameters: [I32] } sum)
                    sum.Invoke(5);
                if (instance.GetFunction("vectors") is { Type.Parameters: [I32] } vectors)
                    vectors.Invoke(5);
            }
            catch (Exception refusal) when (refusal is InvalidModuleException or LinkException or TrapException)
            {
                continue;
            }
            catch (Exception broken)
            {
                throw new InvalidOperationException($"Seed {Seed}, round {round}: {Convert.ToHexString(bytes)}", broken);
            }
        }

        accepted.ShouldBeGreaterThan(0);
    }

    [Fact]
    public void Compile_RandomBytesAfterTheHeader_AreRefused()
    {
        var random = new Random(7);
        var engine = new Engine();
        for (int round = 0; round < 3_000; round++)
        {
            byte[] bytes = new byte[random.Next(9, 200)];
            random.NextBytes(bytes);
            "\0asm\u0001\0\0\0"u8.CopyTo(bytes);
            if (bytes[8] != 0)
                Should.Throw<InvalidModuleException>(() => engine.Compile(bytes));
        }
    }

    [Theory]
    [InlineData("0061736D01000000" + "01" + "06" + "FFFFFFFF0F60", InvalidModuleKind.Malformed)] // four billion types
    [InlineData("0061736D01000000" + "01" + "04" + "01600000" + "03" + "02" + "0100" + "0A" + "0A" + "01" + "08" + "01FFFFFFFF0F7F" + "0B", InvalidModuleKind.LimitExceeded)] // four billion locals
    [InlineData("0061736D01000000" + "05" + "05" + "0100FFFF7F", InvalidModuleKind.Invalid)] // a memory of 128 GiB
    [InlineData("0061736D01000000" + "01" + "05" + "0160017A00", InvalidModuleKind.Malformed)] // a type that does not exist
    [InlineData("0061736D0D000100", InvalidModuleKind.Malformed)] // a component
    [InlineData("7F454C46", InvalidModuleKind.Malformed)] // another format
    public void Compile_HostileHeader_IsRefusedByKind(string hex, InvalidModuleKind kind)
    {
        Should.Throw<InvalidModuleException>(() => new Engine().Compile(Convert.FromHexString(hex))).Kind.ShouldBe(kind);
    }

    [Fact]
    public void Compile_DeeplyNestedBlocks_AreRefusedAtTheLimit()
    {
        byte[] nest = [.. Enumerable.Repeat((byte[])[(byte)Opcode.Block, 0x40], 6_000).SelectMany(open => open), .. Enumerable.Repeat((byte)Opcode.End, 6_000)];
        byte[] module = new ModuleBuilder().Function("deep", Samples.None, Samples.None, Samples.None, nest).Build();
        var refusal = Should.Throw<InvalidModuleException>(() => new Engine().Compile(module));
        refusal.Kind.ShouldBe(InvalidModuleKind.LimitExceeded);
        using var instance = new Engine(new EngineOptions { MaxNestingDepth = 10_000 }).Compile(module).Instantiate(new Imports());
        instance.Invoke("deep");
    }

    [Theory]
    [InlineData(253)]
    [InlineData(254)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(1_000)]
    public void Compile_ManyResultsAndMoreOperands_GivesThemAll(int results)
    {
        ValueKind[] kinds = [.. Enumerable.Repeat(I32, results)];
        byte[] constants = [.. Enumerable.Range(0, results).SelectMany(ConstI32)];
        byte[] drops = [.. Enumerable.Repeat((byte)Opcode.Drop, results)];
        byte[] module = new ModuleBuilder().Function("f", [], kinds, Samples.None, constants, constants[..100], drops[..49]).Build();
        Should.Throw<InvalidModuleException>(() => new Engine().Compile(module)).Reason.ShouldBe("type mismatch");
        module = new ModuleBuilder().Function("f", [], kinds, Samples.None, constants, constants, drops, constants, drops).Build();
        using var instance = new Engine().Compile(module).Instantiate(new Imports());
        instance.Invoke("f").Select(value => value.ToInt32()).ShouldBe(Enumerable.Range(0, results));
    }

    [Fact]
    public void Compile_OtherBytesOfTheSameLength_GivesAnotherModule()
    {
        var engine = new Engine();
        byte[] other = new ModuleBuilder().Function("f", [], [I32], Samples.None, ConstI32(2)).Build();
        var module = engine.Compile(new ModuleBuilder().Function("f", [], [I32], Samples.None, ConstI32(1)).Build());
        using var instance = engine.Compile(other).Instantiate(new Imports());
        instance.Invoke("f")[0].ToInt32().ShouldBe(2);
        instance.Module.Digest.ShouldBe(ContentHash.Of(other));
        instance.Module.Digest.ShouldNotBe(module.Digest);
    }

    [Fact]
    public void Compile_MoreModulesThanAreKept_ForgetsTheOneUsedLongestAgo()
    {
        var engine = new Engine(new EngineOptions { CachedModules = 2 });
        byte[][] bytes = [.. Enumerable.Range(1, 3).Select(number => new ModuleBuilder().Function("f", [], [I32], Samples.None, ConstI32(number)).Build())];
        var first = engine.Compile(bytes[0]);
        var second = engine.Compile(bytes[1]);
        engine.Compile(bytes[0]).ShouldBeSameAs(first);
        engine.Compile(bytes[2]);
        engine.Compile(bytes[0]).ShouldBeSameAs(first);
        engine.Compile(bytes[1]).ShouldNotBeSameAs(second);
    }

    [Fact]
    public void Compile_SameBytesTwice_GivesTheSameModule()
    {
        var engine = new Engine(new EngineOptions { CachedModules = 1 });
        var first = engine.Compile(Rich);
        engine.Compile(Rich.ToArray()).ShouldBeSameAs(first);
        engine.Compile(Samples.Sum);
        engine.Compile(Rich).ShouldNotBeSameAs(first);
    }

    private static IEnumerable<int> WholeSections()
    {
        int at = 8;
        yield return at;
        while (at < Rich.Length)
        {
            var reader = new WasmReader(Rich, at + 1, Rich.Length);
            int length = reader.ReadLength();
            at = reader.Position + length;
            yield return at;
        }
    }
}

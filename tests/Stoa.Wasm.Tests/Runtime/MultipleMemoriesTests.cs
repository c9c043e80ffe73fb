using System.Runtime.Intrinsics;
using Stoa.Wasm.Text;

namespace Stoa.Wasm.Tests.Runtime;

public sealed class MultipleMemoriesTests
{
    private static readonly Engine s_engine = new();

    public static TheoryData<BoundsChecks> AllChecks => [BoundsChecks.Automatic, BoundsChecks.Explicit];

    private static readonly string[] s_loads =
    [
        "i32.load", "i64.load", "f32.load", "f64.load", "i32.load8_s", "i32.load8_u", "i32.load16_s", "i32.load16_u",
        "i64.load8_s", "i64.load8_u", "i64.load16_s", "i64.load16_u", "i64.load32_s", "i64.load32_u",
        "v128.load", "v128.load8x8_s", "v128.load8x8_u", "v128.load16x4_s", "v128.load16x4_u", "v128.load32x2_s", "v128.load32x2_u",
        "v128.load8_splat", "v128.load16_splat", "v128.load32_splat", "v128.load64_splat", "v128.load32_zero", "v128.load64_zero",
    ];

    private static readonly string[] s_stores =
    [
        "i32.store", "i64.store", "f32.store", "f64.store", "i32.store8", "i32.store16", "i64.store8", "i64.store16", "i64.store32", "v128.store",
    ];

    private const string Three = """
        (module
          (memory $a (export "a") 1)
          (memory $b (export "b") 1 4)
          (memory $c (export "c") (data "third"))
          (data (memory $b) (i32.const 2) "second")
          (data $passive "passive")
          (func (export "size") (result i32 i32 i32) (memory.size) (memory.size $b) (memory.size 2))
          (func (export "grow-b") (param i32) (result i32) (memory.grow $b (local.get 0)))
          (func (export "fill-c") (param i32 i32 i32) (memory.fill $c (local.get 0) (local.get 1) (local.get 2)))
          (func (export "copy-c-to-b") (param i32 i32 i32) (memory.copy $b $c (local.get 0) (local.get 1) (local.get 2)))
          (func (export "init-c") (param i32 i32 i32) (memory.init $c $passive (local.get 0) (local.get 1) (local.get 2)))
          (func (export "init-a") (param i32 i32 i32) (memory.init $passive (local.get 0) (local.get 1) (local.get 2))))
        """;

    [Theory]
    [MemberData(nameof(AllChecks))]
    public void LoadsAndStores_MeanTheirMemory_UpToItsEnd(BoundsChecks checks)
    {
        var engine = new Engine(new EngineOptions { BoundsChecks = checks });
        foreach (string instruction in s_loads.Concat(s_stores))
        {
            bool isStore = instruction.Contains("store", StringComparison.Ordinal);
            string type = instruction[..instruction.IndexOf('.', StringComparison.Ordinal)];
            string body = isStore
                ? $"({instruction} $far offset=3 (local.get 0) (local.get 1))"
                : $"(local.set 1 ({instruction} $far offset=3 (local.get 0)))";
            string text = $"""
                (module (memory 3) (memory $far (export "far") 1)
                  (func (export "run") (param i32 {type}) (result {type}) {body} (local.get 1))
                  (func (export "drop") (param i32 {type}) {(isStore ? body : $"(drop ({instruction} $far offset=3 (local.get 0)))")}))
                """;
            using var instance = engine.CompileText(text).Instantiate(new Imports());
            int bytes = BytesOf(instruction);
            var zero = Value.Zero(type switch { "i32" => ValueKind.I32, "i64" => ValueKind.I64, "f32" => ValueKind.F32, "f64" => ValueKind.F64, _ => ValueKind.V128 });
            instance.GetMemory("far")!.GetSpan(0, Memory.PageBytes).Fill(isStore ? (byte)1 : (byte)0);
            int last = Memory.PageBytes - bytes - 3;
            instance.Invoke("run", last, zero)[0].ShouldBe(zero, instruction);
            if (isStore)
                instance.GetMemory("far")!.GetSpan((uint)Memory.PageBytes - 17, 17).IndexOf((byte)0).ShouldBe(17 - bytes, instruction);
            foreach (string function in (string[])["run", "drop"])
            {
                foreach (int address in (int[])[last + 1, Memory.PageBytes, -1, int.MinValue])
                    FuelTests.Traps(() => instance.Invoke(function, address, zero), TrapCode.MemoryOutOfBounds);
            }
        }
    }

    [Theory]
    [MemberData(nameof(AllChecks))]
    public void LaneAccesses_MeanTheirMemory(BoundsChecks checks)
    {
        const string Text = """
            (module (memory 1) (memory $far (export "far") 1)
              (func (export "load") (param i32 v128) (result v128)
                (v128.load16_lane $far offset=2 align=1 3 (local.get 0) (v128.load8_lane 1 5 (local.get 0) (local.get 1))))
              (func (export "first") (param i32 v128) (result v128) (v128.load8_lane 5 (local.get 0) (local.get 1)))
              (func (export "store") (param i32 v128) (v128.store32_lane $far 1 (local.get 0) (local.get 1))))
            """;
        using var instance = new Engine(new EngineOptions { BoundsChecks = checks }).CompileText(Text).Instantiate(new Imports());
        var far = instance.GetMemory("far")!;
        far.WriteInt32(100, 0x44332211);
        var zero = Value.Zero(ValueKind.V128);
        instance.Invoke("load", 100, zero)[0].ToVector().ShouldBe(Vector128.Create((byte)0, 0, 0, 0, 0, 0x11, 0x33, 0x44, 0, 0, 0, 0, 0, 0, 0, 0));
        instance.Invoke("first", 100, zero)[0].ShouldBe(zero);
        instance.Invoke("store", 65_532, Value.FromVector(Vector128.Create(1, -2, 3, 4).AsByte()));
        far.ReadInt32(65_532).ShouldBe(-2);
        FuelTests.Traps(() => instance.Invoke("store", 65_533, zero), TrapCode.MemoryOutOfBounds);
        FuelTests.Traps(() => instance.Invoke("load", 65_533, zero), TrapCode.MemoryOutOfBounds);
    }

    [Fact]
    public void BulkInstructions_MeanTheirMemories()
    {
        using var instance = s_engine.CompileText(Three).Instantiate(new Imports());
        Sizes(instance).ShouldBe([1, 1, 1]);
        instance.GetMemory("b")!.ReadUtf8(2, 6).ShouldBe("second");
        instance.Invoke("grow-b", 3)[0].ToInt32().ShouldBe(1);
        instance.Invoke("grow-b", 1)[0].ToInt32().ShouldBe(-1);
        Sizes(instance).ShouldBe([1, 4, 1]);
        instance.Invoke("copy-c-to-b", 250_000, 0, 5);
        instance.GetMemory("b")!.ReadUtf8(250_000, 5).ShouldBe("third");
        instance.Invoke("fill-c", 1, (int)'x', 3);
        instance.GetMemory("c")!.ReadUtf8(0, 5).ShouldBe("txxxd");
        instance.Invoke("init-c", 10, 1, 4);
        instance.GetMemory("c")!.ReadUtf8(10, 4).ShouldBe("assi");
        instance.Invoke("init-a", 10, 0, 7);
        instance.GetMemory("a")!.ReadUtf8(10, 7).ShouldBe("passive");
        FuelTests.Traps(() => instance.Invoke("fill-c", 65_536, 0, 1), TrapCode.MemoryOutOfBounds);
        FuelTests.Traps(() => instance.Invoke("copy-c-to-b", 0, 65_535, 2), TrapCode.MemoryOutOfBounds);
        instance.Invoke("copy-c-to-b", 262_143, 0, 1);
        FuelTests.Traps(() => instance.Invoke("copy-c-to-b", 262_143, 0, 2), TrapCode.MemoryOutOfBounds);
        FuelTests.Traps(() => instance.Invoke("init-c", 65_530, 0, 7), TrapCode.MemoryOutOfBounds);
    }

    [Fact]
    public void Memory_ImportedTwice_IsOne()
    {
        const string Text = """
            (module
              (memory (export "own") 1)
              (func (export "grow") (result i32) (memory.grow (i32.const 1))))
            """;
        const string User = """
            (module
              (memory $x (import "env" "m") 1) (memory $y (import "env" "m") 1) (memory $z 1)
              (func (export "run") (result i32)
                (i32.store $x (i32.const 70000) (i32.const 42))
                (i32.add (i32.load $y (i32.const 70000)) (memory.size $y))))
            """;
        using var owner = s_engine.CompileText(Text).Instantiate(new Imports());
        using var user = s_engine.CompileText(User).Instantiate(new Imports().Add("env", "m", owner.GetMemory("own")!));
        FuelTests.Traps(() => user.Invoke("run"), TrapCode.MemoryOutOfBounds);
        owner.Invoke("grow");
        user.Invoke("run")[0].ToInt32().ShouldBe(44);
    }

    [Fact]
    public void Limit_HoldsForAllMemoriesTogether()
    {
        const string Text = """
            (module
              (memory 2) (memory $b 3)
              (func (export "a") (param i32) (result i32) (memory.grow (local.get 0)))
              (func (export "b") (param i32) (result i32) (memory.grow $b (local.get 0))))
            """;
        var module = s_engine.CompileText(Text);
        using var instance = module.Instantiate(new Imports(), new ExecutionLimits { MaxMemoryBytes = 8 * Memory.PageBytes });
        instance.Invoke("a", 4)[0].ToInt32().ShouldBe(-1);
        instance.Invoke("a", 2)[0].ToInt32().ShouldBe(2);
        instance.Invoke("b", 2)[0].ToInt32().ShouldBe(-1);
        instance.Invoke("b", 1)[0].ToInt32().ShouldBe(3);
        instance.Invoke("a", 1)[0].ToInt32().ShouldBe(-1);
        Should.Throw<LinkException>(() => module.Instantiate(new Imports(), new ExecutionLimits { MaxMemoryBytes = 4 * Memory.PageBytes }))
            .Refusal.ShouldBe(LinkRefusal.MemoryLimit);
    }

    [Fact]
    public void Snapshot_HoldsAllMemories()
    {
        using var instance = s_engine.CompileText(Three).Instantiate(new Imports());
        instance.Invoke("grow-b", 2);
        instance.Invoke("copy-c-to-b", 190_000, 0, 5);
        using var snapshot = instance.TakeSnapshot();
        using var copy = snapshot.Instantiate(new Imports());
        Sizes(copy).ShouldBe([1, 3, 1]);
        copy.GetMemory("b")!.ReadUtf8(190_000, 5).ShouldBe("third");
        copy.GetMemory("c")!.ReadUtf8(0, 5).ShouldBe("third");
    }

    [Theory]
    [InlineData("(memory 1) (memory 1) (func (drop (i32.load 2 (i32.const 0))))", "unknown memory")]
    [InlineData("(memory 1) (memory 1) (func (drop (memory.size 2)))", "unknown memory")]
    [InlineData("(memory 1) (memory 1) (func (memory.copy 0 2 (i32.const 0) (i32.const 0) (i32.const 0)))", "unknown memory")]
    [InlineData("(memory 1) (memory 1) (func (memory.fill 3 (i32.const 0) (i32.const 0) (i32.const 0)))", "unknown memory")]
    [InlineData("(memory 1) (memory 1) (data (memory 2) (i32.const 0) \"a\")", "unknown memory")]
    [InlineData("(memory 1) (memory 1) (func (drop (i32.load 1 align=8 (i32.const 0))))", "alignment must not be larger than natural")]
    public void Module_WithAMemoryThatIsNotThere_IsRefused(string fields, string reason) =>
        Should.Throw<InvalidModuleException>(() => s_engine.CompileText($"(module {fields})")).Reason.ShouldBe(reason);

    [Fact]
    public void Memories_BeyondTheLimit_AreRefused()
    {
        var engine = new Engine(new EngineOptions { MaxMemories = 2 });
        engine.CompileText("(module (memory 1) (memory 1))").ShouldNotBeNull();
        Should.Throw<InvalidModuleException>(() => engine.CompileText("(module (memory 1) (memory 1) (memory 1))")).Kind.ShouldBe(InvalidModuleKind.LimitExceeded);
    }

    [Fact]
    public void Memories_WithoutTheFeature_AreRefused()
    {
        var engine = new Engine(new EngineOptions { Features = WasmFeatures.All & ~WasmFeatures.MultipleMemories });
        Should.Throw<InvalidModuleException>(() => engine.CompileText("(module (memory 1) (memory 1))")).Reason.ShouldBe("multiple memories");
    }

    [Fact]
    public void Operand_OfTheFirstMemory_MayNameIt()
    {
        byte[] module = ModuleText.ToBinary("(module (memory 1) (data (i32.const 5) \"\\07\") (func (export \"f\") (result i32) (i32.load8_u offset=5 (i32.const 0))))");
        int at = module.AsSpan().IndexOf((ReadOnlySpan<byte>)[0x2D, 0x00, 0x05]);
        at.ShouldBeGreaterThan(0);

        // Flag 0x40 and memory 0, one byte more in the body and in the section.
        byte[] named = [.. module[..(at + 1)], 0x40, 0x00, .. module[(at + 2)..]];
        named[at - 4]++;
        named[at - 6]++;
        using var instance = s_engine.Compile(named).Instantiate(new Imports());
        instance.Invoke("f")[0].ToInt32().ShouldBe(7);
    }

    private static int BytesOf(string instruction) =>
        instruction.Contains("x8", StringComparison.Ordinal) || instruction.Contains("x4", StringComparison.Ordinal) || instruction.Contains("x2", StringComparison.Ordinal) ? 8
        : instruction.Contains("load8", StringComparison.Ordinal) || instruction.Contains("store8", StringComparison.Ordinal) ? 1
        : instruction.Contains("16", StringComparison.Ordinal) ? 2
        : instruction.Contains("d32", StringComparison.Ordinal) || instruction.Contains("e32", StringComparison.Ordinal) ? 4
        : instruction.Contains("d64_", StringComparison.Ordinal) ? 8
        : instruction[0] == 'v' ? 16
        : instruction[1] == '3' ? 4
        : 8;

    private static int[] Sizes(Instance instance) => [.. instance.Invoke("size").Select(value => value.ToInt32())];
}

using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Tests.Runtime;

public sealed class FuelTests
{
    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 4 + 12)]
    [InlineData(1000, 4 + 12_000)]
    public void Invoke_KnownProgram_ConsumesOneUnitAnInstruction(int turns, long expected)
    {
        using var instance = Samples.Instantiate(Samples.Sum);
        instance.Invoke("sum", turns)[0].ToInt32().ShouldBe(turns * (turns + 1) / 2);
        instance.FuelConsumed.ShouldBe(expected);
    }

    [Fact]
    public void Invoke_SameWorkTwice_ConsumesTheSame()
    {
        using var first = Samples.Instantiate(Samples.Sum);
        using var second = Samples.Instantiate(Samples.Sum);
        first.Invoke("sum", 12_345);
        second.Invoke("sum", 12_345);
        long once = first.FuelConsumed;
        second.FuelConsumed.ShouldBe(once);
        first.Invoke("sum", 12_345);
        first.FuelConsumed.ShouldBe(2 * once);
    }

    [Fact]
    public void Invoke_ExactlyEnoughFuel_Ends()
    {
        long needed = 4 + (12 * 100);
        using var instance = Samples.Instantiate(Samples.Sum, new ExecutionLimits { Fuel = needed });
        instance.Invoke("sum", 100)[0].ToInt32().ShouldBe(5050);
        instance.FuelRemaining.ShouldBe(0);
    }

    [Fact]
    public void Invoke_OneUnitShortAtACheck_TrapsAndHasConsumedAll()
    {
        using var instance = Samples.Instantiate(Samples.Sum, new ExecutionLimits { Fuel = 100 });
        Traps(() => instance.Invoke("sum", 100), TrapCode.OutOfFuel);
        instance.FuelRemaining.ShouldBe(0);
        instance.FuelConsumed.ShouldBe(100);
        Traps(() => instance.Invoke("sum", 0), TrapCode.OutOfFuel);
    }

    /// <summary>
    /// Blocks are paid for by others: what is left early, by which way ever, has to be paid back, and a call that gets just what it uses may not
    /// find too little on the way.
    /// </summary>
    [Theory]
    [InlineData(0, 9)]
    [InlineData(1, 29)]
    [InlineData(2, 20)]
    [InlineData(5, 69)]
    [InlineData(9, 149)]
    [InlineData(40, 161)]
    public void Invoke_LoopThatIsLeftSeveralWays_ConsumesWhatRunsAndNeedsNoMore(int argument, long expected)
    {
        const string Text = """
            (module
              (func $look (if (i32.const 0) (then (call $look))))
              (func (export "run") (param i32) (result i32) (local i32)
                (block $out
                  (br_if $out (i32.eqz (local.get 0)))
                  (loop $turn
                    (local.set 1 (i32.add (local.get 1) (i32.const 1)))
                    (if (i32.and (local.get 0) (i32.const 1))
                      (then (br_if $out (i32.gt_u (local.get 1) (i32.const 7))))
                      (else (if (i32.eq (local.get 0) (i32.const 2)) (then (call $look) (return (local.get 1))))))
                    (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                    (br_if $turn (i32.gt_u (local.get 0) (i32.const 2)))))
                (call $look)
                (i32.add (local.get 1) (local.get 0))))
            """;
        var module = new Engine().CompileText(Text);
        using var instance = module.Instantiate(new Imports());
        int result = instance.Invoke("run", argument)[0].ToInt32();
        instance.FuelConsumed.ShouldBe(expected);
        using var exact = module.Instantiate(new Imports(), new ExecutionLimits { Fuel = expected });
        exact.Invoke("run", argument)[0].ToInt32().ShouldBe(result);
        exact.FuelRemaining.ShouldBe(0);
    }

    /// <summary>A trap forgets what its function has used since it last called, and how much that is depends on how the function is compiled.</summary>
    [Fact]
    public void Invoke_TrapInALargeFunction_HasConsumedTheSameHoweverBoundsAreChecked()
    {
        for (int accesses = 600; accesses <= 4_000; accesses += 200)
        {
            string text = $"""
                (module (memory 1) (func (export "run") (param i32)
                  (loop (br_if 0 (i32.const 0)))
                  {string.Concat(Enumerable.Repeat("(drop (i32.load (local.get 0))) (if (local.get 0) (then))", accesses))}
                  (drop (i32.load (i32.const 65536)))))
                """;
            long[] consumed = [.. new[] { BoundsChecks.Automatic, BoundsChecks.Explicit }.Select(checks =>
            {
                using var instance = new Engine(new EngineOptions { BoundsChecks = checks }).CompileText(text).Instantiate();
                Traps(() => instance.Invoke("run", 0), TrapCode.MemoryOutOfBounds);
                return instance.FuelConsumed;
            })];
            consumed[1].ShouldBe(consumed[0], $"with {accesses} accesses");
        }
    }

    [Theory]
    [InlineData(nameof(Samples.EndlessLoop), "run")]
    [InlineData(nameof(Samples.EndlessTree), "level0")]
    public void Invoke_EndlessProgram_RunsOutOfFuel(string sample, string function)
    {
        byte[] module = sample == nameof(Samples.EndlessLoop) ? Samples.EndlessLoop : Samples.EndlessTree;
        using var instance = Samples.Instantiate(module, new ExecutionLimits { Fuel = 1_000_000 });
        Traps(() => instance.Invoke(function), TrapCode.OutOfFuel);
    }

    [Fact]
    public void MemoryFill_LargerThanTheFuel_TrapsBeforeItWrites()
    {
        using var instance = Samples.Instantiate(Samples.MemoryAccess, new ExecutionLimits { Fuel = 2_000 });
        Traps(() => instance.Invoke("fill", 0, 7, 65_536), TrapCode.OutOfFuel);
        instance.Memory!.GetSpan(0, 65_536).IndexOfAnyExcept((byte)0).ShouldBe(-1);
    }

    /// <summary>A small loop is compiled several turns at a time, and paid for so.</summary>
    [Fact]
    public void SmallLoop_ConsumesWhatItsTurnsCost()
    {
        const int Turn = 5;
        byte[] module = new ModuleBuilder().Function("run", [ValueKind.I32], Samples.None, Samples.None, ModuleBuilder.Plain(Opcode.Loop, CountDown())).Build();
        for (int turns = 1; turns < 12; turns++)
        {
            using var instance = Samples.Instantiate(module, new ExecutionLimits { Fuel = turns * Turn });
            instance.Invoke("run", turns);
            instance.FuelRemaining.ShouldBe(0, $"{turns} turns");
            using var poor = Samples.Instantiate(module, new ExecutionLimits { Fuel = (turns * Turn) - 1 });
            Traps(() => poor.Invoke("run", turns), TrapCode.OutOfFuel);
        }
    }

    [Fact]
    public void SmallLoopWithABulkOperation_HasNotPaidForTurnsToCome()
    {
        const int Turn = 9;
        byte[] fill = [.. ModuleBuilder.ConstI32(0), .. ModuleBuilder.ConstI32(1), .. ModuleBuilder.ConstI32(0), .. ModuleBuilder.Extended(ExtendedOpcode.MemoryFill, 0)];
        byte[] module = new ModuleBuilder().Memory(1)
            .Function("run", [ValueKind.I32], Samples.None, Samples.None, ModuleBuilder.Plain(Opcode.Loop, fill, CountDown())).Build();
        for (int turns = 1; turns < 8; turns++)
        {
            using var instance = Samples.Instantiate(module, new ExecutionLimits { Fuel = turns * Turn });
            instance.Invoke("run", turns);
            instance.FuelRemaining.ShouldBe(0, $"{turns} turns");
        }
    }

    private static byte[] CountDown() =>
    [
        .. ModuleBuilder.Ins(Opcode.LocalGet, 0), .. ModuleBuilder.ConstI32(-1), (byte)Opcode.I32Add,
        .. ModuleBuilder.Ins(Opcode.LocalTee, 0), .. ModuleBuilder.Ins(Opcode.BrIf, 0),
    ];

    [Fact]
    public void ConsumeFuel_ByTheHost_CountsAsTheGuests()
    {
        var imports = new Imports().AddFunction("env", "call", (Caller caller) => caller.ConsumeFuel(500));
        using var instance = Samples.Instantiate(Samples.HostRecursion, new ExecutionLimits { Fuel = 1_200 }, imports);
        instance.Invoke("run");
        instance.FuelConsumed.ShouldBe(501);
        instance.Invoke("run");
        Traps(() => instance.Invoke("run"), TrapCode.OutOfFuel);
    }

    internal static void Traps(Action action, TrapCode code) => Should.Throw<TrapException>(action).Code.ShouldBe(code);
}

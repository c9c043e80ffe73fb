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

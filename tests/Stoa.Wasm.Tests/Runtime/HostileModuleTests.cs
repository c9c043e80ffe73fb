using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Tests.Runtime;

/// <summary>Modules that were written to cost their host more than they were given.</summary>
public sealed class HostileModuleTests
{
    private static readonly string s_thousand = Repeat("i64 ", 1000);

    private static string Straight { get; } = Repeat("(local.set 0 (i64.add (local.get 0) (i64.const 1)))", 40);

    [Fact]
    public void Invoke_NothingButCallsOfALongFunctionWithoutCalls_RunsOutOfFuelBeforeTheLast()
    {
        using var instance = Instantiate(
            $"""
            (module
              (global $calls (export "calls") (mut i32) (i32.const 0))
              (func $long (param i64) (global.set $calls (i32.add (global.get $calls) (i32.const 1))) {Straight})
              (func (export "run") {Repeat("(call $long (i64.const 0))", 1000)}))
            """,
            new ExecutionLimits { Fuel = 10_000 });
        FuelTests.Traps(() => instance.Invoke("run"), TrapCode.OutOfFuel);
        instance.GetGlobal("calls")!.Value.ToInt32().ShouldBeInRange(1, 100);
    }

    [Fact]
    public void Invoke_FirstCallsOfManySmallFunctions_StopWhenCancelled()
    {
        using var cancellation = new CancellationTokenSource();
        var imports = new Imports().AddFunction("env", "cancel", () => cancellation.Cancel());
        using var instance = new Engine().CompileText(
            """
            (module
              (import "env" "cancel" (func $cancel))
              (global $calls (export "calls") (mut i32) (i32.const 0))
              (func $small (global.set $calls (i32.const 1)))
              (func (export "run") (call $cancel) (call $small)))
            """).Instantiate(imports);
        FuelTests.Traps(() => instance.Invoke("run", [], cancellation.Token), TrapCode.Cancelled);
        instance.GetGlobal("calls")!.Value.ToInt32().ShouldBe(0);
    }

    [Theory]
    [InlineData("(call $thousand)")]
    [InlineData("(br_if 0 (i32.const 0))")]
    [InlineData("(block)")]
    [InlineData("(loop)")]
    [InlineData("(if (i32.const 0) (then))")]
    [InlineData("(block (param i64 i64) (result i64 i64))")]
    public void Compile_FewBytesThatMoveManyOperands_AreRefused(string instruction)
    {
        string Function(int count) =>
            $"""
            (module
              (func $thousand (param {s_thousand}) (result {s_thousand}) unreachable)
              (func (block (result {s_thousand}) {Repeat("i64.const 1 ", 1000)} {Repeat(instruction, count)}) unreachable))
            """;
        new Engine().CompileText(Function(2)).Exports.ShouldBeEmpty();
        Should.Throw<InvalidModuleException>(() => new Engine().CompileText(Function(200)))
            .Message.ShouldContain("move more than 100000 operands");
    }

    [Fact]
    public void TableGrow_OfSeveralTables_StopsAtTheLimitOfAllTogether()
    {
        using var instance = Instantiate(
            """
            (module
              (table $a 10 funcref)
              (table $b 10 funcref)
              (func (export "a") (param i32) (result i32) (table.grow $a (ref.null func) (local.get 0)))
              (func (export "b") (param i32) (result i32) (table.grow $b (ref.null func) (local.get 0))))
            """,
            new ExecutionLimits { MaxTableElements = 100 });
        instance.Invoke("a", 60)[0].ToInt32().ShouldBe(10);
        instance.Invoke("b", 21)[0].ToInt32().ShouldBe(-1);
        instance.Invoke("b", 20)[0].ToInt32().ShouldBe(10);
        instance.Invoke("a", 1)[0].ToInt32().ShouldBe(-1);
    }

    [Fact]
    public void TableGrow_ByMillions_IsChargedByItsSizeAndStopsWithTheToken()
    {
        using var cancellation = new CancellationTokenSource();
        var imports = new Imports().AddFunction("env", "cancel", () => cancellation.Cancel());
        var limits = new ExecutionLimits { Fuel = 12_000_000 };
        using var instance = new Engine().CompileText(
            """
            (module
              (import "env" "cancel" (func $cancel))
              (table (export "table") 0 funcref)
              (func (export "grow") (param i32) (result i32) (table.grow (ref.null func) (local.get 0)))
              (func (export "cancelled") (call $cancel) (drop (table.grow (ref.null func) (i32.const 2000000)))))
            """).Instantiate(imports, limits);
        var table = instance.GetTable("table")!;
        instance.Invoke("grow", 4_000_000)[0].ToInt32().ShouldBe(0);
        instance.FuelConsumed.ShouldBe(2_000_003);
        FuelTests.Traps(() => instance.Invoke("cancelled", [], cancellation.Token), TrapCode.Cancelled);
        table.Length.ShouldBe(4_000_000u);
        instance.Invoke("grow", 6_000_001)[0].ToInt32().ShouldBe(-1);
        instance.Invoke("grow", 6_000_000)[0].ToInt32().ShouldBe(4_000_000);
        table.Length.ShouldBe(10_000_000u);
        table[9_999_999].ToFunction().ShouldBeNull();
    }

    [Fact]
    public void TableGrow_BeyondWhatTheSystemGives_LeavesTheTableAsItWas()
    {
        using var table = new Table(
            new TableType(ValueKind.FuncRef, new Limits(1, null)), new TableBudget(uint.MaxValue), new InstanceGroup());

        // 32 GB, of which nothing is touched: a system that has less refuses, which is no exception.
        Assert.SkipWhen(table.TryReserve(4_000_000_000), "This system promises 32 GB.");
        table.Length.ShouldBe(1u);
        table.Grow(10, Value.NullFunction).ShouldBe(1);
        table[10].ToFunction().ShouldBeNull();
    }

    private static Instance Instantiate(string text, ExecutionLimits limits) =>
        new Engine().CompileText(text).Instantiate(new Imports(), limits);

    private static string Repeat(string text, int count) => string.Concat(Enumerable.Repeat(text, count));
}

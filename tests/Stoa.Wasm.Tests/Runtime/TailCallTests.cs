namespace Stoa.Wasm.Tests.Runtime;

public sealed class TailCallTests
{
    private const int Many = 10_000_000;

    private static readonly Engine s_engine = new();

    // Each of two functions calls the other, with more arguments than the registers hold in one direction only.
    private const string MutualCalls = """
        (module
          (type $few (func (param i64 i64) (result i64)))
          (type $many (func (param i64 i64 i64 i64 i64 i64 i64 i64 f64 f64 f64 f64 f64 f64 f64 f64 f64 v128 i64 i64) (result i64)))
          (table funcref (elem $direct-few $direct-many $indirect-few $indirect-many))
          (func $direct-few (export "direct") (type $few)
            (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
            (return_call $direct-many
              (i64.sub (local.get 0) (i64.const 1)) (local.get 1)
              (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7)
              (f64.const 8) (f64.const 9) (f64.const 10) (f64.const 11) (f64.const 12) (f64.const 13) (f64.const 14) (f64.const 15) (f64.const 16)
              (v128.const i64x2 17 18) (i64.const 19) (i64.const 20)))
          (func $direct-many (type $many)
            (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
            (return_call $direct-few
              (i64.sub (local.get 0) (i64.const 1))
              (i64.add (local.get 1) (i64.sub (i64.add (i64x2.extract_lane 1 (local.get 17)) (local.get 19)) (i64.const 37)))))
          (func $indirect-few (export "indirect") (type $few)
            (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
            (return_call_indirect (type $many)
              (i64.sub (local.get 0) (i64.const 1)) (local.get 1)
              (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7)
              (f64.const 8) (f64.const 9) (f64.const 10) (f64.const 11) (f64.const 12) (f64.const 13) (f64.const 14) (f64.const 15) (f64.const 16)
              (v128.const i64x2 17 18) (i64.const 19) (i64.const 20) (i32.const 3)))
          (func $indirect-many (type $many)
            (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
            (return_call_indirect (type $few)
              (i64.sub (local.get 0) (i64.const 1))
              (i64.add (local.get 1) (i64.sub (i64.add (i64x2.extract_lane 1 (local.get 17)) (local.get 19)) (i64.const 37)))
              (i32.const 2))))
        """;

    private const string Countdown = """
        (module
          (func $down (export "run") (param i32) (result i32)
            (if (i32.eqz (local.get 0)) (then (return (i32.const 42))))
            (return_call $down (i32.sub (local.get 0) (i32.const 1)))))
        """;

    private const string Endless = """
        (module
          (table funcref (elem $c))
          (func $a (export "direct") (return_call $b))
          (func $b (return_call $a))
          (func $c (export "indirect") (return_call_indirect (i32.const 0)))
          (func $d (export "large") (param i32 i32 i32) (return_call $e (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (i32.const 7) (i32.const 8)))
          (func $e (param i32 i32 i32 i32 i32 i32 i32 i32) (return_call $d (i32.const 1) (i32.const 2) (i32.const 3))))
        """;

    [Theory]
    [InlineData("direct", BoundsChecks.Automatic)]
    [InlineData("indirect", BoundsChecks.Automatic)]
    [InlineData("direct", BoundsChecks.Explicit)]
    [InlineData("indirect", BoundsChecks.Explicit)]
    public void Invoke_MillionsOfMutualTailCalls_End(string function, BoundsChecks checks)
    {
        using var instance = new Engine(new EngineOptions { BoundsChecks = checks }).CompileText(MutualCalls).Instantiate(new Imports());
        instance.Invoke(function, (long)Many, 0L)[0].ToInt64().ShouldBe(Many / 2);
    }

    [Fact]
    public void Invoke_TailCallsOfOneself_NeedNoDepth()
    {
        using var instance = s_engine.CompileText(Countdown).Instantiate(new Imports(), new ExecutionLimits { MaxCallDepth = 1 });
        instance.Invoke("run", Many)[0].ToInt32().ShouldBe(42);
    }

    [Fact]
    public void Invoke_TailCallsBetweenInstances_End()
    {
        const string First = """
            (module
              (table (export "table") 2 funcref)
              (func (export "run") (param i32) (result i32 i64 f64)
                (if (i32.eqz (local.get 0)) (then (return (i32.const 1) (i64.const 2) (f64.const 3))))
                (return_call_indirect (param i32) (result i32 i64 f64) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))
              (func (export "sum") (param i32) (result f64)
                (local f64)
                (call_indirect (param i32) (result i32 i64 f64) (local.get 0) (i32.const 0))
                local.set 1
                f64.convert_i64_s
                (f64.mul (f64.const 10))
                (f64.add (local.get 1))
                local.set 1
                f64.convert_i32_s
                (f64.add (local.get 1))))
            """;
        const string Second = """
            (module
              (import "first" "table" (table 2 funcref))
              (import "first" "run" (func $run (param i32) (result i32 i64 f64)))
              (elem (i32.const 0) $other)
              (func (export "more") (result i32 i32 i32 i32 i32) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5))
              (func $other (export "run") (param i32) (result i32 i64 f64)
                (if (i32.eqz (local.get 0)) (then (return (i32.const 4) (i64.const 5) (f64.const 6))))
                (return_call $run (i32.sub (local.get 0) (i32.const 1)))))
            """;
        using var first = s_engine.CompileText(First).Instantiate(new Imports());
        using var second = s_engine.CompileText(Second).Instantiate(new Imports().AddInstance("first", first));
        Three(first, 1_000_000).ShouldBe((1, 2, 3));
        Three(first, 1_000_001).ShouldBe((4, 5, 6));
        Three(second, 1_000_000).ShouldBe((4, 5, 6));
        Three(second, 1_000_001).ShouldBe((1, 2, 3));
        first.Invoke("sum", 10)[0].ToDouble().ShouldBe(4 + 50 + 6);
        first.Invoke("sum", 11)[0].ToDouble().ShouldBe(1 + 20 + 3);
        second.Invoke("more").Select(value => value.ToInt32()).ShouldBe([1, 2, 3, 4, 5]);
    }

    private static (int First, long Second, double Third) Three(Instance instance, int calls)
    {
        var results = instance.Invoke("run", calls);
        return (results[0].ToInt32(), results[1].ToInt64(), results[2].ToDouble());
    }

    [Fact]
    public void Invoke_TailCallsOfTheHost_GiveItsResults()
    {
        const string Text = """
            (module
              (import "env" "add" (func $add (param i32 i32) (result i32)))
              (import "env" "both" (func $both (param i32 i32) (result i32 i32)))
              (table funcref (elem $add))
              (func (export "typed") (param i32) (result i32) (return_call $add (local.get 0) (i32.const 1)))
              (func (export "table") (param i32) (result i32)
                (return_call_indirect (param i32 i32) (result i32) (local.get 0) (i32.const 2) (i32.const 0)))
              (func $untyped (export "untyped") (param i32) (result i32 i32) (return_call $both (local.get 0) (i32.const 3)))
              (func (export "difference") (param i32) (result i32) (i32.sub (call $untyped (local.get 0)))))
            """;
        var imports = new Imports()
            .AddFunction("env", "add", (int a, int b) => a + b)
            .AddFunction(
                "env", "both", new FunctionType([ValueKind.I32, ValueKind.I32], [ValueKind.I32, ValueKind.I32]),
                (_, arguments, results) => (results[0], results[1]) = (arguments[1], arguments[0]));
        using var instance = s_engine.CompileText(Text).Instantiate(imports);
        instance.Invoke("typed", 5)[0].ToInt32().ShouldBe(6);
        instance.Invoke("table", 5)[0].ToInt32().ShouldBe(7);
        instance.Invoke("untyped", 5).Select(value => value.ToInt32()).ShouldBe([3, 5]);
        instance.Invoke("difference", 5)[0].ToInt32().ShouldBe(-2);
    }

    [Theory]
    [InlineData("direct")]
    [InlineData("indirect")]
    [InlineData("large")]
    public void Invoke_EndlessTailCalls_StopByFuelDeadlineAndToken(string function)
    {
        var module = s_engine.CompileText(Endless);
        Value[] arguments = function == "large" ? [1, 2, 3] : [];
        using var fueled = module.Instantiate(new Imports(), new ExecutionLimits { Fuel = 1_000_000 });
        FuelTests.Traps(() => fueled.Invoke(function, arguments), TrapCode.OutOfFuel);
        using var timed = module.Instantiate(new Imports(), new ExecutionLimits { Timeout = TimeSpan.FromMilliseconds(20) });
        FuelTests.Traps(() => timed.Invoke(function, arguments), TrapCode.DeadlineExceeded);
        using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
        using var cancelled = module.Instantiate(new Imports());
        FuelTests.Traps(() => cancelled.Invoke(function, arguments, cancellation.Token), TrapCode.Cancelled);
    }

    [Fact]
    public void Invoke_ChainOfManyDifferentFunctions_LeavesNoFrameForEach()
    {
        // Each is compiled when the one before calls it.
        const int Functions = 5_000;
        var text = new System.Text.StringBuilder("(module ");
        for (int i = 0; i < Functions; i++)
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"(func (export \"f{i}\") (param i32) (result i32) (return_call {i + 1} (i32.add (local.get 0) (i32.const 1))))");
        text.Append("(func (param i32) (result i32) (local.get 0)))");
        var module = s_engine.CompileText(text.ToString());
        int result = 0;
        var thread = new Thread(
            () =>
            {
                using var instance = module.Instantiate(new Imports(), new ExecutionLimits { MaxCallDepth = 1 });
                result = instance.Invoke("f0", 0)[0].ToInt32();
            },
            1 << 20);
        thread.Start();
        thread.Join();
        result.ShouldBe(Functions);
    }

    [Fact]
    public void Invoke_TailCallsOfFunctionsWithLargeFrames_LeaveNoFrame()
    {
        // So many locals that the stack is checked before there is a frame.
        string locals = string.Concat(Enumerable.Repeat("i64 ", 9_000));
        string text = $"""
            (module
              (func $down (export "run") (param i32) (result i32)
                (local {locals})
                (if (i32.eqz (local.get 0)) (then (return (i32.const 42))))
                (return_call $down (i32.sub (local.get 0) (i32.const 1)))))
            """;
        using var instance = s_engine.CompileText(text).Instantiate(new Imports());
        instance.Invoke("run", 100_000)[0].ToInt32().ShouldBe(42);
    }

    [Fact]
    public void Invoke_TailCallInAFunctionThatIsNotOptimised_LeavesNoFrame()
    {
        string filler = string.Concat(Enumerable.Repeat("(if (local.get 0) (then (global.set 0 (i32.add (global.get 0) (i32.const 1)))))", 3_000));
        string text = $"""
            (module
              (global (mut i32) (i32.const 0))
              (func $down (export "run") (param i32) (result i32)
                (if (i32.eqz (local.get 0)) (then (return (global.get 0))))
                (if (i32.eq (local.get 0) (i32.const 1)) (then {filler}))
                (return_call $down (i32.sub (local.get 0) (i32.const 1)))))
            """;
        using var instance = s_engine.CompileText(text).Instantiate(new Imports());
        instance.Invoke("run", 1_000_000)[0].ToInt32().ShouldBe(3_000);
    }

    [Fact]
    public void Invoke_RecursionThatEndsInTailCalls_ExhaustsTheStackAsATrap()
    {
        const string Text = """
            (module
              (func $a (export "run") (result i32) (drop (call $b)) (return_call $b))
              (func $b (result i32) (return_call $a)))
            """;
        using var instance = s_engine.CompileText(Text).Instantiate(new Imports());
        for (int i = 0; i < 3; i++)
            FuelTests.Traps(() => instance.Invoke("run"), TrapCode.CallStackExhausted);
    }

    [Fact]
    public void Fuel_OfATailCall_IsThatOfACall()
    {
        using var instance = s_engine.CompileText(Countdown).Instantiate(new Imports());
        instance.Invoke("run", 10);

        // Six instructions a turn beside the call, then local.get, i32.eqz, if, i32.const, return.
        instance.FuelConsumed.ShouldBe((10 * 7) + 5);
    }

    [Fact]
    public void Operands_BelowTheArguments_AreDropped()
    {
        const string Text = """
            (module
              (table funcref (elem $sub))
              (func $sub (param i32 i32) (result i32) (i32.sub (local.get 0) (local.get 1)))
              (func (export "direct") (param i32) (result i32)
                i64.const 1 f64.const 2 local.get 0 i32.const 3 return_call $sub)
              (func (export "indirect") (param i32) (result i32)
                i64.const 1 f64.const 2 local.get 0 i32.const 3 i32.const 0 return_call_indirect (param i32 i32) (result i32))
              (func (export "inBlock") (param i32) (result i32)
                i32.const 100
                (block (result i32) i64.const 1 (if (local.get 0) (then (return_call $sub (i32.const 9) (local.get 0)))) drop (i32.const 5))
                i32.add))
            """;
        using var instance = s_engine.CompileText(Text).Instantiate(new Imports());
        instance.Invoke("direct", 10)[0].ToInt32().ShouldBe(7);
        instance.Invoke("indirect", 10)[0].ToInt32().ShouldBe(7);
        instance.Invoke("inBlock", 4)[0].ToInt32().ShouldBe(5);
        instance.Invoke("inBlock", 0)[0].ToInt32().ShouldBe(105);
    }

    [Theory]
    [InlineData("(func (param i32) (return_call 0 (i64.const 1)))")]
    [InlineData("(func (result i32) (return_call 1)) (func)")]
    [InlineData("(func (return_call 1)) (func (result i32) (i32.const 1))")]
    [InlineData("(func (result i32) (return_call 1)) (func (result i64) (i64.const 1))")]
    [InlineData("(table 1 funcref) (func (return_call_indirect (result i32) (i32.const 0)))")]
    [InlineData("(table 1 externref) (func (return_call_indirect (i32.const 0)))")]
    [InlineData("(table 1 funcref) (func (return_call_indirect (i64.const 0)))")]
    public void Function_WithATailCallThatDoesNotFit_IsRefused(string functions) =>
        Should.Throw<InvalidModuleException>(() => s_engine.CompileText($"(module {functions})")).Reason.ShouldBe("type mismatch");

    [Fact]
    public void TailCall_WithoutTheFeature_IsRefused()
    {
        var engine = new Engine(new EngineOptions { Features = WasmFeatures.All & ~WasmFeatures.TailCalls });
        Should.Throw<InvalidModuleException>(() => engine.CompileText("(func (return_call 0))")).Reason.ShouldBe("illegal opcode");
    }

    [Theory]
    [InlineData("null", TrapCode.IndirectCallToNull)]
    [InlineData("other", TrapCode.IndirectCallTypeMismatch)]
    [InlineData("outside", TrapCode.TableOutOfBounds)]
    public void TailCallIndirect_OfWhatCannotBeCalled_Traps(string function, TrapCode expected)
    {
        const string Text = """
            (module
              (table 2 funcref)
              (elem (i32.const 1) $f)
              (func $f (result i32) (i32.const 1))
              (func (export "null") (return_call_indirect (i32.const 0)))
              (func (export "other") (return_call_indirect (i32.const 1)))
              (func (export "outside") (return_call_indirect (i32.const 2))))
            """;
        using var instance = s_engine.CompileText(Text).Instantiate(new Imports());
        FuelTests.Traps(() => instance.Invoke(function), expected);
    }
}

namespace Stoa.Wasm.Tests.Runtime;

public sealed class BacktraceTests
{
    /// <summary>Each way in which a trap comes about, as the code of the innermost function.</summary>
    public static TheoryData<string, TrapCode> Traps => new()
    {
        { "unreachable", TrapCode.Unreachable },
        { "(drop (i32.load (i32.const -1)))", TrapCode.MemoryOutOfBounds },
        { "(i64.store offset=4294967295 (i32.const -1) (i64.const 0))", TrapCode.MemoryOutOfBounds },
        { "(memory.fill (i32.const -1) (i32.const 0) (i32.const 2))", TrapCode.MemoryOutOfBounds },
        { "(drop (table.get (i32.const 9)))", TrapCode.TableOutOfBounds },
        { "(call_indirect (i32.const 0))", TrapCode.IndirectCallToNull },
        { "(call_indirect (i32.const 9))", TrapCode.TableOutOfBounds },
        { "(call_indirect (param i32) (i32.const 0) (i32.const 1))", TrapCode.IndirectCallTypeMismatch },
        { "(drop (i32.div_u (i32.const 1) (i32.load (i32.const 0))))", TrapCode.IntegerDivideByZero },
        { "(drop (i64.rem_s (i64.const 1) (i64.load (i32.const 0))))", TrapCode.IntegerDivideByZero },
        { "(drop (i32.div_s (i32.const 0x80000000) (i32.sub (i32.load (i32.const 0)) (i32.const 1))))", TrapCode.IntegerOverflow },
        { "(drop (i32.trunc_f64_s (f64.const nan)))", TrapCode.InvalidConversionToInteger },
        { "(loop (br 0))", TrapCode.OutOfFuel },
    };

    [Theory]
    [MemberData(nameof(Traps))]
    public void Trap_OfEachKind_TellsWhoCalled(string code, TrapCode expected)
    {
        foreach (var checks in new[] { BoundsChecks.Automatic, BoundsChecks.Explicit })
        {
            using var instance = Load(
                $$"""
                (module
                  (memory 1) (table 2 funcref) (elem (i32.const 1) $outer)
                  (func $inner {{code}})
                  (func $middle (param i32) (result i32) (call $inner) (i32.add (local.get 0) (i32.const 1)))
                  (func $outer (export "run") (drop (call $middle (i32.const 1))) (drop (i32.load (i32.const 0)))))
                """,
                new EngineOptions { BoundsChecks = checks },
                limits: expected == TrapCode.OutOfFuel ? new ExecutionLimits { Fuel = 10_000 } : null);

            // A second call meets functions that are compiled already; without fuel it does not come so far.
            for (int call = 0; call < (expected == TrapCode.OutOfFuel ? 1 : 2); call++)
            {
                var trap = Trap(instance, "run");
                trap.Code.ShouldBe(expected);
                trap.Frames.Select(frame => frame.Name).ShouldBe(["inner", "middle", "outer"]);
                trap.Frames.Select(frame => frame.Function).ShouldBe([0, 1, 2]);
                trap.Frames.ShouldAllBe(frame => frame.Module == instance.Module);
            }
        }
    }

    [Theory]
    [InlineData("", "call $inner", true)]
    [InlineData("", "call $inner", false)]
    [InlineData("(result i32)", "call $inner", true)]
    [InlineData("(result i32)", "call $inner", false)]
    [InlineData("(result i32)", "(return (call $inner))", true)]
    [InlineData("(result i32)", "(return (call $inner))", false)]
    [InlineData("", "(return (call_indirect (i32.const 0)))", false)]
    public void Trap_AtACallThatIsTheLastActOfItsCaller_TellsBoth(string result, string call, bool isMetered)
    {
        using var instance = Load(
            $"""
            (module
              (table 1 funcref) (elem (i32.const 0) $inner)
              (func $inner {result} unreachable)
              (func $middle {result} {call})
              (func $outer (export "run") {result} (return (call $middle))))
            """,
            new EngineOptions { IsMetered = isMetered });
        Trap(instance, "run").SummarizeFrames(9).ShouldBe("inner < middle < outer");
        Trap(instance, "run").SummarizeFrames(9).ShouldBe("inner < middle < outer");
    }

    [Fact]
    public void EndlessRecursion_KeepsTheFirstFramesAndTheNumberOfAll()
    {
        using var instance = Load("""(module (func $visit (export "run") (call $visit)))""", limits: new ExecutionLimits { MaxCallDepth = 1_000 });

        var trap = Trap(instance, "run");

        trap.Code.ShouldBe(TrapCode.CallStackExhausted);
        trap.Frames.Length.ShouldBe(50);
        trap.FrameCount.ShouldBe(1_001);
        trap.DescribeFrames().ShouldEndWith(" 49: visit (wasm function 0)\n     and 951 more\n");
        trap.SummarizeFrames(2).ShouldBe("visit < visit < …");
    }

    [Fact]
    public void HostFunctionBetweenGuests_IsShownAsOne()
    {
        using var inner = Load("""(module (func $crash (export "crash") (drop (i32.div_u (i32.const 1) (i32.const 0)))))""");
        var imports = new Imports();
        imports.Add("env", "typed", Function.FromDelegate(() => { inner.Invoke("crash"); }));
        imports.Add("env", "untyped", Function.FromHost(new FunctionType([], []), (_, _, _) => inner.Invoke("crash")));
        using var outer = Load(
            """
            (module
              (import "env" "typed" (func $typed)) (import "env" "untyped" (func $untyped))
              (func $a (export "typed") (call $typed)) (func $b (export "untyped") (call $untyped)))
            """,
            imports: imports);

        Trap(outer, "typed").SummarizeFrames(9).ShouldBe("crash < <host> < a");
        var trap = Trap(outer, "untyped");
        trap.DescribeFrames().ShouldBe(
            $"  0: crash (wasm function 0) of {inner.Module.Digest}\n  1: <host>\n  2: b (wasm function 3) of {outer.Module.Digest}\n");
        trap.Frames.Select(frame => frame.Module).ShouldBe([inner.Module, null, outer.Module]);
    }

    [Fact]
    public void LinkedModules_AreToldApart()
    {
        using var library = Load("""(module (func $fail (export "fail") unreachable))""");
        var imports = new Imports();
        imports.Add("library", "fail", library.GetFunction("fail")!);
        using var program = Load("""(module (import "library" "fail" (func $f)) (func $main (export "run") (call $f)))""", imports: imports);

        Trap(program, "run").Frames.Select(frame => (frame.Module, frame.Function, frame.Name)).ShouldBe(
            [(library.Module, 0, "fail"), (program.Module, 1, "main")]);
    }

    [Fact]
    public void TrapOfAHostFunction_BeginsWithIt()
    {
        var imports = new Imports();
        imports.Add("env", "spend", Function.FromDelegate((Caller caller) => caller.ConsumeFuel(1_000)));
        using var instance = Load(
            """(module (import "env" "spend" (func $spend)) (func $main (export "run") (call $spend)))""",
            limits: new ExecutionLimits { Fuel = 100 }, imports: imports);

        Trap(instance, "run").SummarizeFrames(9).ShouldBe("<host> < main");
    }

    [Fact]
    public void ExceptionOfTheHost_PassesThroughAsItIs()
    {
        var thrown = new DivideByZeroException("the host's own");
        var imports = new Imports();
        imports.Add("env", "fail", Function.FromDelegate(void () => throw thrown));
        using var instance = Load("""(module (import "env" "fail" (func $fail)) (func (export "run") (call $fail)))""", imports: imports);

        Should.Throw<DivideByZeroException>(() => instance.Invoke("run")).ShouldBeSameAs(thrown);
    }

    [Fact]
    public void FunctionWithoutAName_GoesByItsExportOrItsNumber()
    {
        using var instance = Load("""(module (func unreachable) (func (export "run") (call 0)))""");

        Trap(instance, "run").DescribeFrames().ShouldBe("  0: <unnamed> (wasm function 0)\n  1: run (wasm function 1)\n");
        Trap(instance, "run").SummarizeFrames(1).ShouldBe("<unnamed> (wasm function 0) < …");
    }

    [Fact]
    public void NameThatSteersATerminal_IsShownWithoutThat()
    {
        using var instance = Load("(module (func (export \"\\1b[2J\\n\\e2\\80\\aename\") unreachable))");

        Trap(instance, "\u001b[2J\n\u202ename").DescribeFrames().ShouldBe("  0: \uFFFD[2J\uFFFD\uFFFDname (wasm function 0)\n");
        new WasmFrame(instance.Module, 0, new string('x', 10_000)).ToString().Length.ShouldBeLessThan(250);
    }

    [Fact]
    public void Frames_AreThereWhenTheInstanceIsGone()
    {
        TrapException trap;
        using (var instance = Load("""(module (func $main (export "run") unreachable))"""))
            trap = Trap(instance, "run");
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        trap.SummarizeFrames(9).ShouldBe("main");
        trap.ToString().ShouldContain("  0: main (wasm function 0)");
    }

    [Fact]
    public void TrapOutsideOfGuests_HasNoFrames()
    {
        using var memory = new Memory(new Limits(1, 1));

        var trap = Should.Throw<TrapException>(() => memory.ReadInt32(65_535));

        trap.Frames.ShouldBeEmpty();
        trap.DescribeFrames().ShouldBe("");
        trap.SummarizeFrames(9).ShouldBe("");
    }

    private static Instance Load(string text, EngineOptions? options = null, ExecutionLimits? limits = null, Imports? imports = null) =>
        new Engine(options).CompileText(text).Instantiate(imports ?? new Imports(), limits);

    private static TrapException Trap(Instance instance, string function) => Should.Throw<TrapException>(() => instance.Invoke(function));
}

using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Tests.Runtime;

/// <summary>Functions in tables and globals, and what becomes of them when the instance that they belong to is disposed.</summary>
public sealed class SharedReferenceTests
{
    private const string Putter =
        """
        (module
          (import "host" "table" (table 4 funcref))
          (memory 1)
          (data (i32.const 0) "\07")
          (func $seven (result i32) (i32.load8_u (i32.const 0)))
          (global (export "own") funcref (ref.func $seven))
          (func (export "seven") (result i32) (call $seven))
          (elem (i32.const 1) $seven))
        """;

    private const string Caller =
        """
        (module
          (import "host" "table" (table 4 funcref))
          (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))
        """;

    private const string GlobalCaller =
        """
        (module
          (import "host" "global" (global $shared (mut funcref)))
          (table 1 funcref)
          (func $five (result i32) (i32.const 5))
          (elem declare func $five)
          (func (export "put") (global.set $shared (ref.func $five)))
          (func (export "call") (result i32)
            (table.set 0 (i32.const 0) (global.get $shared))
            (call_indirect (result i32) (i32.const 0))))
        """;

    [Fact]
    public void SharedTable_ExporterDisposed_TheOtherStillCallsThroughIt()
    {
        using var table = NewTable();
        var putter = Instantiate(Putter, table);
        using var caller = Instantiate(Caller, table);
        putter.Dispose();
        Churn();
        caller.Invoke("call", 1)[0].ToInt32().ShouldBe(7);
    }

    [Fact]
    public void SharedTable_ItsOnlyInstanceDisposed_HoldsNullAndIsUsedAgain()
    {
        using var table = NewTable();
        Instantiate(Putter, table).Dispose();
        Churn();
        table[1].ToFunction().ShouldBeNull();
        using var caller = Instantiate(Caller, table);
        FuelTests.Traps(() => caller.Invoke("call", 1), TrapCode.IndirectCallToNull);
        using var putter = Instantiate(Putter, table);
        caller.Invoke("call", 1)[0].ToInt32().ShouldBe(7);
    }

    [Fact]
    public void SharedTable_FilledByTheHostAlone_HoldsNullOnceTheInstanceIsDisposed()
    {
        using var source = NewTable();
        using var table = NewTable();
        var putter = Instantiate(Putter, source);
        table[0] = Value.FromFunction(putter.GetFunction("seven"));
        putter.Dispose();
        Churn();
        table[0].ToFunction().ShouldBeNull();
    }

    [Fact]
    public void SharedTable_FunctionOfTheHostInIt_OutlivesTheInstances()
    {
        using var table = NewTable();
        table[0] = Value.FromFunction(Function.FromDelegate(() => 3));
        table[2] = Value.FromFunction(Function.FromHost(new FunctionType([], [I32, I32]), (_, _, results) => (results[0], results[1]) = (8, 9)));
        Instantiate(Putter, table).Dispose();
        Churn();
        table[2].ToFunction()!.Invoke().ShouldBe([8, 9]);
        using var caller = Instantiate(Caller, table);
        caller.Invoke("call", 0)[0].ToInt32().ShouldBe(3);
    }

    [Fact]
    public void SharedTable_FilledByAnInstanceThatNeverCameToBe_HoldsNull()
    {
        using var table = NewTable();
        Should.Throw<TrapException>(() => Instantiate(Putter.Replace("(i32.const 0) \"", "(i32.const 65536) \"", StringComparison.Ordinal), table));
        Churn();
        table[1].ToFunction().ShouldBeNull();
    }

    [Fact]
    public void Global_OfADisposedInstance_HoldsNull()
    {
        using var table = NewTable();
        var putter = Instantiate(Putter, table);
        var own = putter.GetGlobal("own")!;
        own.Value.ToFunction()!.Invoke()[0].ToInt32().ShouldBe(7);
        putter.Dispose();
        Churn();
        own.Value.ToFunction().ShouldBeNull();
    }

    [Fact]
    public void SharedGlobal_SetterDisposed_TheOtherStillCallsThroughItUntilItIsDisposedToo()
    {
        var global = new Global(isMutable: true, Value.NullFunction);
        var imports = new Imports().Add("host", "global", global);
        var module = new Engine().CompileText(GlobalCaller);
        var setter = module.Instantiate(imports);
        var caller = module.Instantiate(imports);
        setter.Invoke("put");
        setter.Dispose();
        Churn();
        caller.Invoke("call")[0].ToInt32().ShouldBe(5);
        caller.Dispose();
        Churn();
        global.Value.ToFunction().ShouldBeNull();
        using var late = module.Instantiate(imports);
        FuelTests.Traps(() => late.Invoke("call"), TrapCode.IndirectCallToNull);
    }

    [Fact]
    public void Function_OfADisposedInstance_IsRefusedWhereverItIsGiven()
    {
        using var table = NewTable();
        var putter = Instantiate(Putter, table);
        var seven = putter.GetFunction("seven")!;
        putter.Dispose();
        Churn();
        Should.Throw<ObjectDisposedException>(() => seven.Invoke());
        Should.Throw<ObjectDisposedException>(() => table[0] = Value.FromFunction(seven));
        Should.Throw<ObjectDisposedException>(() => new Global(isMutable: false, Value.FromFunction(seven)));
        Should.Throw<ObjectDisposedException>(() => new Engine()
            .CompileText("""(module (import "m" "f" (func (result i32))))""").Instantiate(new Imports().Add("m", "f", seven)));
        seven.Type.ShouldBe(new FunctionType([], [I32]));
    }

    [Fact]
    public void TableDispose_WhileAnInstanceImportsIt_LeavesItAnEmptyTable()
    {
        var table = NewTable();
        using var putter = Instantiate(Putter, table);
        using var caller = Instantiate(Caller, table);
        table.Dispose();
        table.Dispose();
        FuelTests.Traps(() => caller.Invoke("call", 1), TrapCode.TableOutOfBounds);
        table.Grow(1, Value.NullFunction).ShouldBe(-1);
        Should.Throw<ObjectDisposedException>(() => new Engine()
            .CompileText("""(module (import "host" "table" (table 0 funcref)))""").Instantiate(new Imports().Add("host", "table", table)));
    }

    [Fact]
    public void Instantiate_WithADisposedMemory_IsRefused()
    {
        var memory = new Memory(new Limits(1, null));
        memory.Dispose();
        Should.Throw<ObjectDisposedException>(() => new Engine()
            .CompileText("""(module (import "host" "memory" (memory 0)))""").Instantiate(new Imports().Add("host", "memory", memory)));
    }

    [Fact]
    public void Instantiate_ThatFailsInsideACallOfALinkedInstance_SaysWhy()
    {
        using var table = NewTable();
        var module = new Engine().CompileText(
            """
            (module
              (import "host" "table" (table 4 funcref))
              (import "host" "again" (func $again))
              (func (export "run") (call $again)))
            """);
        var imports = new Imports().Add("host", "table", table).AddFunction("host", "again", () =>
        {
            Instantiate("""(module (import "host" "table" (table 4 funcref)) (import "host" "missing" (func)))""", table);
        });
        using var instance = module.Instantiate(imports);
        Should.Throw<LinkException>(() => instance.Invoke("run")).Refusal.ShouldBe(LinkRefusal.UnknownImport);
    }

    private static Table NewTable() => new(FuncRef, new Limits(4, null));

    private static Instance Instantiate(string text, Table table) =>
        new Engine().CompileText(text).Instantiate(new Imports().Add("host", "table", table));

    /// <summary>Has what was freed be given out again, so that a use of it shows.</summary>
    private static void Churn()
    {
        using var table = NewTable();
        for (int i = 0; i < 50; i++)
            Instantiate(Putter.Replace("\\07", "\\2a", StringComparison.Ordinal), table).Dispose();
    }
}

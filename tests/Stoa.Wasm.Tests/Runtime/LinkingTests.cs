using Stoa.Wasm.Binary;
using static Stoa.Wasm.Tests.ModuleBuilder;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Tests.Runtime;

public sealed class LinkingTests
{
    private static byte[] Caller { get; } = new ModuleBuilder()
        .Import("other", "run", Samples.None, Samples.None)
        .Function("go", Samples.None, Samples.None, Samples.None, Ins(Opcode.Call, 0))
        .Build();

    [Fact]
    public void Instantiate_WithoutAnImport_SaysWhichIsMissing()
    {
        var refusal = Should.Throw<LinkException>(() => Samples.Instantiate(Caller));
        refusal.Refusal.ShouldBe(LinkRefusal.UnknownImport);
        refusal.Message.ShouldContain("'other' 'run'");
    }

    [Fact]
    public void Instantiate_WithoutImports_IsForModulesThatNeedNone()
    {
        var engine = new Engine();
        Should.Throw<LinkException>(() => engine.Compile(Caller).Instantiate()).Refusal.ShouldBe(LinkRefusal.UnknownImport);
        using var instance = engine.Compile(Samples.MemoryAccess).Instantiate();
        using var snapshot = instance.TakeSnapshot();
        using var ready = snapshot.Instantiate(new ExecutionLimits { Fuel = 100 });
        ready.Invoke("load", 0)[0].ToInt32().ShouldBe(0);
        ready.FuelRemaining.ShouldBeLessThan(100);
    }

    [Fact]
    public void Instantiate_WithAnImportOfAnotherType_IsRefused()
    {
        var imports = new Imports().AddFunction("other", "run", (int _) => { });
        Should.Throw<LinkException>(() => Samples.Instantiate(Caller, imports: imports)).Refusal.ShouldBe(LinkRefusal.IncompatibleImport);
    }

    [Fact]
    public void Invoke_EndlessLoopInALinkedInstance_IsStoppedByTheCallersToken()
    {
        using var other = Samples.Instantiate(Samples.EndlessLoop);
        using var caller = Samples.Instantiate(Caller, imports: new Imports().AddInstance("other", other));
        FuelTests.Traps(() => caller.Invoke("go", [], new CancellationToken(canceled: true)), TrapCode.Cancelled);
    }

    [Fact]
    public void Invoke_EndlessLoopInALinkedInstance_UsesThatInstancesFuel()
    {
        using var other = Samples.Instantiate(Samples.EndlessLoop, new ExecutionLimits { Fuel = 1_000 });
        using var caller = Samples.Instantiate(Caller, new ExecutionLimits { Fuel = 50 }, new Imports().AddInstance("other", other));
        FuelTests.Traps(() => caller.Invoke("go"), TrapCode.OutOfFuel);
        other.FuelRemaining.ShouldBe(0);
        caller.FuelConsumed.ShouldBe(1);
    }

    [Fact]
    public void Dispose_OfAnExporter_LeavesItsCodeAndMemoryToTheImporter()
    {
        var other = Samples.Instantiate(Samples.MemoryAccess);
        byte[] module = new ModuleBuilder()
            .Import("other", "load", [I32], [I32])
            .Function("go", [I32], [I32], Samples.None, Ins(Opcode.LocalGet, 0), Ins(Opcode.Call, 0))
            .Build();
        using var caller = Samples.Instantiate(module, imports: new Imports().AddInstance("other", other));
        other.Memory!.WriteInt32(8, 99);
        other.Dispose();
        caller.Invoke("go", 8)[0].ToInt32().ShouldBe(99);
    }

    [Fact]
    public void Invoke_HostFunctionThatThrows_PassesItsExceptionOn()
    {
        var imports = new Imports().AddFunction("other", "run", (Action)(() => throw new OverflowException("the host's own")));
        using var instance = Samples.Instantiate(Caller, imports: imports);
        Should.Throw<OverflowException>(() => instance.Invoke("go")).Message.ShouldBe("the host's own");
        FuelTests.Traps(
            () =>
            {
                using var memory = Samples.Instantiate(Samples.MemoryAccess);
                memory.Invoke("load", -1);
            },
            TrapCode.MemoryOutOfBounds);
    }

    [Fact]
    public void Invoke_TrapInANestedCall_ReachesTheOutermostCaller()
    {
        var imports = new Imports().AddFunction("other", "run", () =>
        {
            using var memory = Samples.Instantiate(Samples.MemoryAccess);
            memory.Invoke("load", -1);
        });
        using var instance = Samples.Instantiate(Caller, imports: imports);
        FuelTests.Traps(() => instance.Invoke("go"), TrapCode.MemoryOutOfBounds);
    }

    [Fact]
    public void HostFunction_UntypedWithEveryKind_GetsAndGivesTheValues()
    {
        var type = new FunctionType([I32, I64, F32, F64], [F64, F32, I64, I32]);
        var imports = new Imports().AddFunction("other", "turn", type, (Caller _, ReadOnlySpan<Value> arguments, Span<Value> results) =>
        {
            for (int i = 0; i < 4; i++)
                results[i] = arguments[3 - i];
        });
        byte[] module = new ModuleBuilder()
            .Import("other", "turn", [I32, I64, F32, F64], [F64, F32, I64, I32])
            .Function(
                "go", [I32, I64, F32, F64], [F64, F32, I64, I32], Samples.None,
                Ins(Opcode.LocalGet, 0), Ins(Opcode.LocalGet, 1), Ins(Opcode.LocalGet, 2), Ins(Opcode.LocalGet, 3), Ins(Opcode.Call, 0))
            .Build();
        using var instance = Samples.Instantiate(module, imports: imports);
        instance.Invoke("go", 1, 2L, 3f, 4d).ShouldBe([4d, 3f, 2L, 1]);
    }

    [Fact]
    public void FromDelegate_WithAnotherType_IsRefused()
    {
        Should.Throw<ArgumentException>(() => Function.FromDelegate((string _) => { }));
    }

    [Fact]
    public void Global_ExportedAndMutable_IsSharedWithTheHost()
    {
        byte[] module = new ModuleBuilder()
            .Global(I32, isMutable: true, "counter", ConstI32(7))
            .Function("next", Samples.None, [I32], Samples.None, Ins(Opcode.GlobalGet, 0), ConstI32(1), Op(Opcode.I32Add), Ins(Opcode.GlobalSet, 0), Ins(Opcode.GlobalGet, 0))
            .Build();
        using var instance = Samples.Instantiate(module);
        instance.Invoke("next")[0].ToInt32().ShouldBe(8);
        var counter = instance.GetGlobal("counter")!;
        counter.Value.ToInt32().ShouldBe(8);
        counter.Value = 41;
        instance.Invoke("next")[0].ToInt32().ShouldBe(42);
        Should.Throw<ArgumentException>(() => counter.Value = 1L);
    }
}

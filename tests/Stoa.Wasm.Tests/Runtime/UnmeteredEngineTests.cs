using static Stoa.Wasm.Tests.Samples;

namespace Stoa.Wasm.Tests.Runtime;

public sealed class UnmeteredEngineTests
{
    private readonly Engine _engine = new(new EngineOptions { IsMetered = false });

    [Fact]
    public void Invoke_Unmetered_GivesTheSameResultAndCountsNothing()
    {
        using var instance = Instantiate(Sum);
        instance.Invoke("sum", 1_000)[0].ToInt32().ShouldBe(500_500);
        instance.FuelConsumed.ShouldBe(0);
        instance.FuelRemaining.ShouldBe(long.MaxValue);
    }

    [Fact]
    public void Instantiate_FiniteFuel_IsRefused() =>
        Should.Throw<ArgumentException>(() => Instantiate(Sum, new ExecutionLimits { Fuel = 1_000_000 })).ParamName.ShouldBe("limits");

    [Fact]
    public void Instantiate_Timeout_IsRefused() =>
        Should.Throw<ArgumentException>(() => Instantiate(Sum, new ExecutionLimits { Timeout = TimeSpan.FromHours(1) })).ParamName.ShouldBe("limits");

    [Fact]
    public void Instantiate_TokenThatCanBeCancelled_IsRefused()
    {
        using var cancellation = new CancellationTokenSource();
        Should.Throw<ArgumentException>(() => _engine.Compile(Sum).Instantiate(new Imports(), null, cancellation.Token))
            .ParamName.ShouldBe("cancellationToken");
    }

    [Fact]
    public void Invoke_TokenThatCanBeCancelled_IsRefused()
    {
        using var cancellation = new CancellationTokenSource();
        using var instance = Instantiate(Sum);
        Should.Throw<ArgumentException>(() => instance.Invoke("sum", [3], cancellation.Token)).ParamName.ShouldBe("cancellationToken");
        instance.Invoke("sum", [3], CancellationToken.None)[0].ToInt32().ShouldBe(6);
    }

    [Fact]
    public void Invoke_EndlessRecursion_StillTraps()
    {
        using var instance = Instantiate(DirectRecursion);
        FuelTests.Traps(() => instance.Invoke("run"), TrapCode.CallStackExhausted);
    }

    [Fact]
    public void Invoke_AccessOutOfBounds_StillTraps()
    {
        using var instance = Instantiate(MemoryAccess);
        FuelTests.Traps(() => instance.Invoke("load", -1), TrapCode.MemoryOutOfBounds);
    }

    [Fact]
    public void ConsumeFuel_ByTheHost_IsCounted()
    {
        var imports = new Imports().AddFunction("env", "call", (Caller caller) => caller.ConsumeFuel(500));
        using var instance = _engine.Compile(HostRecursion).Instantiate(imports);
        instance.Invoke("run");
        instance.FuelConsumed.ShouldBe(500);
    }

    [Fact]
    public void Instantiate_ImportOfAMeteredInstance_IsRefused()
    {
        using var metered = new Engine().Compile(DirectRecursion).Instantiate(new Imports());
        var imports = new Imports().Add("env", "call", metered.GetFunction("run")!);
        Should.Throw<LinkException>(() => _engine.Compile(HostRecursion).Instantiate(imports)).Refusal.ShouldBe(LinkRefusal.MixedMetering);
    }

    [Fact]
    public void Table_FunctionsOfMeteredAndUnmeteredInstances_AreRefusedTogether()
    {
        using var metered = new Engine().Compile(Sum).Instantiate(new Imports());
        using var unmetered = Instantiate(Sum);
        using var table = new Table(ValueKind.FuncRef, new Limits(2, null));
        table[0] = Value.FromFunction(metered.GetFunction("sum"));
        Should.Throw<LinkException>(() => table[1] = Value.FromFunction(unmetered.GetFunction("sum"))).Refusal.ShouldBe(LinkRefusal.MixedMetering);
    }

    private Instance Instantiate(byte[] module, ExecutionLimits? limits = null) => _engine.Compile(module).Instantiate(new Imports(), limits);
}

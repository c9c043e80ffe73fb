using Stoa.Wasm.Binary;
using static Stoa.Wasm.Tests.ModuleBuilder;

namespace Stoa.Wasm.Tests.Runtime;

public sealed class InterruptionTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Invoke_EndlessProgramWithATimeout_IsStopped(bool isTree)
    {
        var limits = new ExecutionLimits { Timeout = TimeSpan.FromMilliseconds(20) };
        using var instance = Samples.Instantiate(isTree ? Samples.EndlessTree : Samples.EndlessLoop, limits);
        FuelTests.Traps(() => instance.Invoke(isTree ? "level0" : "run"), TrapCode.DeadlineExceeded);
    }

    [Fact]
    public void Invoke_CancelledWhileItRuns_IsStopped()
    {
        using var cancellation = new CancellationTokenSource();
        var imports = new Imports().AddFunction("env", "call", () => cancellation.CancelAfter(TimeSpan.FromMilliseconds(5)));
        using var running = Samples.Instantiate(LoopAfterCall, imports: imports);
        FuelTests.Traps(() => running.Invoke("run", [], cancellation.Token), TrapCode.Cancelled);
    }

    [Fact]
    public void Invoke_TokenCancelledBefore_IsStoppedAtOnce()
    {
        using var instance = Samples.Instantiate(Samples.EndlessLoop);
        FuelTests.Traps(() => instance.Invoke("run", [], new CancellationToken(canceled: true)), TrapCode.Cancelled);
    }

    [Fact]
    public void Invoke_AfterAnInterruption_RunsAgain()
    {
        using var instance = Samples.Instantiate(Samples.Sum);
        FuelTests.Traps(() => instance.Invoke("sum", [5], new CancellationToken(canceled: true)), TrapCode.Cancelled);
        instance.Invoke("sum", 5)[0].ToInt32().ShouldBe(15);
    }

    [Fact]
    public void Instantiate_EndlessStartFunction_IsStopped()
    {
        byte[] module = new ModuleBuilder()
            .Function("start", Samples.None, Samples.None, Samples.None, Plain(Opcode.Loop, Ins(Opcode.Br, 0)))
            .Start(0)
            .Build();
        var limits = new ExecutionLimits { Timeout = TimeSpan.FromMilliseconds(20) };
        FuelTests.Traps(() => Samples.Instantiate(module, limits), TrapCode.DeadlineExceeded);
    }

    [Fact]
    public void CallerToken_WhenTheDeadlinePasses_IsCancelled()
    {
        var imports = new Imports().AddFunction("env", "call", (Caller caller) =>
        {
            caller.CancellationToken.WaitHandle.WaitOne();
        });
        var limits = new ExecutionLimits { Timeout = TimeSpan.FromMilliseconds(20) };
        using var instance = Samples.Instantiate(LoopAfterCall, limits, imports);
        FuelTests.Traps(() => instance.Invoke("run"), TrapCode.DeadlineExceeded);
    }

    private static byte[] LoopAfterCall { get; } = new ModuleBuilder()
        .Import("env", "call", Samples.None, Samples.None)
        .Function("run", Samples.None, Samples.None, Samples.None, Ins(Opcode.Call, 0), Plain(Opcode.Loop, Ins(Opcode.Br, 0)))
        .Build();
}

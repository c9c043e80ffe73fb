using Stoa.Wasm.Binary;
using static Stoa.Wasm.Tests.ModuleBuilder;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Tests.Runtime;

public sealed class CallDepthTests
{
    [Fact]
    public void Invoke_EndlessDirectRecursion_TrapsAgainAndAgain()
    {
        using var instance = Samples.Instantiate(Samples.DirectRecursion);
        for (int i = 0; i < 3; i++)
            FuelTests.Traps(() => instance.Invoke("run"), TrapCode.CallStackExhausted);
    }

    [Fact]
    public void Invoke_EndlessIndirectRecursion_Traps()
    {
        using var instance = Samples.Instantiate(Samples.IndirectRecursion);
        FuelTests.Traps(() => instance.Invoke("run"), TrapCode.CallStackExhausted);
    }

    [Fact]
    public void Invoke_EndlessRecursionThroughTheHost_Traps()
    {
        var imports = new Imports().AddFunction("env", "call", (Caller caller) => { caller.Instance.Invoke("run"); });
        using var instance = Samples.Instantiate(Samples.HostRecursion, imports: imports);
        FuelTests.Traps(() => instance.Invoke("run"), TrapCode.CallStackExhausted);
    }

    [Theory]
    [InlineData(256 << 10)]
    [InlineData(1 << 20)]
    [InlineData(16 << 20)]
    public void Invoke_EndlessRecursionWithLargeFrames_TrapsOnAnyStack(int stackBytes)
    {
        // Every local is used after the call, so each has to live in the frame.
        var locals = Enumerable.Repeat(I64, 500).ToArray();
        var code = new List<byte[]>();
        for (uint i = 0; i < 500; i++)
            code.AddRange([Ins(Opcode.LocalGet, 0), Op(Opcode.I64ExtendI32U), ConstI64(i * 77), Op(Opcode.I64Mul), Ins(Opcode.LocalSet, i + 1)]);
        code.AddRange([Ins(Opcode.LocalGet, 0), ConstI32(1), Op(Opcode.I32Add), Ins(Opcode.Call, 0)]);
        for (uint i = 0; i < 500; i++)
            code.AddRange([Ins(Opcode.LocalGet, i + 1), Op(Opcode.I64Xor)]);
        byte[] module = new ModuleBuilder().Function("run", [I32], [I64], locals, [.. code]).Build();
        var limits = new ExecutionLimits { MaxCallDepth = int.MaxValue };
        Exception? seen = null;
        var thread = new Thread(
            () =>
            {
                using var instance = Samples.Instantiate(module, limits);
                seen = Record.Exception(() => instance.Invoke("run", 1));
            },
            stackBytes);
        thread.Start();
        thread.Join();
        seen.ShouldBeOfType<TrapException>().Code.ShouldBe(TrapCode.CallStackExhausted);
    }

    [Theory]
    [InlineData(10, 9, true)]
    [InlineData(10, 10, false)]
    public void Invoke_NestedCalls_AreCountedAgainstMaxCallDepth(int maxCallDepth, int depth, bool ends)
    {
        byte[] module = new ModuleBuilder()
            .Function(
                "down", [I32], Samples.None, Samples.None,
                Ins(Opcode.LocalGet, 0),
                Plain(Opcode.If, Ins(Opcode.LocalGet, 0), ConstI32(1), Op(Opcode.I32Sub), Ins(Opcode.Call, 0)))
            .Build();
        using var instance = Samples.Instantiate(module, new ExecutionLimits { MaxCallDepth = maxCallDepth });
        if (ends)
            instance.Invoke("down", depth);
        else
            FuelTests.Traps(() => instance.Invoke("down", depth), TrapCode.CallStackExhausted);
    }
}

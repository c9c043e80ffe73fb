using Stoa.Wasm.Binary;
using static Stoa.Wasm.Tests.ModuleBuilder;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Tests.Compilation;

public sealed class LazyCodeTests
{
    private const int Functions = 64;
    private const int LargeAdditions = 20_000;

    [Fact]
    public void Invoke_FromManyThreadsAtOnce_CompilesEachFunctionRightly()
    {
        var module = new Engine().Compile(Chain());
        int[] results = new int[8];
        using var start = new Barrier(results.Length);
        var threads = Enumerable.Range(0, results.Length).Select(index => new Thread(() =>
        {
            using var instance = module.Instantiate(new Imports());
            start.SignalAndWait();
            results[index] = instance.Invoke("f0", index)[0].ToInt32();
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        results.ShouldBe(Enumerable.Range(0, results.Length).Select(index => index + Functions));
    }

    [Fact]
    public void Instantiate_CompilesNothing_AndACallOnlyWhatItReaches()
    {
        var module = new Engine().Compile(Chain());
        using var instance = module.Instantiate(new Imports());
        Enumerable.Range(0, Functions).Count(module.Code.IsCompiled).ShouldBe(0);
        instance.Invoke($"f{Functions - 2}", 1)[0].ToInt32().ShouldBe(3);
        Enumerable.Range(0, Functions).Count(module.Code.IsCompiled).ShouldBe(2);
    }

    [Fact]
    public void Invoke_DeepExpression_DoesNotExhaustTheCompiler()
    {
        // 200,000 additions, each an operand of the next.
        byte[] add = [.. Ins(Opcode.LocalGet, 0), .. Op(Opcode.I32Add)];
        byte[] code = [.. Ins(Opcode.LocalGet, 0), .. Enumerable.Repeat(add, 100_000).SelectMany(part => part)];
        byte[] module = new ModuleBuilder().Function("deep", [I32], [I32], Samples.None, code).Build();
        using var instance = Samples.Instantiate(module);
        instance.Invoke("deep", 3)[0].ToInt32().ShouldBe(300_003);
    }

    [Fact]
    public void Invoke_DeepUnaryExpression_DoesNotExhaustTheCompiler()
    {
        byte[] code = [.. Ins(Opcode.LocalGet, 0), .. Enumerable.Repeat((byte)Opcode.I32Popcnt, 100_000)];
        byte[] module = new ModuleBuilder().Function("deep", [I32], [I32], Samples.None, code).Build();
        using var instance = Samples.Instantiate(module);
        instance.Invoke("deep", 255)[0].ToInt32().ShouldBe(1);
    }

    [Fact]
    public void Invoke_OfALargeFunction_IsStoppedWhileItIsCompiled()
    {
        var module = new Engine().Compile(Large());
        using var instance = module.Instantiate(new Imports());
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();

        // The function neither loops nor calls, so nothing in it would stop it.
        Should.Throw<TrapException>(() => instance.Invoke("large", [1], cancelled.Token)).Code.ShouldBe(TrapCode.Cancelled);
        Should.Throw<TrapException>(() => instance.Invoke("callsLarge", [1], cancelled.Token)).Code.ShouldBe(TrapCode.Cancelled);

        instance.Invoke("callsLarge", 1)[0].ToInt32().ShouldBe(1 + LargeAdditions);
        instance.Invoke("large", 2)[0].ToInt32().ShouldBe(2 + LargeAdditions);
    }

    [Fact]
    public void Invoke_OfALargeFunction_FromManyThreadsAtOnce_GivesAllTheSameCode()
    {
        var module = new Engine().Compile(Large());
        int[] results = new int[8];
        using var neverCancelled = new CancellationTokenSource();
        using var start = new Barrier(results.Length);
        var threads = Enumerable.Range(0, results.Length).Select(index => new Thread(() =>
        {
            using var instance = module.Instantiate(new Imports());
            var token = index % 2 == 0 ? neverCancelled.Token : CancellationToken.None;
            start.SignalAndWait();
            results[index] = instance.Invoke("callsLarge", [index], token)[0].ToInt32();
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        results.ShouldBe(Enumerable.Range(0, results.Length).Select(index => index + LargeAdditions));
    }

    private static byte[] Large()
    {
        byte[] addition = [.. ConstI32(1), .. Op(Opcode.I32Add)];
        byte[] code = [.. Ins(Opcode.LocalGet, 0), .. Enumerable.Repeat(addition, LargeAdditions).SelectMany(part => part)];
        return new ModuleBuilder()
            .Function("large", [I32], [I32], Samples.None, code)
            .Function("callsLarge", [I32], [I32], Samples.None, Ins(Opcode.LocalGet, 0), Ins(Opcode.Call, 0))
            .Build();
    }

    // f0 calls f1 calls f2 ...; each adds one.
    private static byte[] Chain()
    {
        var builder = new ModuleBuilder();
        for (uint i = 0; i < Functions; i++)
        {
            byte[] rest = i + 1 < Functions ? Ins(Opcode.Call, i + 1) : [];
            builder.Function($"f{i}", [I32], [I32], Samples.None, Ins(Opcode.LocalGet, 0), ConstI32(1), Op(Opcode.I32Add), rest);
        }

        return builder.Build();
    }
}

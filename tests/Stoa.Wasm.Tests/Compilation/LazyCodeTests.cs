using Stoa.Wasm.Binary;
using static Stoa.Wasm.Tests.ModuleBuilder;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Tests.Compilation;

public sealed class LazyCodeTests
{
    private const int Functions = 64;

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

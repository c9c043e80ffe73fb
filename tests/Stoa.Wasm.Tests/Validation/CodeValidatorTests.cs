using Stoa.Wasm.Binary;
using static Stoa.Wasm.Tests.ModuleBuilder;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Tests.Validation;

public sealed class CodeValidatorTests
{
    // Together well above the size from which several threads check.
    private const int Functions = 300;
    private const int FunctionBytes = 4_000;

    private static readonly EngineOptions s_alone = new() { CachedModules = 0, MaxValidationThreads = 1 };
    private static readonly EngineOptions s_together = new() { CachedModules = 0, MaxValidationThreads = 8 };

    // Each is put in the place of the result that a function should give.
    private static readonly byte[][] s_faults =
    [
        ConstI64(1),
        Ins(Opcode.LocalGet, 9),
        Ins(Opcode.Call, 5 * Functions),
        Ins(Opcode.Br, 3),
        Op(Opcode.I32Add),
        [0xFF],
        [.. ConstI32(1), .. ConstI32(1)],
        [(byte)Opcode.I32Const, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
    ];

    [Fact]
    [Trait("speed", "slow")]
    public void Compile_SeveralBrokenBodies_IsRefusedForTheFirstByAnyNumberOfThreads()
    {
        var random = new Random(4);
        for (int round = 0; round < 30; round++)
        {
            var broken = Enumerable.Range(0, 1 + random.Next(6))
                .ToLookup(_ => random.Next(Functions), _ => s_faults[random.Next(s_faults.Length)]);
            byte[] module = Large(broken);
            var first = broken.MinBy(faults => faults.Key)!;
            var expected = RefusalOf(Large(first.ToLookup(_ => first.Key)), s_alone);
            RefusalOf(module, s_alone).ShouldBe(expected, $"round {round}, alone");
            RefusalOf(module, s_together).ShouldBe(expected, $"round {round}, together");
        }
    }

    [Fact]
    public void Compile_BrokenBodyBeforeABrokenLength_IsRefusedForTheBody()
    {
        byte[] whole = Large(new[] { 250 }.ToLookup(function => function, _ => s_faults[0]));
        var fault = RefusalOf(whole, s_alone);

        // Half of the last body is not there, nor counted in the length of the section.
        byte[] cut = CutCode(whole, FunctionBytes / 2);
        byte[] cutOnly = CutCode(Large(), FunctionBytes / 2);
        RefusalOf(cutOnly, s_alone).Reason.ShouldBe("length out of bounds");
        RefusalOf(cutOnly, s_together).ShouldBe(RefusalOf(cutOnly, s_alone));
        RefusalOf(cut, s_alone).ShouldBe(fault);
        RefusalOf(cut, s_together).ShouldBe(fault);
    }

    [Fact]
    public void Decode_ByAnyNumberOfThreads_SeesTheSame()
    {
        byte[] module = Large();
        var alone = ModuleDecoder.Decode(module, s_alone);
        var together = ModuleDecoder.Decode(module, s_together);
        together.Bodies.ShouldBe(alone.Bodies);
        var functions = Enumerable.Range(0, Functions).ToList();
        functions.Select(together.CallGraph.FrameBytes).ShouldBe(functions.Select(alone.CallGraph.FrameBytes));
        functions.Select(together.CallGraph.IsGuarded).ShouldBe(functions.Select(alone.CallGraph.IsGuarded));
        functions.Select(alone.CallGraph.IsGuarded).Distinct().Count().ShouldBe(2);
    }

    [Fact]
    public async Task Compile_FromAllThreadsOfThePool_EndsOnAll()
    {
        byte[] module = Large();
        var engine = new Engine(s_together);
        var compilations = Enumerable.Range(0, 64).Select(_ => Task.Run(() => engine.Compile(module).Exports.Length));
        (await Task.WhenAll(compilations)).ShouldAllBe(exports => exports == 1);
    }

    private static (InvalidModuleKind Kind, long Offset, string Reason) RefusalOf(byte[] module, EngineOptions options)
    {
        var refusal = Should.Throw<InvalidModuleException>(() => new Engine(options).Compile(module));
        return (refusal.Kind, refusal.Offset, refusal.Reason);
    }

    /// <summary>A module of many functions; some have a fault.</summary>
    private static byte[] Large(ILookup<int, byte[]>? faults = null)
    {
        var builder = new ModuleBuilder().Memory(1);
        byte[] nops = [.. Enumerable.Repeat((byte)Opcode.Nop, FunctionBytes)];
        for (int i = 0; i < Functions; i++)
        {
            // Every third function calls some later one, every tenth itself.
            byte[] call = i % 10 == 0 ? [.. Ins(Opcode.Call, (uint)i), .. Op(Opcode.Drop)]
                : i % 3 == 0 && i + 7 < Functions ? [.. Ins(Opcode.Call, (uint)i + 7), .. Op(Opcode.Drop)]
                : [];
            builder.Function(null, [], [I32], [I32], nops, call, faults?[i].FirstOrDefault() ?? Ins(Opcode.LocalGet, 0));
        }

        return builder.Build();
    }

    /// <summary>Takes bytes from the end of the last section, which holds the code, and from its length.</summary>
    private static byte[] CutCode(byte[] module, int bytes)
    {
        int codeSection = Array.LastIndexOf(module, (byte)10, module.Length - (Functions * FunctionBytes));
        var reader = new WasmReader(module, codeSection + 1, module.Length);
        int length = reader.ReadLength();
        (reader.Position + length).ShouldBe(module.Length);
        byte[] shorter = Number((uint)(length - bytes));
        shorter.Length.ShouldBe(reader.Position - codeSection - 1);
        return [.. module[..(codeSection + 1)], .. shorter, .. module[reader.Position..^bytes]];
    }
}

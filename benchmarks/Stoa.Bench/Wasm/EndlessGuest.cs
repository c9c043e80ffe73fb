using Stoa.Wasm;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Tests;
using static Stoa.Wasm.Tests.ModuleBuilder;

namespace Stoa.Bench.Wasm;

/// <summary>A guest whose <c>run()</c> never ends, each busy with something else.</summary>
internal sealed record EndlessGuest(string Name, byte[] Module)
{
    private const int LargeMemoryPages = 2_048;
    private const uint LargeTable = 8_000_000;
    private const int BranchTargets = 60_000;
    private static readonly ValueKind[] s_none = [];

    public static IReadOnlyList<EndlessGuest> All { get; } =
    [
        new("loop", Run(new ModuleBuilder(), Plain(Opcode.Loop, Ins(Opcode.Br, 0)))),
        new("call_tree", CallTree()),
        new("memory_fill", Run(new ModuleBuilder().Memory(LargeMemoryPages), Forever(
            ConstI32(0), ConstI32(7), ConstI32(LargeMemoryPages * Memory.PageBytes), Extended(ExtendedOpcode.MemoryFill, 0)))),
        new("memory_copy", Run(new ModuleBuilder().Memory(LargeMemoryPages), Forever(
            ConstI32(0), ConstI32(8), ConstI32((LargeMemoryPages * Memory.PageBytes) - 8), Extended(ExtendedOpcode.MemoryCopy, 0, 0)))),
        new("table_copy", Run(new ModuleBuilder().Table(LargeTable), Forever(
            ConstI32(0), ConstI32(1), ConstI32((int)LargeTable - 1), Extended(ExtendedOpcode.TableCopy, 0, 0)))),
        new("br_table", BranchTable()),
        new("host_call", Run(new ModuleBuilder().Import("host", "wait", s_none, s_none), Forever(Ins(Opcode.Call, 0)))),
    ];

    /// <summary>The host's function waits until its caller is to stop.</summary>
    public Imports Imports { get; } = new Imports().AddFunction(
        "host", "wait", (Caller caller) => { caller.CancellationToken.WaitHandle.WaitOne(); });

    private static byte[] Run(ModuleBuilder builder, byte[] body) => builder.Function("run", s_none, s_none, s_none, body).Build();

    private static byte[] Forever(params byte[][] body) => Plain(Opcode.Loop, [.. body, Ins(Opcode.Br, 0)]);

    /// <summary>Each of forty levels calls the next one twice: no loop, no deep stack, and 2^40 calls.</summary>
    private static byte[] CallTree()
    {
        var builder = new ModuleBuilder();
        for (uint level = 0; level < 40; level++)
            builder.Function(level == 0 ? "run" : null, s_none, s_none, s_none, Ins(Opcode.Call, level + 1), Ins(Opcode.Call, level + 1));
        return builder.Function(null, s_none, s_none, s_none).Build();
    }

    /// <summary>A loop around a branch with tens of thousands of targets, which goes to another one each time.</summary>
    private static byte[] BranchTable()
    {
        byte[] targets = [.. Enumerable.Range(0, BranchTargets).Select(i => (byte)(i % 3))];
        byte[] branch =
        [
            .. Ins(Opcode.LocalGet, 0), .. ConstI32(7), .. Op(Opcode.I32Add), .. Ins(Opcode.LocalTee, 0),
            .. ConstI32(BranchTargets), .. Op(Opcode.I32RemU),
            (byte)Opcode.BrTable, .. Number(BranchTargets), .. targets, 2,
        ];
        return new ModuleBuilder()
            .Function("run", s_none, s_none, [ValueKind.I32], Plain(Opcode.Loop, Plain(Opcode.Block, Plain(Opcode.Block, branch)), Ins(Opcode.Br, 0)))
            .Build();
    }
}

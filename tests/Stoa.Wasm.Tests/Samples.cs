using Stoa.Wasm.Binary;
using static Stoa.Wasm.Tests.ModuleBuilder;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Tests;

/// <summary>Modules that several tests run.</summary>
internal static class Samples
{
    public static readonly ValueKind[] None = [];

    /// <summary><c>sum(n)</c>: n + (n - 1) + ... + 1, by a loop of twelve instructions a turn; the last turn has three of them, and one more follows.</summary>
    public static byte[] Sum { get; } = new ModuleBuilder()
        .Function(
            "sum", [I32], [I32], [I32],
            Plain(
                Opcode.Block,
                Plain(
                    Opcode.Loop,
                    Ins(Opcode.LocalGet, 0), Op(Opcode.I32Eqz), Ins(Opcode.BrIf, 1),
                    Ins(Opcode.LocalGet, 1), Ins(Opcode.LocalGet, 0), Op(Opcode.I32Add), Ins(Opcode.LocalSet, 1),
                    Ins(Opcode.LocalGet, 0), ConstI32(1), Op(Opcode.I32Sub), Ins(Opcode.LocalSet, 0),
                    Ins(Opcode.Br, 0))),
            Ins(Opcode.LocalGet, 1))
        .Build();

    /// <summary><c>run()</c> never ends by itself.</summary>
    public static byte[] EndlessLoop { get; } =
        new ModuleBuilder().Function("run", None, None, None, Plain(Opcode.Loop, Ins(Opcode.Br, 0))).Build();

    /// <summary><c>run()</c> calls two copies of itself at each of forty levels: no loop, no deep stack, no end.</summary>
    public static byte[] EndlessTree
    {
        get
        {
            var builder = new ModuleBuilder();
            for (int level = 0; level < 40; level++)
                builder.Function($"level{level}", None, None, None, Ins(Opcode.Call, (uint)level + 1), Ins(Opcode.Call, (uint)level + 1));
            return builder.Function("leaf", None, None, None).Build();
        }
    }

    /// <summary><c>run()</c> calls itself.</summary>
    public static byte[] DirectRecursion { get; } =
        new ModuleBuilder().Function("run", None, None, None, Ins(Opcode.Call, 0)).Build();

    /// <summary><c>run()</c> calls itself through a table.</summary>
    public static byte[] IndirectRecursion { get; } = new ModuleBuilder()
        .Table(1, 0)
        .Function("run", None, None, None, ConstI32(0), [(byte)Opcode.CallIndirect, 0, 0])
        .Build();

    /// <summary><c>run()</c> calls the host's <c>env.call</c>.</summary>
    public static byte[] HostRecursion { get; } = new ModuleBuilder()
        .Import("env", "call", None, None)
        .Function("run", None, None, None, Ins(Opcode.Call, 0))
        .Build();

    /// <summary><c>grow(pages)</c>, <c>load(address)</c>, <c>store(address, value)</c>, <c>fill(start, value, count)</c>.</summary>
    public static byte[] MemoryAccess { get; } = new ModuleBuilder()
        .Memory(1)
        .Function("grow", [I32], [I32], None, Ins(Opcode.LocalGet, 0), [(byte)Opcode.MemoryGrow, 0])
        .Function("load", [I32], [I32], None, Ins(Opcode.LocalGet, 0), Access(Opcode.I32Load))
        .Function("store", [I32, I32], None, None, Ins(Opcode.LocalGet, 0), Ins(Opcode.LocalGet, 1), Access(Opcode.I32Store))
        .Function(
            "fill", [I32, I32, I32], None, None,
            Ins(Opcode.LocalGet, 0), Ins(Opcode.LocalGet, 1), Ins(Opcode.LocalGet, 2), Extended(ExtendedOpcode.MemoryFill, 0))
        .Build();

    public static Instance Instantiate(byte[] module, ExecutionLimits? limits = null, Imports? imports = null) =>
        new Engine().Compile(module).Instantiate(imports ?? new Imports(), limits);
}

using System.Runtime.CompilerServices;
using Stoa.Wasm.Binary;
using static Stoa.Wasm.Tests.ModuleBuilder;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Tests.Compilation;

/// <summary>The stack that vector code takes, which must not be more than the check before it reckons with.</summary>
public sealed unsafe class VectorFrameTests
{
    private static readonly byte[] s_get = Ins(Opcode.LocalGet, 0);

    public static TheoryData<string, byte[]> Dense => new()
    {
        { "unary", Vector(VectorOpcode.I8x16Abs) },
        { "own unary", Vector(VectorOpcode.I8x16Popcnt) },
        { "binary", [.. s_get, .. Vector(VectorOpcode.I32x4Add)] },
        { "own binary", [.. s_get, .. Vector(VectorOpcode.F32x4Min)] },
        { "own binary with itself", [.. Ins(Opcode.LocalTee, 0), .. s_get, .. Vector(VectorOpcode.F64x2Max)] },
        { "shuffle", [.. s_get, .. Vector(VectorOpcode.I8x16Shuffle), 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23] },
        { "dot", [.. s_get, .. Vector(VectorOpcode.I32x4DotI16x8S)] },
        { "select", [.. s_get, .. ConstI32(1), (byte)Opcode.Select] },
        { "splat", [.. Vector(VectorOpcode.I32x4ExtractLane), 0, .. Vector(VectorOpcode.I32x4Splat)] },
        { "lanes", [.. Vector(VectorOpcode.I32x4ExtractLane), 1, .. Ins(Opcode.LocalSet, 1), .. s_get, .. Ins(Opcode.LocalGet, 1), .. Vector(VectorOpcode.I32x4ReplaceLane), 2] },
        { "call", Ins(Opcode.Call, 1) },
    };

    [Theory]
    [MemberData(nameof(Dense))]
    public void Frame_OfDenseVectorCode_IsWithinTheEstimate(string what, byte[] piece)
    {
        foreach (int pieces in (int[])[40, 1_000, 12_000 / (piece.Length + 1)])
        {
            byte[] code = [.. s_get, .. Enumerable.Repeat(piece, pieces).SelectMany(part => part), (byte)Opcode.Drop, .. Ins(Opcode.Call, 0)];
            byte[] module = new ModuleBuilder()
                .Import("host", "probe", Samples.None, Samples.None)
                .Function("same", [V128], [V128], Samples.None, s_get)
                .Function("run", [V128, I32], Samples.None, Samples.None, code)
                .Function("empty", [V128, I32], Samples.None, Samples.None, Ins(Opcode.Call, 0))
                .Build();
            nint at = 0;
            var imports = new Imports().AddFunction("host", "probe", () => { at = Here(); });
            using var instance = Samples.Instantiate(module, imports: imports);
            instance.Invoke("empty", Value.Zero(V128), 0);
            nint empty = at;
            instance.Invoke("run", Value.Zero(V128), 0);
            long frame = empty - at;
            frame.ShouldBeLessThanOrEqualTo(instance.Module.Definition.CallGraph.FrameBytes(2), what);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nint Here()
    {
        int local = 0;
        return (nint)(&local);
    }
}

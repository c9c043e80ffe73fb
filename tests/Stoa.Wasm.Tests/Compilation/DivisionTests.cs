using Stoa.Wasm.Binary;
using static Stoa.Wasm.Tests.ModuleBuilder;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Tests.Compilation;

/// <summary>Divisions by what only looks like a constant.</summary>
public sealed class DivisionTests
{
    [Fact]
    public void DivisionByALoadFromAConstantAddress_KnowsNothingOfTheDivisor()
    {
        using var instance = Samples.Instantiate(new ModuleBuilder().Memory(1)
            .Function("div", [I32], [I32], Samples.None, Ins(Opcode.LocalGet, 0), ConstI32(8), Access(Opcode.I32Load), Op(Opcode.I32DivS))
            .Function("rem", [I32], [I32], Samples.None, Ins(Opcode.LocalGet, 0), ConstI32(8), Access(Opcode.I32Load), Op(Opcode.I32RemS))
            .Build());
        instance.Memory!.WriteInt32(8, -1);

        Should.Throw<TrapException>(() => instance.Invoke("div", int.MinValue)).Code.ShouldBe(TrapCode.IntegerOverflow);
        instance.Invoke("rem", int.MinValue)[0].ToInt32().ShouldBe(0);
    }
}

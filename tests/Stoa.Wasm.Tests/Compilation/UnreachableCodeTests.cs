using Stoa.Wasm.Binary;
using static Stoa.Wasm.Tests.ModuleBuilder;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Tests.Compilation;

/// <summary>Code that nothing reaches.</summary>
public sealed class UnreachableCodeTests
{
    [Fact]
    public void FunctionOfManyResults_ThatNothingPushes_Traps()
    {
        using var instance = Samples.Instantiate(new ModuleBuilder()
            .Function("run", Samples.None, [I32, I64, F32, F64, I32], Samples.None, Op(Opcode.Unreachable)).Build());

        Should.Throw<TrapException>(() => instance.Invoke("run")).Code.ShouldBe(TrapCode.Unreachable);
    }
}

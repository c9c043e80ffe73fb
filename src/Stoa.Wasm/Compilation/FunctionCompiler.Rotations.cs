using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Compilation;

/// <summary>Rotations that are compared.</summary>
/// <remarks>
/// RyuJIT (.NET 10) takes the flags of a rotation by a constant for those of a comparison of its result with zero, but on x64 a rotation does not
/// set them. So a value that may be the very result of a rotation goes through an operation that the JIT cannot leave out before it is compared.
/// It also computes the rotation of a 32-bit constant as an unsigned number, and then takes -1 for a positive one: so does the result of that.
/// </remarks>
internal sealed partial class FunctionCompiler
{
    private readonly HashSet<int> _rotatedLocals = [];
    private readonly HashSet<int> _rotatedSlots = [];

    /// <summary>Whether the result of a numeric instruction, whose operands were just taken, may be a rotation's.</summary>
    private bool IsRotation(Opcode opcode) =>
        opcode is Opcode.I32Rotl or Opcode.I32Rotr or Opcode.I64Rotl or Opcode.I64Rotr
        || (_operands[_height].IsRotated && opcode is Opcode.I32WrapI64 or Opcode.I64ExtendI32S or Opcode.I64ExtendI32U);

    /// <summary>Before a comparison of the operands that were just taken.</summary>
    private void EmitRotationBarriers(Instructions.Shape shape)
    {
        if (shape.Second != 0 && _operands[_height + 1].IsRotated)
            EmitRotationBarrier(shape.Second);
        if (!_operands[_height].IsRotated)
            return;
        if (shape.Second == 0)
        {
            EmitRotationBarrier(shape.First);
            return;
        }

        int second = Temporary(shape.Second);
        EmitStloc(second);
        EmitRotationBarrier(shape.First);
        EmitLdloc(second);
    }

    /// <summary>Combines the integer on top with a zero of which the JIT knows nothing.</summary>
    private void EmitRotationBarrier(ValueKind kind)
    {
        EmitLoad(OpaqueConstants.Zero, kind == ValueKind.I32 ? Il.LdindI4 : Il.LdindI8);
        _il.Emit(Il.Or);
    }
}

using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Validation;

/// <summary>Counts what compiled code moves besides what the instructions say.</summary>
/// <remarks>
/// Where control may join, the operands of the block go to their slots and come back, so a branch of two bytes may become a thousand moves,
/// as a call of many results does. Without a limit a module of a few kilobytes keeps the JIT busy for minutes, and fills the memory.
/// </remarks>
internal sealed partial class FunctionValidator
{
    /// <summary>Operands that an instruction moves for nothing: so almost no compiler's code pays at all.</summary>
    private const int FreeMoves = 8;

    // 64 bits: at most a million instructions with some thousands each.
    private long _moves;

    private void CountMoves() => CountMoves(_height - _frames[_depth - 1].Height);

    private void CountMoves(int operands) => _moves += Math.Max(0, operands - FreeMoves);

    private void RequireFewMoves(int at)
    {
        if (_moves > options.MaxOperandMoves)
            Forms.Exceeded($"blocks, branches and calls move more than {options.MaxOperandMoves} operands", at);
    }
}

using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Compilation;

/// <summary>Decides which loops are compiled several times in a row: small ones, without loops and calls in them.</summary>
/// <remarks>
/// The fuel is compared with its floor once a round, and paid for once where nothing in the loop compares it. What is charged stays the same:
/// what was not run is paid back where the loop is left.
/// </remarks>
internal static class LoopUnrolling
{
    private const int MaxCopies = 4;

    /// <summary>Instructions of all copies together.</summary>
    private const int MaxInstructions = 128;

    /// <summary>Functions above this are compiled as they are, to stay within what the JIT optimises.</summary>
    private const int MaxFunctionBytes = 8 << 10;

    /// <summary>How a loop is to be compiled.</summary>
    /// <param name="Copies">How many times its body.</param>
    /// <param name="PaysAhead">Whether what is likely to run may be paid for before that is certain: nothing within compares the fuel.</param>
    internal readonly record struct Plan(int Copies, bool PaysAhead);

    /// <summary>How a loop is to be compiled.</summary>
    /// <param name="reader">At the start of the body; the code is known to be valid.</param>
    /// <param name="functionBytes">Length of the function.</param>
    public static Plan Of(WasmReader reader, int functionBytes)
    {
        var once = new Plan(1, false);
        if (functionBytes > MaxFunctionBytes)
            return once;
        int depth = 1;
        bool paysAhead = true;
        for (int instructions = 1; instructions <= MaxInstructions / 2; instructions++)
        {
            var opcode = (Opcode)reader.ReadByte();
            switch (opcode)
            {
                case Opcode.Loop or Opcode.Call or Opcode.CallIndirect or Opcode.ReturnCall or Opcode.ReturnCallIndirect:
                    return once;
                case Opcode.Block or Opcode.If:
                    depth++;
                    reader.ReadS33();
                    break;
                case Opcode.End:
                    if (--depth == 0)
                        return new Plan(Math.Min(MaxCopies, MaxInstructions / instructions), paysAhead);
                    break;
                case Opcode.BrTable or Opcode.MemoryGrow or Opcode.PrefixFC:
                    // Bulk operations look at the fuel themselves: it has to be the true one.
                    paysAhead = false;
                    Immediates.Skip(opcode, ref reader);
                    break;
                default:
                    Immediates.Skip(opcode, ref reader);
                    break;
            }
        }

        return once;
    }
}

using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Validation;

/// <summary>A block that is open, or the function itself (core specification 2.0, appendix "Validation Algorithm").</summary>
/// <remarks>It holds no references, so that the garbage collector does not see frames come and go.</remarks>
internal struct Frame
{
    /// <summary>The index of its type: see <see cref="BlockType"/>.</summary>
    public int Type;

    /// <summary>How many operands lie below it.</summary>
    public int Height;

    public int Parameters;
    public int Results;

    /// <summary>What it gives, if that is one value.</summary>
    public ValueKind Result;

    /// <summary>What a branch to it takes, if that is one value.</summary>
    public ValueKind Label;

    /// <summary>How many values it gives, if its end has to know no more than them; else -1.</summary>
    public int SimpleResults;

    public Opcode Opcode;

    public bool IsUnreachable;

    /// <summary>How many values a branch to it takes.</summary>
    public readonly int LabelArity => Opcode == Opcode.Loop ? Parameters : Results;

    public static Frame Of(Opcode opcode, int index, FunctionType type, int height)
    {
        var result = type.Results.Length == 1 ? type.Results[0] : 0;
        return new Frame
        {
            Type = index,
            Height = height,
            Parameters = type.Parameters.Length,
            Results = type.Results.Length,
            Result = result,
            Label = opcode != Opcode.Loop ? result : type.Parameters.Length == 1 ? type.Parameters[0] : 0,
            SimpleResults = type.Results.Length <= 1 && opcode != Opcode.If ? type.Results.Length : -1,
            Opcode = opcode,
        };
    }

    /// <summary>A frame of a block whose type is one byte.</summary>
    public static Frame OfShortType(Opcode opcode, byte code, int height)
    {
        var result = BlockType.ShortResult(code);
        return new Frame
        {
            Type = BlockType.IndexOfShort(code),
            Height = height,
            Results = result == 0 ? 0 : 1,
            Result = result,
            Label = opcode == Opcode.Loop ? 0 : result,

            // An if without else gives what it takes, and such a one takes nothing.
            SimpleResults = result == 0 ? 0 : opcode == Opcode.If ? -1 : 1,
            Opcode = opcode,
        };
    }
}

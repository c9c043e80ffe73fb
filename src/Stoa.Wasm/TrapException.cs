namespace Stoa.Wasm;

/// <summary>A guest did something that WebAssembly forbids, or reached one of its limits.</summary>
/// <remarks>What the guest wrote to its memory before the trap stays there; the instance can be called again.</remarks>
public sealed class TrapException : Exception
{
    /// <summary>Makes the exception of a trap.</summary>
    public TrapException(TrapCode code)
        : base(Describe(code))
    {
        Code = code;
    }

    /// <summary>Makes the exception of a trap that surfaced as another exception.</summary>
    public TrapException(TrapCode code, Exception inner)
        : base(Describe(code), inner)
    {
        Code = code;
    }

    /// <summary>The reason.</summary>
    public TrapCode Code { get; }

    /// <summary>The sentence for a reason, in the words of the official test suite where it has any.</summary>
    public static string Describe(TrapCode code) => code switch
    {
        TrapCode.Unreachable => "unreachable",
        TrapCode.MemoryOutOfBounds => "out of bounds memory access",
        TrapCode.TableOutOfBounds => "out of bounds table access",
        TrapCode.IndirectCallToNull => "uninitialized element",
        TrapCode.IndirectCallTypeMismatch => "indirect call type mismatch",
        TrapCode.IntegerOverflow => "integer overflow",
        TrapCode.IntegerDivideByZero => "integer divide by zero",
        TrapCode.InvalidConversionToInteger => "invalid conversion to integer",
        TrapCode.CallStackExhausted => "call stack exhausted",
        TrapCode.OutOfFuel => "out of fuel",
        TrapCode.DeadlineExceeded => "deadline exceeded",
        TrapCode.Cancelled => "cancelled",
        _ => throw new ArgumentOutOfRangeException(nameof(code)),
    };
}

using System.Collections.Immutable;
using Stoa.Wasm.Runtime;

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

    /// <summary>The calls that had not returned, the innermost first: at most 50.</summary>
    /// <remarks>
    /// Found anew each time it is asked for, as far up as the exception has come. Empty when no guest was running: at instantiation, or where
    /// the host itself went out of bounds.
    /// </remarks>
    public ImmutableArray<WasmFrame> Frames => Backtrace.Of(this).Frames;

    /// <summary>How many calls had not returned, those included that <see cref="Frames"/> leaves out.</summary>
    public int FrameCount => Backtrace.Of(this).Count;

    /// <summary>The calls that had not returned as lines <c>  0: parse (wasm function 3)</c>, each with its end of line, fit for a terminal.</summary>
    public string DescribeFrames() => Backtrace.Of(this).ToString();

    /// <summary>The innermost calls on one line, such as <c>parse_header &lt; main</c>; empty when no guest was running.</summary>
    /// <param name="maxFrames">How many at most.</param>
    public string SummarizeFrames(int maxFrames)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxFrames);
        var backtrace = Backtrace.Of(this);
        var shown = string.Join(" < ", backtrace.Frames.Take(maxFrames).Select(frame => frame.IsNamed ? frame.Label : frame.ToString()));
        return backtrace.Count > maxFrames ? shown + " < …" : shown;
    }

    /// <summary>The message, the guest's calls and the host's.</summary>
    public override string ToString() => DescribeFrames() is { Length: > 0 } frames ? $"{base.ToString()}\nCalls of the guest:\n{frames}" : base.ToString();

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

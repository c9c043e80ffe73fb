namespace Stoa.Wasm;

/// <summary>Why a guest was stopped. The list is closed.</summary>
public enum TrapCode
{
    /// <summary>The guest executed <c>unreachable</c>: its own assertion or panic.</summary>
    Unreachable,

    /// <summary>A load, store or bulk operation reached outside of a memory or data segment.</summary>
    MemoryOutOfBounds,

    /// <summary>An access reached outside of a table or element segment.</summary>
    TableOutOfBounds,

    /// <summary>An indirect call went through a null reference.</summary>
    IndirectCallToNull,

    /// <summary>An indirect call met a function of another signature.</summary>
    IndirectCallTypeMismatch,

    /// <summary>A signed division overflowed.</summary>
    IntegerOverflow,

    /// <summary>An integer was divided by zero.</summary>
    IntegerDivideByZero,

    /// <summary>A number that is not a number, or out of range, was converted to an integer.</summary>
    InvalidConversionToInteger,

    /// <summary>Calls nested deeper than <see cref="ExecutionLimits.MaxCallDepth"/>, or than the thread's stack has room for.</summary>
    CallStackExhausted,

    /// <summary>The <see cref="ExecutionLimits.Fuel"/> is used up.</summary>
    OutOfFuel,

    /// <summary>The <see cref="ExecutionLimits.Timeout"/> has passed.</summary>
    DeadlineExceeded,

    /// <summary>The caller's cancellation token was cancelled.</summary>
    Cancelled,
}

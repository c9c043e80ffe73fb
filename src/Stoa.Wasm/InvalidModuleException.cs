namespace Stoa.Wasm;

/// <summary>Bytes are not a valid WebAssembly module, or not one that the engine's limits admit.</summary>
public sealed class InvalidModuleException : Exception
{
    /// <summary>Makes a refusal.</summary>
    public InvalidModuleException(InvalidModuleKind kind, long offset, string reason)
        : base($"{reason} (at byte {offset})")
    {
        Kind = kind;
        Offset = offset;
        Reason = reason;
    }

    /// <summary>The class of the refusal.</summary>
    public InvalidModuleKind Kind { get; }

    /// <summary>Where in the module, in bytes from its start.</summary>
    public long Offset { get; }

    /// <summary>What is wrong, in the words of the official test suite where it has any.</summary>
    public string Reason { get; }
}

/// <summary>How a module fails to be one.</summary>
public enum InvalidModuleKind
{
    /// <summary>The bytes do not follow the binary format.</summary>
    Malformed,

    /// <summary>The bytes can be read, and break a rule of validation, such as a type mismatch.</summary>
    Invalid,

    /// <summary>The module exceeds one of <see cref="EngineOptions"/>.</summary>
    LimitExceeded,
}

namespace Stoa.Wasm;

/// <summary>Bytes, or a text, are not a valid WebAssembly module, or not one that the engine's limits admit.</summary>
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

    /// <summary>Makes a refusal of a module's text.</summary>
    public InvalidModuleException(InvalidModuleKind kind, TextPosition position, long offset, string reason)
        : base($"{reason} (at {position})")
    {
        Kind = kind;
        Position = position;
        Offset = offset;
        Reason = reason;
    }

    /// <summary>The class of the refusal.</summary>
    public InvalidModuleKind Kind { get; }

    /// <summary>Where in the module, in bytes from its start; of a text, in bytes of UTF-8.</summary>
    public long Offset { get; }

    /// <summary>Where in the module's text; null when the module was bytes.</summary>
    public TextPosition? Position { get; }

    /// <summary>What is wrong, in the words of the official test suite where it has any.</summary>
    public string Reason { get; }
}

/// <summary>How a module fails to be one.</summary>
public enum InvalidModuleKind
{
    /// <summary>The bytes do not follow the binary format, or the text does not follow the text format.</summary>
    Malformed,

    /// <summary>The bytes can be read, and break a rule of validation, such as a type mismatch.</summary>
    Invalid,

    /// <summary>The module exceeds one of <see cref="EngineOptions"/>.</summary>
    LimitExceeded,
}

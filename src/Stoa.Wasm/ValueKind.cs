namespace Stoa.Wasm;

/// <summary>The type of a WebAssembly value.</summary>
/// <remarks>The numbers are those of the binary format (core specification 2.0, section 5.3).</remarks>
public enum ValueKind : byte
{
    /// <summary>32-bit integer, signed or not as the instruction says.</summary>
    I32 = 0x7F,

    /// <summary>64-bit integer.</summary>
    I64 = 0x7E,

    /// <summary>32-bit IEEE 754 number.</summary>
    F32 = 0x7D,

    /// <summary>64-bit IEEE 754 number.</summary>
    F64 = 0x7C,

    /// <summary>128-bit vector.</summary>
    V128 = 0x7B,

    /// <summary>Reference to a function, or null.</summary>
    FuncRef = 0x70,

    /// <summary>Reference to an object of the host, or null.</summary>
    ExternRef = 0x6F,
}

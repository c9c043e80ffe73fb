using System.Collections.Frozen;
using System.Text;

namespace Stoa.Wasm.Text;

/// <summary>The words that the text format has.</summary>
internal static class Keywords
{
    // Instructions and what follows them are apart; nan:canonical and nan:arithmetic are words of test scripts.
    private static readonly FrozenSet<string> s_structure = FrozenSet.Create(
        StringComparer.Ordinal,
        "module", "type", "func", "param", "result", "local", "import", "export", "table", "memory", "global", "mut", "start", "elem",
        "data", "item", "offset", "declare", "then", "i32", "i64", "f32", "f64", "v128", "funcref", "externref", "extern",
        "i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2", "binary", "quote", "nan:canonical", "nan:arithmetic");

    public static bool IsKnown(ReadOnlySpan<byte> keyword) =>
        Mnemonics.TryFind(keyword, out _)
        || IsMemoryOperand(keyword, "offset="u8)
        || IsMemoryOperand(keyword, "align="u8)
        || s_structure.Contains(Encoding.ASCII.GetString(keyword));

    /// <summary>Whether a keyword is one of those that end with a number.</summary>
    public static bool IsMemoryOperand(ReadOnlySpan<byte> keyword, ReadOnlySpan<byte> prefix) =>
        keyword.Length > prefix.Length && keyword.StartsWith(prefix) && NumberSyntax.Classify(keyword[prefix.Length..]) == TokenKind.Natural;

    public static ValueKind? ValueKindOf(ReadOnlySpan<byte> keyword) =>
        keyword.SequenceEqual("i32"u8) ? ValueKind.I32
        : keyword.SequenceEqual("i64"u8) ? ValueKind.I64
        : keyword.SequenceEqual("f32"u8) ? ValueKind.F32
        : keyword.SequenceEqual("f64"u8) ? ValueKind.F64
        : keyword.SequenceEqual("v128"u8) ? ValueKind.V128
        : ReferenceKindOf(keyword);

    public static ValueKind? ReferenceKindOf(ReadOnlySpan<byte> keyword) =>
        keyword.SequenceEqual("funcref"u8) ? ValueKind.FuncRef
        : keyword.SequenceEqual("externref"u8) ? ValueKind.ExternRef
        : null;
}

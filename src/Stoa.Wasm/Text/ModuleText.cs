using System.Text;

namespace Stoa.Wasm.Text;

/// <summary>Turns modules in the text format of WebAssembly 2.0 (<c>.wat</c>) into the binary format (<c>.wasm</c>).</summary>
/// <remarks>
/// Core specification 2.0, chapter 6. Identifiers of functions become names in the section <c>name</c>. Annotations are passed over. Only the
/// text is checked here; whether the module is valid is found out when it is compiled.
/// </remarks>
/// <example>
/// <code>
/// byte[] wasm = ModuleText.ToBinary("(module (func (export \"answer\") (result i32) i32.const 42))");
/// </code>
/// </example>
public static class ModuleText
{
    /// <summary>The binary format of a module.</summary>
    /// <param name="text">A module, or the fields of one.</param>
    /// <param name="options">Its limits on a module's bytes and on nesting hold for the text; null: the default ones.</param>
    /// <exception cref="InvalidModuleException">The text is not a module, or exceeds a limit; it says in which line and column.</exception>
    public static byte[] ToBinary(string text, EngineOptions? options = null) => Encode(text, options ?? new EngineOptions()).Bytes;

    /// <summary>The binary format of a module.</summary>
    /// <param name="utf8">A module, or the fields of one, in UTF-8.</param>
    /// <param name="options">Its limits on a module's bytes and on nesting hold for the text; null: the default ones.</param>
    /// <exception cref="InvalidModuleException">The text is not a module, or exceeds a limit; it says in which line and column.</exception>
    public static byte[] ToBinary(ReadOnlyMemory<byte> utf8, EngineOptions? options = null) => Encode(utf8, options ?? new EngineOptions()).Bytes;

    internal static EncodedModule Encode(string text, EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(text);

        // A text that is too long in characters is too long in bytes; its end is not looked at.
        int length = (int)Math.Min(text.Length, options.MaxModuleBytes + 1L);
        return Encode(Encoding.UTF8.GetBytes(text, 0, length), options);
    }

    internal static EncodedModule Encode(ReadOnlyMemory<byte> utf8, EngineOptions options)
    {
        var tokens = new TokenReader(new TextSource(utf8, options));
        bool isWrapped = tokens.TryOpen("module"u8);
        if (isWrapped)
            tokens.TryIdentifier();
        var module = ModuleParser.ReadFields(tokens);
        if (isWrapped)
            tokens.Close();
        tokens.Expect(TokenKind.End);
        return module;
    }
}

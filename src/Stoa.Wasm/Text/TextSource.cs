using System.Text;
using System.Text.Unicode;

namespace Stoa.Wasm.Text;

/// <summary>The bytes of a text, known to be UTF-8, and refusals that say where in it something is wrong.</summary>
internal sealed class TextSource
{
    private readonly ReadOnlyMemory<byte> _bytes;

    /// <exception cref="InvalidModuleException">The bytes are too many, or not UTF-8.</exception>
    public TextSource(ReadOnlyMemory<byte> utf8, EngineOptions options)
    {
        _bytes = utf8;
        Options = options;
        if (utf8.Length > options.MaxModuleBytes)
            throw Refuse(InvalidModuleKind.LimitExceeded, $"text is longer than {options.MaxModuleBytes} bytes", 0);
        if (!Utf8.IsValid(utf8.Span))
            throw Malformed("malformed UTF-8 encoding", FirstFault(utf8.Span));
    }

    public EngineOptions Options { get; }

    public ReadOnlySpan<byte> Bytes => _bytes.Span;

    public ReadOnlySpan<byte> this[Token token] => _bytes.Span[token.Start..token.End];

    /// <summary>A token as it may stand in a message: the whole of it only when it is short.</summary>
    public string Quote(Token token)
    {
        const int Longest = 60;
        string text = Encoding.UTF8.GetString(this[token]);
        return text.Length <= Longest ? text : text[..Longest] + "…";
    }

    public InvalidModuleException Malformed(string reason, int offset) => Refuse(InvalidModuleKind.Malformed, reason, offset);

    public InvalidModuleException Exceeded(string reason, int offset) => Refuse(InvalidModuleKind.LimitExceeded, reason, offset);

    /// <summary>The refusal of the encoded module, said of the text that it was made of.</summary>
    public InvalidModuleException Locate(InvalidModuleException refusal, int offset) =>
        new(refusal.Kind, PositionOf(offset), offset, refusal.Reason);

    /// <summary>The line and column of an offset.</summary>
    public TextPosition PositionOf(int offset)
    {
        var before = Bytes[..Math.Min(offset, Bytes.Length)];
        int line = 1 + before.Count((byte)'\n');
        int column = 1;
        foreach (byte unit in before[(before.LastIndexOf((byte)'\n') + 1)..])
            column += (unit & 0xC0) == 0x80 ? 0 : 1; // the continuation bytes of a character are not counted
        return new TextPosition(line, column);
    }

    private InvalidModuleException Refuse(InvalidModuleKind kind, string reason, int offset) =>
        new(kind, PositionOf(offset), offset, reason);

    private static int FirstFault(ReadOnlySpan<byte> bytes)
    {
        int at = 0;
        while (at < bytes.Length && Rune.DecodeFromUtf8(bytes[at..], out _, out int used) == System.Buffers.OperationStatus.Done)
            at += used;
        return at;
    }
}

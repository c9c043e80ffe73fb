using System.Text;
using Stoa.Primitives;

namespace Stoa.Cli.Terminal;

/// <summary>Bytes of UTF-8 that go to a text writer, whole characters at a time.</summary>
internal sealed class TextWriterStream(TextWriter writer) : WriteOnlyStream
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        var characters = new char[_decoder.GetCharCount(buffer, flush: false)];
        _decoder.GetChars(buffer, characters, flush: false);
        writer.Write(characters);
    }

    public override void Flush() => writer.Flush();
}

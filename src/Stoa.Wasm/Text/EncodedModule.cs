namespace Stoa.Wasm.Text;

/// <summary>A module in the binary format that was made of a text, and knows what in it came from where.</summary>
internal sealed class EncodedModule(TextSource source, ByteBuffer binary)
{
    public byte[] Bytes { get; } = binary.Written.ToArray();

    /// <summary>Says a refusal of the bytes as one of the text.</summary>
    public InvalidModuleException Locate(InvalidModuleException refusal) =>
        source.Locate(refusal, binary.SourceOf(refusal.Offset));
}

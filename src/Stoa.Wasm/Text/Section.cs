namespace Stoa.Wasm.Text;

/// <summary>A section of the binary format that is a number of items.</summary>
internal sealed class Section(byte id)
{
    private uint _count;

    /// <summary>The items.</summary>
    public ByteBuffer Content { get; } = new();

    /// <summary>Begins an item, which is of a place in the text.</summary>
    public ByteBuffer Item(int source)
    {
        _count++;
        Content.Mark(source);
        return Content;
    }

    /// <summary>Writes the section, if it holds anything.</summary>
    public void WriteTo(ByteBuffer module)
    {
        if (_count == 0)
            return;
        var count = new ByteBuffer();
        count.U32(_count);
        module.Byte(id);
        module.U32((uint)(count.Length + Content.Length));
        module.Append(count);
        module.Append(Content);
    }
}

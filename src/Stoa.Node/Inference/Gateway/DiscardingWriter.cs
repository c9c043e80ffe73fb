using System.Buffers;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Takes what is written, and keeps nothing of it.</summary>
internal sealed class DiscardingWriter : IBufferWriter<byte>
{
    private byte[] _room = new byte[4_096];

    /// <inheritdoc/>
    public void Advance(int count)
    {
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (sizeHint > _room.Length)
            _room = new byte[sizeHint];
        return _room;
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
}

namespace Stoa.Network.Gossip;

/// <summary>What a message is known by among peers: some bytes.</summary>
/// <remarks>Unless <see cref="GossipOptions.IdOf"/> says otherwise, its author's id and then its number, as the pubsub specification has it.</remarks>
public readonly struct MessageId : IEquatable<MessageId>
{
    private readonly ReadOnlyMemory<byte> _bytes;

    /// <param name="bytes">Not to be changed any more.</param>
    public MessageId(ReadOnlyMemory<byte> bytes) => _bytes = bytes;

    /// <summary>What goes over the wire.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    public static bool operator ==(MessageId left, MessageId right) => left.Equals(right);

    public static bool operator !=(MessageId left, MessageId right) => !left.Equals(right);

    /// <inheritdoc/>
    public bool Equals(MessageId other) => _bytes.Span.SequenceEqual(other._bytes.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is MessageId other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(_bytes.Span);
        return hash.ToHashCode();
    }

    /// <summary>Its bytes in hexadecimal.</summary>
    public override string ToString() => Convert.ToHexStringLower(_bytes.Span);
}

using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Replication;

/// <summary>A statement as a message of its own: one byte with the length of the signature, the signature, and the payload to the end.</summary>
public static class StatementMessage
{
    /// <summary>The longest one in bytes.</summary>
    public const int MaxLength = 1 + MaxSignatureLength + StatementLimits.MaxPayloadBytes;

    // DER of two numbers of 33 bytes.
    private const int MaxSignatureLength = 72;

    /// <summary>Writes it.</summary>
    public static byte[] Write(SignedStatement statement)
    {
        ArgumentNullException.ThrowIfNull(statement);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(statement.Signature.Length, MaxSignatureLength, nameof(statement));
        return [(byte)statement.Signature.Length, .. statement.Signature, .. statement.Payload];
    }

    /// <summary>Reads it; null when it has not this form. Nothing is checked of what it says.</summary>
    public static SignedStatement? Read(ReadOnlySpan<byte> message) =>
        message.Length is > 1 and <= MaxLength && message[0] is > 0 and <= MaxSignatureLength && message.Length > 1 + message[0]
            ? new SignedStatement(message[(1 + message[0])..].ToArray(), message.Slice(1, message[0]).ToArray())
            : null;

    /// <summary>By what all nodes know it, whoever sends it: the hash of all of it. By the payload alone a copy with a spoilt signature would pass for the statement itself, and whoever brings that would be blamed for the copy.</summary>
    public static ContentHash IdOf(ReadOnlySpan<byte> message) => ContentHash.Of(message);
}

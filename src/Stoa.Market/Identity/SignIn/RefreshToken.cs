using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Stoa.Primitives;

namespace Stoa.Market.Identity.SignIn;

/// <summary>The text of a refresh token: <c>stoar_</c> and 64 characters of lower-case base32, which are the session's id, the token's number and 160 bits of HMAC.</summary>
/// <remarks>
/// A session has a secret key, and its tokens are the HMAC-SHA256 of their number under it. So the node keeps none of them, knows every
/// old one for what it is without a table of all that ever were, tells it from a guess, and gives the same token again when an answer was lost.
/// </remarks>
public sealed class RefreshToken
{
    /// <summary>How every refresh token begins.</summary>
    public const string Scheme = "stoar_";

    /// <summary>Length of a session's key, in bytes.</summary>
    public const int KeyBytes = 32;

    private const int IdBytes = 16;
    private const int HeadBytes = IdBytes + sizeof(int);
    private const int TagBytes = 20;

    private readonly byte[] _bytes;

    private RefreshToken(byte[] bytes)
    {
        _bytes = bytes;
        Session = new Id<Session>(new Guid(bytes.AsSpan(0, IdBytes), bigEndian: true));
        Generation = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(IdBytes));
    }

    /// <summary>The session that it claims to be of.</summary>
    public Id<Session> Session { get; }

    /// <summary>Its number in that session, from 1.</summary>
    public int Generation { get; }

    /// <summary>The whole secret.</summary>
    public string Text => Scheme + Base32.Encode(_bytes);

    /// <summary>The token of a session with that number: the same each time.</summary>
    public static RefreshToken Create(Id<Session> session, int generation, ReadOnlySpan<byte> key)
    {
        var bytes = new byte[HeadBytes + TagBytes];
        session.Uuid.TryWriteBytes(bytes, bigEndian: true, out _);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(IdBytes), generation);
        Tag(key, bytes).CopyTo(bytes.AsSpan(HeadBytes));
        return new RefreshToken(bytes);
    }

    /// <summary>Reads a token, or says that the text cannot be one. Whether it is genuine says <see cref="IsMadeWith"/>.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out RefreshToken? token)
    {
        token = null;
        if (!text.StartsWith(Scheme, StringComparison.Ordinal)
            || text.Length != Scheme.Length + (HeadBytes + TagBytes) * 8 / 5
            || !Base32.TryDecode(text.AsSpan(Scheme.Length), out var bytes))
        {
            return false;
        }

        token = new RefreshToken(bytes);
        return token.Generation > 0;
    }

    /// <summary>Whether the token was made with a session's key. Takes as long for every token.</summary>
    public bool IsMadeWith(ReadOnlySpan<byte> key) => CryptographicOperations.FixedTimeEquals(Tag(key, _bytes), _bytes.AsSpan(HeadBytes));

    /// <summary>Shows nothing of the secret.</summary>
    public override string ToString() => $"{Scheme}… of {Session}, number {Generation}";

    private static ReadOnlySpan<byte> Tag(ReadOnlySpan<byte> key, byte[] token) =>
        HMACSHA256.HashData(key, token.AsSpan(0, HeadBytes)).AsSpan(0, TagBytes);
}

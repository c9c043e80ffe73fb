using System.Text;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Judges the values of keys that begin with one word.</summary>
public interface IRecordValidator
{
    /// <summary>Whether a value may be under a key. It comes from strangers.</summary>
    bool IsValid(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <summary>Which of two valid values of a key is the better: above zero when the left one is, zero when both are as good.</summary>
    int Compare(ReadOnlySpan<byte> key, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right);
}

/// <summary>Keys <c>/pk/…</c>: the public key of the peer whose id follows, as libp2p's PublicKey message.</summary>
public sealed class PublicKeyValidator : IRecordValidator
{
    private static ReadOnlySpan<byte> Prefix => "/pk/"u8;

    /// <summary>The key under which a peer's public key is.</summary>
    public static byte[] KeyOf(PeerId peer) => [.. Prefix, .. peer.ToBytes()];

    /// <inheritdoc/>
    public bool IsValid(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        key.StartsWith(Prefix) && !value.IsEmpty && PeerId.FromEncodedPublicKey(value).ToBytes().AsSpan().SequenceEqual(key[Prefix.Length..]);

    /// <inheritdoc/>
    public int Compare(ReadOnlySpan<byte> key, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) => 0;
}

/// <summary>Finds who judges a key.</summary>
internal sealed class RecordValidators(IReadOnlyDictionary<string, IRecordValidator> byWord)
{
    /// <summary>The validator of a key; null when there is none.</summary>
    public IRecordValidator? Of(ReadOnlySpan<byte> key)
    {
        if (key.IsEmpty || key[0] != (byte)'/')
            return null;
        var end = key[1..].IndexOf((byte)'/');
        return end <= 0 ? null : byWord.GetValueOrDefault(Encoding.UTF8.GetString(key.Slice(1, end)));
    }
}

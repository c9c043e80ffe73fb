using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Discovery;

/// <summary>Where a page of a search ends: the last agent of it, and what it was put in order by. Whatever is found behind that is on later pages, and nothing else.</summary>
/// <param name="Fingerprint">Of the search.</param>
/// <param name="SortKey">What the last agent was put in order by.</param>
/// <param name="Last">The last agent.</param>
/// <param name="Weights">How much each word counts: as on the first page, or what fits as well as it did then would move.</param>
internal sealed record SearchCursor(long Fingerprint, long SortKey, ListingKey Last, IReadOnlyList<int> Weights)
{
    private const byte Form = 1;
    private const int FixedBytes = 18;
    private const int MostWeight = 2_000;

    /// <summary>Reads a cursor of a search; a text that is none of it is refused.</summary>
    public static bool TryRead(string text, ListingSearch search, int words, [NotNullWhen(true)] out SearchCursor? cursor)
    {
        cursor = null;
        // Of the longest name and the longest key there are fewer.
        if (text.Length > 400 || !Base64Url.IsValid(text))
            return false;
        ReadOnlySpan<byte> bytes = Base64Url.DecodeFromChars(text);
        if (bytes.Length < FixedBytes || bytes[0] != Form || bytes[17] != words || bytes.Length < FixedBytes + (2 * words) + 1)
            return false;
        var (fingerprint, sortKey) = (BinaryPrimitives.ReadInt64BigEndian(bytes[1..]), BinaryPrimitives.ReadInt64BigEndian(bytes[9..]));
        if (fingerprint != search.Fingerprint())
            return false;
        var weights = new int[words];
        for (var word = 0; word < words; word++)
        {
            weights[word] = BinaryPrimitives.ReadUInt16BigEndian(bytes[(FixedBytes + (2 * word))..]);
            if (weights[word] is < 1 or > MostWeight)
                return false;
        }

        var rest = bytes[(FixedBytes + (2 * words))..];
        if (rest.Length < 1 + rest[0])
            return false;
        var name = Encoding.ASCII.GetString(rest[1..(1 + rest[0])]);
        if (!Names.IsAgentName(name) || !TryReadPeer(rest[(1 + rest[0])..], out var publisher))
            return false;
        cursor = new SearchCursor(fingerprint, sortKey, new ListingKey(publisher, name), weights);
        return true;
    }

    public override string ToString()
    {
        var (name, publisher) = (Encoding.ASCII.GetBytes(Last.Name), Last.Publisher.ToBytes());
        var bytes = new byte[FixedBytes + (2 * Weights.Count) + 1 + name.Length + publisher.Length];
        bytes[0] = Form;
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(1), Fingerprint);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(9), SortKey);
        bytes[17] = (byte)Weights.Count;
        for (var word = 0; word < Weights.Count; word++)
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(FixedBytes + (2 * word)), (ushort)Weights[word]);
        var rest = bytes.AsSpan(FixedBytes + (2 * Weights.Count));
        rest[0] = (byte)name.Length;
        name.CopyTo(rest[1..]);
        publisher.CopyTo(rest[(1 + name.Length)..]);
        return Base64Url.EncodeToString(bytes);
    }

    private static bool TryReadPeer(ReadOnlySpan<byte> multihash, out PeerId peer)
    {
        try
        {
            peer = PeerId.FromBytes(multihash);
            return true;
        }
        catch (FormatException)
        {
            peer = default;
            return false;
        }
    }
}

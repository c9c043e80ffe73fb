using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using Stoa.Primitives;

namespace Stoa.Market.Audit;

/// <summary>How far the audit log goes, and the hash that stands for all of it.</summary>
/// <param name="Block">Number of the last block; 0 while there is none.</param>
/// <param name="Entry">Number of the last entry; 0 while there is none.</param>
/// <param name="Hash">Of the last block; empty while there is none.</param>
public sealed record AuditHead(long Block, long Entry, ContentHash Hash)
{
    /// <summary>Of a log without blocks.</summary>
    public static AuditHead Empty { get; } = new(0, 0, default);
}

/// <summary>Entries that came into the audit log together, chained by hash to all that came before them.</summary>
/// <param name="Number">From 1, without gaps.</param>
/// <param name="FirstEntry">Number of its first entry.</param>
/// <param name="Count">How many entries.</param>
/// <param name="Lines">Their lines, each with a line feed.</param>
/// <param name="Hash">The head of the chain with this block: SHA-256 of <c>stoa.audit.v1</c> and a line feed, the hash before it (32 bytes; zeros before the first),
/// number and first entry (8 bytes each), count (4; integers in network order) and the lines.</param>
public sealed record AuditBlock(long Number, long FirstEntry, int Count, byte[] Lines, ContentHash Hash)
{
    /// <summary>How many entries a block has at most.</summary>
    public const int MaxCount = 4_096;

    private const int FieldsLength = ContentHash.Size + (2 * sizeof(long)) + sizeof(int);

    /// <summary>The head of the chain with this block.</summary>
    public AuditHead Head => new(Number, FirstEntry + Count - 1, Hash);

    /// <summary>Makes the next block.</summary>
    /// <param name="head">The chain so far.</param>
    /// <param name="acts">1 to <see cref="MaxCount"/>, in order.</param>
    public static AuditBlock Seal(AuditHead head, IReadOnlyList<AuditAct> acts)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(acts);
        if (acts.Count is 0 or > MaxCount)
            throw new ArgumentOutOfRangeException(nameof(acts), $"A block has 1 to {MaxCount} entries, not {acts.Count}.");
        var lines = new ArrayBufferWriter<byte>(acts.Count * 256);
        for (var index = 0; index < acts.Count; index++)
        {
            new AuditEntry(head.Entry + 1 + index, acts[index]).Write(lines);
            lines.Write("\n"u8);
        }

        var (number, first, bytes) = (head.Block + 1, head.Entry + 1, lines.WrittenSpan.ToArray());
        return new AuditBlock(number, first, acts.Count, bytes, HashOf(head.Hash, number, first, acts.Count, bytes));
    }

    /// <summary>Whether this is the block that follows a head, with nothing about it changed.</summary>
    public bool Follows(AuditHead head)
    {
        ArgumentNullException.ThrowIfNull(head);
        return Number == head.Block + 1
            && FirstEntry == head.Entry + 1
            && Count is > 0 and <= MaxCount
            && Hash == HashOf(head.Hash, Number, FirstEntry, Count, Lines);
    }

    /// <summary>The lines one by one, without their line feeds.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> EachLine()
    {
        for (var start = 0; start < Lines.Length;)
        {
            var length = Lines.AsSpan(start).IndexOf((byte)'\n');
            if (length < 0)
                length = Lines.Length - start;
            yield return Lines.AsMemory(start, length);
            start += length + 1;
        }
    }

    private static ContentHash HashOf(ContentHash before, long number, long first, int count, ReadOnlySpan<byte> lines)
    {
        Span<byte> fields = stackalloc byte[FieldsLength];
        before.CopyTo(fields);
        BinaryPrimitives.WriteInt64BigEndian(fields[32..], number);
        BinaryPrimitives.WriteInt64BigEndian(fields[40..], first);
        BinaryPrimitives.WriteInt32BigEndian(fields[48..], count);
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha256.AppendData("stoa.audit.v1\n"u8);
        sha256.AppendData(fields);
        sha256.AppendData(lines);
        Span<byte> digest = stackalloc byte[ContentHash.Size];
        sha256.GetHashAndReset(digest);
        return ContentHash.FromBytes(digest);
    }
}

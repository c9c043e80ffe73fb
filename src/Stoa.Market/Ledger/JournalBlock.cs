using System.Buffers.Binary;
using System.Security.Cryptography;
using Stoa.Primitives;

namespace Stoa.Market.Ledger;

/// <summary>Entries that came into the journal together, chained by hash to all that came before them.</summary>
/// <param name="Number">From 1, without gaps.</param>
/// <param name="Count">How many entries.</param>
/// <param name="Stride">The length of each, in bytes: <see cref="JournalEntry"/>.</param>
/// <param name="Entries">Their bytes, one behind the other.</param>
/// <param name="Hash">The head of the chain with this block: SHA-256 of <c>stoa.journal.v1</c> and a line feed, the head before it (32 bytes; zeros before the first),
/// number (8), count and stride (4 each, integers in network order) and the entries.</param>
public sealed record JournalBlock(long Number, int Count, int Stride, byte[] Entries, ContentHash Hash)
{
    /// <summary>How many entries a block has at most: with their length it stays near a megabyte.</summary>
    public const int MaxCount = 8_190;

    private const int FieldsLength = ContentHash.Size + sizeof(long) + (2 * sizeof(int));

    /// <summary>Makes the next block.</summary>
    /// <param name="head">The chain so far.</param>
    /// <param name="transfers">1 to <see cref="MaxCount"/>, in order.</param>
    /// <param name="trails">Of each account that is named, by its UUID; they are moved on.</param>
    public static JournalBlock Seal(JournalHead head, ReadOnlySpan<Transfer> transfers, IReadOnlyDictionary<Guid, AccountTrail> trails)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(trails);
        if (transfers.Length is 0 or > MaxCount)
            throw new ArgumentOutOfRangeException(nameof(transfers), $"A block has 1 to {MaxCount} entries, not {transfers.Length}.");
        var stride = 0;
        foreach (var transfer in transfers)
            stride = Math.Max(stride, JournalEntry.LengthOf(transfer));
        var entries = new byte[transfers.Length * stride];
        var number = head.Number + 1;
        for (var index = 0; index < transfers.Length; index++)
        {
            var transfer = transfers[index];
            var place = JournalPlace.Of(number, index);
            var (debit, credit) = (trails[transfer.DebitAccountId.Uuid], trails[transfer.CreditAccountId.Uuid]);
            JournalEntry.Write(transfer, debit.Latest, credit.Latest, entries.AsSpan(index * stride, stride));
            debit.Add(transfer, place);
            credit.Add(transfer, place);
        }

        return new JournalBlock(number, transfers.Length, stride, entries, HashOf(head.Hash, number, transfers.Length, stride, entries));
    }

    /// <summary>The head of the chain with this block.</summary>
    public JournalHead Head => new(Number, Hash);

    /// <summary>Reads one entry.</summary>
    /// <exception cref="FormatException">It cannot be read.</exception>
    public JournalEntry Read(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        return JournalEntry.Read(Entries.AsSpan(index * Stride, Stride));
    }

    /// <summary>The id of one entry, without reading all of it.</summary>
    public Id<Transfer> IdAt(int index) => JournalEntry.IdOf(Entries.AsSpan(index * Stride, Stride));

    /// <summary>What one entry is for, without reading all of it.</summary>
    public TransferPurpose PurposeOf(int index) => JournalEntry.PurposeOf(Entries.AsSpan(index * Stride, Stride));

    /// <summary>Whether this is the block that follows a head, with nothing about it changed.</summary>
    public bool Follows(JournalHead head)
    {
        ArgumentNullException.ThrowIfNull(head);
        return Number == head.Number + 1
            && Count is > 0 and <= MaxCount
            && Stride >= JournalEntry.HeaderLength
            && Entries.LongLength == (long)Count * Stride
            && Hash == HashOf(head.Hash, Number, Count, Stride, Entries);
    }

    private static ContentHash HashOf(ContentHash before, long number, int count, int stride, ReadOnlySpan<byte> entries)
    {
        Span<byte> fields = stackalloc byte[FieldsLength];
        before.CopyTo(fields);
        BinaryPrimitives.WriteInt64BigEndian(fields[32..], number);
        BinaryPrimitives.WriteInt32BigEndian(fields[40..], count);
        BinaryPrimitives.WriteInt32BigEndian(fields[44..], stride);
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha256.AppendData("stoa.journal.v1\n"u8);
        sha256.AppendData(fields);
        sha256.AppendData(entries);
        Span<byte> digest = stackalloc byte[ContentHash.Size];
        sha256.GetHashAndReset(digest);
        return ContentHash.FromBytes(digest);
    }
}

/// <summary>How far the journal goes, and the hash that stands for all of it.</summary>
/// <param name="Number">Of the last block; 0 while there is none.</param>
/// <param name="Hash">Of the last block; empty while there is none.</param>
public sealed record JournalHead(long Number, ContentHash Hash)
{
    /// <summary>Of a journal without blocks.</summary>
    public static JournalHead Empty { get; } = new(0, default);
}

/// <summary>What the journal has of one account, while entries are added.</summary>
/// <param name="account">Whose.</param>
/// <param name="latest">Its latest entry; <see cref="JournalPlace.None"/> when it has none.</param>
public sealed class AccountTrail(Id<Account> account, JournalPlace latest)
{
    public Id<Account> Account => account;

    /// <summary>Its latest entry.</summary>
    public JournalPlace Latest { get; private set; } = latest;

    /// <summary>How many more holds on it are open than before.</summary>
    public int OpenedHolds { get; private set; }

    /// <summary>Whether entries were added.</summary>
    public bool IsMoved { get; private set; }

    /// <summary>Says where the journal goes on for it, when others have added entries since it was read.</summary>
    public void Continue(JournalPlace latest) => Latest = latest;

    internal void Add(Transfer transfer, JournalPlace place)
    {
        Latest = place;
        IsMoved = true;
        if (transfer.DebitAccountId == account)
            OpenedHolds += transfer.Kind is TransferKind.Pending ? 1 : transfer.IsResolution ? -1 : 0;
    }
}

using System.Buffers.Binary;
using System.Text;
using Stoa.Primitives;

namespace Stoa.Market.Ledger;

/// <summary>A transfer as the journal has it, with the way to the entries before it of both its accounts.</summary>
/// <param name="Transfer">What was entered.</param>
/// <param name="DebitBefore">The debited account's entry before this one; <see cref="JournalPlace.None"/> when this is its first.</param>
/// <param name="CreditBefore">The same of the credited account.</param>
/// <remarks>
/// As bytes, integers in network order:
/// <code>
///   0  id                16     64  amount, nanodollars   8     96  kind              1
///  16  debited account   16     72  made at, Unix ms      8     97  purpose           1
///  32  credited account  16     80  debit before, place   8     98  length of cause   1
///  48  pending id or 0   16     88  credit before, place  8     99  0                 1
///                                                              100  cause, UTF-8
/// </code>
/// All entries of a block are filled up with zeros to the same length.
/// </remarks>
public sealed record JournalEntry(Transfer Transfer, JournalPlace DebitBefore, JournalPlace CreditBefore)
{
    /// <summary>The length of an entry without its cause, in bytes.</summary>
    public const int HeaderLength = 100;

    /// <summary>How long a cause may be, in bytes.</summary>
    public const int MaxCauseLength = 255;

    private const int UuidLength = 16;

    /// <summary>Whether it moves money of an account.</summary>
    public bool IsOf(Id<Account> account) => account == Transfer.DebitAccountId || account == Transfer.CreditAccountId;

    /// <summary>The entry before this one of an account that it is of.</summary>
    public JournalPlace Before(Id<Account> account) => account == Transfer.DebitAccountId ? DebitBefore : CreditBefore;

    /// <summary>How many bytes the entry of a transfer has.</summary>
    /// <exception cref="ArgumentException">Its cause is longer than <see cref="MaxCauseLength"/> bytes.</exception>
    public static int LengthOf(Transfer transfer)
    {
        ArgumentNullException.ThrowIfNull(transfer);
        var length = Encoding.UTF8.GetByteCount(transfer.Cause);
        return length <= MaxCauseLength
            ? HeaderLength + length
            : throw new ArgumentException($"The cause of {transfer.Id} has {length} bytes, more than {MaxCauseLength}.", nameof(transfer));
    }

    /// <summary>Writes an entry over all of <paramref name="bytes"/>, which are zero.</summary>
    public static void Write(Transfer transfer, JournalPlace debitBefore, JournalPlace creditBefore, Span<byte> bytes)
    {
        ArgumentNullException.ThrowIfNull(transfer);
        transfer.Id.Uuid.TryWriteBytes(bytes, bigEndian: true, out _);
        transfer.DebitAccountId.Uuid.TryWriteBytes(bytes[16..], bigEndian: true, out _);
        transfer.CreditAccountId.Uuid.TryWriteBytes(bytes[32..], bigEndian: true, out _);
        if (transfer.PendingId is { } pending)
            pending.Uuid.TryWriteBytes(bytes[48..], bigEndian: true, out _);
        BinaryPrimitives.WriteInt64BigEndian(bytes[64..], transfer.Amount.Nanodollars);
        BinaryPrimitives.WriteInt64BigEndian(bytes[72..], transfer.CreatedAt.ToUnixTimeMilliseconds());
        BinaryPrimitives.WriteInt64BigEndian(bytes[80..], debitBefore.Value);
        BinaryPrimitives.WriteInt64BigEndian(bytes[88..], creditBefore.Value);
        bytes[96] = (byte)transfer.Kind;
        bytes[97] = (byte)transfer.Purpose;
        bytes[98] = (byte)Encoding.UTF8.GetBytes(transfer.Cause, bytes[HeaderLength..]);
    }

    /// <summary>Reads an entry.</summary>
    /// <exception cref="FormatException">These bytes are none.</exception>
    public static JournalEntry Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderLength || bytes.Length < HeaderLength + bytes[98])
            throw new FormatException($"An entry of the journal has at least {HeaderLength} bytes and its cause; here are {bytes.Length}.");
        var (kind, purpose) = ((TransferKind)bytes[96], (TransferPurpose)bytes[97]);
        if (!Enum.IsDefined(kind) || !Enum.IsDefined(purpose))
            throw new FormatException($"An entry of the journal has the kind {bytes[96]} and the purpose {bytes[97]}, which this version does not know.");
        var pending = ReadUuid(bytes[48..]);
        return new JournalEntry(
            new Transfer(
                new Id<Transfer>(ReadUuid(bytes)),
                kind,
                new Id<Account>(ReadUuid(bytes[16..])),
                new Id<Account>(ReadUuid(bytes[32..])),
                new Money(BinaryPrimitives.ReadInt64BigEndian(bytes[64..])),
                pending == Guid.Empty ? null : new Id<Transfer>(pending),
                purpose,
                Encoding.UTF8.GetString(bytes.Slice(HeaderLength, bytes[98])),
                DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(bytes[72..]))),
            new JournalPlace(BinaryPrimitives.ReadInt64BigEndian(bytes[80..])),
            new JournalPlace(BinaryPrimitives.ReadInt64BigEndian(bytes[88..])));
    }

    /// <summary>The id of the entry of these bytes.</summary>
    public static Id<Transfer> IdOf(ReadOnlySpan<byte> bytes) => new(ReadUuid(bytes));

    /// <summary>What the entry of these bytes is for.</summary>
    public static TransferPurpose PurposeOf(ReadOnlySpan<byte> bytes) => (TransferPurpose)bytes[97];

    private static Guid ReadUuid(ReadOnlySpan<byte> bytes) => new(bytes[..UuidLength], bigEndian: true);
}

using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Ledger;

public sealed class JournalTests
{
    private static readonly IdSource s_ids = new(TimeProvider.System, new Random(1));
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);
    private static readonly Id<Account>[] s_accounts = [.. Enumerable.Range(0, 5).Select(_ => s_ids.Next<Account>())];

    private readonly Dictionary<Guid, AccountTrail> _trails = s_accounts.ToDictionary(id => id.Uuid, id => new AccountTrail(id, JournalPlace.None));

    /// <summary>Anything that an entry can say.</summary>
    private static Gen<Transfer> Transfers =>
        from kind in Gen.Elements(Enum.GetValues<TransferKind>())
        from purpose in Gen.Elements(Enum.GetValues<TransferPurpose>())
        from debit in Gen.Choose(0, 4)
        from step in Gen.Choose(1, 4)
        from amount in Gen.Elements(0L, 1, 1_000_000_007, long.MaxValue)
        from cause in Gen.Elements("", "task_01h2xcejqtf2nbrexx3vqjhp41", "für Ünïcode ✓", new string('x', JournalEntry.MaxCauseLength))
        select new Transfer(
            s_ids.Next<Transfer>(), kind, s_accounts[debit], s_accounts[(debit + step) % 5], new Money(amount),
            kind is TransferKind.PostPending or TransferKind.VoidPending ? s_ids.Next<Transfer>() : null, purpose, cause, s_now);

    [Fact]
    public void Block_OfAnyTransfers_SaysThemAgainAndTheWayBack() => Prop.ForAll(
        Arb.From(Gen.ListOf(Transfers, 20)),
        transfers =>
        {
            var block = JournalBlock.Seal(JournalHead.Empty, [.. transfers], Fresh());

            block.Follows(JournalHead.Empty).ShouldBeTrue();
            var entries = Enumerable.Range(0, block.Count).Select(block.Read).ToList();
            entries.Select(entry => entry.Transfer).ShouldBe(transfers);
            foreach (var account in s_accounts)
            {
                var own = Enumerable.Range(0, block.Count).Where(index => entries[index].IsOf(account)).Reverse().Select(index => JournalPlace.Of(1, index)).ToList();
                own.Select(place => entries[place.Index].Before(account)).ShouldBe([.. own.Skip(1), .. own.Count > 0 ? [JournalPlace.None] : Array.Empty<JournalPlace>()]);
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(200));

    [Fact]
    public void Chain_WithAnyByteChanged_DoesNotFollow()
    {
        var block = Seal(JournalHead.Empty, Post(0, 1, 5), Post(1, 2, 3));
        for (var at = 0; at < block.Entries.Length; at++)
        {
            var changed = block.Entries.ToArray();
            changed[at] ^= 1;
            (block with { Entries = changed }).Follows(JournalHead.Empty).ShouldBeFalse();
        }

        (block with { Number = 2 }).Follows(JournalHead.Empty).ShouldBeFalse();
        (block with { Count = 1, Entries = block.Entries[..block.Stride] }).Follows(JournalHead.Empty).ShouldBeFalse();
        block.Follows(new JournalHead(0, ContentHash.Of("other"u8))).ShouldBeFalse();
    }

    [Fact]
    public void Seal_OfNothingOrTooMuch_Throws()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => Seal(JournalHead.Empty));
        Should.Throw<ArgumentOutOfRangeException>(() => Seal(JournalHead.Empty, [.. Enumerable.Repeat(Post(0, 1, 1), JournalBlock.MaxCount + 1)]));
        Should.Throw<ArgumentException>(() => Seal(JournalHead.Empty, Post(0, 1, 1) with { Cause = new string('x', 256) }));
    }

    [Fact]
    public void Place_HasItsBlockAndIndex()
    {
        var place = JournalPlace.Of(123_456_789, JournalBlock.MaxCount - 1);

        (place.Block, place.Index).ShouldBe((123_456_789, JournalBlock.MaxCount - 1));
        (JournalPlace.Of(2, 0).Value > JournalPlace.Of(1, JournalBlock.MaxCount - 1).Value).ShouldBeTrue();
    }

    [Fact]
    public void Audit_OfAGoodJournal_FindsNothingAndAddsUp()
    {
        var hold = Post(1, 2, 40) with { Kind = TransferKind.Pending };
        var first = Seal(JournalHead.Empty, Post(0, 1, 100), hold);
        var second = Seal(first.Head, Resolve(hold, 33), Post(1, 3, 7));
        var audit = Audit(first, second);

        audit.Close(second.Head);

        audit.Findings.ShouldBeEmpty();
        audit.EntryCount.ShouldBe(4);
        audit.Lines.Select(line => (line.AccountId, (long)line.Debits, (long)line.Credits, (long)line.PendingDebits, line.Entries)).ShouldBe(
            [(s_accounts[0], 100, 0, 0, 1), (s_accounts[1], 40, 100, 0, 4), (s_accounts[2], 0, 33, 0, 2), (s_accounts[3], 0, 7, 0, 1)]);
    }

    /// <summary>What somebody with the database in hand could write, the chain computed anew over it.</summary>
    public static TheoryData<string, JournalFault> Lies => new()
    {
        { "spends what is not there", JournalFault.BelowLimit },
        { "resolves twice", JournalFault.HoldInvalid },
        { "resolves more than is held", JournalFault.HoldInvalid },
        { "resolves for another", JournalFault.HoldInvalid },
        { "moves less than nothing", JournalFault.EntryInvalid },
        { "pays itself", JournalFault.EntryInvalid },
        { "leaves a block out", JournalFault.ChainBroken },
        { "hides an entry from its account", JournalFault.TrailBroken },
        { "leaves money in clearing", JournalFault.NotBalanced },
        { "ends early", JournalFault.HeadDiffers },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void Audit_OfALie_FindsIt(string lie, JournalFault fault)
    {
        var hold = Post(1, 2, 40) with { Kind = TransferKind.Pending };
        var first = Seal(JournalHead.Empty, Post(0, 1, 100), hold);
        var head = first.Head;
        IReadOnlyList<JournalBlock> blocks = lie switch
        {
            "spends what is not there" => [first, Seal(head, Post(1, 2, 61))],
            "resolves twice" => [first, Seal(head, Resolve(hold, 1), Resolve(hold, 1))],
            "resolves more than is held" => [first, Seal(head, Resolve(hold, 41))],
            "resolves for another" => [first, Seal(head, Resolve(hold, 1) with { CreditAccountId = s_accounts[3] })],
            "moves less than nothing" => [first, Seal(head, Post(1, 2, -1))],
            "pays itself" => [first, Seal(head, Post(1, 1, 1))],
            "leaves a block out" => [first, Seal(Seal(head, Post(1, 2, 1)).Head, Post(1, 2, 1))],
            "hides an entry from its account" => [first, JournalBlock.Seal(head, [Post(1, 2, 1)], Fresh())],
            "leaves money in clearing" => [first, Seal(head, Post(1, 4, 1))],
            "ends early" => [first],
            _ => throw new ArgumentOutOfRangeException(nameof(lie)),
        };
        var audit = Audit([.. blocks]);

        audit.Close(lie == "ends early" ? Seal(head, Post(1, 2, 1)).Head : blocks[^1].Head);

        audit.Findings.Select(finding => finding.Fault).ShouldContain(fault);
    }

    /// <summary>Balances that the ledger states of ann, who got 100 and then gave 1.</summary>
    [Theory]
    [InlineData(99, 2, true)]
    [InlineData(100, 1, true)]
    [InlineData(100, 2, false)]
    [InlineData(5, 0, false)]
    [InlineData(99, 3, false)]
    public void Audit_OfStatedBalances_ComparesThemWhereTheyWere(long posted, int entries, bool isTrue)
    {
        var first = Seal(JournalHead.Empty, Post(0, 1, 100));
        var second = Seal(first.Head, Post(1, 2, 1));
        var latest = entries == 0 ? JournalPlace.None : JournalPlace.Of(entries, 0);
        var ann = Account.Open(s_accounts[1], "ann", AccountKind.Wallet, s_now) with { Posted = new Money(posted) };
        var audit = new JournalAudit([new StatedAccount(ann, latest)]);

        audit.Add(first);
        audit.Add(second);
        audit.Close(second.Head);

        audit.Findings.Select(finding => finding.Fault).ShouldBe(isTrue ? [] : [JournalFault.BalanceDiffers]);
    }

    private static JournalAudit Audit(params JournalBlock[] blocks)
    {
        // Of the limits only: what is stated of balances is compared in a test of its own.
        var audit = new JournalAudit(s_accounts.Select((id, place) => new StatedAccount(
            Account.Open(id, id.ToString(), place switch { 0 => AccountKind.World, 4 => AccountKind.Clearing, _ => AccountKind.Wallet }, s_now), JournalPlace.None)));
        foreach (var block in blocks)
            audit.Add(block);
        return audit;
    }

    private JournalBlock Seal(JournalHead head, params Transfer[] transfers) => JournalBlock.Seal(head, transfers, _trails);

    private static Dictionary<Guid, AccountTrail> Fresh() => s_accounts.ToDictionary(id => id.Uuid, id => new AccountTrail(id, JournalPlace.None));

    private static Transfer Post(int debit, int credit, long amount) => new(
        s_ids.Next<Transfer>(), TransferKind.Posted, s_accounts[debit], s_accounts[credit], new Money(amount), null, TransferPurpose.Deposit, "test", s_now);

    private static Transfer Resolve(Transfer hold, long amount) =>
        hold with { Id = s_ids.Next<Transfer>(), Kind = TransferKind.PostPending, Amount = new Money(amount), PendingId = hold.Id };
}

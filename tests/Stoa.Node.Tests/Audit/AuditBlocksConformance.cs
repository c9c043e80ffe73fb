using System.Text;
using Stoa.Market;
using Stoa.Market.Audit;
using Stoa.Node.Audit;
using Stoa.Node.Tests.Storage;

namespace Stoa.Node.Tests.Audit;

/// <summary>What every database does with the audit log.</summary>
public abstract class AuditBlocksConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);

    private SqlAuditBlocks Blocks => new(Database);

    [Fact]
    public async Task Blocks_ByManyAtOnce_AreOneChain()
    {
        await Task.WhenAll(Enumerable.Range(0, 12).Select(writer => Blocks.AppendAsync(
            [.. Enumerable.Range(0, 3).Select(number => Act($"act{number}", $"user_{writer}"))], Stop)));

        var head = AuditHead.Empty;
        foreach (var block in await Blocks.ReadAsync(0, 100, Stop))
        {
            block.Follows(head).ShouldBeTrue();
            head = block.Head;
        }

        (head.Block, head.Entry).ShouldBe((12, 36));
        (await Blocks.HeadAsync(Stop)).ShouldBe(head);
    }

    [Fact]
    public async Task List_ByPages_GivesEachEntryOnceNewestFirst()
    {
        for (var block = 0; block < 11; block++)
            await Blocks.AppendAsync([Act("a", "user_1"), Act("b", "user_2", block), Act("a", "user_1", block)], Stop);

        (await NumbersAsync(new AuditFilter(), 4)).ShouldBe(Enumerable.Range(1, 33).Reverse().Select(number => (long)number));
        (await NumbersAsync(new AuditFilter("user_2"), 3)).ShouldBe(Enumerable.Range(0, 11).Reverse().Select(block => (block * 3L) + 2));
        (await NumbersAsync(new AuditFilter(Name: "b", From: s_now.AddMinutes(3), To: s_now.AddMinutes(5)), 50)).ShouldBe([14, 11]);
        (await NumbersAsync(new AuditFilter("user_3"), 50)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Erase_MakesWhatIdentifiesAUserUnreadable_AndLeavesTheChain()
    {
        AuditAct From(string actor, string? account = null) =>
            Act("a", actor) with { Address = "203.0.113.77", Subject = "ada/agent", Account = account };
        await Blocks.AppendAsync([From("user_1"), From("user_2"), From("user_1", "user_9")], Stop);
        await Blocks.AppendAsync([From("user_1"), Act("b", "user_1") with { Subject = "key_01m81g2c8wf3y7z1a2b3c4d5e6" }], Stop);
        foreach (var block in await Blocks.ReadAsync(0, 10, Stop))
            Encoding.UTF8.GetString(block.Lines).ShouldNotContain("203.0.113.77");
        (await Blocks.ListAsync(new AuditFilter("user_1"), new PageRequest(10), Stop)).Items.Count(entry => entry.Act is { Address: "203.0.113.77", Subject: "ada/agent" }).ShouldBe(3);
        (await Blocks.ListAsync(new AuditFilter(Account: "user_9"), new PageRequest(10), Stop)).Items.ShouldHaveSingleItem().Number.ShouldBe(3);

        var erased = 0;
        while (await Database.WriteAsync(session => SqlAuditBlocks.EraseAsync(session, "user_1", 1), Stop) is > 0 and var count)
            erased += count;

        erased.ShouldBe(2);
        var entries = (await Blocks.ListAsync(new AuditFilter("user_1"), new PageRequest(10), Stop)).Items;
        entries.Select(entry => (entry.Act.Name, entry.Act.Address, entry.Act.Subject)).ShouldBe(
            [("b", null, "key_01m81g2c8wf3y7z1a2b3c4d5e6"), ("a", null, null), ("a", null, null), ("a", null, null)]);
        (await Blocks.ListAsync(new AuditFilter("user_2"), new PageRequest(10), Stop)).Items.ShouldHaveSingleItem().Act.Address.ShouldBe("203.0.113.77");
        var head = AuditHead.Empty;
        foreach (var block in await Blocks.ReadAsync(0, 10, Stop))
        {
            block.Follows(head).ShouldBeTrue();
            head = block.Head;
        }
    }

    [Fact]
    public async Task Prune_TakesOldBlocksAndLeavesAChainThatHolds()
    {
        for (var day = 0; day < 5; day++)
            await Blocks.AppendAsync([Act("a", "user_1", day * 24 * 60)], Stop);
        var whole = await Blocks.ReadAsync(0, 100, Stop);

        (await Blocks.PruneAsync(s_now.AddDays(2), Stop)).ShouldBe(2);
        (await Blocks.PruneAsync(s_now.AddDays(2), Stop)).ShouldBe(0);

        (await Blocks.StartAsync(Stop)).ShouldBe(whole[1].Head);
        (await Blocks.ReadAsync(0, 100, Stop)).Select(block => block.Number).ShouldBe([3, 4, 5]);
        (await NumbersAsync(new AuditFilter("user_1"), 50)).ShouldBe([5, 4, 3]);
        await Blocks.AppendAsync([Act("b", "user_1")], Stop);
        (await Blocks.ReadAsync(5, 1, Stop)).Single().Follows(whole[4].Head).ShouldBeTrue();
    }

    [Fact]
    public async Task Prune_OfEverything_KeepsTheLastBlock()
    {
        await Blocks.AppendAsync([Act("a", null)], Stop);
        await Blocks.AppendAsync([Act("b", null)], Stop);

        (await Blocks.PruneAsync(s_now.AddYears(1), Stop)).ShouldBe(1);

        (await Blocks.ReadAsync(0, 100, Stop)).ShouldHaveSingleItem().Number.ShouldBe(2);
    }

    private static AuditAct Act(string name, string? actor, int minutes = 0) => new(s_now.AddMinutes(minutes), name, 200) { Actor = actor };

    private async Task<List<long>> NumbersAsync(AuditFilter filter, int limit)
    {
        var numbers = new List<long>();
        string? cursor = null;
        do
        {
            var page = await Blocks.ListAsync(filter, new PageRequest(limit, cursor), Stop);
            page.Items.Count.ShouldBeLessThanOrEqualTo(limit);
            numbers.AddRange(page.Items.Select(entry => entry.Number));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return numbers;
    }
}

public sealed class SqliteAuditBlocksTests() : AuditBlocksConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresAuditBlocksTests(PostgresCluster cluster) : AuditBlocksConformance(new PostgresSource(cluster));

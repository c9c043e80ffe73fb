using System.Text;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry.Replication;

namespace Stoa.Market.Tests.Inference.Routing;

public sealed class PrefixIndexTests
{
    private static readonly SipKey s_key = new(1, 2);

    [Fact]
    public void Prompt_IsFoundByItsLongestKnownBeginning()
    {
        var index = new PrefixIndex(1_024, 600);
        index.Note([11, 12, 13], slot: 3, now: 0);
        index.Note([11, 12, 23, 24], slot: 5, now: 0);

        index.Find([11, 12, 13, 14], 0).ShouldBe(new PrefixMatch(3, 3, 3));
        index.Find([11, 12, 99], 0).ShouldBe(new PrefixMatch(2, 5, 3));
        index.Find([99, 12], 0).ShouldBe(PrefixMatch.None);
        index.Find([], 0).ShouldBe(PrefixMatch.None);
    }

    [Fact]
    public void Entry_ThatIsOld_IsNotFound_AndOneThatIsSeenAgainIs()
    {
        var index = new PrefixIndex(1_024, ttlSeconds: 10);
        index.Note([11], 1, 0);
        index.Note([12], 1, 0);
        index.Note([12], 2, 8_000);

        index.Find([11], 10_999).Blocks.ShouldBe(1);
        index.Find([11], 11_000).Blocks.ShouldBe(0);
        index.Find([12], 18_000).Blocks.ShouldBe(1);
    }

    [Fact]
    public void ManyPrompts_TakeThePlaceOfTheOldest()
    {
        var index = new PrefixIndex(1_024, 600);
        var random = new Random(5);
        var hashes = Enumerable.Range(0, 100_000).Select(_ => (ulong)random.NextInt64() | 1).ToArray();
        for (var at = 0; at < hashes.Length; at++)
            index.Note([hashes[at]], (ushort)(at % 7), at * 10L);

        var now = hashes.Length * 10L;
        hashes[^200..].Count(hash => index.Find([hash], now).Blocks == 1).ShouldBeGreaterThan(180);
        hashes[..^5_000].Count(hash => index.Find([hash], now).Blocks == 1).ShouldBe(0);
    }

    [Fact]
    public void Prompts_ThatBeginAlike_HaveTheSameFirstHashes()
    {
        var system = new string('s', PromptPrefixes.BlockBytes * 2);
        var one = Hash(system + new string('a', PromptPrefixes.BlockBytes));
        var other = Hash(system + new string('b', PromptPrefixes.BlockBytes + 100));

        one.Length.ShouldBe(3);
        other.Length.ShouldBe(3);
        one[..2].ShouldBe(other[..2]);
        one[2].ShouldNotBe(other[2]);
    }

    [Fact]
    public void Hashes_AreOfTheModelToo_AndOfAtMostSoManyBlocks()
    {
        var prompt = new string('p', PromptPrefixes.BlockBytes * (PromptPrefixes.MostBlocks + 10));

        Hash(prompt, model: 1).Length.ShouldBe(PromptPrefixes.MostBlocks);
        Hash(prompt, model: 1)[0].ShouldNotBe(Hash(prompt, model: 2)[0]);
        Hash("short").ShouldBeEmpty();
    }

    private static ulong[] Hash(string prompt, ulong model = 1) => PromptPrefixes.Hash(Encoding.UTF8.GetBytes(prompt), model, s_key);
}

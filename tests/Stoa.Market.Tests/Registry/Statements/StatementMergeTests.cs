using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Statements;

public sealed class StatementMergeTests
{
    private static readonly MergeItem[] s_items = [.. Enumerable.Range(0, 48).Select(Make)];

    [Theory]
    [InlineData(MergeRule.Newest)]
    [InlineData(MergeRule.Once)]
    public void Join_InAnyOrderAndGrouping_GivesTheSame(MergeRule rule) => Prop.ForAll(
        Arb.From(Gen.NonEmptyListOf(Gen.Choose(0, s_items.Length - 1))),
        picks =>
        {
            var states = picks.Select(pick => new Merged(s_items[pick])).ToList();
            var whole = states.Aggregate((left, right) => StatementMerge.Join(rule, left, right));
            var backwards = Enumerable.Reverse(states).Aggregate((left, right) => StatementMerge.Join(rule, left, right));
            var half = states.Count / 2;
            var halves = half == 0 ? whole : StatementMerge.Join(
                rule,
                states.Skip(half).Aggregate((left, right) => StatementMerge.Join(rule, left, right)),
                states.Take(half).Aggregate((left, right) => StatementMerge.Join(rule, left, right)));
            return whole == backwards && whole == halves && whole == StatementMerge.Join(rule, whole, whole)
                && states.All(state => StatementMerge.Join(rule, whole, state) == whole)
                && whole == Plain(rule, picks);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    [Theory]
    [InlineData(MergeRule.Newest)]
    [InlineData(MergeRule.Once)]
    public void Add_OneByOne_IsAJoinAndSaysWhatBecameOfIt(MergeRule rule) => Prop.ForAll(
        Arb.From(Gen.NonEmptyListOf(Gen.Choose(0, s_items.Length - 1))),
        picks =>
        {
            Merged? kept = null;
            foreach (var pick in picks)
            {
                var before = kept;
                kept = StatementMerge.Add(rule, before, s_items[pick], out var effect);
                var expected = before is null ? StatementEffect.Added
                    : before.Value.Keeps(s_items[pick].Id) ? StatementEffect.Known
                    : !kept.Value.Keeps(s_items[pick].Id) ? StatementEffect.Superseded
                    : before.Value.Contradiction is null && kept.Value.Contradiction is not null ? StatementEffect.Contradicted
                    : StatementEffect.Replaced;
                if (effect != expected)
                    return false;
            }

            return kept == Plain(rule, picks);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    [Fact]
    public void Add_AListingThatSaysSomethingElse_NeverStandsAlone()
    {
        var published = new MergeItem(new Hlc(1000, 0), ContentHash.Of("a"u8), ContentHash.Of("one"u8));
        var later = new MergeItem(new Hlc(2000, 0), ContentHash.Of("b"u8), ContentHash.Of("two"u8));
        var backdated = new MergeItem(new Hlc(1, 0), ContentHash.Of("c"u8), ContentHash.Of("two"u8));

        foreach (var rewrite in new[] { later, backdated })
        {
            var merged = StatementMerge.Add(MergeRule.Once, new Merged(published), rewrite, out var effect);
            effect.ShouldBe(StatementEffect.Contradicted);
            (merged.Keeps(published.Id), merged.Keeps(rewrite.Id)).ShouldBe((true, true));
        }
    }

    [Fact]
    public void Add_TheSameSaidAgain_IsNoContradiction()
    {
        var first = new MergeItem(new Hlc(1000, 0), ContentHash.Of("a"u8), ContentHash.Of("one"u8));
        StatementMerge.Add(MergeRule.Once, new Merged(first), first with { Hlc = new Hlc(2000, 0), Id = ContentHash.Of("b"u8) }, out var effect).ShouldBe(new Merged(first));
        effect.ShouldBe(StatementEffect.Superseded);
    }

    // Few timestamps and few things said, so that both are often the same.
    private static MergeItem Make(int number) => new(
        new Hlc(number % 6, 0), ContentHash.Of([(byte)number]), ContentHash.Of([(byte)(number % 4), 1]));

    // The whole set at once, as the rule is worded.
    private static Merged Plain(MergeRule rule, IEnumerable<int> picks)
    {
        var items = picks.Select(pick => s_items[pick]).Order().ToList();
        if (rule is MergeRule.Newest)
            return new Merged(items[^1]);
        var others = items.Where(item => item.Said != items[0].Said).ToList();
        return new Merged(items[0], others.Count == 0 ? null : others[0]);
    }
}

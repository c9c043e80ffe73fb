using Stoa.Market.Registry.Replication;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Replication;

public sealed class IdSetTests
{
    [Fact]
    public void Set_ThatChangesAtRandom_HoldsWhatASortedSetDoes()
    {
        for (var seed = 0; seed < 6; seed++)
        {
            var random = new Random(seed);
            var (set, expected) = (new IdSet(), new SortedSet<ContentHash>());
            var early = set.Snapshot();
            for (var step = 0; step < 6_000; step++)
            {
                var id = Id(random.Next(3_000));
                // First it grows, then it shrinks to nothing.
                if (step < 3_000 ? random.Next(4) > 0 : random.Next(8) == 0)
                    set.Add(id).ShouldBe(expected.Add(id));
                else
                    set.Remove(id).ShouldBe(expected.Remove(id));
            }

            set.Snapshot().All.ShouldBe(expected);
            foreach (var id in expected.ToList())
                set.Remove(id).ShouldBeTrue();
            (set.Count, set.Snapshot().All.Any(), early.Count).ShouldBe((0, false, 0));
        }
    }

    [Fact]
    public void Snapshot_OfThen_DoesNotChange()
    {
        var set = new IdSet();
        for (var number = 0; number < 2_000; number++)
            set.Add(Id(number));
        var snapshot = set.Snapshot();
        for (var number = 0; number < 2_000; number += 2)
            set.Remove(Id(number));
        set.Add(Id(5_000));

        (snapshot.Count, snapshot.Contains(Id(0)), snapshot.Contains(Id(5_000))).ShouldBe((2_000, true, false));
        snapshot.All.ShouldBe(Enumerable.Range(0, 2_000).Select(Id).Order());
        snapshot.Find(SetItem.Of(Id(3))).ShouldBe(Id(3));
        snapshot.Find(SetItem.Of(Id(5_000))).ShouldBeNull();
        snapshot.From(SetItem.Of(Id(3))).First().ShouldBe(Id(3));
    }

    [Fact]
    public void Ranges_OfASet_AreItsParts()
    {
        var set = new IdSet();
        for (var number = 0; number < 3_000; number++)
            set.Add(Id(number));
        var view = new RangeView(set.Snapshot(), new SipKey(3, 4));
        var all = view.Answer(ItemRange.All);

        all.Items.ShouldBeNull();
        all.Parts.Count.ShouldBe(RangeView.Parts);
        all.Parts.Sum(part => part.Sum.Count).ShouldBe(3_000);
        all.Parts[^1].Last.ShouldBe(UInt128.MaxValue);
        all.Parts.Aggregate(0UL, (sum, part) => sum + part.Sum.Sum).ShouldBe(view.Sum(ItemRange.All).Sum);
        var few = new ItemRange(0, SetItem.Of(set.Snapshot().All.ElementAt(9)));
        view.Answer(few).Items.ShouldBe(set.Snapshot().All.Take(10).Select(SetItem.Of));
        new RangeView(new IdSet().Snapshot(), new SipKey(3, 4)).Answer(ItemRange.All).Items.ShouldBeEmpty();
    }

    private static ContentHash Id(int number) => ContentHash.Of(BitConverter.GetBytes(number));
}

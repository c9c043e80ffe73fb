using Stoa.Market.Inference.Limits;
using Stoa.Market.Tests.Inference.Routing;

namespace Stoa.Market.Tests.Inference.Limits;

public sealed class MinuteQuotasTests
{
    private readonly HandTime _time = new();
    private readonly MinuteQuotas<string> _quotas;

    public MinuteQuotasTests() => _quotas = new(_time);

    [Fact]
    public void Take_IsUpToTheLimit_AndComesBackEvenly()
    {
        _quotas.TryTake("ada", 60, 45, out _, out var standing).ShouldBeTrue();
        standing.ShouldBe(new QuotaStanding(60, 15, TimeSpan.FromSeconds(45), TimeSpan.Zero));

        _quotas.TryTake("ada", 60, 16, out _, out standing).ShouldBeFalse();
        standing.ShouldBe(new QuotaStanding(60, 15, TimeSpan.FromSeconds(45), TimeSpan.FromSeconds(1)));
        _time.Advance(999);
        _quotas.TryTake("ada", 60, 16, out _, out standing).ShouldBeFalse();
        standing.Wait.ShouldBe(TimeSpan.FromMilliseconds(1));
        _time.Advance(1);
        _quotas.TryTake("ada", 60, 16, out _, out _).ShouldBeTrue();
        _quotas.TryTake("bob", 60, 60, out _, out _).ShouldBeTrue("each counts for itself");
    }

    [Fact]
    public void Take_OfMoreThanTheLimit_NeverFits()
    {
        _quotas.TryTake("ada", 60, 61, out _, out var standing).ShouldBeFalse();

        standing.ShouldBe(new QuotaStanding(60, 60, TimeSpan.Zero, null));
    }

    [Theory]
    [InlineData(0, 100)]
    [InlineData(30, 70)]
    [InlineData(80, 20)]
    [InlineData(500, 20)]
    public void End_GivesBackWhatWasNotUsed(long used, long remaining)
    {
        _quotas.TryTake("ada", 100, 80, out var part, out _).ShouldBeTrue();

        _quotas.End("ada", part, used);

        RemainingOf("ada", 100).ShouldBe(remaining);
    }

    [Fact]
    public void End_GivesNothingBackTwice_ThatTimeHasBroughtBack()
    {
        _quotas.TryTake("ada", 1_000, 1_000, out var slow, out _).ShouldBeTrue();
        _time.Advance(60_000);
        _quotas.TryTake("ada", 1_000, 1_000, out _, out _).ShouldBeTrue();

        _quotas.End("ada", slow, 0);

        RemainingOf("ada", 1_000).ShouldBe(0);
    }

    [Fact]
    public void End_GivesAllBack_WhereTimeHasBroughtBackWhatOthersUsed()
    {
        _quotas.TryUse("ada", 1_000, 1_000, out _).ShouldBeTrue();
        _time.Advance(30_000);
        _quotas.TryTake("ada", 1_000, 500, out var part, out _).ShouldBeTrue();
        _time.Advance(15_000);

        _quotas.End("ada", part, 0);

        RemainingOf("ada", 1_000).ShouldBe(750);
    }

    [Fact]
    public void Limit_MayChange()
    {
        _quotas.TryUse("ada", 1_000, 600, out _).ShouldBeTrue();

        RemainingOf("ada", 100).ShouldBe(0);
        _quotas.TryTake("ada", 100, 1, out _, out var standing).ShouldBeFalse();
        standing.Wait.ShouldBe(TimeSpan.FromMilliseconds(300_600));
        RemainingOf("ada", 2_000).ShouldBe(1_400);
    }

    [Fact]
    public void GreatestLimit_IsCountedToTheLastToken()
    {
        const int Limit = QuotaStanding.LimitMax;
        _quotas.TryTake("ada", Limit, Limit, out var part, out var standing).ShouldBeTrue();
        (standing.Remaining, standing.Reset).ShouldBe((0, TimeSpan.FromMinutes(1)));
        _quotas.TryTake("ada", Limit, 1, out _, out _).ShouldBeFalse();

        _quotas.End("ada", part, Limit - 1);

        RemainingOf("ada", Limit).ShouldBe(1);
        _time.Advance(3_600_000);
        RemainingOf("ada", Limit).ShouldBe(Limit);
    }

    [Fact]
    public void Idle_AreForgotten_AndNobodyWithSomethingUnderWay()
    {
        for (var number = 0; number < 1_000; number++)
            _quotas.TryUse($"idle-{number}", 100, 100, out _).ShouldBeTrue();
        _quotas.TryTake("busy", 100, 100, out var part, out _).ShouldBeTrue();
        _quotas.Count.ShouldBe(1_001);
        _time.Advance(60_000);

        _quotas.TryUse("new", 100, 1, out _).ShouldBeTrue();

        _quotas.Count.ShouldBe(2);
        _quotas.End("busy", part, 0);
        RemainingOf("busy", 100).ShouldBe(100);
    }

    [Fact]
    public void Keys_ByTheMillion_AreRememberedOnlyUntilTheyAreFullAgain()
    {
        // Ten come each millisecond, and each is full again half a second later.
        var most = 0;
        for (var number = 0; number < 1_000_000; number++)
        {
            _quotas.TryTake($"{number}", 1_000, 90, out var part, out _).ShouldBeTrue();
            _quotas.End($"{number}", part, 9);
            if (number % 10 == 0)
                _time.Advance(1);
            most = Math.Max(most, _quotas.Count);
        }

        most.ShouldBeLessThan(25_000);
        _quotas.TryTake("ada", 100, 100, out _, out _).ShouldBeTrue();
        _quotas.TryTake("ada", 100, 1, out _, out _).ShouldBeFalse("what is not full is not forgotten");
    }

    [Fact]
    public void ManyAtOnce_TakeNoMoreThanThereIs()
    {
        var taken = 0;

        Parallel.For(0, 64, new ParallelOptions { MaxDegreeOfParallelism = 16 }, _ =>
        {
            if (_quotas.TryTake("ada", 100, 7, out var _, out var _))
                Interlocked.Increment(ref taken);
        });

        taken.ShouldBe(14);
        RemainingOf("ada", 100).ShouldBe(2);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Used_IsNeverMoreThanTheLimit_InAnyStretchOfTime(int seed)
    {
        const int Limit = 1_000;
        var random = new Random(seed);
        for (var run = 0; run < 100; run++)
        {
            var quotas = new MinuteQuotas<string>(_time);
            var underWay = new List<(long At, QuotaPart Part)>();
            var used = new List<(long At, long Tokens)>();
            for (var step = 0; step < 150; step++)
            {
                _time.Advance(random.Next(run % 2 == 0 ? 500 : 20_000));
                if (random.Next(2) == 0 && quotas.TryTake("ada", Limit, random.Next(1, Limit), out var part, out _))
                    underWay.Add((_time.NowMs, part));
                else if (underWay.Count > 0)
                    EndOne(random.Next(underWay.Count));
            }

            while (underWay.Count > 0)
                EndOne(0);
            used.Sort();
            for (var first = 0; first < used.Count; first++)
            {
                var sum = 0L;
                for (var last = first; last < used.Count; last++)
                {
                    sum += used[last].Tokens;
                    (sum * 60_000).ShouldBeLessThanOrEqualTo(Limit * (60_000 + used[last].At - used[first].At), $"seed {seed}, run {run}");
                }
            }

            void EndOne(int index)
            {
                var (at, ending) = underWay[index];
                underWay.RemoveAt(index);
                // Mostly little, sometimes all.
                var tokens = random.Next(3) == 0 ? ending.Amount : random.NextInt64(ending.Amount / 4 + 1);
                quotas.End("ada", ending, tokens);
                used.Add((at, tokens));
            }
        }
    }

    private long RemainingOf(string key, int limit)
    {
        _quotas.TryUse(key, limit, 0, out var standing);
        return standing.Remaining;
    }
}

using Stoa.Node.Http;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Http;

public sealed class CountedWindowsTests
{
    private static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);

    private readonly ManualTime _time = new(DateTimeOffset.UnixEpoch);

    [Fact]
    public void Act_BeyondTheLimit_WaitsForTheEndOfItsOwnWindow()
    {
        var windows = new CountedWindows<string>(s_minute, _time);
        windows.TryUse("ada", 2, out var standing).ShouldBeTrue();
        standing.Remaining.ShouldBe(1);
        _time.Advance(TimeSpan.FromSeconds(40));
        windows.TryUse("ada", 2, out standing).ShouldBeTrue();
        (standing.Remaining, standing.Wait).ShouldBe((0, TimeSpan.FromSeconds(20)));

        windows.TryUse("ada", 2, out standing).ShouldBeFalse();
        (standing.Remaining, standing.Wait).ShouldBe((0, TimeSpan.FromSeconds(20)));
        windows.TryUse("bob", 2, out _).ShouldBeTrue();

        _time.Advance(TimeSpan.FromSeconds(20));
        windows.TryUse("ada", 2, out standing).ShouldBeTrue();
        (standing.Remaining, standing.Wait).ShouldBe((1, s_minute));
    }

    [Fact]
    public void Acts_ThatAreDoneTogether_AreAllCounted_OrNone()
    {
        var windows = new CountedWindows<string>(s_minute, _time);
        windows.TryUse("ada", 10, out var standing, count: 7).ShouldBeTrue();
        standing.Remaining.ShouldBe(3);

        windows.TryUse("ada", 10, out standing, count: 4).ShouldBeFalse();
        standing.Remaining.ShouldBe(3);
        windows.TryUse("ada", 10, out standing, count: 3).ShouldBeTrue();
        standing.Remaining.ShouldBe(0);
    }

    [Fact]
    public void Limit_ThatIsAnotherOne_HoldsAtOnce()
    {
        var windows = new CountedWindows<int>(s_minute, _time);
        for (var use = 0; use < 3; use++)
            windows.TryUse(1, 3, out _).ShouldBeTrue();

        windows.TryUse(1, 2, out var standing).ShouldBeFalse();
        standing.Remaining.ShouldBe(0);
        windows.TryUse(1, 4, out standing).ShouldBeTrue();
        standing.Remaining.ShouldBe(0);
    }

    [Fact]
    public void Window_IsRemembered_AcrossATurn()
    {
        var windows = new CountedWindows<int>(s_minute, _time);
        windows.TryUse(1, 1, out _).ShouldBeTrue();
        _time.Advance(TimeSpan.FromSeconds(59));
        windows.TryUse(2, 1, out _).ShouldBeTrue();
        // The halves have turned: the second one is in the older half, and is not over.
        _time.Advance(TimeSpan.FromSeconds(1));

        windows.TryUse(1, 1, out _).ShouldBeTrue();
        windows.TryUse(2, 1, out var standing).ShouldBeFalse();
        standing.Wait.ShouldBe(TimeSpan.FromSeconds(59));
        windows.Count.ShouldBe(2);
    }

    [Fact]
    public void Keys_ByTheMillion_AreForgotten_AndWhoeverGoesOnIsNot()
    {
        var windows = new CountedWindows<int>(s_minute, _time);
        var (used, most) = (0, 0);
        for (var key = 0; key < 10 * CountedWindows<int>.MostOfHalf; key++)
        {
            windows.TryUse(key, 5, out _).ShouldBeTrue();
            most = Math.Max(most, windows.Count);
            if (key % 1_000 == 0 && windows.TryUse(-1, 5, out _))
                used++;
        }

        most.ShouldBeLessThanOrEqualTo(2 * CountedWindows<int>.MostOfHalf);
        used.ShouldBe(5);
        windows.TryUse(0, 5, out var standing).ShouldBeTrue();
        standing.Remaining.ShouldBe(4);
        _time.Advance(s_minute);
        windows.TryUse(0, 5, out _);
        _time.Advance(s_minute);
        windows.TryUse(0, 5, out _);
        windows.Count.ShouldBe(1);
    }
}

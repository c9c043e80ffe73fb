using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Inference;

/// <summary>A token costs a nanodollar: one that is read for the listing, one that is written for serving.</summary>
public sealed class AllowanceTests
{
    private static readonly PricedModel s_model = new(
        ListingName.Parse("ann/tiny@1.0.0"), new Id<User>(Guid.CreateVersion7()), new(new Money(1_000_000), Money.Zero), new(Money.Zero, new Money(1_000_000)));

    private readonly LastWritten _record = new();

    [Fact]
    public void Reservation_Settled_TakesThePriceAndGivesTheRestBack()
    {
        var allowance = Opened(1_000);
        var reservation = allowance.TryReserve(new Money(600)).ShouldNotBeNull();
        allowance.TryReserve(new Money(401)).ShouldBeNull();

        reservation.Settle(new TokenUsage(100, 50), s_model).ShouldBe(new Money(150));

        allowance.Standing.ShouldBe(new AllowanceStanding(Spent(1, 100, 50), new Money(850), Money.Zero, 0, 2, false));
        _record.Last.ShouldBe(Spent(1, 100, 50));
    }

    [Fact]
    public void Reservation_IsOverOnce()
    {
        var allowance = Opened(1_000);
        var settled = allowance.TryReserve(new Money(100)).ShouldNotBeNull();
        settled.Settle(new TokenUsage(10, 0), s_model).ShouldBe(new Money(10));
        settled.Settle(new TokenUsage(10, 0), s_model).ShouldBe(Money.Zero);
        settled.Release();
        var released = allowance.TryReserve(new Money(100)).ShouldNotBeNull();
        released.Release();
        released.Release();
        released.Settle(new TokenUsage(10, 0), s_model).ShouldBe(Money.Zero);

        allowance.Standing.ShouldBe(new AllowanceStanding(Spent(1, 10, 0), new Money(990), Money.Zero, 0, 4, false));
    }

    [Fact]
    public void Reservation_ThatUsedMoreThanItsMost_TakesWhatIsReserved()
    {
        var allowance = Opened(1_000);

        allowance.TryReserve(new Money(100)).ShouldNotBeNull().Settle(new TokenUsage(80, 500), s_model).ShouldBe(new Money(100));
        allowance.TryReserve(new Money(100)).ShouldNotBeNull().Settle(new TokenUsage(long.MaxValue, long.MaxValue), s_model).ShouldBe(new Money(100));

        allowance.Standing.Left.ShouldBe(new Money(800));
    }

    [Fact]
    public void Reservation_OfNothing_TakesNothing()
    {
        var reservation = Reservation.OfNothing();

        reservation.Settle(new TokenUsage(5, 5), s_model).ShouldBe(Money.Zero);
        reservation.Release();
        reservation.Amount.ShouldBe(Money.Zero);
    }

    [Fact]
    public void Renewal_WhileRequestsGoOn_CountsThemOnce()
    {
        var allowance = Opened(1_000);
        allowance.TryReserve(new Money(200)).ShouldNotBeNull().Settle(new TokenUsage(200, 0), s_model);
        var under = allowance.TryReserve(new Money(300)).ShouldNotBeNull();

        var renewal = allowance.BeginRenewal(new Money(2_000), Money.Zero);
        (renewal.Spent, renewal.Reserved, renewal.Wanted, renewal.Least).ShouldBe((Spent(1, 200, 0), new Money(300), new Money(2_300), new Money(800)));
        // What the hold before had left may be reserved meanwhile, and no more.
        var during = allowance.TryReserve(new Money(500)).ShouldNotBeNull();
        allowance.TryReserve(new Money(1)).ShouldBeNull();
        under.Settle(new TokenUsage(100, 0), s_model);
        allowance.EndRenewal(renewal, new Money(2_300));

        allowance.Standing.Left.ShouldBe(new Money(2_300 - 500 - 100));
        during.Release();
        allowance.Standing.Left.ShouldBe(new Money(2_200));
    }

    [Fact]
    public void Renewal_ToLess_CutsDownWhatIsLeftBeforehand()
    {
        var allowance = Opened(1_000);

        var renewal = allowance.BeginRenewal(new Money(100), Money.Zero);

        (renewal.Wanted, renewal.Least).ShouldBe((new Money(100), new Money(100)));
        // Whether the ledger has done it or not: both holds have as much.
        allowance.TryReserve(new Money(101)).ShouldBeNull();
        allowance.TryReserve(new Money(100)).ShouldNotBeNull();
    }

    [Fact]
    public void Renewal_ForARequest_ReservesForItFirst()
    {
        var allowance = Opened(10);

        var renewal = allowance.BeginRenewal(new Money(1_000), new Money(40));
        renewal.Least.ShouldBe(new Money(40));
        allowance.TryReserve(new Money(1)).ShouldBeNull("it is a part of the forty");
        var reservation = allowance.EndRenewal(renewal, new Money(40), new Money(40)).ShouldNotBeNull();

        (reservation.Amount, allowance.Standing.Left).ShouldBe((new Money(40), Money.Zero));
    }

    [Fact]
    public void Renewal_ThatWasRefused_LeavesWhatThereWas()
    {
        var allowance = Opened(10);

        var renewal = allowance.BeginRenewal(new Money(1_000), new Money(40));
        allowance.RefuseRenewal(renewal);

        allowance.TryReserve(new Money(10)).ShouldNotBeNull();
    }

    [Fact]
    public void Allowance_ThatEnds_WaitsForWhatIsReserved()
    {
        var allowance = Opened(1_000);
        var under = allowance.TryReserve(new Money(300)).ShouldNotBeNull();
        allowance.TryEnd().ShouldBeNull();
        allowance.Close();
        allowance.TryReserve(new Money(1)).ShouldBeNull();

        under.Settle(new TokenUsage(7, 0), s_model).ShouldBe(new Money(7));

        allowance.TryEnd(uses: 0).ShouldBeNull("it was used since");
        allowance.TryEnd(allowance.Standing.Uses).ShouldBe(Spent(1, 7, 0));
    }

    [Fact]
    public void Allowance_ThatIsLost_TakesNothingAnyMore()
    {
        var allowance = Opened(1_000);
        var under = allowance.TryReserve(new Money(300)).ShouldNotBeNull();

        allowance.Lose();

        under.Settle(new TokenUsage(7, 0), s_model).ShouldBe(Money.Zero);
        _record.Last.ShouldBe(default);
        allowance.TryReserve(new Money(1)).ShouldBeNull();
    }

    /// <summary>Sixty-four threads against renewals: the model of the ledger beside it is never overspent, and in the end every nanodollar is somewhere.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Allowance_UnderSixtyFourWayRaces_NeverSpendsMoreThanIsHeld(int seed)
    {
        const int Threads = 64;
        const int Turns = 400;
        var allowance = Opened(5_000);
        var (held, settled) = (new Money(5_000), Money.Zero);
        var (taken, refused, isOver) = (0L, 0L, false);
        using var start = new Barrier(Threads + 1);
        var workers = Enumerable.Range(0, Threads).Select(index => OnAThread(() =>
        {
            var random = new Random(seed * 1_000 + index);
            start.SignalAndWait();
            for (var turn = 0; turn < Turns; turn++)
            {
                var most = random.Next(1, 400);
                if (allowance.TryReserve(new Money(most)) is not { } reservation)
                {
                    Interlocked.Increment(ref refused);
                    Thread.Yield();
                    continue;
                }

                if (random.Next(3) == 0)
                    Thread.Yield();
                if (random.Next(5) == 0)
                    reservation.Release();
                else
                    Interlocked.Add(ref taken, reservation.Settle(new TokenUsage(random.Next(most + 1), 0), s_model).Nanodollars);
            }
        })).ToList();
        // The ledger: what is held may be spent until it is settled; every renewal is judged by what it has.
        var keeper = OnAThread(() =>
        {
            var random = new Random(seed);
            start.SignalAndWait();
            while (!Volatile.Read(ref isOver))
            {
                var needed = random.Next(3) == 0 ? new Money(random.Next(1, 300)) : Money.Zero;
                var renewal = allowance.BeginRenewal(new Money(random.Next(6_000)), needed);
                // Some are lost on their way: done or not, nobody knows.
                var isDone = random.Next(3) != 0;
                if (isDone)
                {
                    var spent = renewal.Spent.Price.Total - settled;
                    spent.ShouldBeLessThanOrEqualTo(held);
                    (settled, held) = (renewal.Spent.Price.Total, random.Next(2) == 0 ? renewal.Wanted : renewal.Least);
                    if (random.Next(4) != 0 && needed > Money.Zero)
                        allowance.EndRenewal(renewal, held, needed).ShouldNotBeNull("nobody may take what it was renewed for").Release();
                    else if (random.Next(4) != 0)
                        allowance.EndRenewal(renewal, held);
                }
                else if (random.Next(2) == 0)
                {
                    allowance.RefuseRenewal(renewal);
                }

                var standing = allowance.Standing;
                (standing.Left + standing.Reserved + (standing.Spent.Price.Total - settled)).ShouldBeLessThanOrEqualTo(held);
            }
        });

        await Task.WhenAll(workers);
        Volatile.Write(ref isOver, true);
        await keeper;

        allowance.TryEnd().ShouldNotBeNull().Price.Total.ShouldBe(new Money(taken));
        (new Money(taken) - settled).ShouldBeLessThanOrEqualTo(held);
        _record.Last.Price.Total.ShouldBe(new Money(taken));
        taken.ShouldBeGreaterThan(0);
    }

    private static Task OnAThread(Action act) => Task.Factory.StartNew(act, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static InferenceSpending Spent(long requests, long input, long output) => new(requests, input, output, new InferencePrice(new Money(input), new Money(output)));

    private Allowance Opened(long held)
    {
        var allowance = new Allowance(new Id<Allowance>(Guid.CreateVersion7()), _record);
        allowance.EndRenewal(allowance.BeginRenewal(new Money(held), Money.Zero), new Money(held));
        return allowance;
    }

    private sealed class LastWritten : ISpendingRecord
    {
        public InferenceSpending Last { get; private set; }

        public void Write(in InferenceSpending spent) => Last = spent;
    }
}

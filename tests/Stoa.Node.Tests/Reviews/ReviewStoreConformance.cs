using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Reviews;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Node.Events;
using Stoa.Node.Reviews;
using Stoa.Node.Selection;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Reviews;

/// <summary>What the store of reviews does on every database.</summary>
public abstract class ReviewStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private const string Agent = "ann/one";
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_790_000_000_000);
    private static readonly Money s_price = Money.Parse("0.01");

    private readonly IdSource _ids = new(TimeProvider.System, new SecureRandom());
    private readonly Id<User> _publisher = new IdSource(TimeProvider.System, new SecureRandom()).Next<User>();

    private SqlReviewStore Store => new(Database);

    [Fact]
    public async Task Write_ThenFind_GivesTheReviewAndItsVoice()
    {
        var (user, task) = (_ids.Next<User>(), _ids.Next<AgentTask>());
        var written = Review(user, 4, task: task);

        (await Store.WriteAsync(written, Stop)).Value.ShouldBe(new WrittenReview(written.Review, IsNew: true));

        (await Store.FindAsync(written.Review.Id, Stop)).ShouldBe(written.Review);
        (await Store.FindAsync(user, Agent, Stop)).ShouldBe(written.Review);
        (await Store.FindAsync(user, "ann/two", Stop)).ShouldBeNull();
        (await Store.RateAsync(Agent, Stop)).Counts.ShouldBe([0, 0, 0, 1, 0]);
        // Half a voice, since its author has paid nobody else: three quarters of it praise.
        var (successes, paid, faults) = await StatsAsync();
        (successes, paid, faults).ShouldBe((0.375, 0.00375, 0.125));
    }

    [Fact]
    public async Task Write_Again_TakesThePlaceOfTheFirst()
    {
        var user = _ids.Next<User>();
        var first = (await Store.WriteAsync(Review(user, 5, "Fine."), Stop)).Value.Review;

        var second = (await Store.WriteAsync(Review(user, 1, at: s_now.AddMinutes(1)), Stop)).Value;

        second.IsNew.ShouldBeFalse();
        (second.Review.Id, second.Review.WrittenAt, second.Review.ChangedAt).ShouldBe((first.Id, s_now, s_now.AddMinutes(1)));
        (await Store.FindAsync(first.Id, Stop)).ShouldBe(second.Review);
        (await Store.RateAsync(Agent, Stop)).Counts.ShouldBe([1, 0, 0, 0, 0]);
        (await StatsAsync()).ShouldBe((0, 0, 0.5));
        (await EventsAsync(_publisher)).ShouldBe([EventTypes.ReviewWritten, EventTypes.ReviewWritten]);
    }

    [Fact]
    public async Task Write_OfTheSameAgain_ChangesAndTellsNothing()
    {
        var user = _ids.Next<User>();
        var task = _ids.Next<AgentTask>();
        var first = (await Store.WriteAsync(Review(user, 5, "Fine.", task), Stop)).Value.Review;
        var before = await new SqlAgentStatsStore(Database).FindAsync(Agent, Stop);

        var again = (await Store.WriteAsync(Review(user, 5, "Fine.", task, s_now.AddSeconds(1)), Stop)).Value;

        again.ShouldBe(new WrittenReview(first, IsNew: false));
        (await new SqlAgentStatsStore(Database).FindAsync(Agent, Stop)).ShouldBe(before);
        (await EventsAsync(_publisher)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Write_OfAnother_WaitsTenSeconds()
    {
        var user = _ids.Next<User>();
        await Store.WriteAsync(Review(user, 5), Stop);

        (await Store.WriteAsync(Review(user, 1, at: s_now.AddSeconds(9)), Stop)).Refusal!.Code.ShouldBe(ReviewRefusal.ReviewTooSoon);
        (await Store.WithdrawAsync(user, Agent, s_now.AddSeconds(9), Stop)).Refusal!.Code.ShouldBe(ReviewRefusal.ReviewTooSoon);
        (await Store.WriteAsync(Review(user, 1, at: s_now.AddSeconds(10)), Stop)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Withdraw_LeavesNothingAndMayBeWrittenAnew()
    {
        var user = _ids.Next<User>();
        var first = (await Store.WriteAsync(Review(user, 1, "Bad."), Stop)).Value.Review;
        await Store.AnswerAsync(first.Id, _publisher, "Sorry.", s_now, Stop);

        (await Store.WithdrawAsync(user, Agent, s_now.AddMinutes(1), Stop)).Value.Stars.ShouldBe(1);

        (await Store.FindAsync(first.Id, Stop)).ShouldBeNull();
        (await Store.ListAsync(Agent, null, new PageRequest(), Stop)).Items.ShouldBeEmpty();
        (await Store.RateAsync(Agent, Stop)).Count.ShouldBe(0);
        (await StatsAsync()).ShouldBe((0, 0, 0));
        (await Store.WithdrawAsync(user, Agent, s_now.AddMinutes(2), Stop)).Refusal!.Code.ShouldBe(ReviewRefusal.ReviewUnknown);
        (await Store.AnswerAsync(first.Id, _publisher, "Still?", s_now, Stop)).Refusal!.Code.ShouldBe(ReviewRefusal.ReviewUnknown);
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM reviews WHERE text IS NOT NULL OR answer IS NOT NULL"), Stop)).ShouldBe(0);

        (await Store.WriteAsync(Review(user, 5, at: s_now.AddMinutes(1).AddSeconds(5)), Stop)).Refusal!.Code.ShouldBe(ReviewRefusal.ReviewTooSoon);
        var anew = (await Store.WriteAsync(Review(user, 5, at: s_now.AddMinutes(3)), Stop)).Value;
        (anew.IsNew, anew.Review.Answer, anew.Review.WrittenAt).ShouldBe((true, null, s_now.AddMinutes(3)));
        (await EventsAsync(_publisher)).ShouldBe([EventTypes.ReviewWritten, EventTypes.ReviewWithdrawn, EventTypes.ReviewWritten]);
    }

    [Fact]
    public async Task Answer_IsKeptAndToldToTheAuthor()
    {
        var user = _ids.Next<User>();
        var review = (await Store.WriteAsync(Review(user, 2), Stop)).Value.Review;

        (await Store.AnswerAsync(review.Id, user, "No.", s_now, Stop)).Refusal!.Code.ShouldBe(ReviewRefusal.NotThePublisher);
        (await Store.AnswerAsync(review.Id, _publisher, "It is faster now.", s_now.AddSeconds(1), Stop)).Value.Answer!.Text.ShouldBe("It is faster now.");
        (await Store.AnswerAsync(review.Id, _publisher, "It is faster now.", s_now.AddSeconds(2), Stop)).Value.Answer!.At.ShouldBe(s_now.AddSeconds(1));
        (await Store.AnswerAsync(review.Id, _publisher, "Much.", s_now.AddSeconds(2), Stop)).Refusal!.Code.ShouldBe(ReviewRefusal.ReviewAnswered);

        (await Store.FindAsync(review.Id, Stop))!.Answer.ShouldBe(new ReviewAnswer("It is faster now.", s_now.AddSeconds(1)));
        (await EventsAsync(user)).ShouldBe([EventTypes.ReviewAnswered]);
    }

    [Fact]
    public async Task Answer_StandsWhenTheReviewIsChanged_AndMayBeGivenAnew()
    {
        var user = _ids.Next<User>();
        var review = (await Store.WriteAsync(Review(user, 2), Stop)).Value.Review;
        await Store.AnswerAsync(review.Id, _publisher, "It is faster now.", s_now.AddSeconds(1), Stop);

        (await Store.WriteAsync(Review(user, 3, at: s_now.AddMinutes(1)), Stop)).Value.Review.Answer!.Text.ShouldBe("It is faster now.");
        (await Store.AnswerAsync(review.Id, _publisher, "Thank you.", s_now.AddMinutes(2), Stop)).Value.Answer!.Text.ShouldBe("Thank you.");
    }

    [Fact]
    public async Task List_GivesPagesNewestFirstAndByStars()
    {
        List<Id<Review>> all = [];
        for (var i = 0; i < 7; i++)
            all.Add((await Store.WriteAsync(Review(_ids.Next<User>(), i % 2 == 0 ? 5 : 2), Stop)).Value.Review.Id);
        await Store.WriteAsync(Review(_ids.Next<User>(), 1, agent: "ann/two"), Stop);

        var first = await Store.ListAsync(Agent, null, new PageRequest(4), Stop);
        var second = await Store.ListAsync(Agent, null, new PageRequest(4, first.NextCursor), Stop);

        first.Items.Concat(second.Items).Select(review => review.Id).ShouldBe(all.AsEnumerable().Reverse());
        (first.Items.Count, second.NextCursor).ShouldBe((4, null));
        (await Store.ListAsync(Agent, 2, new PageRequest(), Stop)).Items.Count.ShouldBe(3);
        (await Store.ListAsync(Agent, 1, new PageRequest(), Stop)).Items.ShouldBeEmpty();
        (await Store.ListAsync(first.Items[0].ReviewerId, new PageRequest(), Stop)).Items.Single().ShouldBe(first.Items[0]);
        (await Store.RateAsync(Agent, Stop)).ShouldSatisfyAllConditions(
            rating => rating.Counts.ShouldBe([0, 3, 0, 0, 4]), rating => rating.Average!.Value.ShouldBe(26 / 7.0, 1e-9));
    }

    [Fact]
    public async Task Write_OfOneWhoPaidOthers_WeighsMore()
    {
        var user = _ids.Next<User>();
        var paid = new EndedAttempt("bob/one", _ids.Next<User>(), user, Verdict.Good, "", s_price, 1, 1, 1, s_now);
        await new SqlAgentStatsStore(Database).RecordAsync([paid, paid with { Agent = "cleo/one" }, paid with { Agent = "ann/two" }], Stop);

        await Store.WriteAsync(Review(user, 1), Stop);

        (await StatsAsync()).Faults.ShouldBe(0.75);
    }

    [Fact]
    public async Task Write_ByManyAtOnce_CountsEach()
    {
        var users = Enumerable.Range(0, 8).Select(_ => _ids.Next<User>()).ToList();

        await Task.WhenAll(users.SelectMany(user => Enumerable.Range(0, 3).Select(turn => Task.Run(
            () => Store.WriteAsync(Review(user, 1 + turn, at: s_now.AddMinutes(turn)), Stop), Stop))));

        (await Store.RateAsync(Agent, Stop)).Count.ShouldBe(8);
        var (successes, _, faults) = await StatsAsync();
        (successes + faults).ShouldBe(4, 1e-9);
    }

    private ReceiptedReview Review(
        Id<User> user, int stars, string? text = null, Id<AgentTask>? task = null, DateTimeOffset? at = null, string agent = Agent) => new(
        new Review(
            _ids.Next<Review>(), agent, ListingName.Parse(agent + "@1.0.0"), _publisher, user, "ada", task ?? _ids.Next<AgentTask>(), stars, text, at ?? s_now, at ?? s_now, null),
        s_price,
        s_now);

    /// <summary>What the statistics hold of successes, payments and faults, by the weight of now.</summary>
    private async Task<(double Successes, double Paid, double Faults)> StatsAsync()
    {
        var stats = (await new SqlAgentStatsStore(Database).FindAsync(Agent, Stop)).ShouldNotBeNull();
        var unit = Decay.WeightAt(s_now);
        return (Math.Round(stats.Successes / unit, 9), Math.Round(stats.Paid / unit, 9), Math.Round(stats.Faults / unit, 9));
    }

    private async Task<IReadOnlyList<string>> EventsAsync(Id<User> audience) =>
        [.. (await new SqlEventStore(Database).ReadAfterAsync(0, new EventFilter(audience, null, []), 1_000, Stop)).Events.Select(told => told.Event.Type)];
}

public sealed class SqliteReviewStoreTests() : ReviewStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresReviewStoreTests(PostgresCluster cluster) : ReviewStoreConformance(new PostgresSource(cluster));

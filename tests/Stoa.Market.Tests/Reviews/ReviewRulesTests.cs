using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Reviews;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Reviews;

public sealed class ReviewRulesTests
{
    private static readonly DateTimeOffset s_now = TaskSamples.Now.AddHours(1);
    private static readonly Id<User> s_publisher = TaskSamples.Ids.Next<User>();

    private static readonly AgentVersion s_agent = new(
        TaskSamples.Ids.Next<AgentVersion>(), s_publisher, "stoa", TaskSamples.Manifest(), ContentHash.Of("a"u8), ContentHash.Of("p"u8), 1, TaskSamples.Now);

    [Fact]
    public void Write_OfATaskThatSucceeded_StandsOnItsReceipt()
    {
        var task = Succeeded();

        var written = Write(task, 4, "Good.").Value;

        (written.Price, written.ReceiptAt).ShouldBe((((TaskState.Succeeded)task.State).Result.Price, ((TaskState.Succeeded)task.State).FinishedAt));
        written.Review.ShouldSatisfyAllConditions(
            review => review.Agent.ShouldBe($"stoa/{s_agent.Manifest.Name}"),
            review => review.Version.ShouldBe(s_agent.Listing),
            review => (review.TaskId, review.ReviewerId, review.PublisherId).ShouldBe((task.Id, task.OwnerId, s_publisher)),
            review => (review.Stars, review.Text, review.WrittenAt, review.Answer).ShouldBe((4, "Good.", s_now, null)));
    }

    [Fact]
    public void Write_WithoutAReceipt_IsRefused()
    {
        var queued = TaskSamples.Queued();
        var running = queued.Claim("node/1", TaskSamples.Now);

        foreach (var task in new[] { queued, running, queued.Cancel(TaskSamples.Now) })
            Write(task, 1, null).Refusal!.Code.ShouldBe(ReviewRefusal.NothingToReview, task.State.Name);
    }

    [Fact]
    public void Write_OfOnesOwnAgent_IsRefused() =>
        Write(Succeeded() with { OwnerId = s_publisher }, 5, null).Refusal!.Code.ShouldBe(ReviewRefusal.OwnAgent);

    [Theory]
    [InlineData(0, null, "/stars")]
    [InlineData(6, null, "/stars")]
    [InlineData(3, " ", "/text")]
    [InlineData(3, "red \u001b[31m", "/text")]
    [InlineData(3, "nul \0", "/text")]
    public void Write_OfBadWords_SaysWhatIsWrong(int stars, string? text, string pointer)
    {
        var refusal = Write(Succeeded(), stars, text).Refusal!;

        (refusal.Code, refusal.Errors.Single().Pointer).ShouldBe((ReviewRefusal.ReviewInvalid, pointer));
    }

    [Theory]
    [InlineData(2_000, true)]
    [InlineData(2_001, false)]
    public void Check_OfALongText_TakesTwoThousandCharacters(int length, bool isTaken) =>
        (ReviewRules.Check(3, new string('x', length)).Count == 0).ShouldBe(isTaken);

    [Fact]
    public void Check_OfSeveralLines_TakesThem() => ReviewRules.Check(1, "one\r\ntwo\tthree").ShouldBeEmpty();

    [Theory]
    [InlineData(9.999, false)]
    [InlineData(10, true)]
    public void CheckPause_LetsTenSecondsPass(double seconds, bool isTaken) =>
        (ReviewRules.CheckPause(s_now, s_now.AddSeconds(seconds)) is null).ShouldBe(isTaken);

    [Fact]
    public void Answer_IsThePublishersAndGivenOnce()
    {
        var review = Write(Succeeded(), 2, "Slow.").Value.Review;

        ReviewRules.Answer(review, review.ReviewerId, "No.", s_now).Refusal!.Code.ShouldBe(ReviewRefusal.NotThePublisher);
        ReviewRules.Answer(review, s_publisher, "", s_now).Refusal!.Code.ShouldBe(ReviewRefusal.ReviewInvalid);
        var answered = ReviewRules.Answer(review, s_publisher, "1.1 is faster.", s_now).Value;
        answered.Answer.ShouldBe(new ReviewAnswer("1.1 is faster.", s_now));
        ReviewRules.Answer(answered, s_publisher, "1.1 is faster.", s_now.AddSeconds(1)).Value.ShouldBe(answered, "a repetition changes nothing");
        ReviewRules.Answer(answered, s_publisher, "Much faster.", s_now.AddSeconds(1)).Refusal!.Code.ShouldBe(ReviewRefusal.ReviewAnswered);
    }

    [Fact]
    public void Answer_OfAReviewThatWasChangedSince_MayBeGivenAnew()
    {
        var review = ReviewRules.Answer(Write(Succeeded(), 2, "Slow.").Value.Review, s_publisher, "1.1 is faster.", s_now).Value;

        var changed = review with { Text = "Still slow.", ChangedAt = s_now.AddSeconds(20) };

        ReviewRules.Answer(changed, s_publisher, "Try 1.2.", s_now.AddSeconds(30)).Value.Answer!.Text.ShouldBe("Try 1.2.");
    }

    [Theory]
    [InlineData(new long[] { 0, 0, 0, 0, 0 }, 0, null)]
    [InlineData(new long[] { 1, 0, 0, 0, 1 }, 2, 3.0)]
    [InlineData(new long[] { 0, 0, 1, 2, 5 }, 8, 4.5)]
    public void Rating_IsTheMeanOfTheStars(long[] counts, long count, double? average)
    {
        var rating = new Rating(counts);

        (rating.Count, rating.Average).ShouldBe((count, average));
    }

    private static AgentTask Succeeded() => TaskSamples.Running().Succeed(TaskSamples.Result(Money.Parse("0.003")), TaskSamples.Now);

    private static Outcome<ReceiptedReview, ReviewRefusal> Write(AgentTask task, int stars, string? text) =>
        ReviewRules.Write(TaskSamples.Ids.Next<Review>(), task, s_agent.PublisherId, "ada", stars, text, s_now);
}

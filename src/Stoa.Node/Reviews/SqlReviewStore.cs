using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Reviews;
using Stoa.Market.Selection;
using Stoa.Node.Events;
using Stoa.Node.Selection;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Reviews;

/// <summary>A review that was written.</summary>
/// <param name="Review">As it is now.</param>
/// <param name="IsNew">False when one of the same reviewer was there.</param>
public sealed record WrittenReview(Review Review, bool IsNew);

/// <summary>Reviews in the cell's database. What they add to the statistics of their agents is written with them.</summary>
/// <remarks>Who changes reviews of one agent waits for the row of its statistics first, so that they follow one another.</remarks>
/// <param name="database">The cell's.</param>
/// <param name="index">Told what is learnt of agents; null for nobody.</param>
/// <param name="statements">Tells the network; null tells nobody.</param>
public sealed class SqlReviewStore(Database database, AgentIndex? index = null, ReviewStatements? statements = null)
{
    private const string Select = $"SELECT {ReviewRow.Columns} FROM reviews ";

    /// <summary>Writes a review, in the place of the one that its reviewer has written of the agent.</summary>
    /// <returns>The review, or <see cref="ReviewRefusal.ReviewTooSoon"/>.</returns>
    public Task<Outcome<WrittenReview, ReviewRefusal>> WriteAsync(ReceiptedReview written, CancellationToken cancellationToken) =>
        database.WriteAsync(session => WriteAsync(session, written), cancellationToken);

    /// <summary>Takes a review back, with all that it added.</summary>
    /// <returns>What was there, or <see cref="ReviewRefusal.ReviewUnknown"/> or <see cref="ReviewRefusal.ReviewTooSoon"/>.</returns>
    public Task<Outcome<Review, ReviewRefusal>> WithdrawAsync(Id<User> reviewer, string agent, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<Review, ReviewRefusal>>(
            async session =>
            {
                var stats = await SqlAgentStats.LockAsync(session, agent);
                if (await FindAsync(session, reviewer, agent) is not { WithdrawnAt: null } row)
                    return Unknown(agent);
                if (ReviewRules.CheckPause(row.ChangedAt, now) is { } tooSoon)
                    return tooSoon;
                await session.ExecuteAsync(
                    ReviewRow.Put,
                    ReviewRow.Of(row.ToReview() with { Text = null, Answer = null, ChangedAt = now }, ReviewVoice.None) with { WithdrawnAt = now });
                await UncountAsync(session, agent, row.Stars);
                await SqlAgentStats.UpdateAsync(session, stats.Hear(row.Voice, ReviewVoice.None, now), index);
                await (statements?.TakeBackAsync(session, row.ToReview()) ?? Task.CompletedTask);
                await SqlEvents.AppendAsync(session, [ReviewEvents.Withdrawn(row.ToReview(), now)]);
                return row.ToReview();
            },
            cancellationToken);

    /// <summary>Writes what the publisher answers, by <see cref="ReviewRules.Answer"/>.</summary>
    public Task<Outcome<Review, ReviewRefusal>> AnswerAsync(
        Id<Review> id, Id<User> caller, string text, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<Outcome<Review, ReviewRefusal>>(
        async session =>
        {
            var row = await session.QueryFirstOrDefaultAsync<ReviewRow>(Select + "WHERE id = @id AND withdrawn_at IS NULL {for update}", new { id });
            if (row is null)
                return new Refusal<ReviewRefusal>(ReviewRefusal.ReviewUnknown, $"There is no review {id}, or it was withdrawn.");
            var review = row.ToReview();
            if (!ReviewRules.Answer(review, caller, text, now).TryGet(out var answered, out var refusal))
                return refusal;
            if (answered == review)
                return review;
            await session.ExecuteAsync("UPDATE reviews SET answer = @Text, answered_at = @At WHERE id = @Id", new { id, answered.Answer!.Text, answered.Answer.At });
            await SqlEvents.AppendAsync(session, [ReviewEvents.Answered(answered, now)]);
            return answered;
        },
        cancellationToken);

    /// <summary>A review; null when there is none.</summary>
    public Task<Review?> FindAsync(Id<Review> id, CancellationToken cancellationToken) => database.ReadAsync(
        async session => (await session.QueryFirstOrDefaultAsync<ReviewRow>(Select + "WHERE id = @id AND withdrawn_at IS NULL", new { id }))?.ToReview(),
        cancellationToken);

    /// <summary>What a user has written of an agent; null for nothing.</summary>
    public Task<Review?> FindAsync(Id<User> reviewer, string agent, CancellationToken cancellationToken) => database.ReadAsync(
        async session => await FindAsync(session, reviewer, agent) is { WithdrawnAt: null } row ? row.ToReview() : null, cancellationToken);

    /// <summary>The reviews of an agent, newest first.</summary>
    /// <param name="agent"><c>publisher/name</c>.</param>
    /// <param name="stars">Only those with so many; null for all.</param>
    /// <param name="page">Which part.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public Task<Page<Review>> ListAsync(string agent, int? stars, PageRequest page, CancellationToken cancellationToken) => ListAsync(
        "agent = @agent" + (stars is null ? "" : " AND stars = @stars"),
        before => new { agent, stars, before, limit = page.Limit + 1 },
        page,
        cancellationToken);

    /// <summary>What a user has written, newest first.</summary>
    public Task<Page<Review>> ListAsync(Id<User> reviewer, PageRequest page, CancellationToken cancellationToken) => ListAsync(
        "reviewer_id = @reviewer", before => new { reviewer, before, limit = page.Limit + 1 }, page, cancellationToken);

    /// <summary>How many reviews an agent has with how many stars.</summary>
    public Task<Rating> RateAsync(string agent, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var counts = new long[StatementLimits.MaxStars];
            foreach (var (stars, count) in await session.QueryAsync<(int Stars, long Count)>(
                "SELECT stars, reviews FROM agent_ratings WHERE agent = @agent", new { agent }))
            {
                counts[stars - 1] = count;
            }

            return new Rating(counts);
        },
        cancellationToken);

    private async Task<Outcome<WrittenReview, ReviewRefusal>> WriteAsync(SqlSession session, ReceiptedReview written)
    {
        var (review, now) = (written.Review, written.Review.ChangedAt);
        var stats = await SqlAgentStats.LockAsync(session, review.Agent);
        var before = await FindAsync(session, review.ReviewerId, review.Agent);
        if (before is { WithdrawnAt: null } there)
        {
            var earlier = there.ToReview();
            review = review with { Id = earlier.Id, WrittenAt = earlier.WrittenAt, Answer = earlier.Answer };
            if (review.SaysTheSameAs(earlier))
                return new WrittenReview(earlier, IsNew: false);
        }

        if (before is not null && ReviewRules.CheckPause(before.ChangedAt, now) is { } tooSoon)
            return tooSoon;
        var known = stats.Hear(before?.Voice ?? ReviewVoice.None, ReviewVoice.None, now);
        var publishers = await SqlAgentStats.CountOtherPublishersAsync(session, review.ReviewerId, review.Agent);
        var voice = ReviewVoice.Of(review.Stars, written.Price, publishers, written.ReceiptAt, known);
        await session.ExecuteAsync(ReviewRow.Put, ReviewRow.Of(review, voice));
        if (before is { WithdrawnAt: null })
            await UncountAsync(session, review.Agent, before.Stars);
        await CountAsync(session, review.Agent, review.Stars);
        await SqlAgentStats.UpdateAsync(session, stats.Hear(before?.Voice ?? ReviewVoice.None, voice, now), index);
        await (statements?.SayAsync(session, review) ?? Task.CompletedTask);
        await SqlEvents.AppendAsync(session, [ReviewEvents.Written(review, now)]);
        return new WrittenReview(review, before is not { WithdrawnAt: null });
    }

    private Task<Page<Review>> ListAsync(string where, Func<Id<Review>, object> parameters, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var before = Id<Review>.TryParse(page.Cursor, out var last) ? last : new Id<Review>(Guid.AllBitsSet);
            var rows = await session.QueryAsync<ReviewRow>(
                Select + $"WHERE {where} AND withdrawn_at IS NULL AND id < @before ORDER BY id DESC LIMIT @limit", parameters(before));
            List<Review> items = [.. rows.Take(page.Limit).Select(row => row.ToReview())];
            return new Page<Review>(items, rows.Count > page.Limit ? items[^1].Id.ToString() : null);
        },
        cancellationToken);

    private static Task<ReviewRow?> FindAsync(SqlSession session, Id<User> reviewer, string agent) => session.QueryFirstOrDefaultAsync<ReviewRow>(
        Select + "WHERE reviewer_id = @reviewer AND agent = @agent", new { reviewer, agent });

    private static Task<int> CountAsync(SqlSession session, string agent, int stars) => session.ExecuteAsync(
        """
        INSERT INTO agent_ratings (agent, stars, reviews) VALUES (@agent, @stars, 1)
        ON CONFLICT (agent, stars) DO UPDATE SET reviews = agent_ratings.reviews + 1
        """,
        new { agent, stars });

    private static Task<int> UncountAsync(SqlSession session, string agent, int stars) =>
        session.ExecuteAsync("UPDATE agent_ratings SET reviews = reviews - 1 WHERE agent = @agent AND stars = @stars", new { agent, stars });

    private static Refusal<ReviewRefusal> Unknown(string agent) =>
        new(ReviewRefusal.ReviewUnknown, $"You have no review of {agent}: there is nothing to withdraw.");
}

using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Membership;
using Stoa.Market.Schedules;
using Stoa.Node.Events;
using Stoa.Node.Membership;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Schedules;

/// <summary>Schedules, their runs, and the leases under which nodes look at them.</summary>
public sealed class SqlScheduleStore(Database database)
{
    private const string Columns = "id, owner_id, name, cron, time_zone, request, is_template, missed, overlap, paused_at, next_tick, created_at";
    private const string RunColumns = "schedule_id, tick_at, outcome, task_id, code, detail, at";
    private static readonly string[] s_noTokens = [];

    /// <summary>Adds a schedule; the same id again changes nothing.</summary>
    public Task<Outcome<Schedule, ScheduleRefusal>> AddAsync(Schedule schedule, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM users WHERE id = @OwnerId {for update}", new { schedule.OwnerId });
            var others = await session.QuerySingleAsync<long>(
                "SELECT count(*) FROM schedules WHERE owner_id = @OwnerId AND id <> @Id", new { schedule.OwnerId, schedule.Id });
            if (others >= Schedule.MaxPerUser)
            {
                return new Refusal<ScheduleRefusal>(
                    ScheduleRefusal.SchedulesTooMany, $"You have {Schedule.MaxPerUser} schedules. Delete those that are not used any more.");
            }

            await session.ExecuteAsync(
                $"""
                INSERT INTO schedules ({Columns})
                VALUES (@Id, @OwnerId, @Name, @Cron, @TimeZone, @Request, @IsTemplate, @Missed, @Overlap, @PausedAt, @NextTick, @CreatedAt)
                ON CONFLICT (id) DO NOTHING
                """,
                schedule);
            return (Outcome<Schedule, ScheduleRefusal>)schedule;
        },
        cancellationToken);

    /// <summary>A schedule; null when there is none, or it is somebody else's.</summary>
    public Task<Schedule?> FindAsync(Id<Schedule> id, Id<User> owner, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<Schedule>($"SELECT {Columns} FROM schedules WHERE id = @id AND owner_id = @owner", new { id, owner }),
        cancellationToken);

    /// <summary>A user's schedules, newest first.</summary>
    public Task<Page<Schedule>> ListAsync(Id<User> owner, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var before = Id<Schedule>.TryParse(page.Cursor, out var last) ? last : new Id<Schedule>(Guid.AllBitsSet);
            var rows = await session.QueryAsync<Schedule>(
                $"SELECT {Columns} FROM schedules WHERE owner_id = @owner AND id < @before ORDER BY id DESC LIMIT @limit",
                new { owner, before, limit = page.Limit + 1 });
            return new Page<Schedule>([.. rows.Take(page.Limit)], rows.Count <= page.Limit ? null : rows[page.Limit - 1].Id.ToString());
        },
        cancellationToken);

    /// <summary>Writes what its owner has changed; whoever looks at it just now does not move its next tick any more.</summary>
    public Task UpdateAsync(Schedule schedule, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync(
            """
            UPDATE schedules SET name = @Name, cron = @Cron, time_zone = @TimeZone, request = @Request, is_template = @IsTemplate, missed = @Missed,
                overlap = @Overlap, paused_at = @PausedAt, next_tick = @NextTick, lease_token = NULL
            WHERE id = @Id
            """,
            schedule),
        cancellationToken);

    /// <summary>Deletes a schedule with its runs; the tasks that it made stay.</summary>
    /// <returns>False when the owner has no such schedule.</returns>
    public Task<bool> DeleteAsync(Id<Schedule> id, Id<User> owner, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            if (await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM schedules WHERE id = @id AND owner_id = @owner {for update}", new { id, owner }) is null)
                return false;
            await session.ExecuteAsync("DELETE FROM schedule_runs WHERE schedule_id = @id", new { id });
            await session.ExecuteAsync("DELETE FROM schedules WHERE id = @id", new { id });
            return true;
        },
        cancellationToken);

    /// <summary>What came of a schedule's ticks, newest first.</summary>
    public Task<Page<ScheduleRun>> ListRunsAsync(Id<Schedule> id, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var before = long.TryParse(page.Cursor, out var last) ? last : long.MaxValue;
            var rows = await session.QueryAsync<ScheduleRun>(
                $"SELECT {RunColumns} FROM schedule_runs WHERE schedule_id = @id AND tick_at < @before ORDER BY tick_at DESC LIMIT @limit",
                new { id, before, limit = page.Limit + 1 });
            return new Page<ScheduleRun>(
                [.. rows.Take(page.Limit)],
                rows.Count <= page.Limit ? null : rows[page.Limit - 1].TickAt.ToUnixTimeMilliseconds().ToString(System.Globalization.CultureInfo.InvariantCulture));
        },
        cancellationToken);

    /// <summary>The last run that made a task; null when there is none.</summary>
    public Task<ScheduleRun?> LastSubmittedAsync(Id<Schedule> id, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<ScheduleRun>(
            $"SELECT {RunColumns} FROM schedule_runs WHERE schedule_id = @id AND task_id IS NOT NULL ORDER BY tick_at DESC LIMIT 1", new { id }),
        cancellationToken);

    /// <summary>The earliest tick of the schedules that no other node looks at; null when there is none.</summary>
    /// <param name="self">The node that asks; it looks at none just now.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<DateTimeOffset?> NextTickAsync(LeaseHolder self, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<DateTimeOffset?>(
            $"SELECT next_tick FROM schedules WHERE next_tick IS NOT NULL AND {HolderLease.IsFree} ORDER BY next_tick LIMIT 1",
            new { self = self.ToString(), working = s_noTokens }),
        cancellationToken);

    /// <summary>Schedules whose next tick is later than an instant, by their ids.</summary>
    /// <param name="now">The instant.</param>
    /// <param name="after">The last one of the page before; null for the first page.</param>
    /// <param name="count">The most of a page.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<Schedule>> ListLaterAsync(DateTimeOffset now, Id<Schedule>? after, int count, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Schedule>(
            $"SELECT {Columns} FROM schedules WHERE next_tick > @now AND id > @after ORDER BY id LIMIT @count",
            new { now, after = after ?? new Id<Schedule>(Guid.Empty), count }),
        cancellationToken);

    /// <summary>Has a schedule tick earlier than it would; whoever looks at it just now does not move its next tick any more.</summary>
    /// <returns>False when its next tick is another by now.</returns>
    public Task<bool> BringForwardAsync(Schedule schedule, DateTimeOffset next, CancellationToken cancellationToken) => database.WriteAsync(
        async session => await session.ExecuteAsync(
            "UPDATE schedules SET next_tick = @next, lease_token = NULL WHERE id = @Id AND next_tick = @NextTick", new { schedule.Id, schedule.NextTick, next }) == 1,
        cancellationToken);

    /// <summary>The ticks of a schedule from one to another, both included, of which it is known what came of them.</summary>
    public Task<IReadOnlyList<DateTimeOffset>> ListTicksAsync(
        Id<Schedule> id, DateTimeOffset first, DateTimeOffset last, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<DateTimeOffset>(
            "SELECT tick_at FROM schedule_runs WHERE schedule_id = @id AND tick_at >= @first AND tick_at <= @last", new { id, first, last }),
        cancellationToken);

    /// <summary>Takes schedules that are due, so that one node looks at each.</summary>
    /// <param name="self">The node that takes them; it looks at none just now.</param>
    /// <param name="token">Of its lease, see <see cref="HolderLease"/>.</param>
    /// <param name="count">The most that it takes.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<Schedule>> ClaimAsync(
        LeaseHolder self, string token, int count, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var due = await session.QueryAsync<Schedule>(
                $$"""
                SELECT {{Columns}} FROM schedules
                WHERE next_tick <= @now AND {{HolderLease.IsFree}} ORDER BY next_tick LIMIT @count {for update skip locked}
                """,
                new { now, count, self = self.ToString(), working = s_noTokens });
            if (due.Count > 0)
            {
                await session.ExecuteAsync(
                    "UPDATE schedules SET lease_token = @token WHERE id IN @ids", new { token, ids = due.Select(schedule => schedule.Id).ToArray() });
            }

            return due;
        },
        cancellationToken);

    /// <summary>Writes what came of ticks and when to look again, and tells of refusals. A schedule that was changed or deleted meanwhile keeps its own time.</summary>
    public Task FinishAsync(
        Schedule schedule, string token, IReadOnlyList<ScheduleRun> runs, DateTimeOffset? next, IReadOnlyList<NewEvent> events, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async session =>
            {
                if (await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM schedules WHERE id = @Id {for update}", new { schedule.Id }) is null)
                    return;
                // Should a second node have looked too, when the first was taken for dead, what counts is that a task was made.
                await session.ExecuteEachAsync(
                    $"""
                    INSERT INTO schedule_runs ({RunColumns}) VALUES (@ScheduleId, @TickAt, @Outcome, @TaskId, @Code, @Detail, @At)
                    ON CONFLICT (schedule_id, tick_at) DO UPDATE SET outcome = excluded.outcome, task_id = excluded.task_id, code = NULL, detail = NULL
                    WHERE excluded.task_id IS NOT NULL
                    """,
                    runs);
                await session.ExecuteAsync(
                    "UPDATE schedules SET next_tick = @next, lease_token = NULL WHERE id = @Id AND lease_token = @token",
                    new { schedule.Id, token, next });
                await SqlEvents.AppendAsync(session, events);
            },
            cancellationToken);

    /// <summary>Forgets what came of ticks before an instant.</summary>
    public Task<int> ForgetAsync(DateTimeOffset before, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync("DELETE FROM schedule_runs WHERE at < @before", new { before }), cancellationToken);
}

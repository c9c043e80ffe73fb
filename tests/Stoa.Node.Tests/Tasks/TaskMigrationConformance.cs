using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Membership;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>Tasks of a database of before the queue took turns are all there afterwards.</summary>
public abstract class TaskMigrationConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_000_000);

    private readonly IdSource _ids = new(TimeProvider.System, new SecureRandom());

    [Fact]
    public async Task Apply_ToTasksOfBefore_KeepsThemTheirContentTheirReceiptsAndTheirOrder()
    {
        var owner = _ids.Next<User>();
        var (first, second, hurried, ended) = (_ids.Next<AgentTask>(), _ids.Next<AgentTask>(), _ids.Next<AgentTask>(), _ids.Next<AgentTask>());
        await Database.WriteAsync(
            async session =>
            {
                await session.ExecuteAsync("DROP VIEW tasks_now");
                foreach (var table in new[] { "auction_bids", "auctions", "agent_bidding", "receipts", "task_content", "task_choices", "task_deadlines", "task_log_starts", "tasks", "queue", "delayed", "leases", "task_ends", "task_regions", "regional_queue", "regional_turns", "regional_lanes", "idempotency_keys", "lanes", "queue_clock", "task_batches" })
                    await session.ExecuteAsync($"DROP TABLE {table}");
                foreach (var column in new[] { "report", "seen_at" })
                    await session.ExecuteAsync($"ALTER TABLE nodes DROP COLUMN {column}");
                await session.ExecuteAsync(Migrations.Embedded.Single(step => step.Number == 4).Sql);
                await AddAsync(session, owner, second, "queued", s_now.AddSeconds(-1), s_now.AddSeconds(-1).ToUnixTimeMilliseconds());
                await AddAsync(session, owner, first, "queued", s_now.AddSeconds(-2), s_now.AddSeconds(-2).ToUnixTimeMilliseconds());
                await AddAsync(session, owner, hurried, "queued", s_now, 0);
                await AddAsync(session, owner, ended, "cancelled", null, null);
                await session.ExecuteAsync(
                    "INSERT INTO task_content (task_id, kind, bytes) VALUES (@ended, 'input', @bytes)", new { ended, bytes = "hello"u8.ToArray() });
                await session.ExecuteAsync(
                    "INSERT INTO receipts (id, task_id, envelope) VALUES ('rcpt_1', @ended, @bytes)", new { ended, bytes = "{}"u8.ToArray() });
            },
            Stop);

        await Database.WriteAsync(session => session.ExecuteAsync(Migrations.Embedded.Single(step => step.Number == 5).Sql), Stop);
        // What later versions added to tasks, so that this version's store can read them.
        foreach (var later in Migrations.Embedded.Where(step => step.Number is 14 or 15 or 19 or 34))
            await Database.WriteAsync(session => session.ExecuteAsync(later.Sql), Stop);

        var tasks = new SqlTaskStore(Database, TimeProvider.System);
        (await tasks.ListAsync(owner, null, new PageRequest(10, null), Stop)).Items.Count.ShouldBe(4);
        (await tasks.GetAsync(ended, Stop))!.State.ShouldBe(new TaskState.Cancelled(s_now));
        (await tasks.ReadInputAsync(ended, Stop)).ShouldBe("hello"u8.ToArray());
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM receipts"), Stop)).ShouldBe(1);
        var claimed = await tasks.ClaimAsync(new LeaseHolder("node", "boot"), new ClaimRoom(10, 1L << 40, 1L << 40), s_now, Stop);
        claimed.Select(task => task.Id).ShouldBe([hurried, first, second]);
        claimed.ShouldAllBe(task => task.Priority == TaskPriority.Normal);
    }

    private static Task<int> AddAsync(SqlSession session, Id<User> owner, Id<AgentTask> id, string state, DateTimeOffset? dueAt, long? position) => session.ExecuteAsync(
        """
        INSERT INTO tasks (id, owner_id, agent_id, agent, input_digest, input_bytes, input_inline, parameters, fuel_limit, memory_limit_bytes,
            timeout_ms, output_limit_bytes, log_limit_bytes, attempts, losses, token, state, due_at, queue_position, finished_at, created_at)
        VALUES (@id, @owner, 'agent_01m81g1x6vf1cvk6r0j3y9g2qd', 'stoa/upper@1.0.0', @digest, 5, @isInline, '[]', 1, 1, 1, 1, 1, 0, 0, 0, @state,
            @dueAt, @position, @finishedAt, @now)
        """,
        new
        {
            id,
            owner,
            digest = ContentHash.Of("hello"u8),
            isInline = true,
            state,
            dueAt,
            position,
            finishedAt = state == "queued" ? (DateTimeOffset?)null : s_now,
            now = s_now,
        });
}

public sealed class SqliteTaskMigrationTests() : TaskMigrationConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresTaskMigrationTests(PostgresCluster cluster) : TaskMigrationConformance(new PostgresSource(cluster));

using Stoa.Market.Builds;
using Stoa.Market.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>An output in the content store is its owner's with the end of the task, and with nothing else.</summary>
public abstract class TaskOutputsConformance(DatabaseSource source) : TaskStoreTest(source)
{
    [Fact]
    public async Task EndAttempt_WithAStoredOutput_GrantsItInTheSameAct()
    {
        var running = await SubmitAndClaimAsync();
        var stored = new ContentDescriptor(ContentHash.Of("stored"u8), 70_000);
        // Of content that refuses a new owner.
        await Database.WriteAsync(session => session.ExecuteAsync("INSERT INTO content_owners (digest, owner, size_bytes) VALUES (@Digest, @Owner, 70000)", new { stored.Digest, Owner }), Stop);
        await StuckRows.MakeAsync(Database, "UPDATE", "content_owners", $"OLD.digest = '{stored.Digest}'");
        await Should.ThrowAsync<Exception>(() => Tasks.EndAttemptAsync(Success(running) with { StoredOutput = stored }, Stop));
        (await Tasks.GetAsync(running.Id, Stop))!.State.ShouldBeOfType<TaskState.Running>("a task does not succeed without its output");

        var other = new ContentDescriptor(ContentHash.Of("other"u8), 80_000);
        (await Tasks.EndAttemptAsync(Success(running) with { StoredOutput = other }, Stop)).ShouldBe(AttemptEndOutcome.Written);

        (await OwnersAsync(other)).ShouldBe(["task"]);
    }

    [Fact]
    public async Task EndAttempt_ThatComesTooLate_GivesItsOutputUp()
    {
        var running = await SubmitAndClaimAsync();
        await Tasks.EndAttemptAsync(End(running.Lose(Now)), Stop);
        var stored = new ContentDescriptor(ContentHash.Of("stored"u8), 70_000);

        (await Tasks.EndAttemptAsync(Success(running) with { StoredOutput = stored }, Stop)).ShouldBe(AttemptEndOutcome.LeaseLost);

        (await OwnersAsync(stored)).ShouldBeEmpty();
        (await Database.ReadAsync(session => session.QueryAsync<ContentHash>("SELECT digest FROM released_content"), Stop)).ShouldBe([stored.Digest], "its bytes are deleted, unless somebody has them");
    }

    private Task<IReadOnlyList<string>> OwnersAsync(ContentDescriptor content) => Database.ReadAsync(
        session => session.QueryAsync<string>("SELECT came_by FROM content_owners WHERE digest = @Digest AND owner = @Owner", new { content.Digest, Owner }), Stop);
}

public sealed class SqliteTaskOutputsTests() : TaskOutputsConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresTaskOutputsTests(PostgresCluster cluster) : TaskOutputsConformance(new PostgresSource(cluster));

using Stoa.Node.Storage;

namespace Stoa.Node.Tests.Storage;

public sealed class SqliteDatabaseTests() : DatabaseConformance(new SqliteSource())
{
    [Fact]
    public async Task Open_OfADataFolderInUse_IsRefusedUntilItIsFree()
    {
        var refused = await Should.ThrowAsync<StorageUnusableException>(() => Source.OpenAsync());
        refused.Message.ShouldContain("in use by another node");

        await ReopenAsync();
    }

    [Fact]
    public async Task Open_OfAFileThatIsNoDatabase_IsRefused()
    {
        await using var other = new SqliteSource();
        await File.WriteAllTextAsync(Path.Combine(other.Folder, StorageOptions.SqliteFileName), new string('x', 5000), Stop);

        var refused = await Should.ThrowAsync<StorageUnusableException>(() => other.OpenAsync());

        refused.Message.ShouldContain("cannot be opened");
    }

    [Fact]
    public async Task Dispose_LeavesNoLogBehind()
    {
        await AddAsync("a", 1);

        await Database.DisposeAsync();

        Directory.GetFiles(((SqliteSource)Source).Folder).Select(Path.GetFileName).Order()
            .ShouldBe([StorageOptions.SqliteFileName, StorageOptions.SqliteFileName + ".lock"]);
    }

    [Fact]
    public async Task Write_OfMoreThanTheLogMayHold_BeginsTheLogAnew()
    {
        const int most = SqliteCheckpoints.Most * 8192;
        const int bytes = 4_000_000;
        await Database.WriteAsync(session => session.ExecuteAsync("CREATE TABLE large (number BIGINT PRIMARY KEY, bytes BLOB)"), Stop);

        for (var number = 0; number < 2 * most / bytes; number++)
            await Database.WriteAsync(session => session.ExecuteAsync("INSERT INTO large VALUES (@number, zeroblob(@bytes))", new { number, bytes }), Stop);

        new FileInfo(Path.Combine(((SqliteSource)Source).Folder, StorageOptions.SqliteFileName + "-wal")).Length.ShouldBeLessThan(most + 2L * bytes);
        var stored = await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT SUM(LENGTH(bytes)) FROM large"), Stop);
        stored.ShouldBe(2L * most / bytes * bytes);
    }

    [Fact]
    public async Task Write_CancelledWhileQueued_IsNotRun()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var entered = new TaskCompletionSource();
        var leave = new TaskCompletionSource();
        var first = Database.WriteAsync(
            async _ =>
            {
                entered.SetResult();
                await leave.Task;
            },
            Stop);
        await entered.Task;
        var ran = false;
        var second = Database.WriteAsync(
            _ =>
            {
                ran = true;
                return Task.CompletedTask;
            },
            cancel.Token);

        await cancel.CancelAsync();
        leave.SetResult();

        await first;
        await Should.ThrowAsync<OperationCanceledException>(() => second);
        ran.ShouldBeFalse();
    }

    [Fact]
    public async Task Write_BeyondTheQueue_WaitsForRoom()
    {
        await using var other = new SqliteSource();
        var options = await other.GetOptionsAsync() with { MaxQueuedWrites = 1 };
        await using var database = await Database.OpenAsync(options, TimeProvider.System, Stop);
        var entered = new TaskCompletionSource();
        var leave = new TaskCompletionSource();
        var running = database.WriteAsync(
            async _ =>
            {
                entered.SetResult();
                await leave.Task;
            },
            Stop);
        await entered.Task;

        using var cancel = new CancellationTokenSource();
        var queued = database.WriteAsync(_ => Task.FromResult("queued"), Stop);
        var heldBack = database.WriteAsync(_ => Task.FromResult("held back"), cancel.Token);
        await cancel.CancelAsync();

        // Held back means: not queued, so a cancelled token ends the wait at once, while the writer is still busy.
        await Should.ThrowAsync<OperationCanceledException>(() => heldBack);
        running.IsCompleted.ShouldBeFalse();
        leave.SetResult();
        await running;
        (await queued).ShouldBe("queued");
    }

    [Fact]
    public async Task Write_Answered_GoesOnOffTheWritersThread()
    {
        var (writer, after) = await Database.WriteAsync(_ => Task.FromResult(Environment.CurrentManagedThreadId), Stop).ContinueWith(
            written => (written.Result, Environment.CurrentManagedThreadId), Stop, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

        after.ShouldNotBe(writer);
    }

    [Fact]
    public async Task Constraint_OfAForeignKey_IsEnforced()
    {
        await Should.ThrowAsync<Exception>(() => Database.WriteAsync(
            async session =>
            {
                await session.ExecuteAsync("CREATE TABLE notes (counter TEXT NOT NULL REFERENCES counters (name))");
                await session.ExecuteAsync("INSERT INTO notes (counter) VALUES ('nobody')");
            },
            Stop));
    }
}

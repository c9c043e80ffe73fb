using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Storage;

/// <summary>What the stores of all rooms rely on, whatever the database.</summary>
public abstract class DatabaseConformance(DatabaseSource source) : DatabaseTest(source)
{
    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await Database.WriteAsync(
            session => session.ExecuteAsync("CREATE TABLE counters (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL)"), Stop);
    }

    [Fact]
    public async Task Write_ThatReturns_IsThereAfterReopening()
    {
        await AddAsync("a", 7);

        await ReopenAsync();

        (await GetAsync("a")).ShouldBe(7);
    }

    [Fact]
    public async Task Write_ThatThrows_LeavesNothingAndThrowsTheSame()
    {
        var thrown = await Should.ThrowAsync<InvalidDataException>(() => Database.WriteAsync(
            async session =>
            {
                await AddAsync(session, "a", 1);
                throw new InvalidDataException("no");
            },
            Stop));

        thrown.Message.ShouldBe("no");
        (await GetAsync("a")).ShouldBeNull();
    }

    [Fact]
    public async Task Write_ThatAbandons_LeavesNothingAndAnswers()
    {
        var answer = await Database.WriteAsync(
            async session =>
            {
                await AddAsync(session, "a", 1);
                session.Abandon();
                return "refused";
            },
            Stop);

        answer.ShouldBe("refused");
        (await GetAsync("a")).ShouldBeNull();
    }

    [Fact]
    public async Task Write_AmongOthersThatFail_IsUnharmed()
    {
        var acts = Enumerable.Range(0, 60).Select(number => Database.WriteAsync(
            async session =>
            {
                await AddAsync(session, $"n{number}", number);
                if (number % 3 == 1)
                    throw new InvalidDataException();
                if (number % 3 == 2)
                    session.Abandon();
                return number;
            },
            Stop)).ToList();

        foreach (var act in acts)
            await Task.WhenAny(act);

        acts.Count(act => act.IsCompletedSuccessfully).ShouldBe(40);
        var kept = await Database.ReadAsync(session => session.QueryAsync<long>("SELECT value FROM counters ORDER BY value"), Stop);
        kept.ShouldBe(Enumerable.Range(0, 60).Where(number => number % 3 == 0).Select(number => (long)number));
    }

    [Fact]
    public async Task Write_ThatBreaksAUniqueIndex_SaysSo()
    {
        await AddAsync("a", 1);

        var thrown = await Should.ThrowAsync<Exception>(() => AddAsync("a", 2));

        thrown.IsUniqueViolation().ShouldBeTrue();
        (await GetAsync("a")).ShouldBe(1);
    }

    [Fact]
    public async Task Write_Concurrently_LosesNoUpdate()
    {
        await AddAsync("a", 0);

        await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Database.WriteAsync(
            async session =>
            {
                var value = await session.QuerySingleAsync<long>("SELECT value FROM counters WHERE name = @name {for update}", new { name = "a" });
                return await session.ExecuteAsync("UPDATE counters SET value = @value WHERE name = @name", new { name = "a", value = value + 1 });
            },
            Stop)));

        (await GetAsync("a")).ShouldBe(100);
    }

    [Fact]
    public async Task Write_CancelledBeforeItsEnd_LeavesNothing()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Stop);

        await Should.ThrowAsync<OperationCanceledException>(() => Database.WriteAsync(
            async session =>
            {
                await AddAsync(session, "a", 1);
                await cancel.CancelAsync();
                await AddAsync(session, "b", 1);
            },
            cancel.Token));

        (await GetAsync("a")).ShouldBeNull();
    }

    [Fact]
    public async Task Write_CancelledAtItsEnd_CommitsWhatItSent()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Stop);

        await Database.WriteAsync(
            async session =>
            {
                await SendAsync(session, "a", 1);
                await cancel.CancelAsync();
            },
            cancel.Token);

        (await GetAsync("a")).ShouldBe(1);
    }

    [Theory]
    [InlineData("WITH one AS (SELECT 1 AS value) SELECT value FROM one")]
    [InlineData("-- Looks\nSELECT value FROM counters")]
    [InlineData("DELETE FROM counters /* RETURNING */")]
    [InlineData("VALUES (1)")]
    public async Task Send_OfAStatementThatMayGiveRowsOrNot_IsRefused(string sql)
    {
        await Should.ThrowAsync<ArgumentException>(() => Database.WriteAsync(session => session.SendAsync(sql), Stop));
        await Should.ThrowAsync<ArgumentException>(() => Database.WriteAsync(session => session.SendEachAsync(sql, [new { }]), Stop));
    }

    [Theory]
    [InlineData("select value FROM counters WHERE name = @name")]
    [InlineData("UPDATE counters SET value = 2 WHERE name = @name returning value")]
    [InlineData("UPDATE counters SET value = 2 WHERE name = @name AND name <> ' RETURNING '")]
    public async Task Send_BeforeAQuery_DoesNotChangeItsAnswer(string sql)
    {
        await AddAsync("a", 1);
        await AddAsync("b", 7);

        var found = await Database.WriteAsync(
            async session =>
            {
                await session.SendAsync(sql, new { name = "a" });
                return await session.QuerySingleAsync<long>("SELECT value FROM counters WHERE name = @name", new { name = "b" });
            },
            Stop);

        found.ShouldBe(7);
    }

    [Fact]
    public async Task OnCommitted_IsCalledForCommittedActsOnly()
    {
        var called = new List<string>();
        await Database.WriteAsync(
            async session =>
            {
                session.OnCommitted(() => called.Add("kept"));
                await AddAsync(session, "a", 1);
                called.ShouldBeEmpty();
            },
            Stop);
        await Database.WriteAsync(
            session =>
            {
                session.OnCommitted(() => called.Add("abandoned"));
                session.Abandon();
                return Task.CompletedTask;
            },
            Stop);
        await Should.ThrowAsync<InvalidDataException>(() => Database.WriteAsync(
            session =>
            {
                session.OnCommitted(() => called.Add("thrown"));
                throw new InvalidDataException();
            },
            Stop));

        called.ShouldBe(["kept"]);
    }

    [Fact]
    public async Task Database_CalledFromInsideAnAct_Throws()
    {
        await Should.ThrowAsync<InvalidOperationException>(() => Database.WriteAsync(_ => AddAsync("a", 1), Stop));
        await Should.ThrowAsync<InvalidOperationException>(() => Database.WriteAsync(_ => GetAsync("a"), Stop));
        await Should.ThrowAsync<InvalidOperationException>(() => Database.ReadAsync(_ => GetAsync("a"), Stop));

        await AddAsync("a", 1);
        (await GetAsync("a")).ShouldBe(1);
    }

    [Fact]
    public async Task Session_AfterItsAct_Throws()
    {
        SqlSession? kept = null;
        await Database.WriteAsync(
            session =>
            {
                kept = session;
                return Task.CompletedTask;
            },
            Stop);

        await Should.ThrowAsync<InvalidOperationException>(() => AddAsync(kept!, "a", 1));
    }

    [Fact]
    public async Task Read_WhileOthersWrite_SeesOneSnapshot()
    {
        await AddAsync("a", 1);

        var (before, after) = await Database.ReadAsync(
            async session =>
            {
                var first = await session.QuerySingleAsync<long>("SELECT value FROM counters");
                await OutsideThisActAsync(() => Database.WriteAsync(other => other.ExecuteAsync("UPDATE counters SET value = 2"), Stop));
                return (first, await session.QuerySingleAsync<long>("SELECT value FROM counters"));
            },
            Stop);

        (before, after).ShouldBe((1, 1));
        (await GetAsync("a")).ShouldBe(2);
    }

    [Fact]
    public async Task Read_ThatWrites_Throws()
    {
        await AddAsync("a", 1);

        await Should.ThrowAsync<Exception>(() => Database.ReadAsync(session => session.ExecuteAsync("UPDATE counters SET value = 2"), Stop));

        (await GetAsync("a")).ShouldBe(1);
    }

    [Fact]
    public async Task Database_Disposed_RefusesFurtherActs()
    {
        await Database.DisposeAsync();

        await Should.ThrowAsync<ObjectDisposedException>(() => AddAsync("a", 1));
        await Should.ThrowAsync<ObjectDisposedException>(() => GetAsync("a"));
    }

    [Fact]
    public async Task Row_OfEveryColumnType_ComesBackAsItWas()
    {
        await Database.WriteAsync(
            session => session.ExecuteAsync("""
                CREATE TABLE things (
                    id TEXT NOT NULL, count BIGINT NOT NULL, small BIGINT NOT NULL, is_open BOOLEAN NOT NULL, ratio DOUBLE PRECISION NOT NULL,
                    bytes {blob} NOT NULL, made_at BIGINT NOT NULL, price BIGINT NOT NULL, day TEXT NOT NULL,
                    text TEXT, maybe_count BIGINT, maybe_at BIGINT, maybe_id TEXT)
                """),
            Stop);
        var ids = new IdSource(TimeProvider.System, new Random(1));
        var time = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);
        Thing full = new(ids.Next<Thing>(), long.MaxValue, int.MinValue, true, 0.1, [0, 255], time, new Money(-1), DayOfWeek.Friday, "it's @ text", 5, time, ids.Next<Thing>());
        Thing bare = full with { Id = ids.Next<Thing>(), IsOpen = false, Text = null, MaybeCount = null, MaybeAt = null, MaybeId = null };

        await Database.WriteAsync(
            session => session.ExecuteEachAsync(
                """
                INSERT INTO things (id, count, small, is_open, ratio, bytes, made_at, price, day, text, maybe_count, maybe_at, maybe_id)
                VALUES (@id, @count, @small, @isOpen, @ratio, @bytes, @madeAt, @price, @day, @text, @maybeCount, @maybeAt, @maybeId)
                """,
                [full, bare]),
            Stop);

        var read = await Database.ReadAsync(session => session.QueryAsync<Thing>("SELECT * FROM things ORDER BY id"), Stop);
        read.Select(thing => thing with { Bytes = full.Bytes }).ShouldBe([full, bare]);
        read[0].Bytes.ShouldBe(full.Bytes);
        (await Database.ReadAsync(session => session.QueryAsync<(Id<Thing>, Money?, string?)>("SELECT id, price, text FROM things ORDER BY id"), Stop))
            .ShouldBe([(full.Id, full.Price, full.Text), (bare.Id, bare.Price, null)]);
        (await Database.ReadAsync(session => session.QueryAsync<long?>("SELECT maybe_count FROM things ORDER BY id"), Stop)).ShouldBe([5, null]);
    }

    [Theory]
    [InlineData(new[] { "a", "c" }, "a,c", "b")]
    [InlineData(new string[0], "", "a,b,c")]
    [InlineData(new[] { "it's", "b\"" }, "", "a,b,c")]
    public async Task List_AsParameter_Selects(string[] names, string inside, string outside)
    {
        await AddAsync("a", 1);
        await AddAsync("b", 2);
        await AddAsync("c", 3);

        var (found, others) = await Database.ReadAsync(
            async session => (
                await session.QueryAsync<string>("SELECT name FROM counters WHERE name IN @names ORDER BY name", new { names }),
                await session.QueryAsync<string>("SELECT name FROM counters WHERE name NOT IN @names ORDER BY name", new { names })),
            Stop);

        string.Join(',', found).ShouldBe(inside);
        string.Join(',', others).ShouldBe(outside);
    }

    [Fact]
    public async Task Parameters_FromADictionary_AreTaken()
    {
        await AddAsync("a", 1);
        await AddAsync("b", 2);
        var parameters = new Dictionary<string, object?> { ["values"] = new List<int> { 2, 3 }, ["unused"] = "x", ["name"] = null };

        var found = await Database.ReadAsync(
            session => session.QueryAsync<string>("SELECT name FROM counters WHERE value IN @values AND name <> COALESCE(@name, '')", parameters), Stop);

        found.ShouldBe(["b"]);
    }

    [Fact]
    public async Task Parameter_NotGiven_Throws()
    {
        var thrown = await Should.ThrowAsync<ArgumentException>(() => Database.ReadAsync(
            session => session.QueryAsync<long>("SELECT value FROM counters WHERE name = @name", new { other = 1 }), Stop));

        thrown.Message.ShouldContain("@name");
    }

    [Fact]
    public async Task Query_ForTheFirstRow_AnswersItOrTheDefault()
    {
        await AddAsync("a", 1);
        await AddAsync("b", 2);

        await Database.ReadAsync(
            async session =>
            {
                (await session.QueryFirstOrDefaultAsync<string>("SELECT name FROM counters ORDER BY name")).ShouldBe("a");
                (await session.QueryFirstOrDefaultAsync<string>("SELECT name FROM counters WHERE value = 9")).ShouldBeNull();
                (await session.QueryFirstOrDefaultAsync<long?>("SELECT value FROM counters WHERE value = 9")).ShouldBeNull();
                await Should.ThrowAsync<InvalidOperationException>(() => session.QuerySingleAsync<string>("SELECT name FROM counters"));
                await Should.ThrowAsync<InvalidOperationException>(() => session.QuerySingleAsync<string>("SELECT name FROM counters WHERE value = 9"));
                return 0;
            },
            Stop);
    }

    [Fact]
    public async Task Send_BeforeAQuestion_HasHappenedInOrderByThen()
    {
        var seen = await Database.WriteAsync(
            async session =>
            {
                await SendAsync(session, "a", 1);
                // Its result is nobody's, least of all that of the next.
                await session.SendAsync("SELECT value FROM counters WHERE name = 'a'");
                await session.SendEachAsync("UPDATE counters SET value = value * 10 + @digit WHERE name = 'a'", [new { digit = 2L }, new { digit = 3L }]);
                var value = await session.QuerySingleAsync<long>("SELECT value FROM counters WHERE name = 'a'");
                await session.SendAsync("UPDATE counters SET value = value + 1 WHERE name = @name", new { name = "a" });
                var changed = await session.ExecuteAsync("UPDATE counters SET value = value + 1 WHERE name = @name", new { name = "a" });
                return (value, changed);
            },
            Stop);

        seen.ShouldBe((123, 1));
        (await GetAsync("a")).ShouldBe(125);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(500)]
    public async Task Send_BeforeTheCommit_IsWrittenByIt(int count)
    {
        var rows = Enumerable.Range(0, count).Select(number => ($"row {number}", (long)number)).ToList();
        var statement = SqlRows<(string Name, long Value)>.Insert(
            "counters",
            [SqlField<(string Name, long Value)>.OfText("name", row => row.Name), SqlField<(string Name, long Value)>.OfInteger("value", row => row.Value)]);
        await Database.WriteAsync(
            async session =>
            {
                foreach (var (name, value) in rows)
                    await SendAsync(session, "one " + name, value);
                await session.SendRowsAsync(statement, rows);
                return 0;
            },
            Stop);

        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT CAST(SUM(value) AS BIGINT) FROM counters"), Stop))
            .ShouldBe((long)count * (count - 1));
    }

    [Fact]
    public async Task Send_ThatFails_EndsTheAct()
    {
        await AddAsync("a", 1);

        var thrown = await Should.ThrowAsync<Exception>(() => Database.WriteAsync(
            async session =>
            {
                await SendAsync(session, "b", 2);
                await SendAsync(session, "a", 2);
                await SendAsync(session, "c", 2);
                return 0;
            },
            Stop));

        thrown.IsUniqueViolation().ShouldBeTrue();
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM counters"), Stop)).ShouldBe(1);
    }

    private static Task SendAsync(SqlSession session, string name, long value) =>
        session.SendAsync("INSERT INTO counters (name, value) VALUES (@name, @value)", new { name, value });

    private static Task OutsideThisActAsync(Func<Task> run)
    {
        using (ExecutionContext.SuppressFlow())
            return Task.Run(run, Stop);
    }

    protected Task AddAsync(string name, long value) => Database.WriteAsync(session => AddAsync(session, name, value), Stop);

    protected static Task<int> AddAsync(SqlSession session, string name, long value) =>
        session.ExecuteAsync("INSERT INTO counters (name, value) VALUES (@name, @value)", new { name, value });

    protected Task<long?> GetAsync(string name) => Database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<long?>("SELECT value FROM counters WHERE name = @name", new { name }), Stop);

    public sealed record Thing(
        Id<Thing> Id, long Count, int Small, bool IsOpen, double Ratio, byte[] Bytes, DateTimeOffset MadeAt, Money Price, DayOfWeek Day,
        string? Text, int? MaybeCount, DateTimeOffset? MaybeAt, Id<Thing>? MaybeId) : IIdentified
    {
        public static string IdPrefix => "thing";
    }
}

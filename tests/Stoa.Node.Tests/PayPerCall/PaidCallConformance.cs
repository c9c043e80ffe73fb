using System.Text.Json;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Builds;
using Stoa.Node.PayPerCall;
using Stoa.Node.Quotas;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.PayPerCall;

/// <summary>Whatever the order of requests, of a channel's credit no more is spent than was paid; and content goes with the last call that needs it, and with no other.</summary>
public abstract class PaidCallConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly ContentDescriptor s_content = new(ContentHash.Of("content"u8), 2 << 20);
    private static readonly UserQuota s_everybody = new(100, 1L << 30);
    private static readonly ListingName s_agent = ListingName.Parse("ann/echo@1.0.0");
    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));
    private readonly PayPerCallOptions _options = new() { Payee = "till", MaxInputBytesPerChannel = 64L << 20, MaxOutputBytesPerPayer = 4 << 20, MaxOutputBytes = 6 << 20 };
    private SqlPaidCallStore _calls = null!;
    private SqlContentOwners _owners = null!;
    private Id<User> _till;
    private Id<Channel> _channel;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _calls = new SqlPaidCallStore(Database, _ids, _options);
        _owners = new SqlContentOwners(Database);
        _till = _ids.Next<User>();
        _channel = await OpenAsync(100);
    }

    [Fact]
    public async Task Call_IsHeldByOneRequest_UntilItsTimeHasPassed()
    {
        var call = await ReserveAsync("key", 10);

        (await _calls.HoldAsync(call, s_now.AddMinutes(1), s_now, Stop)).ShouldNotBeNull();
        (await _calls.HoldAsync(call, s_now.AddMinutes(2), s_now.AddSeconds(59), Stop)).ShouldBeNull();
        (await _calls.HoldAsync(call, s_now.AddMinutes(2), s_now.AddMinutes(1), Stop)).ShouldNotBeNull("a node that has crashed blocks nobody for ever");
    }

    [Fact]
    public async Task Reservation_ThatAnotherRequestHolds_IsNotTakenBack()
    {
        var call = await ReserveAsync("key", 10);
        var late = (await _calls.HoldAsync(call, s_now.AddMinutes(1), s_now, Stop))!;
        var held = (await _calls.HoldAsync(call, s_now.AddMinutes(3), s_now.AddMinutes(2), Stop))!;

        await _calls.ReleaseAsync(late, _till, s_now, Stop);

        (await CreditAsync()).ShouldBe((Money.Zero, new Money(10)));
        (await _calls.ConfirmAsync(late, s_now.AddMinutes(9), Stop)).ShouldBeFalse();
        (await _calls.ConfirmAsync(held, s_now.AddMinutes(9), Stop)).ShouldBeTrue();
        (await _calls.HoldAsync(call, s_now.AddMinutes(9), s_now.AddMinutes(8), Stop)).ShouldBeNull("it is confirmed for its submission");
        await _calls.ReleaseAsync(held, _till, s_now, Stop);
        (await CreditAsync()).ShouldBe((Money.Zero, Money.Zero));
    }

    [Fact]
    public async Task Reservation_OfAnotherCallUnderTheSameKey_IsNotTakenBack_AndNotByAnotherAmount()
    {
        var dear = (await _calls.HoldAsync(await ReserveAsync("key", 90), s_now.AddMinutes(1), s_now, Stop))!;
        await _calls.ReleaseAsync(dear, _till, s_now, Stop);
        await ReserveAsync("key", 1, what: "cheap");

        await _calls.ReleaseAsync(dear, _till, s_now, Stop);

        (await CreditAsync()).ShouldBe((Money.Zero, new Money(1)));
    }

    [Fact]
    public async Task Task_WhoseReservationIsGone_IsPaidOnlyOutOfWhatIsLeft()
    {
        var (first, second) = (_ids.Next<AgentTask>(), _ids.Next<AgentTask>());
        var gone = (await _calls.HoldAsync(await ReserveAsync("key", 60), s_now.AddMinutes(1), s_now, Stop))!;
        await _calls.ReleaseAsync(gone, _till, s_now, Stop);
        var other = await ReserveAsync("other", 60);

        (await _calls.AttachAsync(gone.Call, first, Stop)).ShouldBeFalse("the channel has paid 100, and 60 are reserved for another call");
        (await CreditAsync()).ShouldBe((Money.Zero, new Money(60)));

        await _calls.EndAsync(other, new Money(10), _till, null, s_now, Stop);
        (await _calls.AttachAsync(gone.Call, second, Stop)).ShouldBeTrue();
        (await CreditAsync()).ShouldBe((new Money(10), new Money(60)));
    }

    [Fact]
    public async Task Credit_IsNeverBelowZero()
    {
        await ReserveAsync("key", 10);

        await Should.ThrowAsync<Exception>(() => Database.WriteAsync(session => session.ExecuteAsync("UPDATE call_credit SET reserved = reserved - 11"), Stop));

        (await CreditAsync()).ShouldBe((Money.Zero, new Money(10)));
    }

    [Fact]
    public async Task Key_OfACallWithASmallInput_TakesNoLargerOne()
    {
        (await AskAsync(bytes: 2 << 20)).TryGet(out _, out _).ShouldBeTrue();

        (await AskAsync(bytes: 3 << 20)).Refusal!.Code.ShouldBe(TaskRefusal.IdempotencyKeyReused);
        (await AskAsync(bytes: 2 << 20)).TryGet(out _, out _).ShouldBeTrue();

        Task<Outcome<Reservation, TaskRefusal>> AskAsync(long bytes) => _calls.ReserveAsync(_channel, new CallOrder("key", ContentHash.Of("what"u8), new Money(1)) { Input = new(s_content.Digest, bytes) }, s_now, Stop);
    }

    [Fact]
    public async Task Input_OfTwoCallsThatEndTogether_GoesWithTheLaterOne()
    {
        for (var round = 0; round < 8; round++)
        {
            var calls = new[] { await ReserveAsync($"one{round}", 1, s_content), await ReserveAsync($"two{round}", 1, s_content, channel: await OpenAsync(100)) };
            await _owners.GrantAsync(s_content, _till, ContentOrigins.Caller, Stop);

            var gone = await Task.WhenAll(calls.Select(call => _calls.EndAsync(call, Money.Zero, _till, null, s_now, Stop)));

            gone.Count(digest => digest == s_content.Digest).ShouldBe(1);
            (await CountAsync("content_owners")).ShouldBe(0);
            (await CountAsync("released_content")).ShouldBe(1, "its bytes are deleted, whoever crashes now");
        }
    }

    [Theory]
    [InlineData(ContentOrigins.Owner)]
    [InlineData(ContentOrigins.Task)]
    public async Task Content_ThatNoCallHasBrought_StaysWhateverCallsName(string cameBy)
    {
        await _owners.GrantAsync(s_content, _till, cameBy, Stop);
        var refused = (await _calls.HoldAsync(await ReserveAsync("refused", 1, s_content), s_now.AddMinutes(1), s_now, Stop))!;
        var done = await ReserveAsync("done", 1, s_content);
        // It sends what is here already.
        await _owners.GrantAsync(s_content, _till, ContentOrigins.Caller, Stop);

        (await _calls.ReleaseAsync(refused, _till, s_now, Stop)).ShouldBeNull();
        (await _calls.EndAsync(done, Money.Zero, _till, null, s_now, Stop)).ShouldBeNull();

        (await _owners.OwnsAsync(s_content.Digest, _till, Stop)).ShouldBeTrue();
    }

    [Fact]
    public async Task Input_ThatTheAccountBringsItselfMeanwhile_IsItsOwn()
    {
        var call = await ReserveAsync("key", 1, s_content);
        await _owners.GrantAsync(s_content, _till, ContentOrigins.Caller, Stop);
        await _owners.GrantAsync(s_content, _till, ContentOrigins.Owner, Stop);

        (await _calls.EndAsync(call, Money.Zero, _till, null, s_now, Stop)).ShouldBeNull();

        (await _owners.OwnsAsync(s_content.Digest, _till, Stop)).ShouldBeTrue();
        (await new UserUsages(Database, s_everybody).FindAsync(_till, Stop)).ContentBytes.ShouldBe(s_content.SizeBytes, "it counts once");
    }

    [Fact]
    public async Task Output_IsKeptForItsTime_AndWhileACallNeedsIt()
    {
        var (first, second) = (await ReserveAsync("first", 1), await ReserveAsync("second", 1));
        await _owners.GrantAsync(s_content, _till, ContentOrigins.Task, Stop);
        await _calls.EndAsync(first, Money.Zero, _till, s_content, s_now, Stop);
        await _calls.EndAsync(second, Money.Zero, _till, s_content, s_now.AddHours(1), Stop);
        var over = s_now.AddDays(_options.KeepOutputDays);

        (await _calls.ListKeptAsync(null, over.AddSeconds(-1), 10, Stop)).ShouldBeEmpty();
        var one = (await _calls.ListKeptAsync(null, over, 10, Stop)).ShouldHaveSingleItem();
        (await _calls.LetGoAsync(one, _till, over, Stop)).ShouldBeFalse("another call keeps it");
        var reader = await ReserveAsync("reader", 1, s_content);
        var other = (await _calls.ListKeptAsync(null, over.AddHours(1), 10, Stop)).ShouldHaveSingleItem();
        (await _calls.LetGoAsync(other, _till, over.AddHours(1), Stop)).ShouldBeFalse("a call reads it");
        (await _owners.OwnsAsync(s_content.Digest, _till, Stop)).ShouldBeTrue();

        (await _calls.EndAsync(reader, Money.Zero, _till, null, over, Stop)).ShouldBe(s_content.Digest);

        (await _owners.OwnsAsync(s_content.Digest, _till, Stop)).ShouldBeFalse();
        (await new UserUsages(Database, s_everybody).FindAsync(_till, Stop)).ContentBytes.ShouldBe(0);
    }

    [Fact]
    public async Task Output_ThatTheAccountHasBroughtItself_StaysAfterItsTime()
    {
        var call = await ReserveAsync("key", 1);
        await _owners.GrantAsync(s_content, _till, ContentOrigins.Owner, Stop);
        await _calls.EndAsync(call, Money.Zero, _till, s_content, s_now, Stop);
        var over = s_now.AddDays(_options.KeepOutputDays);

        (await _calls.LetGoAsync((await _calls.ListKeptAsync(null, over, 10, Stop)).Single(), _till, over, Stop)).ShouldBeFalse();

        (await _owners.OwnsAsync(s_content.Digest, _till, Stop)).ShouldBeTrue();
        (await _calls.ListKeptAsync(null, over, 10, Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Outputs_OfOnePayer_AreBoundedTogether_ThroughAllHisChannels_AtTheirLimits()
    {
        var (other, stranger) = (await OpenAsync(100), await OpenAsync(100, "bob"));
        var first = await ReserveAsync("first", 1, outputBytes: 3 << 20);

        (await AskAsync("second", 1, channel: other, outputBytes: 2 << 20)).Obstacle.ShouldBe(CallObstacle.Outputs);
        (await AskAsync("first", 1, outputBytes: 3 << 20)).Call.ShouldBe(first, "the same call has its room");
        (await ReserveAsync("short", 1, channel: other)).OutputBytes.ShouldBe(0);
        await ReserveAsync("third", 1, channel: stranger, outputBytes: 3 << 20);
        (await AskAsync("fourth", 1, channel: await OpenAsync(100, "eve"), outputBytes: 1 << 20)).Obstacle.ShouldBe(CallObstacle.OutputsOfAll);
        (await RoomAsync()).ShouldBe(6 << 20, "what was refused takes up nothing");

        // It is a mebibyte in the end.
        await _calls.EndAsync(first, Money.Zero, _till, new ContentDescriptor(s_content.Digest, 1 << 20), s_now, Stop);
        await ReserveAsync("second", 1, channel: other, outputBytes: 2 << 20);
        (await RoomAsync()).ShouldBe(6 << 20);
    }

    [Fact]
    public async Task Room_OfAnOutput_IsGivenBack_WhenItIsKeptNoMore_AndWhenTheCallComesToNothing()
    {
        var kept = await ReserveAsync("kept", 1, outputBytes: 3 << 20);
        await _calls.EndAsync(kept, Money.Zero, _till, s_content, s_now, Stop);
        (await RoomAsync()).ShouldBe(s_content.SizeBytes);
        var held = (await _calls.HoldAsync(await ReserveAsync("refused", 1, outputBytes: 1 << 20), s_now.AddMinutes(1), s_now, Stop))!;
        await _calls.ReleaseAsync(held, _till, s_now, Stop);
        await _calls.ReleaseAsync(held, _till, s_now, Stop);
        (await RoomAsync()).ShouldBe(s_content.SizeBytes);

        var over = s_now.AddDays(_options.KeepOutputDays);
        (await _calls.LetGoAsync((await _calls.ListKeptAsync(null, over, 10, Stop)).Single(), _till, over, Stop)).ShouldBeTrue();

        (await RoomAsync()).ShouldBe(0);
        // Whose reservation is gone has its room again, whatever there is.
        (await _calls.AttachAsync(held.Call, _ids.Next<AgentTask>(), Stop)).ShouldBeTrue();
        (await RoomAsync()).ShouldBe(1 << 20);
    }

    [Fact]
    public async Task Room_OfAll_IsGivenAwayOnce_HoweverManyAskTogether()
    {
        var channels = new List<Id<Channel>>();
        for (var payer = 0; payer < 8; payer++)
            channels.Add(await OpenAsync(100, $"payer{payer}"));

        var asked = await Task.WhenAll(channels.Select(channel => Task.Run(() => AskAsync("key", 1, channel: channel, outputBytes: 2 << 20))));

        asked.Count(one => one.Call is not null).ShouldBe(3);
        (await RoomAsync()).ShouldBe(6 << 20);
    }

    [Fact]
    public async Task Output_ThatWasFetched_IsKeptForMinutesMore_AndNotForLongerThanItWas()
    {
        var call = await ReserveAsync("key", 1, outputBytes: 3 << 20);
        await _calls.EndAsync(call, Money.Zero, _till, s_content, s_now, Stop);
        var soon = s_now.AddMinutes(_options.KeepFetchedOutputMinutes);

        await _calls.ShortenAsync(call, s_now, Stop);
        (await _calls.ListKeptAsync(null, soon.AddSeconds(-1), 10, Stop)).ShouldBeEmpty();
        (await _calls.ListKeptAsync(null, soon, 10, Stop)).ShouldHaveSingleItem();

        await _calls.ShortenAsync(call, s_now.AddMinutes(1), Stop);
        (await _calls.ListKeptAsync(null, soon, 10, Stop)).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Input_ThatWasLetGoOf_CountsForItsChannel_UntilItsBytesAreGone()
    {
        var long40 = new ContentDescriptor(ContentHash.Of("40 MiB"u8), 40 << 20);
        var call = await ReserveAsync("key", 1, long40);
        await _owners.GrantAsync(long40, _till, ContentOrigins.Caller, Stop);
        (await _calls.EndAsync(call, Money.Zero, _till, null, s_now, Stop)).ShouldBe(long40.Digest);
        await _calls.ForgetLeavingsAsync(Stop);

        (await AskAsync("next", 1, long40)).Obstacle.ShouldBe(CallObstacle.Inputs, "they are on the disk for some minutes yet");
        (await AskAsync("next", 1, long40, await OpenAsync(100))).Call.ShouldNotBeNull("another channel has brought none");

        await Database.WriteAsync(session => session.ExecuteAsync("DELETE FROM released_content"), Stop);
        await ReserveAsync("next", 1, long40);
        await _calls.ForgetLeavingsAsync(Stop);
        (await CountAsync("call_leavings")).ShouldBe(0);
    }

    [Fact]
    public async Task Reservation_KeepsTheVersionThatItIsFor()
    {
        await ReserveAsync("key", 1);

        (await _calls.FindAsync(_channel, "key", Stop)).ShouldNotBeNull().Agent.ShouldBe(s_agent);
    }

    [Fact]
    public async Task Migration_MarksWhatSoldCallsHaveBroughtAndMade_AndNothingElse()
    {
        var (task, made, brought, own) = (_ids.Next<AgentTask>(), ContentHash.Of("made"u8), ContentHash.Of("brought"u8), ContentHash.Of("own"u8));
        foreach (var digest in new[] { made, brought, own })
            await _owners.GrantAsync(new ContentDescriptor(digest, 100_000), _till, ContentOrigins.Owner, Stop);
        var result = new TaskResult(made, 100_000, IsInline: false, "text/plain", new Usage(1, 2, 3, 4, 5), Money.Zero, _ids.Next<Receipt>());
        await Database.WriteAsync(
            async session =>
            {
                await session.ExecuteAsync(
                    """
                    INSERT INTO tasks (id, owner_id, input_digest, input_bytes, input_inline, parameters, fuel_limit, memory_limit_bytes, timeout_ms, output_limit_bytes, log_limit_bytes, priority, attempts, losses, token, due_at, created_at)
                    VALUES (@task, @till, @brought, 100000, FALSE, '[]', 1, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0)
                    """,
                    new { task, till = _till, brought });
                await session.ExecuteAsync(
                    "INSERT INTO task_ends (task_id, owner_id, state, attempts, losses, token, finished_at, outcome) VALUES (@task, @till, 'succeeded', 1, 0, 1, @now, @outcome)",
                    new { task, till = _till, now = s_now, outcome = JsonSerializer.Serialize(result, TaskRowJson.Default.TaskResult) });
                await session.ExecuteAsync(
                    "INSERT INTO paid_calls (channel_id, request_key, request_hash, task_id, reserved, price, created_at, input_digest, input_bytes) VALUES (@channel, 'key', @brought, @task, 1, 1, 0, @brought, 100000)",
                    new { channel = _channel, brought, task });
                foreach (var column in new[] { "paid_calls DROP COLUMN agent", "paid_calls DROP COLUMN output_bytes", "call_credit DROP COLUMN output_bytes" })
                    await session.ExecuteAsync($"ALTER TABLE {column}");
                await session.ExecuteAsync("DROP TABLE call_room");
                await session.ExecuteAsync("DROP TABLE call_leavings");

                return await session.ExecuteAsync(Migrations.Embedded.Single(step => step.Number == 55).Sql);
            },
            Stop);

        var marks = await Database.ReadAsync(session => session.QueryAsync<(ContentHash Digest, string CameBy)>("SELECT digest, came_by FROM content_owners"), Stop);
        marks.ToDictionary(mark => mark.Digest, mark => mark.CameBy).ShouldBe(
            new Dictionary<ContentHash, string> { [made] = ContentOrigins.Task, [brought] = ContentOrigins.Caller, [own] = ContentOrigins.Owner }, ignoreOrder: true);
        (await _calls.ListKeptAsync(null, s_now.AddDays(7), 10, Stop)).ShouldHaveSingleItem().Output.ShouldBe(made);
        (await RoomAsync()).ShouldBe(100_000);
    }

    /// <summary>What outputs take up, which is the same however it is counted.</summary>
    private async Task<long> RoomAsync()
    {
        var room = await Database.ReadAsync(
            session => session.QuerySingleAsync<(long All, long Calls)>("SELECT output_bytes, (SELECT CAST(COALESCE(SUM(output_bytes), 0) AS BIGINT) FROM paid_calls) FROM call_room"), Stop);
        room.All.ShouldBe(room.Calls);
        return room.All;
    }

    private async Task<PaidCall> ReserveAsync(string key, long amount, ContentDescriptor? input = null, Id<Channel>? channel = null, string what = "what", long outputBytes = 0) =>
        (await AskAsync(key, amount, input, channel, what, outputBytes)).Call.ShouldNotBeNull();

    private async Task<Reservation> AskAsync(string key, long amount, ContentDescriptor? input = null, Id<Channel>? channel = null, string what = "what", long outputBytes = 0)
    {
        var order = new CallOrder(key, ContentHash.Of(System.Text.Encoding.UTF8.GetBytes(what)), new Money(amount))
        {
            Agent = s_agent,
            Input = input is null ? null : new RequestedInput.Announced(input.Digest, input.SizeBytes),
            OutputBytes = outputBytes,
        };
        (await _calls.ReserveAsync(channel ?? _channel, order, s_now, Stop)).TryGet(out var reservation, out _).ShouldBeTrue();
        return reservation;
    }

    /// <summary>A channel that has paid so many nanodollars.</summary>
    private async Task<Id<Channel>> OpenAsync(long settled, string payer = "ada")
    {
        var id = _ids.Next<Channel>();
        await Database.WriteAsync(
            session => session.ExecuteAsync(
                """
                INSERT INTO channels (id, node, payer_id, payer, payer_wallet_id, payer_key, payee_id, payee, payee_wallet_id, payee_key, escrow_id, challenge_window_ms, opened_at, expires_at, deposit, settled, state)
                VALUES (@id, 'node', @payer, @payer, 'wallet', @key, 'till', 'till', 'other', @key, 'escrow', 1, 0, 1, @settled, @settled, 'Open')
                """,
                new { id, payer, key = Array.Empty<byte>(), settled }),
            Stop);
        return id;
    }

    private Task<(Money Spent, Money Reserved)> CreditAsync() => Database.ReadAsync(
        session => session.QuerySingleAsync<(Money, Money)>("SELECT spent, reserved FROM call_credit WHERE channel_id = @channel", new { channel = _channel }), Stop);

    private Task<long> CountAsync(string table) => Database.ReadAsync(session => session.QuerySingleAsync<long>($"SELECT COUNT(*) FROM {table}"), Stop);
}

public sealed class SqlitePaidCallTests() : PaidCallConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresPaidCallTests(PostgresCluster cluster) : PaidCallConformance(new PostgresSource(cluster));

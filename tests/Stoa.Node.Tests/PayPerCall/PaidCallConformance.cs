using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Builds;
using Stoa.Node.PayPerCall;
using Stoa.Node.Quotas;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.PayPerCall;

/// <summary>Whatever the order of requests, of a channel's credit no more is spent than was paid; and content goes with the last call that needs it, and with no other.</summary>
public abstract class PaidCallConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly ContentDescriptor s_content = new(ContentHash.Of("content"u8), 2 << 20);
    private static readonly UserQuota s_everybody = new(100, 1L << 30);
    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));
    private readonly PayPerCallOptions _options = new() { Payee = "till" };
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

        Task<Outcome<Reservation, TaskRefusal>> AskAsync(long bytes) => _calls.ReserveAsync(_channel, "key", ContentHash.Of("what"u8), new(s_content.Digest, bytes), new Money(1), s_now, Stop);
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
        await _owners.GrantAsync(s_content, _till, cameBy, ContentOrigins.Task, Stop);
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

    private async Task<PaidCall> ReserveAsync(string key, long amount, ContentDescriptor? input = null, Id<Channel>? channel = null, string what = "what")
    {
        var announced = input is null ? null : new RequestedInput.Announced(input.Digest, input.SizeBytes);
        (await _calls.ReserveAsync(channel ?? _channel, key, ContentHash.Of(System.Text.Encoding.UTF8.GetBytes(what)), announced, new Money(amount), s_now, Stop)).TryGet(out var reservation, out _).ShouldBeTrue();
        return reservation.Call.ShouldNotBeNull();
    }

    /// <summary>A channel that has paid so many nanodollars.</summary>
    private async Task<Id<Channel>> OpenAsync(long settled)
    {
        var id = _ids.Next<Channel>();
        await Database.WriteAsync(
            session => session.ExecuteAsync(
                """
                INSERT INTO channels (id, node, payer_id, payer, payer_wallet_id, payer_key, payee_id, payee, payee_wallet_id, payee_key, escrow_id, challenge_window_ms, opened_at, expires_at, deposit, settled, state)
                VALUES (@id, 'node', 'ada', 'ada', 'wallet', @key, 'till', 'till', 'other', @key, 'escrow', 1, 0, 1, @settled, @settled, 'Open')
                """,
                new { id, key = Array.Empty<byte>(), settled }),
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

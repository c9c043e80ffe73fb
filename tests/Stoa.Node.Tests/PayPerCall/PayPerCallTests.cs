using System.Net;
using System.Text;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Builds;
using Stoa.Market.Channels;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.PayPerCall;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.PayPerCall;

/// <summary>Somebody without an account, who pays for single calls out of a channel.</summary>
[Trait("speed", "slow")]
public sealed class PayPerCallTests : IAsyncLifetime
{
    private static readonly AgentPriceBody s_price = new("0.0001", "0", "0.001");
    private readonly List<PaymentRequirements> _asked = [];
    private PaidCaller _caller = null!;
    private ChannelResponse _channel = null!;
    private string _echo = "";
    private Money _signed;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _caller = await PaidCaller.StartAsync("10", "--Channels:PollMs", "50", "--Channels:MinChallengeWindowSeconds", "1");
        _echo = await TestNode.PublishAsync(_caller.Node.Client, "echo", GuestPrograms.Echo, price: s_price);
        _channel = await _caller.OpenChannelAsync(challengeWindowSeconds: 1);
    }

    public ValueTask DisposeAsync() => _caller.DisposeAsync();

    [Fact]
    public async Task Call_WithVouchers_IsAnsweredAndChargedExactly()
    {
        var first = await CallAsync("hello");
        var second = await CallAsync("hello again");

        first.Success.ShouldBeTrue();
        _asked.Select(asked => asked.PayTo).Distinct().ShouldBe(["till"]);
        var amount = Money.Parse(_asked[0].Amount);
        var (one, two) = (Money.Parse(first.Amount), Money.Parse(second.Amount));
        one.ShouldBeLessThan(amount);
        // The second call needs only what the first has used up.
        _signed.ShouldBe(one + amount);
        await _caller.Ada.CloseChannelAsync(_channel.Id, null, Stop);
        await WalletAsync(Money.Parse("10") - one - two);
    }

    [Fact]
    public async Task Call_WithTheSamePaymentAgain_IsTheSameCall_AndOfAnotherInputIsNotPaidFor()
    {
        await CallAsync("hello");
        var before = _signed;

        // The same voucher, for the same input and for another.
        using var output = new MemoryStream();
        var refused = await Should.ThrowAsync<StoaException>(() => _caller.Anonymous.CallAgentAsync(
            AgentReference.Parse(_echo), CallInput.Of(Encoding.UTF8.GetBytes("another")), null, (_, _) => Task.FromResult(Voucher(before)), output, Stop));

        (refused.Code, refused.Problem.Status).ShouldBe(("paymentRequired", 402));
        refused.Message.ShouldContain("is needed");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("again-and-again")]
    public async Task Call_ThatIsMadeAgain_IsTheSameCall_WhateverIsPublishedMeanwhile(string? key)
    {
        await CallAsync("hello");
        var voucher = Voucher(_signed + _signed);
        var first = await PostAsync(key, voucher);

        await TestNode.PublishAsync(_caller.Node.Client, "echo", GuestPrograms.Echo, price: s_price, version: "1.1.0");
        var again = await PostAsync(key, voucher);

        (first.Status, again).ShouldBe((HttpStatusCode.OK, first));
        var database = _caller.Service<Database>();
        (await database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM paid_calls"), Stop)).ShouldBe(2, "the first one, and this one");
    }

    [Fact]
    public async Task Key_OfACallOfOneAgent_IsNoCallOfAnother()
    {
        await CallAsync("hello");
        var other = await TestNode.PublishAsync(_caller.Node.Client, "other", GuestPrograms.Echo, price: s_price);
        var voucher = Voucher(_signed + _signed + _signed);
        (await PostAsync("key", voucher)).Status.ShouldBe(HttpStatusCode.OK);

        (await PostAsync("key", voucher, other.Split('@')[0])).Status.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await PostAsync("key", voucher, "stoa/echo@2.0.0")).Status.ShouldNotBe(HttpStatusCode.OK);
        (await PostAsync("key", voucher, _echo)).Status.ShouldBe(HttpStatusCode.OK, "it is the version that was called");
    }

    [Fact]
    public async Task Call_ThatIsMadeAgain_IsAnswered_ThoughItsAgentIsWithdrawn()
    {
        await CallAsync("hello");
        var voucher = Voucher(_signed + _signed);
        var first = await PostAsync("key", voucher);

        await _caller.Node.Client.WithdrawAgentAsync(AgentReference.Parse(_echo.Split('@')[0]), cancellationToken: Stop);

        (await PostAsync("key", voucher)).ShouldBe(first);
        (await PostAsync("another", voucher)).Status.ShouldBe(HttpStatusCode.Gone);
    }

    [Fact]
    public async Task Call_WhoseOutputWasGivenUp_SaysSo_WhenItIsAskedForAgain()
    {
        var input = new string('x', TaskResult.MaxInlineBytes + 1);
        await CallAsync(input);
        await _caller.Till.DeleteBlobAsync(ContentHash.Of(Encoding.UTF8.GetBytes(input)).ToString(), Stop);
        var owned = _caller.Service<IContentStore>();
        await owned.DeleteAsync(ContentHash.Of(Encoding.UTF8.GetBytes(input)), Stop);

        var database = _caller.Service<Database>();
        var task = await database.ReadAsync(session => session.QuerySingleAsync<string>("SELECT task_id FROM paid_calls"), Stop);
        using var gone = await _caller.SendAsync(HttpMethod.Get, $"/api/v1/calls/{task}", _channel, Voucher(_signed));

        gone.StatusCode.ShouldBe(HttpStatusCode.Gone);
        (await gone.Content.ReadAsStringAsync(Stop)).ShouldContain("resultDeleted");
    }

    [Fact]
    public async Task Call_OfAnAgentThatFails_CostsNothing()
    {
        var trap = await TestNode.PublishAsync(_caller.Node.Client, "trap", GuestPrograms.Unreachable, price: s_price);

        var failed = await Should.ThrowAsync<StoaException>(() => CallAsync("hello", trap));
        failed.Code.ShouldBe("callFailed");
        var paid = _signed;
        var charged = Money.Parse((await CallAsync("hello")).Amount);

        _signed.ShouldBe(paid, "what was paid for the call that failed pays for this one");
        await _caller.Ada.CloseChannelAsync(_channel.Id, null, Stop);
        await WalletAsync(Money.Parse("10") - charged);
    }

    [Fact]
    public async Task Call_WhoseEndCannotBeWritten_HoldsUpNoOther()
    {
        await CallAsync("first");
        await CallAsync("second");
        var database = _caller.Service<Database>();
        var keys = await database.ReadAsync(session => session.QueryAsync<string>("SELECT request_key FROM paid_calls ORDER BY created_at"), Stop);
        await StuckRows.MakeAsync(database, "UPDATE", "paid_calls", $"OLD.request_key = '{keys[0]}' AND NEW.price IS NOT NULL");
        await database.WriteAsync(session => session.ExecuteAsync("UPDATE paid_calls SET price = NULL"), Stop);
        await database.WriteAsync(session => session.ExecuteAsync("UPDATE call_credit SET spent = 0, reserved = (SELECT CAST(SUM(reserved) AS BIGINT) FROM paid_calls)"), Stop);

        await _caller.Service<PaidCallWorker>().LookAsync(Stop);

        (await database.ReadAsync(session => session.QueryAsync<string>("SELECT request_key FROM paid_calls WHERE price IS NULL"), Stop)).ShouldBe([keys[0]]);
    }

    [Fact]
    public async Task Key_OfACheapCall_BuysNoDearOne()
    {
        await CallAsync("hello");
        var (store, channel) = (_caller.Service<SqlPaidCallStore>(), Id<Channel>.Parse(_channel.Id));
        var cheap = await ReserveAsync("cheap", 1);

        cheap.IsNew.ShouldBeTrue();
        (await store.ReserveAsync(channel, new CallOrder("key", Hash("dear"), new Money(10)), DateTimeOffset.UtcNow, Stop)).Refusal!.Code.ShouldBe(TaskRefusal.IdempotencyKeyReused);
        // The same call again has what is reserved, and is not to take it back.
        var again = await ReserveAsync("cheap", 1);
        (again.IsNew, again.Call!.Key, again.Credit.Reserved).ShouldBe((false, "key", new Money(1)));

        async Task<Reservation> ReserveAsync(string what, long amount)
        {
            (await store.ReserveAsync(channel, new CallOrder("key", Hash(what), new Money(amount)), DateTimeOffset.UtcNow, Stop)).TryGet(out var reservation, out _).ShouldBeTrue();
            return reservation;
        }
    }

    [Fact]
    public async Task Call_WhoseReservationWasTakenBack_IsPaidAllTheSame()
    {
        var first = Money.Parse((await CallAsync("hello")).Amount);
        var (store, channel, task) = (_caller.Service<SqlPaidCallStore>(), Id<Channel>.Parse(_channel.Id), new Id<AgentTask>(Guid.CreateVersion7()));
        (await store.ReserveAsync(channel, new CallOrder("key", Hash("call"), new Money(7)), DateTimeOffset.UtcNow, Stop)).TryGet(out var reserved, out _).ShouldBeTrue();
        // Of the same call twice at once, one request was refused, and the other's task was made.
        var held = (await store.HoldAsync(reserved.Call!, DateTimeOffset.UtcNow.AddMinutes(1), DateTimeOffset.UtcNow, Stop))!;
        await store.ReleaseAsync(held, null, DateTimeOffset.UtcNow, Stop);
        (await store.AttachAsync(reserved.Call!, task, Stop)).ShouldBeTrue();
        (await store.AttachAsync(reserved.Call!, task, Stop)).ShouldBeTrue();

        var call = (await store.FindAsync(task, Stop)).ShouldNotBeNull();
        await store.EndAsync(call, new Money(5), default, null, DateTimeOffset.UtcNow, Stop);

        var credit = await _caller.Service<Database>().ReadAsync(
            session => session.QuerySingleAsync<(Money Spent, Money Reserved)>("SELECT spent, reserved FROM call_credit WHERE channel_id = @channel", new { channel }), Stop);
        credit.Reserved.ShouldBe(Money.Zero);
        credit.Spent.ShouldBe(first + new Money(5));
    }

    [Fact]
    public async Task Demand_ForPayment_IsNoEntryOfTheAuditLog()
    {
        await CallAsync("hello");

        // They are gathered for a moment; the demand came before the call.
        var entries = await Eventually.FoundAsync(async () => await _caller.Node.Client.ListAuditAsync(act: "callAgent", cancellationToken: Stop).ToListAsync(Stop) is { Count: > 0 } some ? some : null);
        entries.Select(entry => entry.Status).Distinct().ShouldBe([200]);
    }

    [Theory]
    [InlineData("voucherSignatureInvalid")]
    [InlineData("channelUnknown")]
    [InlineData("voucherExceedsDeposit")]
    public async Task Call_WithABadPayment_IsRefused(string code)
    {
        using var other = PrivateKey.Generate();
        var bad = code switch
        {
            "voucherSignatureInvalid" => Voucher(Money.Parse("1"), other),
            "channelUnknown" => Voucher(Money.Parse("1")) with { ChannelId = "chan_01h2xcejqtf2nbrexx3vqjhp41" },
            _ => Voucher(Money.Parse("6")),
        };
        using var output = new MemoryStream();

        var refused = await Should.ThrowAsync<StoaException>(() => _caller.Anonymous.CallAgentAsync(
            AgentReference.Parse(_echo), CallInput.Of(Encoding.UTF8.GetBytes("hello")), null, (_, _) => Task.FromResult(bad), output, Stop));

        refused.Code.ShouldBe(code);
    }

    [Fact]
    public async Task Call_AtANodeThatSellsNone_SaysSo()
    {
        await using var plain = await TestNode.StartAsync();
        using var output = new MemoryStream();

        var refused = await Should.ThrowAsync<StoaException>(() => plain.Client.CallAgentAsync(
            AgentReference.Parse("stoa/echo"), CallInput.Of(Encoding.UTF8.GetBytes("hello")), null, (_, _) => throw new InvalidOperationException("Nobody asks for money."), output, Stop));

        refused.Code.ShouldBe("callsNotSold");
    }

    private static ContentHash Hash(string text) => ContentHash.Of(Encoding.UTF8.GetBytes(text));

    private async Task<PaymentOutcome> CallAsync(string input, string? agent = null)
    {
        using var output = new MemoryStream();
        var outcome = await _caller.Anonymous.CallAgentAsync(AgentReference.Parse(agent ?? _echo), CallInput.Of(Encoding.UTF8.GetBytes(input)), null, PayAsync, output, Stop);
        Encoding.UTF8.GetString(output.ToArray()).ShouldBe(input);
        return outcome;
    }

    /// <summary>Calls the newest version: which task it was, if it is answered.</summary>
    private async Task<(HttpStatusCode Status, string? Call)> PostAsync(string? key, ChannelVoucherBody voucher, string? agent = null)
    {
        using var body = new StringContent("hello again");
        using var response = await _caller.SendAsync(HttpMethod.Post, "/api/v1/calls/" + (agent ?? _echo.Split('@')[0]), _channel, voucher, body, ("Idempotency-Key", key));
        return (response.StatusCode, response.Content.Headers.ContentLocation?.ToString());
    }

    private Task<ChannelVoucherBody> PayAsync(PaymentRequirements required, CancellationToken cancellationToken)
    {
        _asked.Add(required);
        _signed = required.Extra!.Cumulative is { } cumulative ? Money.Parse(cumulative) : _signed > Money.Zero ? _signed : Money.Parse(required.Amount);
        return Task.FromResult(Voucher(_signed));
    }

    private ChannelVoucherBody Voucher(Money cumulative, PrivateKey? key = null) => _caller.Voucher(_channel, cumulative, key);

    /// <summary>What the channel has left over comes back some time after it is closed.</summary>
    private Task WalletAsync(Money expected) => Eventually.IsSoAsync(async () => Money.Parse((await _caller.Ada.GetWalletAsync(Stop)).Posted) == expected);
}

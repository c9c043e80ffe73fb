using System.Net;
using System.Text;
using Stoa.Client.Contracts;
using Stoa.Node.Http;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Hosting;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Http;

public sealed class IdempotencyTests(SharedNode shared) : IClassFixture<SharedNode>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Repetition_GetsTheSameAnswerAndMakesNothing()
    {
        var first = await RunningNode.ReadAsync<ApiKeyResponse>(await CreateKeyAsync("k-1", "laptop"));

        using var response = await CreateKeyAsync("k-1", "laptop");

        response.Headers.GetValues(Idempotency.ReplayedHeader).Single().ShouldBe("true");
        response.StatusCode.ShouldBe(HttpStatusCode.Created);
        (await RunningNode.ReadAsync<ApiKeyResponse>(response)).ShouldBe(first);
        var keys = await RunningNode.ReadAsync<ListResponse<ApiKeyResponse>>(await shared.Node.Admin.GetAsync("/api/v1/api-keys", Stop));
        keys.Items.Count(key => key.Name == "laptop").ShouldBe(1);
    }

    [Fact]
    public async Task Key_WithOtherContent_IsRefused()
    {
        (await CreateKeyAsync("k-2", "one")).StatusCode.ShouldBe(HttpStatusCode.Created);

        using var response = await CreateKeyAsync("k-2", "two");

        response.StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await RunningNode.ReadProblemAsync(response)).Code.ShouldBe("idempotencyKeyReused");
    }

    [Fact]
    public async Task Key_OfAnotherCaller_IsAnotherKey()
    {
        using var bob = await shared.Node.NewMemberAsync("bob-idem");
        (await CreateKeyAsync("k-3", "same")).StatusCode.ShouldBe(HttpStatusCode.Created);

        using var response = await CreateKeyAsync("k-3", "same", bob);

        response.StatusCode.ShouldBe(HttpStatusCode.Created);
        response.Headers.Contains(Idempotency.ReplayedHeader).ShouldBeFalse();
    }

    [Fact]
    public async Task Key_OfARefusedRequest_IsFreeForTheCorrectedOne()
    {
        (await CreateKeyAsync("k-4", "")).StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);

        (await CreateKeyAsync("k-4", "corrected")).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Theory]
    [InlineData("with space")]
    [InlineData("256")]
    public async Task Key_OfTheWrongForm_IsRefused(string key)
    {
        var sent = key == "256" ? new string('k', 256) : key;

        using var response = await CreateKeyAsync(sent, "x");

        (await RunningNode.ReadProblemAsync(response)).Code.ShouldBe("requestInvalid");
    }

    [Fact]
    public async Task Deposit_SentTwice_MovesMoneyOnce()
    {
        using var carol = await shared.Node.NewMemberAsync("carol");
        for (var time = 0; time < 2; time++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/deposits") { Content = Json("""{"handle":"carol","amount":"2.5"}""") };
            request.Headers.Add(IdempotencyKeyHeader.Name, "deposit-1");
            (await shared.Node.Admin.SendAsync(request, Stop)).StatusCode.ShouldBe(HttpStatusCode.Created);
        }

        var wallet = await RunningNode.ReadAsync<WalletResponse>(await carol.GetAsync("/api/v1/wallet", Stop));
        wallet.Posted.ShouldBe("2.500000000");
    }

    [Fact]
    public async Task Request_ThatIsBeingWorkedOn_IsRefusedUntilItsNodeIsTakenToBeGone()
    {
        var clock = new SettableTime(DateTimeOffset.UnixEpoch.AddYears(60));
        var requests = new SqlIdempotentRequests(shared.Node.Service<Database>(), clock);
        var ticket = new IdempotencyTicket("scope", "busy");
        var hash = ContentHash.Of("request"u8);
        var made = Guid.CreateVersion7();

        (await requests.BeginAsync(ticket, hash, made, Stop)).ShouldBe(new IdempotencyStart.Reserved(made));
        (await requests.BeginAsync(ticket, hash, Guid.CreateVersion7(), Stop)).ShouldBeOfType<IdempotencyStart.Busy>();
        clock.Advance(TimeSpan.FromSeconds(4));

        // The repetition makes its thing under the id of the first request, so that the stores recognise it.
        (await requests.BeginAsync(ticket, hash, Guid.CreateVersion7(), Stop)).ShouldBe(new IdempotencyStart.Reserved(made));
    }

    [Fact]
    public async Task Request_ThatIsBeingWorkedOnForLong_StaysBusy()
    {
        var clock = new SettableTime(DateTimeOffset.UnixEpoch.AddYears(60));
        var requests = new SqlIdempotentRequests(shared.Node.Service<Database>(), clock);
        var ticket = new IdempotencyTicket("scope", "long");
        var hash = ContentHash.Of("request"u8);
        await requests.BeginAsync(ticket, hash, Guid.CreateVersion7(), Stop);
        using var working = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        clock.Advance(TimeSpan.FromSeconds(4));
        var busy = requests.KeepBusyAsync(ticket, working.Token);

        // Its first renewal comes after a second of the machine's.
        while (await shared.Node.Service<Database>().ReadAsync(session => session.QuerySingleAsync<long>(
            "SELECT COUNT(*) FROM idempotent_requests WHERE key_hash = @Hash AND busy_until > @now", new { ticket.Hash, now = clock.GetUtcNow() }), Stop) == 0)
        {
            await Task.Yield();
        }

        (await requests.BeginAsync(ticket, hash, Guid.CreateVersion7(), Stop)).ShouldBeOfType<IdempotencyStart.Busy>();
        await working.CancelAsync();
        await busy;
    }

    [Fact]
    public async Task Request_OfBeforeTheClockWasSetBack_IsNotBusyForAnHour()
    {
        var clock = new SettableTime(DateTimeOffset.UnixEpoch.AddYears(60));
        var requests = new SqlIdempotentRequests(shared.Node.Service<Database>(), clock);
        var ticket = new IdempotencyTicket("scope", "back");
        var hash = ContentHash.Of("request"u8);
        var made = Guid.CreateVersion7();
        await requests.BeginAsync(ticket, hash, made, Stop);

        clock.Advance(TimeSpan.FromHours(-1));

        (await requests.BeginAsync(ticket, hash, Guid.CreateVersion7(), Stop)).ShouldBe(new IdempotencyStart.Reserved(made));
    }

    [Fact]
    public async Task Answer_IsStoredSealed()
    {
        var key = await RunningNode.ReadAsync<ApiKeyResponse>(await CreateKeyAsync("k-sealed", "sealed"));
        var stored = await shared.Node.Service<Database>().ReadAsync(
            session => session.QueryAsync<byte[]>("SELECT sealed_answer FROM idempotent_requests WHERE sealed_answer IS NOT NULL"), Stop);

        stored.ShouldNotBeEmpty();
        foreach (var sealedAnswer in stored)
            Encoding.Latin1.GetString(sealedAnswer).ShouldNotContain(key.Secret!);
    }

    private Task<HttpResponseMessage> CreateKeyAsync(string idempotencyKey, string name, HttpClient? client = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/api-keys") { Content = Json($$"""{"name":"{{name}}"}""") };
        request.Headers.TryAddWithoutValidation(IdempotencyKeyHeader.Name, idempotencyKey);
        return (client ?? shared.Node.Admin).SendAsync(request, Stop);
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");
}

using System.Net;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Channels;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.PayPerCall;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.PayPerCall;

/// <summary>Inputs above 1 MiB of a stranger's calls: what is taken of them, and what is not.</summary>
[Trait("speed", "slow")]
public sealed class CallInputTests : IAsyncLifetime
{
    private readonly byte[] _input = new byte[(2 << 20) + 1];
    private PaidCaller _caller = null!;
    private string _echo = "";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        new Random(3).NextBytes(_input);
        _caller = await PaidCaller.StartAsync(
            "20", "--PayPerCall:MaxInputBytes", "4194304", "--PayPerCall:MaxInputBytesPerChannel", "4194304", "--PayPerCall:UploadGraceSeconds", "600", "--PayPerCall:MaxOutputBytesPerPayer", "33554432");
        _echo = await _caller.Node.PublishAsync("echo", GuestPrograms.Echo, new AgentLimitsBody(100_000_000_000, 8 << 20, 60_000, 16 << 20, 10_000));
    }

    public ValueTask DisposeAsync() => _caller.DisposeAsync();

    [Fact]
    public async Task Call_WithALongInput_IsAnswered_AndChargedExactly()
    {
        var channel = await OpenChannelAsync();
        using var output = new MemoryStream();

        var outcome = await CallAsync(channel, CallInput.Of(_input), output);

        output.ToArray().ShouldBe(_input);
        (await CreditAsync(channel)).ShouldBe((Money.Parse(outcome.Amount), Money.Zero));
    }

    [Fact]
    public async Task Input_WithoutMoneyForTheCall_IsNotReadAtAll()
    {
        var channel = await OpenChannelAsync();
        var (input, opened) = Counted();

        var refused = await Should.ThrowAsync<StoaException>(() => _caller.Anonymous.CallAgentAsync(
            AgentReference.Parse(_echo), input, null, (_, _) => Task.FromResult(_caller.Voucher(channel, new Money(1))), Stream.Null, Stop));

        (refused.Code, opened()).ShouldBe(("paymentRequired", 0));
        (await CountAsync("SELECT COUNT(*) FROM paid_calls")).ShouldBe(0);
    }

    [Fact]
    public async Task Input_ThatIsNotWhatWasAnnounced_IsRefused_AndNothingStaysReserved()
    {
        var channel = await OpenChannelAsync();

        (await Should.ThrowAsync<StoaException>(() => CallAsync(channel, CallInput.Of(_input) with { Digest = ContentHash.Of("other"u8) }, Stream.Null))).Code.ShouldBe("digestMismatch");

        (await CountAsync("SELECT COUNT(*) FROM paid_calls")).ShouldBe(0);
        (await CountAsync("SELECT COUNT(*) FROM content_owners WHERE size_bytes > 1000000")).ShouldBe(0);
        (await CreditAsync(channel)).ShouldBe((Money.Zero, Money.Zero));
    }

    [Theory]
    [InlineData("nonsense", "inputInvalid")]
    [InlineData("digest=sha256:00, bytes=2000000", "inputInvalid")]
    [InlineData("digest=sha256:1111111111111111111111111111111111111111111111111111111111111111, bytes=1048576", "inputInvalid")]
    [InlineData("digest=sha256:1111111111111111111111111111111111111111111111111111111111111111, bytes=4194305", "inputTooLarge")]
    public async Task Announcement_ThatIsNone_OrOfTooMuch_IsRefused(string header, string code) => (await AnnounceAsync(header)).ShouldBe(code);

    [Fact]
    public async Task Input_ThatComesWithoutAnnouncement_IsRefusedAboveAMebibyte()
    {
        using var http = new HttpClient();
        using var body = new ByteArrayContent(_input);
        using var refused = await http.PostAsync(new Uri(_caller.Node.Client.Options.Address, $"/api/v1/calls/{_echo.Split('@')[0]}"), body, Stop);

        (await refused.Content.ReadAsStringAsync(Stop)).ShouldContain("inputTooLarge");
    }

    [Fact]
    public async Task Inputs_OfOneChannel_AreBoundedTogether_UntilTheirCallsHaveEnded()
    {
        var channel = await OpenChannelAsync();
        var calls = _caller.Service<SqlPaidCallStore>();
        var id = Id<Channel>.Parse(channel.Id);
        // Paid for, and on its way for a long time.
        var open = (await calls.ReserveAsync(id, new CallOrder("open", ContentHash.Of("open"u8), Money.Zero) { Input = new(ContentHash.Of("open"u8), 3 << 20) }, DateTimeOffset.UtcNow, Stop)).Value.Call!;

        (await Should.ThrowAsync<StoaException>(() => CallAsync(channel, CallInput.Of((byte[])[.. _input, 1]), Stream.Null))).Code.ShouldBe("inputsTooMany");

        var other = await OpenChannelAsync();
        await CallAsync(other, CallInput.Of((byte[])[.. _input, 2]), Stream.Null);
        await calls.EndAsync(open, Money.Zero, default, null, DateTimeOffset.UtcNow, Stop);
        await CallAsync(channel, CallInput.Of((byte[])[.. _input, 3]), Stream.Null);
    }

    [Fact]
    public async Task Call_WhosePriceMovedBetweenAnnouncementAndInput_CostsAtMostWhatWasReserved()
    {
        using var body = new ByteArrayContent(_input);
        var busy = await TestNode.PublishAsync(
            _caller.Node.Client, "busy", GuestPrograms.EndlessLoop, new AgentLimitsBody(1_000_000_000_000, 8 << 20, 600_000, 1_000, 1_000),
            price: new AgentPriceBody("0.001", "0", "0", Demand: new PriceDemandBody(Max: 3, Capacity: 4, From: 0.5m)));
        var request = new SubmitTaskRequest(busy, new TaskInputBody(Text: "hello"));
        var open = new List<TaskResponse>();
        foreach (var consumer in new[] { _caller.Node.Client, _caller.Node.Client, _caller.Ada, _caller.Ada })
            open.Add(await consumer.SubmitAsync(request, cancellationToken: Stop));
        var channel = await OpenChannelAsync();

        (await PostAsync(channel, "one", null, busy, "wait=0")).Status.ShouldBe(HttpStatusCode.PreconditionRequired);
        (await CreditAsync(channel)).Reserved.ShouldBeGreaterThan(Money.Parse("0.001"));
        foreach (var (task, consumer) in open.Zip([_caller.Node.Client, _caller.Node.Client, _caller.Ada, _caller.Ada]))
        {
            await consumer.CancelTaskAsync(task.Id, Stop);
            await Eventually.IsSoAsync(async () => (await consumer.GetTaskAsync(task.Id, cancellationToken: Stop)).State == "cancelled");
        }

        (await PostAsync(channel, "one", body, busy, "wait=0")).Status.ShouldBe(HttpStatusCode.Accepted);
        (await PostAsync(channel, "one", null, busy, "wait=0")).Status.ShouldBe(HttpStatusCode.Accepted, "it is known, and needs no input");
    }

    [Fact]
    public async Task Input_ThatIsHereAlready_HasToBeSentByAStrangerAllTheSame()
    {
        var (first, second) = (await OpenChannelAsync(), await OpenChannelAsync());
        await CallAsync(first, CallInput.Of(_input), Stream.Null);
        var (input, opened) = Counted();

        await CallAsync(second, input, Stream.Null);

        opened().ShouldBe(1, "a digest is no password");
    }

    [Fact]
    public async Task Upload_ThatIsUnderWay_KeepsItsReservation_WhateverComesUnderItsKey()
    {
        var channel = await OpenChannelAsync();
        using var slow = new SlowBody(_input);
        (await PostAsync(channel, "key", null)).Status.ShouldBe(HttpStatusCode.PreconditionRequired);
        var first = PostAsync(channel, "key", slow);
        await Eventually.IsSoAsync(async () => await CountAsync("SELECT COUNT(*) FROM paid_calls WHERE hold IS NOT NULL") == 1);

        using var wrong = new ByteArrayContent(_input[1..]);
        (await PostAsync(channel, "key", wrong)).ShouldBe((HttpStatusCode.Conflict, TimeSpan.FromSeconds(1)));
        // However long it takes: the worker looks at what has no task after ten minutes.
        await _caller.Service<Database>().WriteAsync(session => session.ExecuteAsync("UPDATE paid_calls SET created_at = 1"), Stop);
        await _caller.Service<PaidCallWorker>().LookAsync(Stop);
        (await CountAsync("SELECT COUNT(*) FROM paid_calls")).ShouldBe(1);
        (await CreditAsync(channel)).Reserved.ShouldBeGreaterThan(Money.Zero);

        slow.GoOn();
        (await first).Status.ShouldBe(HttpStatusCode.OK);
        (await CountAsync("SELECT COUNT(*) FROM tasks")).ShouldBe(1);
        (await CreditAsync(channel)).ShouldBe((new Money(await CountAsync("SELECT price FROM paid_calls")), Money.Zero));
    }

    [Fact]
    public async Task Reservation_WhoseRequestHasCrashed_IsTakenBackWhenItsTimeHasPassed()
    {
        var channel = await OpenChannelAsync();
        (await PostAsync(channel, "key", null)).Status.ShouldBe(HttpStatusCode.PreconditionRequired);

        await _caller.Service<Database>().WriteAsync(session => session.ExecuteAsync("UPDATE paid_calls SET created_at = 1, hold = 'of a node that has crashed', held_until = 2"), Stop);

        await Eventually.IsSoAsync(async () => await CountAsync("SELECT COUNT(*) FROM paid_calls") == 0);
        (await CreditAsync(channel)).ShouldBe((Money.Zero, Money.Zero));
    }

    [Fact]
    public async Task Output_OfAnother_IsNotDeletedByWhoeverNamesIt_AndGoesWhenItsTimeIsOver()
    {
        await CallAsync(await OpenChannelAsync(), CallInput.Of(_input), Stream.Null);
        const string owned = "SELECT COUNT(*) FROM content_owners WHERE size_bytes = 2097153";

        // It names the output, and sends other bytes.
        var stranger = await Should.ThrowAsync<StoaException>(async () => await CallAsync(
            await OpenChannelAsync(), CallInput.Of(_input) with { Open = _ => Task.FromResult<Stream>(new MemoryStream(new byte[_input.Length])) }, Stream.Null));

        stranger.Code.ShouldBe("digestMismatch");
        (await CountAsync(owned)).ShouldBe(1);
        await _caller.Service<Database>().WriteAsync(session => session.ExecuteAsync("UPDATE paid_calls SET output_until = 1 WHERE output_until IS NOT NULL"), Stop);
        await Eventually.IsSoAsync(async () => await CountAsync(owned) == 0);
    }

    [Fact]
    public async Task Call_ThatWasAnnounced_IsTheSameCall_WhateverIsPublishedBeforeItsInputComes()
    {
        var channel = await OpenChannelAsync();
        var name = _echo.Split('@')[0];
        using var body = new ByteArrayContent(_input);
        (await PostAsync(channel, "key", null, name)).Status.ShouldBe(HttpStatusCode.PreconditionRequired);

        // It would not even take the call.
        await TestNode.PublishAsync(_caller.Node.Client, "echo", GuestPrograms.Echo, new AgentLimitsBody(1_000, 8 << 20, 60_000, 1_000, 10_000), version: "1.1.0", output: new AgentPortBody("text/html"));

        (await PostAsync(channel, "key", body, name)).Status.ShouldBe(HttpStatusCode.OK);
        var agents = await _caller.Service<Database>().ReadAsync(session => session.QueryAsync<string>("SELECT agent FROM tasks"), Stop);
        agents.ShouldBe([_echo]);
    }

    [Fact]
    public async Task Call_WhoseOutputCouldBeMoreThanThePayerMayHaveHere_IsRefusedBeforeItRuns()
    {
        var channel = await OpenChannelAsync();
        var calls = _caller.Service<SqlPaidCallStore>();
        var open = (await calls.ReserveAsync(
            Id<Channel>.Parse(channel.Id), new CallOrder("open", ContentHash.Of("open"u8), Money.Zero) { OutputBytes = 20 << 20 }, DateTimeOffset.UtcNow, Stop)).Value.Call!;

        (await Should.ThrowAsync<StoaException>(async () => await CallAsync(await OpenChannelAsync(), CallInput.Of(_input), Stream.Null))).Code.ShouldBe("outputsTooMany");
        (await CountAsync("SELECT COUNT(*) FROM tasks")).ShouldBe(0);

        await calls.EndAsync(open, Money.Zero, default, null, DateTimeOffset.UtcNow, Stop);
        await CallAsync(channel, CallInput.Of(_input), Stream.Null);
    }

    [Fact]
    public async Task Call_WithALimitThatNobodyMayHave_IsMadeWithALowerOne()
    {
        var channel = await OpenChannelAsync();
        var wide = await TestNode.PublishAsync(_caller.Node.Client, "wide", GuestPrograms.Echo, new AgentLimitsBody(100_000_000_000, 8 << 20, 60_000, 64 << 20, 10_000));
        using var body = new ByteArrayContent(_input);

        (await PostAsync(channel, "key", null, wide)).Status.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await PostAsync(channel, "key", null, wide, limits: "outputBytes=3000000")).Status.ShouldBe(HttpStatusCode.PreconditionRequired);
        (await PostAsync(channel, "key", body, wide, limits: "outputBytes=3000000")).Status.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Output_ThatWasFetched_IsKeptForMinutesOnly()
    {
        await CallAsync(await OpenChannelAsync(), CallInput.Of(_input), Stream.Null);

        var soon = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeMilliseconds();
        await Eventually.IsSoAsync(async () => await CountAsync($"SELECT COUNT(*) FROM paid_calls WHERE output_until < {soon}") == 1);
    }

    private async Task<(HttpStatusCode Status, TimeSpan? RetryAfter)> PostAsync(ChannelResponse channel, string key, HttpContent? body, string? agent = null, string prefer = "wait=300", string? limits = null)
    {
        using var answer = await _caller.SendAsync(
            HttpMethod.Post, $"/api/v1/calls/{agent ?? _echo}", channel, _caller.Voucher(channel, Money.Parse("4")), body,
            (StoaClient.InputHeader, $"digest={ContentHash.Of(_input)}, bytes={_input.Length}"), ("Idempotency-Key", key), ("Prefer", prefer), (StoaClient.LimitsHeader, limits));
        return (answer.StatusCode, answer.Headers.RetryAfter?.Delta);
    }

    /// <summary>A body of which nothing more comes than its half until it goes on.</summary>
    private sealed class SlowBody : HttpContent
    {
        private readonly byte[] _bytes;
        private readonly TaskCompletionSource _goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public SlowBody(byte[] bytes) => (_bytes, Headers.ContentLength) = (bytes, bytes.Length);

        public void GoOn() => _goOn.TrySetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            // In pieces, so that the connection is not given up for its silence.
            var sent = 0;
            for (; !_goOn.Task.IsCompleted && sent < _bytes.Length / 2; sent += 4_096)
            {
                await stream.WriteAsync(_bytes.AsMemory(sent, 4_096));
                await stream.FlushAsync();
                await Task.WhenAny(_goOn.Task, Task.Delay(100));
            }

            await _goOn.Task;
            await stream.WriteAsync(_bytes.AsMemory(sent));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _bytes.Length;
            return true;
        }
    }

    /// <summary>The input, and how often it was sent.</summary>
    private (CallInput Input, Func<int> Opened) Counted()
    {
        var opened = 0;
        var input = CallInput.Of(_input);
        return (input with { Open = stop => { opened++; return input.Open(stop); } }, () => opened);
    }

    private async Task<string?> AnnounceAsync(string header)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_caller.Node.Client.Options.Address, $"/api/v1/calls/{_echo.Split('@')[0]}"));
        request.Headers.Add(StoaClient.InputHeader, header);
        using var answer = await http.SendAsync(request, Stop);
        return JsonSerializer.Deserialize(await answer.Content.ReadAsStringAsync(Stop), StoaJson.Default.Problem)!.Code;
    }

    private Task<ChannelResponse> OpenChannelAsync() => _caller.OpenChannelAsync();

    private Task<PaymentOutcome> CallAsync(ChannelResponse channel, CallInput input, Stream output) => _caller.Anonymous.CallAgentAsync(
        AgentReference.Parse(_echo), input, null,
        (required, _) => Task.FromResult(_caller.Voucher(channel, Money.Parse(required.Extra!.Cumulative ?? required.Amount))), output, Stop);

    private Task<(Money Spent, Money Reserved)> CreditAsync(ChannelResponse channel) => _caller.CreditAsync(channel);

    private Task<long> CountAsync(string query) => _caller.CountAsync(query);
}

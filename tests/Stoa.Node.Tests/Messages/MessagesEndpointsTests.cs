using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Messages;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Messages;

public sealed class MessagesEndpointsTests : IAsyncLifetime
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(60);

    private TestNode _node = null!;
    private StoaClient _ada = null!;
    private StoaClient _bob = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(null, "--Messages:MailboxesPerAccount", "3", "--Messages:MessagesPerMailbox", "5");
        (_ada, _bob) = (await _node.JoinAsync("ada"), await _node.JoinAsync("bob"));
    }

    public async ValueTask DisposeAsync()
    {
        _ada.Dispose();
        _bob.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Message_GoesFromOneAccountToAnotherAndBack()
    {
        var jobs = await _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs", "accounts", ["bob"]), Stop);
        (jobs.Address, jobs.Senders, jobs.VisibilitySeconds, jobs.MaxDeliveries, jobs.RetentionSeconds).ShouldBe(("ada/jobs", "accounts", 30, 5, 345_600));
        jobs.Accounts.ShouldBe(["bob"]);
        await _bob.CreateMailboxAsync(new CreateMailboxRequest("answers", "anyone"), Stop);

        var sent = await _bob.SendMessageAsync("ada/jobs", new SendMessageRequest(JsonElement.Parse("""{"order":[17,null]}"""), CorrelationId: "q1", ReplyTo: "bob/answers"), Stop);
        var request = (await _ada.ReceiveMessagesAsync("ada/jobs", wait: s_long, cancellationToken: Stop)).Messages.ShouldHaveSingleItem();
        await _ada.SendMessageAsync(request.ReplyTo!, new SendMessageRequest(Base64: "AAEC", ContentType: "image/png", CorrelationId: request.CorrelationId), Stop);
        await _ada.AcknowledgeMessageAsync("ada/jobs", request.Id, request.Token!, Stop);
        var reply = (await _bob.ReceiveMessagesAsync("bob/answers", wait: s_long, cancellationToken: Stop)).Messages.ShouldHaveSingleItem();

        (request.Id, request.From, request.Deliveries, request.ContentType, request.Base64).ShouldBe((sent.Id, "bob", 1, "application/json", null));
        request.Body!.Value.GetRawText().ShouldBe("""{"order":[17,null]}""");
        (reply.From, reply.ContentType, reply.Base64, reply.Body, reply.CorrelationId).ShouldBe(("ada", "image/png", "AAEC", null, "q1"));
        (await _ada.GetMailboxAsync("ada/jobs", Stop)).Messages.ShouldBe(0);
        await RefusedAsync("messageUnknown", () => _ada.AcknowledgeMessageAsync("ada/jobs", request.Id, request.Token!, Stop));
        (await _bob.AcknowledgeMessagesAsync("bob/answers", [new(reply.Id, reply.Token!), new(request.Id, reply.Token!)], Stop)).ShouldSatisfyAllConditions(
            done => done.Acknowledged.ShouldBe(1), done => done.Refused.Select(refused => (refused.Id, refused.Code)).ShouldBe([(request.Id, "messageUnknown")]));
    }

    [Fact]
    public async Task Receiver_ThatWaits_IsWokenByWhoeverSends()
    {
        await _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs"), Stop);
        var waiting = _ada.ReceiveMessagesAsync("ada/jobs", wait: s_long, cancellationToken: Stop);

        var sent = await _ada.SendMessageAsync("ada/jobs", Text("hello"), Stop);

        (await waiting).Messages.ShouldHaveSingleItem().Id.ShouldBe(sent.Id);
    }

    [Fact]
    public async Task Receiver_ThatWaits_GetsWhatAnotherHasLetGo()
    {
        await _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs", VisibilitySeconds: 1), Stop);
        await _ada.SendMessageAsync("ada/jobs", Text("hello"), Stop);
        var first = (await _ada.ReceiveMessagesAsync("ada/jobs", cancellationToken: Stop)).Messages.Single();

        var second = (await _ada.ReceiveMessagesAsync("ada/jobs", wait: s_long, visibilitySeconds: 600, cancellationToken: Stop)).Messages.ShouldHaveSingleItem();

        (second.Id, second.Deliveries).ShouldBe((first.Id, 2));
        await RefusedAsync("deliveryOver", () => _ada.AcknowledgeMessageAsync("ada/jobs", first.Id, first.Token!, Stop));
        await RefusedAsync("deliveryOver", () => _ada.ExtendDeliveryAsync("ada/jobs", first.Id, new ExtendDeliveryRequest(first.Token!, 600), Stop));
        (await _ada.ExtendDeliveryAsync("ada/jobs", second.Id, new ExtendDeliveryRequest(second.Token!, 1_200), Stop)).HeldUntil.ShouldBeGreaterThan(second.HeldUntil!.Value);
        (await _ada.ReturnDeliveryAsync("ada/jobs", second.Id, new ReturnDeliveryRequest(second.Token!), Stop)).Dead.ShouldBeFalse();
        (await _ada.ReceiveMessagesAsync("ada/jobs", cancellationToken: Stop)).Messages.Single().Deliveries.ShouldBe(3);
    }

    [Fact]
    public async Task DeadLetter_IsListedAndComesBack()
    {
        await _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs", MaxDeliveries: 1), Stop);
        var sent = await _ada.SendMessageAsync("ada/jobs", Text("poison"), Stop);
        var got = (await _ada.ReceiveMessagesAsync("ada/jobs", cancellationToken: Stop)).Messages.Single();
        (await _ada.ReturnDeliveryAsync("ada/jobs", got.Id, new ReturnDeliveryRequest(got.Token!), Stop)).Dead.ShouldBeTrue();

        var dead = await _ada.ListDeadLettersAsync("ada/jobs", Stop).SingleAsync(Stop);
        (dead.Id, dead.Deliveries, dead.Token, dead.HeldUntil).ShouldBe((sent.Id, 1, null, null));
        dead.DeadAt.ShouldNotBeNull();
        (await _ada.GetMailboxAsync("ada/jobs", Stop)).ShouldSatisfyAllConditions(box => box.Messages.ShouldBe(0), box => box.DeadLetters.ShouldBe(1), box => box.Bytes.ShouldBe(6));
        await RefusedAsync("messageInvalid", () => _ada.RedriveAsync("ada/jobs", new RedriveRequest([]), Stop));
        await RefusedAsync("messageInvalid", () => _ada.RedriveAsync("ada/jobs", new RedriveRequest(["all"]), Stop));
        (await _ada.RedriveAsync("ada/jobs", new RedriveRequest(), Stop)).Redriven.ShouldBe(1);

        (await _ada.ReceiveMessagesAsync("ada/jobs", wait: s_long, cancellationToken: Stop)).Messages.Single().Id.ShouldBe(sent.Id);
    }

    [Fact]
    public async Task DedupeKey_MakesARepetitionHarmless()
    {
        await _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs"), Stop);
        var request = Text("hello") with { DedupeKey = "order-17" };

        var first = await _ada.SendMessageAsync("ada/jobs", request, Stop);
        var again = await _ada.SendMessageAsync("ada/jobs", request, Stop);

        (first.Duplicate, again).ShouldBe((false, first with { Duplicate = true }));
        await RefusedAsync("dedupeKeyReused", () => _ada.SendMessageAsync("ada/jobs", Text("other") with { DedupeKey = "order-17" }, Stop));
        (await _ada.GetMailboxAsync("ada/jobs", Stop)).Messages.ShouldBe(1);
    }

    [Fact]
    public async Task MailboxOfAnother_IsOneThatDoesNotExist()
    {
        await _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs"), Stop);
        var sent = await _ada.SendMessageAsync("ada/jobs", Text("secret"), Stop);
        var got = (await _ada.ReceiveMessagesAsync("ada/jobs", cancellationToken: Stop)).Messages.Single();

        foreach (var address in new[] { "ada/jobs", "ada/none", "nobody/jobs" })
        {
            await RefusedAsync("mailboxUnknown", () => _bob.GetMailboxAsync(address, Stop));
            await RefusedAsync("mailboxUnknown", () => _bob.DeleteMailboxAsync(address, Stop));
            await RefusedAsync("mailboxUnknown", () => _bob.SendMessageAsync(address, Text("hello"), Stop));
            await RefusedAsync("mailboxUnknown", () => _bob.ReceiveMessagesAsync(address, cancellationToken: Stop));
            await RefusedAsync("mailboxUnknown", () => _bob.AcknowledgeMessageAsync(address, got.Id, got.Token!, Stop));
            await RefusedAsync("mailboxUnknown", () => _bob.AcknowledgeMessagesAsync(address, [new(got.Id, got.Token!)], Stop));
            await RefusedAsync("mailboxUnknown", () => _bob.ExtendDeliveryAsync(address, got.Id, new ExtendDeliveryRequest(got.Token!), Stop));
            await RefusedAsync("mailboxUnknown", () => _bob.ReturnDeliveryAsync(address, got.Id, new ReturnDeliveryRequest(got.Token!), Stop));
            await RefusedAsync("mailboxUnknown", async () => await _bob.ListDeadLettersAsync(address, Stop).ToListAsync(Stop));
            await RefusedAsync("mailboxUnknown", () => _bob.RedriveAsync(address, new RedriveRequest(), Stop));
        }

        // The id of another's message and its token are worth nothing at a mailbox of one's own.
        await _bob.CreateMailboxAsync(new CreateMailboxRequest("jobs"), Stop);
        await RefusedAsync("messageUnknown", () => _bob.AcknowledgeMessageAsync("bob/jobs", got.Id, got.Token!, Stop));
        (await _ada.GetMailboxAsync("ada/jobs", Stop)).Messages.ShouldBe(1);
        await _ada.AcknowledgeMessageAsync("ada/jobs", sent.Id, got.Token!, Stop);
    }

    [Fact]
    public async Task WhatBreaksTheRules_IsRefusedForItsReasons()
    {
        await RefusedAsync("mailboxInvalid", () => _ada.CreateMailboxAsync(new CreateMailboxRequest("J", "accounts", ["no-one-here"], 0, 0, 0), Stop), "/name", "/visibilitySeconds", "/maxDeliveries", "/retentionSeconds", "/accounts");
        await RefusedAsync("mailboxInvalid", () => _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs", "everybody"), Stop), "/senders");
        await _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs"), Stop);
        await RefusedAsync("mailboxTaken", () => _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs"), Stop));
        await _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs2"), Stop);
        await _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs3"), Stop);
        await RefusedAsync("mailboxesTooMany", () => _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs4"), Stop));
        (await _ada.ListMailboxesAsync(Stop).Select(box => box.Address).ToListAsync(Stop)).ShouldBe(["ada/jobs", "ada/jobs2", "ada/jobs3"]);

        await SendRefusedAsync(new SendMessageRequest(), "");
        await SendRefusedAsync(Text("both") with { Body = JsonElement.Parse("1") }, "");
        await SendRefusedAsync(new SendMessageRequest(Base64: "A A="), "/base64");
        await SendRefusedAsync(new SendMessageRequest(Base64: "?"), "/base64");
        await SendRefusedAsync(new SendMessageRequest(Base64: "e30=", ContentType: MessageRules.Json), "/contentType");
        await SendRefusedAsync(new SendMessageRequest(JsonElement.Parse("1"), ContentType: "text/plain"), "/contentType");
        await SendRefusedAsync(Text("x") with { ReplyTo = "nowhere", DedupeKey = " ", CorrelationId = new string('c', 129), ExpiresInSeconds = -1 }, "/replyTo", "/dedupeKey", "/correlationId", "/expiresInSeconds");
        await SendRefusedAsync(new SendMessageRequest(JsonElement.Parse(Nested(MessageRules.MaxBodyDepth + 1))), "/body");
        await SendRefusedAsync(new SendMessageRequest(Base64: Convert.ToBase64String(new byte[MessageRules.MaxBodyBytes + 1])), "/body");
        await RefusedAsync("payloadTooLarge", () => _ada.SendMessageAsync("ada/jobs", new SendMessageRequest(Base64: new string('A', (2 * MessageRules.MaxBodyBytes) + 20_000)), Stop));
        foreach (var (max, visibility) in new (int, int?)[] { (0, null), (51, null), (1, 0), (1, 43_201) })
            await RefusedAsync("messageInvalid", () => _ada.ReceiveMessagesAsync("ada/jobs", max, null, visibility, Stop));
        await RefusedAsync("requestInvalid", () => _ada.ReceiveMessagesAsync("ada/jobs", 1, TimeSpan.FromMinutes(2), cancellationToken: Stop));

        async Task SendRefusedAsync(SendMessageRequest request, params string[] pointers) => await RefusedAsync("messageInvalid", () => _ada.SendMessageAsync("ada/jobs", request, Stop), pointers);
    }

    [Fact]
    public async Task LargestAndDeepestMessages_ComeAsTheyWereSent()
    {
        await _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs"), Stop);
        var bytes = new byte[MessageRules.MaxBodyBytes];
        new Random(1).NextBytes(bytes);

        await _ada.SendMessageAsync("ada/jobs", new SendMessageRequest(Base64: Convert.ToBase64String(bytes)), Stop);
        await _ada.SendMessageAsync("ada/jobs", new SendMessageRequest(JsonElement.Parse(Nested(MessageRules.MaxBodyDepth))), Stop);

        var got = (await _ada.ReceiveMessagesAsync("ada/jobs", 50, cancellationToken: Stop)).Messages;
        got.Count.ShouldBe(2);
        Convert.FromBase64String(got[0].Base64!).ShouldBe(bytes);
        got[1].Body!.Value.GetRawText().ShouldBe(Nested(MessageRules.MaxBodyDepth));
    }

    [Fact]
    public async Task ForgedToken_DoesNothing()
    {
        await _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs"), Stop);
        await _ada.SendMessageAsync("ada/jobs", Text("one"), Stop);
        var got = (await _ada.ReceiveMessagesAsync("ada/jobs", cancellationToken: Stop)).Messages.Single();
        var waiting = await _ada.SendMessageAsync("ada/jobs", Text("two"), Stop);

        foreach (var (token, code) in new[] { ("0000000000000000", "messageInvalid"), ("'; DROP TABLE", "messageInvalid"), ("", "messageInvalid"), ("0000000000000001", "deliveryOver"), ("7fffffffffffffff", "deliveryOver") })
        {
            await RefusedAsync(code, () => _ada.AcknowledgeMessageAsync("ada/jobs", got.Id, token, Stop));
            await RefusedAsync(code, () => _ada.ReturnDeliveryAsync("ada/jobs", got.Id, new ReturnDeliveryRequest(token), Stop));
            await RefusedAsync(code, () => _ada.ExtendDeliveryAsync("ada/jobs", got.Id, new ExtendDeliveryRequest(token), Stop));
        }

        await RefusedAsync("deliveryOver", () => _ada.AcknowledgeMessageAsync("ada/jobs", waiting.Id, got.Token!, Stop));
        await RefusedAsync("messageInvalid", () => _ada.AcknowledgeMessagesAsync("ada/jobs", [new("all", "x")], Stop), "/deliveries/0/id", "/deliveries/0/token");
        await RefusedAsync("messageInvalid", () => _ada.AcknowledgeMessagesAsync("ada/jobs", [], Stop), "/deliveries");
        (await _ada.GetMailboxAsync("ada/jobs", Stop)).Messages.ShouldBe(2);
        await _ada.AcknowledgeMessageAsync("ada/jobs", got.Id, got.Token!, Stop);
    }

    [Fact]
    public async Task SeveralMessages_AreSentAtOnceOrNotAtAll()
    {
        await _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs"), Stop);
        var keyed = Text("keyed") with { DedupeKey = "k" };

        var sent = await _ada.SendMessagesAsync("ada/jobs", [Text("one"), keyed, keyed], Stop);

        sent.Messages.Select(one => one.Duplicate).ShouldBe([false, false, true]);
        await RefusedAsync("mailboxFull", () => _ada.SendMessagesAsync("ada/jobs", [.. Enumerable.Repeat(Text("x"), 4)], Stop));
        await RefusedAsync("messageInvalid", () => _ada.SendMessagesAsync("ada/jobs", [], Stop), "/messages");
        await RefusedAsync("messageInvalid", () => _ada.SendMessagesAsync("ada/jobs", [.. Enumerable.Repeat(Text("x"), 101)], Stop), "/messages");
        await RefusedAsync("messageInvalid", () => _ada.SendMessagesAsync("ada/jobs", [Text("x"), Text("y") with { ReplyTo = "?" }], Stop), "/messages/1/replyTo");
        var large = new SendMessageRequest(Base64: Convert.ToBase64String(new byte[MessageRules.MaxBodyBytes]));
        await RefusedAsync("messageInvalid", () => _ada.SendMessagesAsync("ada/jobs", [large, large, large, large, Text("x")], Stop), "/messages");
        (await _ada.GetMailboxAsync("ada/jobs", Stop)).Messages.ShouldBe(2);
    }

    [Fact]
    public async Task FullMailbox_SaysSo()
    {
        await _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs", "anyone"), Stop);
        for (var number = 0; number < 5; number++)
            await _bob.SendMessageAsync("ada/jobs", Text("x"), Stop);

        await RefusedAsync("mailboxFull", () => _bob.SendMessageAsync("ada/jobs", Text("x"), Stop));
    }

    [Fact]
    public async Task Key_MayNoMoreThanItsScopes()
    {
        await _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs"), Stop);
        using var sender = await WithKeyAsync("messages:send");
        using var receiver = await WithKeyAsync("messages:receive");

        await sender.SendMessageAsync("ada/jobs", Text("x"), Stop);
        await RefusedAsync("forbidden", () => sender.ReceiveMessagesAsync("ada/jobs", cancellationToken: Stop));
        await RefusedAsync("forbidden", () => sender.ListMailboxesAsync(Stop).ToListAsync(Stop).AsTask());
        await RefusedAsync("forbidden", () => receiver.SendMessageAsync("ada/jobs", Text("x"), Stop));
        (await receiver.ReceiveMessagesAsync("ada/jobs", cancellationToken: Stop)).Messages.ShouldHaveSingleItem();

        async Task<StoaClient> WithKeyAsync(string scope) => new(_node.Client.Options with
        {
            ApiKey = (await _ada.CreateApiKeyAsync(new CreateApiKeyRequest(scope.Replace(':', '-'), Scopes: [scope]), Stop)).Secret,
            MaxAttempts = 1,
        });
    }

    [Fact]
    public async Task Sender_WhoIsTooFast_IsToldToWait()
    {
        await using var node = await TestNode.StartAsync(null, "--Http:MessagesPerMinute", "2");
        using var ada = await node.JoinAsync("ada");
        await ada.CreateMailboxAsync(new CreateMailboxRequest("jobs"), Stop);

        // The minute may end between any two of them: of ten, more than two fall into one.
        var refused = await Should.ThrowAsync<StoaException>(async () =>
        {
            for (var number = 0; number < 10; number++)
                await ada.SendMessageAsync("ada/jobs", Text("x"), Stop);
        });

        refused.Problem.Code.ShouldBe("rateLimited");
    }

    [Fact]
    public async Task Answer_SaysWhatItIs()
    {
        await _ada.CreateMailboxAsync(new CreateMailboxRequest("jobs"), Stop);
        using var http = new HttpClient { BaseAddress = _ada.Options.Address };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", _ada.Options.ApiKey);

        (await PostAsync("messages", """{"body":{"a":1},"dedupeKey":"k"}""")).ShouldBe(HttpStatusCode.Created);
        (await PostAsync("messages", """{"body":{"a":1},"dedupeKey":"k"}""")).ShouldBe(HttpStatusCode.OK);
        (await PostAsync("messages", """{"body":{"a":1,"a":2}}""")).ShouldBe(HttpStatusCode.BadRequest, "which of the two it is, receivers would not agree on");
        (await PostAsync("messages", """{"body":null}""")).ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await PostAsync("messages", """{"body":1,"more":2}""")).ShouldBe(HttpStatusCode.BadRequest);
        (await PostAsync("messages/msg_none/ack", """{"token":"0000000000000001"}""")).ShouldBe(HttpStatusCode.BadRequest);

        async Task<HttpStatusCode> PostAsync(string path, string json)
        {
            using var content = new StringContent(json, Encoding.UTF8, "application/json");
            using var response = await http.PostAsync(new Uri($"/api/v1/mailboxes/ada/jobs/{path}", UriKind.Relative), content, Stop);
            return response.StatusCode;
        }
    }

    private static SendMessageRequest Text(string text) => new(Base64: Convert.ToBase64String(Encoding.UTF8.GetBytes(text)), ContentType: "text/plain");

    private static string Nested(int depth) => new string('[', depth) + new string(']', depth);

    private static async Task RefusedAsync(string code, Func<Task> act, params string[] pointers)
    {
        var problem = (await Should.ThrowAsync<StoaException>(act)).Problem;
        problem.Code.ShouldBe(code, problem.Detail);
        if (pointers.Length > 0)
            problem.Errors!.Select(error => error.Pointer).ShouldBe(pointers);
    }
}

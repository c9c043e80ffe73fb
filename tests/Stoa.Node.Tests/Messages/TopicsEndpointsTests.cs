using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Messages;

public sealed class TopicsEndpointsTests : IAsyncLifetime
{
    private TestNode _node = null!;
    private StoaClient _ada = null!;
    private StoaClient _bob = null!;
    private StoaClient _cleo = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(null, "--Messages:MessagesPerMailbox", "2", "--Messages:TopicsPerAccount", "2");
        (_ada, _bob, _cleo) = (await _node.JoinAsync("ada"), await _node.JoinAsync("bob"), await _node.JoinAsync("cleo"));
        await _bob.CreateMailboxAsync(new CreateMailboxRequest("inbox"), Stop);
        await _cleo.CreateMailboxAsync(new CreateMailboxRequest("inbox"), Stop);
    }

    public async ValueTask DisposeAsync()
    {
        _ada.Dispose();
        _bob.Dispose();
        _cleo.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task WhatIsPublished_ComesOnceToEachThatSubscribesAndAFullOneHoldsUpNobody()
    {
        var news = await _ada.CreateTopicAsync(new CreateTopicRequest("news", Subscribers: "anyone"), Stop);
        (news.Address, news.Senders, news.Subscribers, news.Subscriptions).ShouldBe(("ada/news", "owner", "anyone", 0));
        await _bob.SubscribeMailboxAsync("bob/inbox", "ada/news", Stop);
        await _bob.SubscribeMailboxAsync("bob/inbox", "ada/news", Stop);
        await _cleo.SubscribeMailboxAsync("cleo/inbox", "ada/news", Stop);
        await _cleo.SendMessageAsync("cleo/inbox", Json("own"), Stop);
        await _cleo.SendMessageAsync("cleo/inbox", Json("own"), Stop);

        var first = await _ada.PublishMessageAsync("ada/news", Json("one") with { DedupeKey = "one" }, Stop);
        (first.Delivered, first.Duplicates, first.Missed).ShouldBe((1, 0, 1));
        (await _ada.ListTopicSubscriptionsAsync("ada/news", Stop)).Items.Select(one => (one.Mailbox, one.Missed)).ShouldBe([("bob/inbox", 0L), ("cleo/inbox", 1L)]);
        var own = (await _cleo.ReceiveMessagesAsync("cleo/inbox", 2, cancellationToken: Stop)).Messages;
        await _cleo.AcknowledgeMessagesAsync("cleo/inbox", [.. own.Select(message => new DeliveryMarkBody(message.Id, message.Token!))], Stop);
        var again = await _ada.PublishMessageAsync("ada/news", Json("one") with { DedupeKey = "one" }, Stop);

        (again.Delivered, again.Duplicates, again.Missed).ShouldBe((1, 1, 0));
        foreach (var (client, address) in new[] { (_bob, "bob/inbox"), (_cleo, "cleo/inbox") })
        {
            var message = (await client.ReceiveMessagesAsync(address, 10, cancellationToken: Stop)).Messages.ShouldHaveSingleItem();
            (message.From, message.Topic, message.Body!.Value.GetString()).ShouldBe(("ada", "ada/news", "one"));
        }

        (await Should.ThrowAsync<StoaException>(() => _ada.PublishMessageAsync("ada/news", Json("other") with { DedupeKey = "one" }, Stop))).Problem.Code.ShouldBe("dedupeKeyReused");
    }

    [Fact]
    public async Task Topic_LetsWhomItNames()
    {
        await _ada.CreateTopicAsync(new CreateTopicRequest("plans", "accounts", ["bob"], "accounts", ["cleo"]), Stop);
        await _ada.CreateTopicAsync(new CreateTopicRequest("own"), Stop);

        await RefusedAsync("topicUnknown", () => _bob.SubscribeMailboxAsync("bob/inbox", "ada/plans", Stop));
        await RefusedAsync("mailboxUnknown", () => _cleo.SubscribeMailboxAsync("bob/inbox", "ada/plans", Stop));
        await _cleo.SubscribeMailboxAsync("cleo/inbox", "ada/plans", Stop);
        await RefusedAsync("topicUnknown", () => _cleo.PublishMessageAsync("ada/plans", Json("x"), Stop));
        (await _bob.PublishMessageAsync("ada/plans", Json("x"), Stop)).Delivered.ShouldBe(1);
        foreach (var topic in new[] { "ada/own", "ada/none", "nobody/plans" })
        {
            await RefusedAsync("topicUnknown", () => _bob.SubscribeMailboxAsync("bob/inbox", topic, Stop));
            await RefusedAsync("topicUnknown", () => _bob.UnsubscribeMailboxAsync("bob/inbox", topic, Stop));
            await RefusedAsync("topicUnknown", () => _bob.PublishMessageAsync(topic, Json("x"), Stop));
            await RefusedAsync("topicUnknown", () => _bob.GetTopicAsync(topic, Stop));
            await RefusedAsync("topicUnknown", () => _bob.DeleteTopicAsync(topic, Stop));
            await RefusedAsync("topicUnknown", () => _bob.ListTopicSubscriptionsAsync(topic, Stop));
        }

        await RefusedAsync("mailboxUnknown", () => _bob.ListMailboxSubscriptionsAsync("cleo/inbox", Stop));
        await RefusedAsync("topicTaken", () => _ada.CreateTopicAsync(new CreateTopicRequest("own"), Stop));
        await RefusedAsync("topicsTooMany", () => _ada.CreateTopicAsync(new CreateTopicRequest("third"), Stop));
        await RefusedAsync("topicInvalid", () => _ada.CreateTopicAsync(new CreateTopicRequest("Third", "accounts", ["no-one-here"], "organisation"), Stop));
        await RefusedAsync("topicInvalid", () => _ada.CreateTopicAsync(new CreateTopicRequest("third", "everybody"), Stop));
        var plans = await _ada.GetTopicAsync("ada/plans", Stop);
        (plans.SenderAccounts![0], plans.SubscriberAccounts![0], plans.Subscriptions).ShouldBe(("bob", "cleo", 1));
    }

    [Fact]
    public async Task SubscriptionThatIsOver_BringsNothingMore()
    {
        await _ada.CreateTopicAsync(new CreateTopicRequest("news", Subscribers: "anyone"), Stop);
        await _ada.CreateTopicAsync(new CreateTopicRequest("more", Subscribers: "anyone"), Stop);
        await _bob.SubscribeMailboxAsync("bob/inbox", "ada/news", Stop);
        await _bob.SubscribeMailboxAsync("bob/inbox", "ada/more", Stop);
        await _cleo.SubscribeMailboxAsync("cleo/inbox", "ada/news", Stop);
        (await _bob.ListMailboxSubscriptionsAsync("bob/inbox", Stop)).Items.Select(one => one.Topic).ShouldBe(["ada/more", "ada/news"]);
        await _ada.PublishMessageAsync("ada/news", Json("x"), Stop);

        await _bob.UnsubscribeMailboxAsync("bob/inbox", "ada/news", Stop);
        await _cleo.DeleteMailboxAsync("cleo/inbox", Stop);

        (await _ada.PublishMessageAsync("ada/news", Json("x"), Stop)).ShouldBe(new PublishedResponse(0, 0, 0));
        await _ada.DeleteTopicAsync("ada/news", Stop);
        (await _ada.ListTopicsAsync(Stop).Select(topic => topic.Address).ToListAsync(Stop)).ShouldBe(["ada/more"]);
        var left = (await _bob.ReceiveMessagesAsync("bob/inbox", 10, cancellationToken: Stop)).Messages.ShouldHaveSingleItem();
        left.Topic.ShouldBeNull("the topic is gone");
    }

    private static SendMessageRequest Json(string text) => new(JsonElement.Parse($"\"{text}\""));

    private static async Task RefusedAsync(string code, Func<Task> act)
    {
        var problem = (await Should.ThrowAsync<StoaException>(act)).Problem;
        problem.Code.ShouldBe(code, problem.Detail);
    }
}

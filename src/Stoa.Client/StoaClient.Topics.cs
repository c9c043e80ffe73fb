using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/topics</c>.</summary>
    public Task<TopicResponse> CreateTopicAsync(CreateTopicRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("topics", request, StoaJson.Default.CreateTopicRequest, StoaJson.Default.TopicResponse, cancellationToken);

    /// <summary><c>GET /api/v1/topics</c>, all pages.</summary>
    public IAsyncEnumerable<TopicResponse> ListTopicsAsync(CancellationToken cancellationToken = default) =>
        ListAsync("topics", StoaJson.Default.ListResponseTopicResponse, cancellationToken);

    /// <summary><c>GET /api/v1/topics/{handle}/{name}</c>.</summary>
    public Task<TopicResponse> GetTopicAsync(string address, CancellationToken cancellationToken = default) =>
        GetAsync(TopicPath(address), StoaJson.Default.TopicResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/topics/{handle}/{name}</c>: with its subscriptions.</summary>
    public async Task DeleteTopicAsync(string address, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(new Call(HttpMethod.Delete, TopicPath(address)), cancellationToken);
    }

    /// <summary><c>POST /api/v1/topics/{handle}/{name}/messages</c>: sends it to all mailboxes that subscribe. It is tried again by itself only with a dedupe key.</summary>
    public Task<PublishedResponse> PublishMessageAsync(string address, SendMessageRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return SendAsync(
            new Call(HttpMethod.Post, TopicPath(address) + "/messages", () => JsonBody(request, StoaJson.Default.SendMessageRequest), request.DedupeKey),
            StoaJson.Default.PublishedResponse,
            cancellationToken);
    }

    /// <summary><c>PUT /api/v1/mailboxes/{handle}/{name}/subscriptions/{publisher}/{topic}</c>.</summary>
    public async Task SubscribeMailboxAsync(string mailbox, string topic, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(new Call(HttpMethod.Put, SubscriptionPath(mailbox, topic)), cancellationToken);
    }

    /// <summary><c>DELETE /api/v1/mailboxes/{handle}/{name}/subscriptions/{publisher}/{topic}</c>.</summary>
    public async Task UnsubscribeMailboxAsync(string mailbox, string topic, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(new Call(HttpMethod.Delete, SubscriptionPath(mailbox, topic)), cancellationToken);
    }

    /// <summary><c>GET /api/v1/mailboxes/{handle}/{name}/subscriptions</c>.</summary>
    public Task<ListResponse<TopicSubscriptionResponse>> ListMailboxSubscriptionsAsync(string mailbox, CancellationToken cancellationToken = default) =>
        GetAsync(MailboxPath(mailbox) + "/subscriptions", StoaJson.Default.ListResponseTopicSubscriptionResponse, cancellationToken);

    /// <summary><c>GET /api/v1/topics/{handle}/{name}/subscriptions</c>.</summary>
    public Task<ListResponse<TopicSubscriptionResponse>> ListTopicSubscriptionsAsync(string topic, CancellationToken cancellationToken = default) =>
        GetAsync(TopicPath(topic) + "/subscriptions", StoaJson.Default.ListResponseTopicSubscriptionResponse, cancellationToken);

    private static string TopicPath(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return "topics/" + string.Join('/', address.Split('/').Select(Uri.EscapeDataString));
    }

    private static string SubscriptionPath(string mailbox, string topic) => $"{MailboxPath(mailbox)}/subscriptions{TopicPath(topic)["topics".Length..]}";
}

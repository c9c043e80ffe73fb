using System.Globalization;
using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/mailboxes</c>.</summary>
    public Task<MailboxResponse> CreateMailboxAsync(CreateMailboxRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("mailboxes", request, StoaJson.Default.CreateMailboxRequest, StoaJson.Default.MailboxResponse, cancellationToken);

    /// <summary><c>GET /api/v1/mailboxes</c>, all pages.</summary>
    public IAsyncEnumerable<MailboxResponse> ListMailboxesAsync(CancellationToken cancellationToken = default) =>
        ListAsync("mailboxes", StoaJson.Default.ListResponseMailboxResponse, cancellationToken);

    /// <summary><c>GET /api/v1/mailboxes/{handle}/{name}</c>.</summary>
    /// <param name="address"><c>owner/name</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<MailboxResponse> GetMailboxAsync(string address, CancellationToken cancellationToken = default) =>
        GetAsync(MailboxPath(address), StoaJson.Default.MailboxResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/mailboxes/{handle}/{name}</c>: with all that is in it.</summary>
    public async Task DeleteMailboxAsync(string address, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(new Call(HttpMethod.Delete, MailboxPath(address)), cancellationToken);
    }

    /// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/messages</c>. It is tried again by itself only with a dedupe key, since otherwise it might be sent twice.</summary>
    public Task<SentMessageResponse> SendMessageAsync(string address, SendMessageRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        // A key in the header changes nothing for the node, which has that of the message; here it says that a repetition does no harm.
        return SendAsync(
            new Call(HttpMethod.Post, MailboxPath(address) + "/messages", () => JsonBody(request, StoaJson.Default.SendMessageRequest), request.DedupeKey),
            StoaJson.Default.SentMessageResponse,
            cancellationToken);
    }

    /// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/batches</c>: all of them, or none. Not tried again by itself.</summary>
    public Task<SentMessagesResponse> SendMessagesAsync(string address, IReadOnlyList<SendMessageRequest> messages, CancellationToken cancellationToken = default) =>
        PostOnceAsync(MailboxPath(address) + "/batches", new SendMessagesRequest(messages), StoaJson.Default.SendMessagesRequest, StoaJson.Default.SentMessagesResponse, cancellationToken);

    /// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/receive</c>.</summary>
    /// <param name="address"><c>owner/name</c>, one of one's own.</param>
    /// <param name="count">At most so many, 1 to 50.</param>
    /// <param name="wait">How long to wait for the first, up to a minute; null not to wait.</param>
    /// <param name="visibilitySeconds">For how long they are held; null as the mailbox says.</param>
    /// <param name="cancellationToken">Gives up. What was handed out just then comes again when its time is over.</param>
    public Task<ReceivedResponse> ReceiveMessagesAsync(
        string address, int count = 1, TimeSpan? wait = null, int? visibilitySeconds = null, CancellationToken cancellationToken = default) => SendAsync(
        new Call(
            HttpMethod.Post,
            MailboxPath(address) + "/receive" + Query(
                ("max", count.ToString(CultureInfo.InvariantCulture)),
                ("wait", wait is { } time ? string.Create(CultureInfo.InvariantCulture, $"{(long)time.TotalMilliseconds}ms") : null),
                ("visibility", visibilitySeconds?.ToString(CultureInfo.InvariantCulture))))
        {
            ResponseTimeout = Options.ResponseTimeout + (wait ?? TimeSpan.Zero),
        },
        StoaJson.Default.ReceivedResponse,
        cancellationToken);

    /// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/messages/{id}/ack</c>: the message is dealt with.</summary>
    public async Task AcknowledgeMessageAsync(string address, string id, string token, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(
            new Call(HttpMethod.Post, MessagePath(address, id) + "/ack", () => JsonBody(new AcknowledgeRequest(token), StoaJson.Default.AcknowledgeRequest)), cancellationToken);
    }

    /// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/acks</c>: several of them.</summary>
    public Task<AcknowledgedResponse> AcknowledgeMessagesAsync(string address, IReadOnlyList<DeliveryMarkBody> deliveries, CancellationToken cancellationToken = default) =>
        PostOnceAsync(MailboxPath(address) + "/acks", new AcknowledgeManyRequest(deliveries), StoaJson.Default.AcknowledgeManyRequest, StoaJson.Default.AcknowledgedResponse, cancellationToken);

    /// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/messages/{id}/extend</c>: more time for it, and for what came with it of the same sender.</summary>
    public Task<ExtendedResponse> ExtendDeliveryAsync(string address, string id, ExtendDeliveryRequest request, CancellationToken cancellationToken = default) =>
        PostOnceAsync(MessagePath(address, id) + "/extend", request, StoaJson.Default.ExtendDeliveryRequest, StoaJson.Default.ExtendedResponse, cancellationToken);

    /// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/messages/{id}/return</c>: somebody else may have it, after a delay.</summary>
    public Task<ReturnedResponse> ReturnDeliveryAsync(string address, string id, ReturnDeliveryRequest request, CancellationToken cancellationToken = default) =>
        PostOnceAsync(MessagePath(address, id) + "/return", request, StoaJson.Default.ReturnDeliveryRequest, StoaJson.Default.ReturnedResponse, cancellationToken);

    /// <summary><c>GET /api/v1/mailboxes/{handle}/{name}/dead</c>, all pages.</summary>
    public IAsyncEnumerable<MessageResponse> ListDeadLettersAsync(string address, CancellationToken cancellationToken = default) =>
        ListAsync(MailboxPath(address) + "/dead", StoaJson.Default.ListResponseMessageResponse, cancellationToken);

    /// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/redrive</c>: lets dead letters wait again.</summary>
    public Task<RedrivenResponse> RedriveAsync(string address, RedriveRequest request, CancellationToken cancellationToken = default) =>
        PostOnceAsync(MailboxPath(address) + "/redrive", request, StoaJson.Default.RedriveRequest, StoaJson.Default.RedrivenResponse, cancellationToken);

    // Without a key: what was done once is refused or without effect the second time, and who repeats it wants to know.
    private Task<TResponse> PostOnceAsync<TRequest, TResponse>(
        string path,
        TRequest request,
        System.Text.Json.Serialization.Metadata.JsonTypeInfo<TRequest> requestType,
        System.Text.Json.Serialization.Metadata.JsonTypeInfo<TResponse> responseType,
        CancellationToken cancellationToken) => SendAsync(new Call(HttpMethod.Post, path, () => JsonBody(request, requestType)), responseType, cancellationToken);

    private static string MailboxPath(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return "mailboxes/" + string.Join('/', address.Split('/').Select(Uri.EscapeDataString));
    }

    private static string MessagePath(string address, string id) => $"{MailboxPath(address)}/messages/{Uri.EscapeDataString(id)}";
}

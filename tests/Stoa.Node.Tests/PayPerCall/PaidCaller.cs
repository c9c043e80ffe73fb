using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Channels;
using Stoa.Node.PayPerCall;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.PayPerCall;

/// <summary>A node whose account till sells calls, and somebody without an account who pays for them out of channels that ada opens.</summary>
internal sealed class PaidCaller : IAsyncDisposable
{
    private readonly PrivateKey _key = PrivateKey.Generate();
    private readonly string _nodeKey;

    private PaidCaller(TestNode node, StoaClient till, StoaClient ada, StoaClient anonymous, string nodeKey) =>
        (Node, Till, Ada, Anonymous, _nodeKey) = (node, till, ada, anonymous, nodeKey);

    public TestNode Node { get; }

    /// <summary>Who sells.</summary>
    public StoaClient Till { get; }

    /// <summary>Whose money it is.</summary>
    public StoaClient Ada { get; }

    /// <summary>Who calls.</summary>
    public StoaClient Anonymous { get; }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static async Task<PaidCaller> StartAsync(string deposit, params string[] options)
    {
        var node = await TestNode.StartAsync(null, ["--PayPerCall:Payee", "till", "--PayPerCall:PollMs", "50", .. options]);
        var anonymous = new StoaClient(node.Client.Options with { ApiKey = null, MaxAttempts = 1 });
        var caller = new PaidCaller(node, await node.JoinAsync("till"), await node.JoinAsync("ada"), anonymous, (await anonymous.GetNodeAsync(Stop)).PublicKey);
        await node.Client.DepositAsync(new DepositRequest("ada", deposit), Stop);
        return caller;
    }

    /// <summary>A channel of five dollars.</summary>
    public Task<ChannelResponse> OpenChannelAsync(int? challengeWindowSeconds = null) => Ada.OpenChannelAsync(
        new OpenChannelRequest("till", Convert.ToBase64String(_key.PublicKey.ToSpki()), _nodeKey, "5", ChallengeWindowSeconds: challengeWindowSeconds), cancellationToken: Stop);

    public ChannelVoucherBody Voucher(ChannelResponse channel, Money cumulative, PrivateKey? key = null) => new(
        channel.Id, new VoucherBody(new VoucherPayload(Id<Channel>.Parse(channel.Id), PeerId.Parse(channel.Node), cumulative).Sign(key ?? _key).Envelope));

    /// <summary>Makes a request as whoever knows the protocol alone does.</summary>
    /// <returns>The answer, of which the body was not read.</returns>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, ChannelResponse channel, ChannelVoucherBody voucher, HttpContent? body = null, params (string Name, string? Value)[] headers)
    {
        var payment = new PaymentPayload(PaymentHeaders.Version, new PaymentRequirements(Stoa.Node.PayPerCall.Till.Scheme, $"stoa:{channel.Node}", "0", "USD", "", 1), voucher);
        using var http = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        using var request = new HttpRequestMessage(method, new Uri(Node.Client.Options.Address, path)) { Content = body };
        request.Headers.Add(PaymentHeaders.Signature, Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(payment, StoaJson.Default.PaymentPayload)));
        foreach (var (name, value) in headers.Where(header => header.Value is not null))
            request.Headers.Add(name, value);
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop);
    }

    public Task<(Money Spent, Money Reserved)> CreditAsync(ChannelResponse channel) => Service<Database>().ReadAsync(
        session => session.QuerySingleAsync<(Money, Money)>("SELECT spent, reserved FROM call_credit WHERE channel_id = @Id", new { channel.Id }), Stop);

    public Task<long> CountAsync(string query) => Service<Database>().ReadAsync(session => session.QuerySingleAsync<long>(query), Stop);

    public T Service<T>()
        where T : notnull => Node.Host.Services.GetRequiredService<T>();

    public async ValueTask DisposeAsync()
    {
        Till.Dispose();
        Ada.Dispose();
        Anonymous.Dispose();
        _key.Dispose();
        await Node.DisposeAsync();
    }
}

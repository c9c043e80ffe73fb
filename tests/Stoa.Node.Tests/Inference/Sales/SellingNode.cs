using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Node.Hosting;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Sales;

/// <summary>A node whose account till sells answers of a model, which a server of the test's gives, and ada, who opens channels.</summary>
internal sealed class SellingNode : IAsyncDisposable
{
    private readonly PrivateKey _key = PrivateKey.Generate();
    private readonly StoaClient _till;
    private readonly StoaClient _ada;
    private readonly string _nodeKey;

    private SellingNode(InferenceNode inference, ModelServer server, StoaClient till, StoaClient ada, string nodeKey) =>
        (Inference, Server, _till, _ada, _nodeKey) = (inference, server, till, ada, nodeKey);

    public InferenceNode Inference { get; }

    public ModelServer Server { get; }

    public StoaClient Till => _till;

    public StoaClient Ada => _ada;

    /// <summary>Whose vouchers the channels of <see cref="OpenChannelAsync"/> are paid by.</summary>
    public PrivateKey Key => _key;

    public TestNode Node => Inference.Node;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static Task<SellingNode> StartAsync(params string[] options) => StartAsync(TimeProvider.System, options);

    /// <summary>Starts one with a clock of the test's own.</summary>
    public static async Task<SellingNode> StartAsync(TimeProvider time, params string[] options)
    {
        var server = ModelServer.Start();
        var inference = await InferenceNode.StartAsync(NodePhysics.Real with { Time = time }, ["--PayPerCall:Payee", "till", "--PayPerCall:PollMs", "50", "--Inference:SettleMs", "20", .. options]);
        var node = new SellingNode(inference, server, await inference.Node.JoinAsync("till"), await inference.Node.JoinAsync("ada"), (await inference.Node.Client.GetNodeAsync(Stop)).PublicKey);
        await inference.Node.Client.DepositAsync(new DepositRequest("ada", "20"), Stop);
        await inference.RegisterAsync(server, maxRequests: 256);
        return node;
    }

    /// <summary>A channel that ada opens for whoever has the key.</summary>
    public async Task<AnswerBuyer> OpenChannelAsync(string deposit = "1", PrivateKey? key = null, int? challengeWindowSeconds = null, DateTimeOffset? expiresAt = null)
    {
        var channel = await _ada.OpenChannelAsync(
            new OpenChannelRequest("till", Convert.ToBase64String((key ?? _key).PublicKey.ToSpki()), _nodeKey, deposit, challengeWindowSeconds, expiresAt), cancellationToken: Stop);
        return new AnswerBuyer(Node.Client.Options.Address, channel, key ?? _key);
    }

    /// <summary>What is used up of a channel's credit, and what is reserved.</summary>
    public Task<(Money Spent, Money Reserved)> CreditAsync(AnswerBuyer buyer) => Service<Database>().ReadAsync(
        session => session.QuerySingleAsync<(Money, Money)>("SELECT spent, reserved FROM call_credit WHERE channel_id = @Id", new { buyer.Channel.Id }), Stop);

    /// <summary>Waits until nothing of it is reserved, and answers what is used up.</summary>
    public async Task<Money> SpentAsync(AnswerBuyer buyer)
    {
        Money spent = default;
        await Eventually.IsSoAsync(async () =>
        {
            (spent, var reserved) = await CreditAsync(buyer);
            return reserved == Money.Zero;
        });
        return spent;
    }

    public T Service<T>()
        where T : notnull => Node.Host.Services.GetRequiredService<T>();

    public async ValueTask DisposeAsync()
    {
        _till.Dispose();
        _ada.Dispose();
        _key.Dispose();
        await Inference.DisposeAsync();
        await Server.DisposeAsync();
    }
}

using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Hosting;
using Stoa.Node.Network;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;
using AgentQuery = Stoa.Client.AgentQuery;

namespace Stoa.Node.Tests.Supply;

/// <summary>A node that gives tasks to others, and nodes that sell.</summary>
public abstract class SuppliedNodes : IAsyncLifetime
{
    private static readonly string[] s_options =
        ["--network:listen:0", "/ip4/127.0.0.1/tcp/0", "--network:mdns", "false", "--Tasks:StopGraceMs", "0", "--Supply:QuoteTimeoutMs", "60000"];
    private static readonly string[] s_selling = ["--PayPerCall:Payee", "till", "--PayPerCall:PollMs", "50", "--PayPerCall:WaitSeconds", "2"];

    private readonly List<TestNode> _sellers = [];
    private readonly List<IAsyncDisposable> _others = [];

    protected string Folder { get; } = Directory.CreateTempSubdirectory("stoa-node-").FullName;

    /// <summary>Handle at the sellers of whoever opens channels there.</summary>
    protected const string PayerName = "buyer";

    protected TestNode Buyer { get; set; } = null!;

    /// <summary>Options of the node that buys. What is done again by chance is not wanted where money is counted.</summary>
    protected virtual string[] Options => [.. s_options, "--Supply:SpotCheckShare", "0"];

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Of the node that buys.</summary>
    protected ShiftableTime Clock { get; } = new();

    public async ValueTask InitializeAsync() => Buyer = await StartBuyerAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (var other in _others)
            await other.DisposeAsync();
        foreach (var seller in _sellers)
            await seller.DisposeAsync();
        await Buyer.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Starts the node that buys, once more if need be.</summary>
    protected Task<TestNode> StartBuyerAsync() => TestNode.StartAsync(Folder, NodePhysics.Real with { Time = Clock }, Options);

    protected void Keep(IAsyncDisposable other) => _others.Add(other);

    /// <summary>Stands before a seller and has it give another output, to which its receipt swears: only who runs it again finds out.</summary>
    protected async Task<SellerProxy> LieAsync(TestNode seller, byte[] output)
    {
        var proxy = await SellerProxy.StartAsync(seller.Client.Options.Address);
        Keep(proxy);
        var key = seller.Host.Services.GetRequiredService<PrivateKey>();
        proxy.Alter = (path, bytes, _) => SellerProxy.IsOutput(path)
            ? output
            : Rewrite(path, bytes, key, receipt => receipt["outputDigest"] = ContentHash.Of(output).ToString());
        return proxy;
    }

    protected static byte[]? Rewrite(string path, byte[] bytes, PrivateKey key, Action<JsonNode> change)
    {
        if (!path.EndsWith("/receipt", StringComparison.Ordinal))
            return null;
        var receipt = JsonNode.Parse(JsonSerializer.Deserialize(bytes, StoaJson.Default.DsseEnvelope)!.Payload)!;
        change(receipt);
        var forged = DsseEnvelope.Sign(Receipt.PayloadType, Encoding.UTF8.GetBytes(receipt.ToJsonString()), key);
        return JsonSerializer.SerializeToUtf8Bytes(forged, StoaJson.Default.DsseEnvelope);
    }

    /// <summary>Stands before a seller and keeps its answer to a call back.</summary>
    /// <param name="seller">The seller.</param>
    /// <param name="request">Of those that a call is made in: the first is told what to pay, the second one makes it, or, where its input is long, the third.</param>
    protected async Task<(SellerProxy Proxy, Task Held)> HoldAsync(TestNode seller, int request = 2)
    {
        var proxy = await SellerProxy.StartAsync(seller.Client.Options.Address);
        Keep(proxy);
        var (held, never) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource());
        var calls = 0;
        proxy.Hold = async path =>
        {
            if (path.StartsWith("/api/v1/program-calls/", StringComparison.Ordinal) && !path.EndsWith("/quote", StringComparison.Ordinal) && ++calls >= request)
            {
                held.TrySetResult();
                await never.Task.WaitAsync(Stop);
            }
        };
        return (proxy, held.Task.WaitAsync(TimeSpan.FromMinutes(2), Stop));
    }

    /// <summary>A node that has joined the buyer and sells what it has.</summary>
    protected async Task<TestNode> SellAsync(string? region, byte[]? program = null, AgentLimitsBody? limits = null, params string[] more)
    {
        var seller = await OpenShopAsync(region, more);
        await seller.PublishAsync("worker", program ?? GuestPrograms.Echo, limits);
        return seller;
    }

    /// <summary>A node that sells, and has nothing yet.</summary>
    protected async Task<TestNode> OpenShopAsync(string? region, params string[] more)
    {
        var join = Buyer.Host.Services.GetRequiredService<NetworkService>().Addresses[0].ToString();
        string[] options = [.. s_options, .. s_selling, "--network:join:0", join, .. region is null ? Array.Empty<string>() : ["--node:region", region], .. more];
        var seller = await TestNode.StartAsync(null, options);
        _sellers.Add(seller);
        (await seller.JoinAsync("till")).Dispose();
        return seller;
    }

    /// <summary>Opens a channel at a seller and has the buyer give it tasks.</summary>
    protected async Task<SupplierResponse> SupplyAsync(TestNode seller, string? address = null, string deposit = "5")
    {
        using var operated = await seller.JoinAsync(PayerName);
        await seller.Client.DepositAsync(new DepositRequest(PayerName, "10"), Stop);
        using var key = PrivateKey.Generate();
        var channel = await operated.OpenChannelAsync(
            new OpenChannelRequest("till", Convert.ToBase64String(key.PublicKey.ToSpki()), (await operated.GetNodeAsync(Stop)).PublicKey, deposit), cancellationToken: Stop);
        return await Buyer.Client.AddSupplierAsync(new AddSupplierRequest(address ?? seller.Client.Options.Address.ToString(), channel.Id, key.ToPem()), Stop);
    }

    /// <summary>The seller's agent by its publisher's key, once the buyer has heard of it and of who has it.</summary>
    protected async Task<string> FindAgentAsync(TestNode seller)
    {
        var key = (await seller.Client.ListListingsAsync(new ListingQuery("worker"), Stop).ToListAsync(Stop)).Single(listing => listing.Publisher.Verified).Publisher.Key;
        await Eventually.IsSoAsync(async () => (await Buyer.Client.ListListingsAsync(new ListingQuery("worker"), Stop).ToListAsync(Stop)).Any(listing => listing.Publisher.Key == key));
        await WaitForOfferAsync(seller, await ProgramAsync(seller));
        return $"{key}/worker";
    }

    protected static async Task<string> ProgramAsync(TestNode seller) => (await seller.Client.ListAgentsAsync(new AgentQuery(Text: "worker"), Stop).FirstAsync(Stop)).ProgramDigest;

    protected Task WaitForOfferAsync(TestNode seller, string program) => Eventually.IsSoAsync(async () =>
        (await Buyer.Client.ListOffersAsync(Stop).ToListAsync(Stop)).Any(offer => offer.Node == PeerIdOf(seller).ToString() && offer.Programs.Contains(program)));

    protected async Task<string?> RefuseAsync(SubmitTaskRequest request)
    {
        using var once = new StoaClient(Buyer.Client.Options with { MaxAttempts = 1 });
        return (await Should.ThrowAsync<StoaException>(() => once.SubmitAsync(request, cancellationToken: Stop))).Code;
    }

    protected async Task<TaskResponse> EndAsync(TaskResponse task)
    {
        await Eventually.IsSoAsync(async () => (task = await Buyer.Client.GetTaskAsync(task.Id, cancellationToken: Stop)).State is not ("queued" or "running"));
        return task;
    }

    protected static async Task CountCallsAsync(TestNode seller, long expected) =>
        (await seller.Host.Services.GetRequiredService<Database>().ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM paid_calls"), Stop)).ShouldBe(expected);

    protected static PeerId PeerIdOf(TestNode node) => node.Host.Services.GetRequiredService<PublicKey>().PeerId;

    protected static async Task<Money> WalletAsync(StoaClient client) => Money.Parse((await client.GetWalletAsync(Stop)).Posted);

    protected static async Task<Money> EarnedAsync(TestNode node) =>
        (await node.Host.Services.GetRequiredService<ILedgerStore>().GetAccountAsync(node.Host.Services.GetRequiredService<SystemAccounts>().Node, Stop))!.Posted;
}

using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Network;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;
using AgentQuery = Stoa.Client.AgentQuery;

namespace Stoa.Node.Tests.Supply;

/// <summary>Tasks that are submitted at one node and run at another operator's.</summary>
[Trait("speed", "slow")]
public sealed class RemoteTaskTests : IAsyncLifetime
{
    private static readonly string[] s_options = ["--network:listen:0", "/ip4/127.0.0.1/tcp/0", "--network:mdns", "false", "--Tasks:StopGraceMs", "0"];
    private static readonly string[] s_selling = ["--PayPerCall:Payee", "till", "--PayPerCall:PollMs", "50", "--PayPerCall:WaitSeconds", "2"];

    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-node-").FullName;
    private readonly List<TestNode> _sellers = [];
    private readonly List<IAsyncDisposable> _others = [];
    private TestNode _buyer = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _buyer = await TestNode.StartAsync(_folder, s_options);

    public async ValueTask DisposeAsync()
    {
        foreach (var other in _others)
            await other.DisposeAsync();
        foreach (var seller in _sellers)
            await seller.DisposeAsync();
        await _buyer.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Task_OfAnAgentOfAnotherNode_RunsThere_AndIsPaidForHere()
    {
        var seller = await SellAsync("eu-central");
        var agent = await FindAgentAsync(seller);
        var before = await WalletAsync(_buyer.Client);
        var supplier = await SupplyAsync(seller);

        var quote = Money.Parse((await _buyer.Client.QuoteAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "hello")), Stop)).Hold);
        var task = await _buyer.RunAsync(agent);

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        (await _buyer.ResultAsync(task)).ShouldBe("hello");
        var price = Money.Parse(task.Result!.Price);
        price.ShouldBeGreaterThan(Money.Zero);
        price.ShouldBeLessThan(quote);
        Money.Parse(task.Hold).ShouldBe(quote);
        (await WalletAsync(_buyer.Client)).ShouldBe(before - price);
        // What the consumer has paid is the operator's, who has paid as much there.
        (await EarnedAsync(_buyer)).ShouldBe(price);
        var shown = await _buyer.Client.GetSupplierAsync(supplier.Id, Stop);
        (shown.Successes, shown.Failures, shown.Lies, Money.Parse(shown.Spent), Money.Parse(shown.Signed)).ShouldBe((1, 0, 0, price, quote));
        Money.Parse(shown.Credit).ShouldBe(quote - price);

        var node = PeerIdOf(seller);
        task.Result.Supplied!.Node.ShouldBe(node.ToString());
        ReceiptVerifier.Verify(await _buyer.Client.GetReceiptAsync(task.Id, Stop), node).TryGet(out var receipt, out _).ShouldBeTrue();
        (receipt.TaskId.ToString(), receipt.Id.ToString(), receipt.Price).ShouldBe((task.Result.Supplied.TaskId, task.Result.ReceiptId, price));

        // The next one needs only what the first has used up.
        (await _buyer.RunAsync(agent, "again")).State.ShouldBe("succeeded");
        Money.Parse((await _buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Signed).ShouldBeLessThan(quote + quote);
    }

    [Fact]
    public async Task Task_ThatTheAgentFails_CostsNothing_AndIsNoFailureOfTheSupplier()
    {
        var seller = await SellAsync(null, GuestPrograms.Unreachable);
        var agent = await FindAgentAsync(seller);
        var supplier = await SupplyAsync(seller);
        var before = await WalletAsync(_buyer.Client);

        var task = await _buyer.RunAsync(agent);

        (task.State, task.Failure?.Code).ShouldBe(("failed", "supplierFailed"));
        (await WalletAsync(_buyer.Client)).ShouldBe(before);
        var shown = await _buyer.Client.GetSupplierAsync(supplier.Id, Stop);
        (shown.Successes, shown.Failures, shown.Lies).ShouldBe((0, 0, 0));
        shown.Declines.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task Task_WithoutASupplier_OrInARegionWithoutOne_IsRefused()
    {
        var seller = await SellAsync("eu-central");
        var agent = await FindAgentAsync(seller);
        (await RefuseAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "hello")))).ShouldBe("supplierUnavailable");

        await SupplyAsync(seller);
        (await RefuseAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "hello"), Regions: ["us-east"]))).ShouldBe("supplierUnavailable");
        (await RefuseAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "hello"), MaxPrice: "0.000000001"))).ShouldBe("budgetTooSmall");
        (await _buyer.Client.SubmitAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "hello"), Regions: ["eu-central"]), cancellationToken: Stop)).State.ShouldNotBe("failed");
    }

    [Fact]
    public async Task Seller_ThatIsStoppedMidTask_IsFollowedByAnother()
    {
        var (first, second) = (await SellAsync(null), await SellAsync(null));
        var agent = await FindAgentAsync(first);
        var (proxy, held) = await HoldAsync(first);
        var supplier = await SupplyAsync(first, proxy.Address);
        await WaitForOfferAsync(second, await ProgramAsync(first));
        // The first is the only one there is when the task begins.
        var submitted = await _buyer.Client.SubmitTextAsync(agent, "hello", cancellationToken: Stop);
        await held;
        var other = await SupplyAsync(second);
        await proxy.DisposeAsync();
        await first.StopAsync();

        var task = await EndAsync(submitted);

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        task.Result!.Supplied!.Node.ShouldBe(PeerIdOf(second).ToString());
        (await _buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Failures.ShouldBe(1);
        (await _buyer.Client.GetSupplierAsync(other.Id, Stop)).Successes.ShouldBe(1);
        (await EarnedAsync(_buyer)).ShouldBe(Money.Parse(task.Result.Price));
    }

    [Theory]
    [InlineData("output", "OtherOutput")]
    [InlineData("program", "OtherProgram")]
    [InlineData("signature", "ReceiptInvalid")]
    [InlineData("price", "OtherPrice")]
    public async Task Seller_ThatLies_IsFoundOut_AndAnotherOneDoesIt(string lie, string fault)
    {
        var (liar, honest) = (await SellAsync(null), await SellAsync(null));
        var agent = await FindAgentAsync(liar);
        var program = await ProgramAsync(liar);
        await WaitForOfferAsync(honest, program);
        var proxy = await SellerProxy.StartAsync(liar.Client.Options.Address);
        _others.Add(proxy);
        var key = liar.Host.Services.GetRequiredService<PrivateKey>();
        using var forger = PrivateKey.Generate();
        proxy.Alter = (path, bytes, _) => lie switch
        {
            "output" when path.StartsWith("/api/v1/program-calls/", StringComparison.Ordinal) && !path.EndsWith("/quote", StringComparison.Ordinal) => "HELLO"u8.ToArray(),
            "program" => Rewrite(path, bytes, key, receipt => receipt["programDigest"] = ContentHash.Of("other"u8).ToString()),
            "signature" => Rewrite(path, bytes, forger, _ => { }),
            "price" => Rewrite(path, bytes, key, Overcharge),
            _ => null,
        };
        var supplier = await SupplyAsync(liar, proxy.Address);
        var before = await WalletAsync(_buyer.Client);

        var alone = await _buyer.RunAsync(agent);

        alone.State.ShouldBe("failed");
        (await WalletAsync(_buyer.Client)).ShouldBe(before);
        var shown = await _buyer.Client.GetSupplierAsync(supplier.Id, Stop);
        (shown.Successes, shown.Lies, Money.Parse(shown.Spent)).ShouldBe((0, 1, Money.Zero));
        shown.LastFailure!.ShouldStartWith(fault);
        Money.Parse(shown.Credit).ShouldBe(Money.Parse(shown.Signed), "what was signed for a lie is the operator's matter");

        await SupplyAsync(honest);
        var task = await _buyer.RunAsync(agent);
        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        task.Result!.Supplied!.Node.ShouldBe(PeerIdOf(honest).ToString());
        (await _buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Lies.ShouldBe(1, "who has lied is asked last");
    }

    [Fact]
    public async Task Buyer_ThatEndsBetweenVoucherAndResult_PaysOnce()
    {
        var seller = await SellAsync(null);
        var agent = await FindAgentAsync(seller);
        var (proxy, held) = await HoldAsync(seller);
        await SupplyAsync(seller, proxy.Address);
        var submitted = await _buyer.Client.SubmitTextAsync(agent, "hello", cancellationToken: Stop);
        // The seller has done it, and its answer never comes.
        await held;
        await _buyer.StopAsync();
        await CountCallsAsync(seller, 1);
        proxy.Hold = _ => Task.CompletedTask;
        _buyer = await TestNode.StartAsync(_folder, s_options);

        var task = await EndAsync(submitted);

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        await CountCallsAsync(seller, 1);
        var shown = (await _buyer.Client.ListSuppliersAsync(Stop).ToListAsync(Stop)).Single();
        var price = Money.Parse(task.Result!.Price);
        (Money.Parse(shown.Spent), Money.Parse(shown.Signed), shown.Successes).ShouldBe((price, Money.Parse(task.Hold), 1));
        (await EarnedAsync(_buyer)).ShouldBe(price);
    }

    private static void Overcharge(JsonNode receipt)
    {
        // Rates and shares that give a price that nobody was told of.
        var more = Money.Parse("5");
        var price = Money.Parse(receipt["price"]!.GetValue<string>());
        receipt["price"] = (price + more).ToString();
        receipt["pricing"]!["base"] = (Money.Parse(receipt["pricing"]!["base"]!.GetValue<string>()) + more).ToString();
        receipt["shares"]!["node"] = (Money.Parse(receipt["shares"]!["node"]!.GetValue<string>()) + more).ToString();
    }

    private static byte[]? Rewrite(string path, byte[] bytes, PrivateKey key, Action<JsonNode> change)
    {
        if (!path.EndsWith("/receipt", StringComparison.Ordinal))
            return null;
        var receipt = JsonNode.Parse(JsonSerializer.Deserialize(bytes, StoaJson.Default.DsseEnvelope)!.Payload)!;
        change(receipt);
        var forged = DsseEnvelope.Sign(Receipt.PayloadType, Encoding.UTF8.GetBytes(receipt.ToJsonString()), key);
        return JsonSerializer.SerializeToUtf8Bytes(forged, StoaJson.Default.DsseEnvelope);
    }

    private async Task<(SellerProxy Proxy, Task Held)> HoldAsync(TestNode seller)
    {
        var proxy = await SellerProxy.StartAsync(seller.Client.Options.Address);
        _others.Add(proxy);
        var (held, never) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource());
        var calls = 0;
        proxy.Hold = async path =>
        {
            // The first call is told what to pay; the second one is done.
            if (path.StartsWith("/api/v1/program-calls/", StringComparison.Ordinal) && !path.EndsWith("/quote", StringComparison.Ordinal) && ++calls >= 2)
            {
                held.TrySetResult();
                await never.Task.WaitAsync(Stop);
            }
        };
        return (proxy, held.Task.WaitAsync(TimeSpan.FromMinutes(2), Stop));
    }

    /// <summary>A node that has joined the buyer and sells what it has.</summary>
    private async Task<TestNode> SellAsync(string? region, byte[]? program = null)
    {
        var join = _buyer.Host.Services.GetRequiredService<NetworkService>().Addresses[0].ToString();
        string[] options = [.. s_options, .. s_selling, "--network:join:0", join, .. region is null ? Array.Empty<string>() : ["--node:region", region]];
        var seller = await TestNode.StartAsync(null, options);
        _sellers.Add(seller);
        (await seller.JoinAsync("till")).Dispose();
        await seller.PublishAsync("worker", program ?? GuestPrograms.Echo);
        return seller;
    }

    /// <summary>Opens a channel at a seller and has the buyer give it tasks.</summary>
    private async Task<SupplierResponse> SupplyAsync(TestNode seller, string? address = null)
    {
        using var operated = await seller.JoinAsync("buyer");
        await seller.Client.DepositAsync(new DepositRequest("buyer", "10"), Stop);
        using var key = PrivateKey.Generate();
        var channel = await operated.OpenChannelAsync(
            new OpenChannelRequest("till", Convert.ToBase64String(key.PublicKey.ToSpki()), (await operated.GetNodeAsync(Stop)).PublicKey, "5"), cancellationToken: Stop);
        return await _buyer.Client.AddSupplierAsync(new AddSupplierRequest(address ?? seller.Client.Options.Address.ToString(), channel.Id, key.ToPem()), Stop);
    }

    /// <summary>The seller's agent by its publisher's key, once the buyer has heard of it and of who has it.</summary>
    private async Task<string> FindAgentAsync(TestNode seller)
    {
        var key = (await seller.Client.ListListingsAsync(new ListingQuery("worker"), Stop).ToListAsync(Stop)).Single(listing => listing.Publisher.Verified).Publisher.Key;
        await Eventually.IsSoAsync(async () => (await _buyer.Client.ListListingsAsync(new ListingQuery("worker"), Stop).ToListAsync(Stop)).Any(listing => listing.Publisher.Key == key));
        await WaitForOfferAsync(seller, await ProgramAsync(seller));
        return $"{key}/worker";
    }

    private static async Task<string> ProgramAsync(TestNode seller) => (await seller.Client.ListAgentsAsync(new AgentQuery(Text: "worker"), Stop).FirstAsync(Stop)).ProgramDigest;

    private Task WaitForOfferAsync(TestNode seller, string program) => Eventually.IsSoAsync(async () =>
        (await _buyer.Client.ListOffersAsync(Stop).ToListAsync(Stop)).Any(offer => offer.Node == PeerIdOf(seller).ToString() && offer.Programs.Contains(program)));

    private async Task<string?> RefuseAsync(SubmitTaskRequest request)
    {
        using var once = new StoaClient(_buyer.Client.Options with { MaxAttempts = 1 });
        return (await Should.ThrowAsync<StoaException>(() => once.SubmitAsync(request, cancellationToken: Stop))).Code;
    }

    private async Task<TaskResponse> EndAsync(TaskResponse task)
    {
        await Eventually.IsSoAsync(async () => (task = await _buyer.Client.GetTaskAsync(task.Id, cancellationToken: Stop)).State is not ("queued" or "running"));
        return task;
    }

    private static async Task CountCallsAsync(TestNode seller, long expected) =>
        (await seller.Host.Services.GetRequiredService<Database>().ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM paid_calls"), Stop)).ShouldBe(expected);

    private static PeerId PeerIdOf(TestNode node) => node.Host.Services.GetRequiredService<PublicKey>().PeerId;

    private static async Task<Money> WalletAsync(StoaClient client) => Money.Parse((await client.GetWalletAsync(Stop)).Posted);

    private static async Task<Money> EarnedAsync(TestNode node) =>
        (await node.Host.Services.GetRequiredService<ILedgerStore>().GetAccountAsync(node.Host.Services.GetRequiredService<SystemAccounts>().Node, Stop))!.Posted;
}

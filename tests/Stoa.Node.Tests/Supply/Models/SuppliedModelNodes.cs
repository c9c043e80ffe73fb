using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Supply;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Inference;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Supply.Models;

/// <summary>A node that buys answers of models, and nodes that sell them: two cells each, over real HTTP.</summary>
public abstract class SuppliedModelNodes : SuppliedNodes
{
    private readonly List<ModelServer> _servers = [];
    private HttpClient? _http;

    protected override string[] Options => [.. base.Options, "--Supply:ModelsSeconds", "1", "--Supply:SpentMs", "50", "--Inference:SettleMs", "50"];

    /// <summary>As the administrator of the node that buys, who pays with ten dollars.</summary>
    protected HttpClient Http => _http ??= new HttpClient
    {
        BaseAddress = Buyer.Client.Options.Address,
        Timeout = TimeSpan.FromMinutes(3),
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", Buyer.Client.Options.ApiKey) },
    };

    /// <summary>Stops the node that buys, and starts it again.</summary>
    protected async Task RestartBuyerAsync()
    {
        await Buyer.DisposeAsync();
        Buyer = await StartBuyerAsync();
        _http = null;
    }

    /// <summary>A node that sells a model's answers, at 1 and 2 dollars for a million tokens read and written, and half as much for serving it.</summary>
    protected async Task<(TestNode Seller, ModelServer Server)> SellModelAsync(string name = "tiny", string capability = "chat", Func<ModelCall, Task>? behaviour = null)
    {
        var seller = await OpenShopAsync(region: null, "--Inference:SettleMs", "50");
        return (seller, await AddModelAsync(seller, name, capability, behaviour));
    }

    /// <summary>Publishes a model at a seller, and has a server of its own answer for it.</summary>
    protected async Task<ModelServer> AddModelAsync(TestNode seller, string name, string capability = "chat", Func<ModelCall, Task>? behaviour = null, bool isPublished = true)
    {
        var publisher = (await seller.Client.GetMeAsync(Stop)).Handle;
        if (isPublished)
        {
            await seller.Client.UploadAsync(new MemoryStream("weights"u8.ToArray()), cancellationToken: Stop);
            await seller.Client.PublishListingAsync(
                Encoding.UTF8.GetBytes($$"""
                { "kind": "model", "name": "{{name}}", "version": "1.0.0", "description": "A model of the tests.", "tags": [], "license": "MIT", "framework": "gguf", "contextLength": 8192,
                  "weights": { "digest": "{{ContentHash.Of("weights"u8)}}", "bytes": 7 }, "capabilities": ["{{capability}}"], "price": { "perMillionInputTokens": "1", "perMillionOutputTokens": "2" } }
                """),
                Stop);
        }

        var server = ModelServer.Start(behaviour);
        _servers.Add(server);
        Keep(server);
        await seller.Client.AddReplicaAsync(
            new AddReplicaRequest($"{publisher}/{name}@1.0.0", server.Address, UpstreamModel: "tiny", ServingPrice: new ModelPriceBody("0.5", "0.5"), SkipCheck: true), Stop);
        return server;
    }

    /// <summary>A model that costs nothing to list, which one seller or two serve: each has its own server of it, and the first one's is answered.</summary>
    protected async Task<(string Name, ModelServer Server)> AddFreeAsync(TestNode first, TestNode? second)
    {
        await first.Client.UploadAsync(new MemoryStream("weights"u8.ToArray()), cancellationToken: Stop);
        await first.Client.PublishListingAsync(
            Encoding.UTF8.GetBytes($$"""
            { "kind": "model", "name": "gift", "version": "1.0.0", "description": "A model of the tests.", "tags": [], "license": "MIT", "framework": "gguf", "contextLength": 8192,
              "weights": { "digest": "{{ContentHash.Of("weights"u8)}}", "bytes": 7 }, "capabilities": ["chat"] }
            """),
            Stop);
        var own = await AddModelAsync(first, "gift", isPublished: false);
        var key = (await first.Client.ListListingsAsync(new ListingQuery("gift"), Stop).FirstAsync(Stop)).Publisher.Key;
        var name = $"{key}/gift@1.0.0";
        if (second is not null)
        {
            await Eventually.IsSoAsync(async () => await second.Client.ListListingsAsync(new ListingQuery("gift"), Stop).AnyAsync(Stop));
            var server = ModelServer.Start();
            Keep(server);
            await second.Client.AddReplicaAsync(new AddReplicaRequest(name, server.Address, UpstreamModel: "tiny", ServingPrice: new ModelPriceBody("0.5", "0.5"), SkipCheck: true), Stop);
        }

        return (name, own);
    }

    /// <summary>The model's name at the buyer, once it is served there by so many suppliers.</summary>
    protected async Task<string> FindModelAsync(string name = "tiny", int replicas = 1)
    {
        string? found = null;
        await Eventually.IsSoAsync(async () =>
        {
            var model = (await Buyer.Client.ListModelsAsync(Stop)).FirstOrDefault(one => one.Id.EndsWith($"/{name}@1.0.0", StringComparison.Ordinal));
            found = model?.Id;
            return model?.Replicas == replicas;
        });
        return found!;
    }

    protected async Task<HttpResponseMessage> AskAsync(object body, string path = "chat/completions", CancellationToken? cancellationToken = null, string? maxPrice = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/" + path) { Content = JsonContent.Create(body) };
        if (maxPrice is not null)
            request.Headers.Add(ModelAnswerReceipt.MostHeader, maxPrice);
        return await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken ?? Stop);
    }

    protected static object Chat(string model, bool stream = false, string content = "Say hello", int maxTokens = 50) => new
    {
        model,
        messages = new[] { new { role = "user", content } },
        stream,
        max_tokens = maxTokens,
        user = "ada-the-consumer",
        stream_options = stream ? new { include_usage = true } : null,
    };

    /// <summary>What the seller has charged out of the channels to it, and what these have paid.</summary>
    protected static async Task<(Money Spent, Money Reserved, Money Settled)> ChargedAsync(TestNode seller) => await seller.Host.Services.GetRequiredService<Database>().ReadAsync(
        async session => (
            await session.QuerySingleAsync<Money>("SELECT CAST(COALESCE(SUM(spent), 0) AS BIGINT) FROM call_credit"),
            await session.QuerySingleAsync<Money>("SELECT CAST(COALESCE(SUM(reserved), 0) AS BIGINT) FROM call_credit"),
            await session.QuerySingleAsync<Money>("SELECT CAST(COALESCE(SUM(settled), 0) AS BIGINT) FROM channels")),
        Stop);

    /// <summary>What consumers of the buyer have paid for requests to models.</summary>
    protected async Task<Money> PaidAsync()
    {
        await foreach (var row in Buyer.Client.ListUsageAsync(new UsageQuery { By = "month", GroupBy = "kind" }, Stop))
        {
            if (row.Group == "inference")
                return Money.Parse(row.Paid);
        }

        return Money.Zero;
    }

    /// <summary>Waits until both cells have written what they know, and holds it against each other: what consumers have paid here is what was charged there, and the voucher covers it.</summary>
    /// <param name="seller">That has answered.</param>
    /// <param name="supplier">The same, as the buyer has it.</param>
    /// <param name="expected">What all of it came to; null for anything.</param>
    protected async Task<Money> ReconcileAsync(TestNode seller, SupplierResponse supplier, string? expected = null)
    {
        (Money Paid, Money Booked, Money Charged) last = default;
        try
        {
            await Eventually.IsSoAsync(async () =>
            {
                last = (await PaidAsync(), Money.Parse((await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Spent), (await ChargedAsync(seller)).Spent);
                return last.Paid == last.Booked && last.Paid == last.Charged && (expected is null ? last.Paid > Money.Zero : last.Paid == Money.Parse(expected));
            });
        }
        catch (TimeoutException)
        {
            // Says what they are instead.
        }

        (last.Booked, last.Charged).ShouldBe((last.Paid, last.Paid));
        if (expected is not null)
            last.Paid.ShouldBe(Money.Parse(expected));
        var there = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop);
        Money.Parse(there.Signed).ShouldBeGreaterThanOrEqualTo(last.Paid);
        (await ChargedAsync(seller)).Settled.ShouldBeLessThanOrEqualTo(Money.Parse(there.Signed));
        return last.Paid;
    }
}

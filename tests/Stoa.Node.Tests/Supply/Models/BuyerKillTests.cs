using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Node.Ledger;
using Stoa.Node.Network;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Inference;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Supply.Models;

/// <summary>A node that is killed in the middle of answers that it buys has its users pay for what they were given, and for nothing else; what the seller has charged besides is in doubt, and no more of that than that is when all is known.</summary>
[Trait("speed", "slow")]
public sealed class BuyerKillTests : IAsyncLifetime
{
    // More than so often what a tab of each start may have spent would be too much, if it added up.
    private const int Kills = 4;
    private const int Asking = 8;
    private const int AnsweredBeforeAKill = 40;

    private static readonly string[] s_network = ["--network:listen:0", "/ip4/127.0.0.1/tcp/0", "--network:mdns", "false"];
    private static readonly string s_text = string.Join(' ', Enumerable.Repeat("word", 40));

    // 7 tokens read at 1.5 dollars for a million, and 40 written at 2.5; at most some more read, and 50 written.
    private static readonly Money s_cost = Money.Parse("0.0001105");
    private static readonly Money s_most = Money.Parse("0.0002");

    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-buyer-kill-").FullName;
    private ModelServer _server = null!;
    private TestNode _seller = null!;
    private int _toAnswer;
    private int _hanging;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = ModelServer.Start(AnswerAsync);
        _seller = await TestNode.StartAsync(null, [.. s_network, "--PayPerCall:Payee", "till", "--PayPerCall:PollMs", "50", "--Inference:SettleMs", "50"]);
    }

    public async ValueTask DisposeAsync()
    {
        await _seller.DisposeAsync();
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Node_KilledInTheMiddleOfBoughtAnswers_LosesAndMakesNoMoney_AndItsDoubtSettles()
    {
        await OpenShopAsync();
        SupplierResponse? supplier = null;
        var answered = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            // What was spent is written at once, or never before the kill.
            await using var buyer = await StartAsync(spentMs: kill % 2 == 0 ? 60_000 : 50);
            supplier ??= await SupplyAsync(buyer);
            answered += await AskUntilKilledAsync(buyer);
        }

        await using var last = await StartAsync(spentMs: 50);
        using var client = Connect(last);
        var model = await FindModelAsync(client);
        var loss = await UntilQuietAsync(client, supplier!, answered);
        var shown = await client.GetSupplierAsync(supplier!.Id, Stop);
        // Of what was cut off the seller has charged what was written by then.
        loss.ShouldBeInRange(Money.Zero, Money.Parse(shown.Doubtful ?? "0"));
        ((await ChargedAsync()).Spent - Times(s_cost, answered)).ShouldBeInRange(Money.Zero, Times(s_most, Kills * Asking));

        // It is used until what it was promised is: then both know what the other one knows.
        Volatile.Write(ref _toAnswer, int.MaxValue);
        using var http = Ask(last);
        await Eventually.IsSoAsync(async () =>
        {
            for (var request = 0; request < 20; request++, answered++)
                (await AskAsync(http, model, answered)).ShouldBe(HttpStatusCode.OK);
            return Money.Parse((shown = await client.GetSupplierAsync(supplier.Id, Stop)).Doubtful ?? "0") <= loss + Times(s_most, 3);
        });
        (await UntilQuietAsync(client, supplier, answered)).ShouldBe(loss);
        shown = await client.GetSupplierAsync(supplier.Id, Stop);
        Money.Parse(shown.Doubtful ?? "0").ShouldBeGreaterThanOrEqualTo(loss);
        Money.Parse(shown.Signed).ShouldBeGreaterThanOrEqualTo((await ChargedAsync()).Settled);
        (shown.Lies, shown.Models!.Reason).ShouldBe((0, null));
        (await client.VerifyUsageAsync(Stop)).Findings.ShouldBeNull();
        (await _seller.Client.VerifyUsageAsync(Stop)).Findings.ShouldBeNull();

        (await last.StopAsync()).ShouldBe(0);
        await BooksAddUpAsync();
    }

    /// <summary>Asks again and again, several at once, until as many have an answer as are given one and the others are in the middle of theirs, and kills the node then.</summary>
    /// <returns>How many were answered.</returns>
    private async Task<int> AskUntilKilledAsync(NodeProcess buyer)
    {
        using var client = Connect(buyer);
        var model = await FindModelAsync(client);
        (_hanging, var answered) = (0, 0);
        Volatile.Write(ref _toAnswer, AnsweredBeforeAKill);
        using var http = Ask(buyer);
        var asking = Enumerable.Range(0, Asking).Select(async first =>
        {
            for (var number = first; ; number++)
            {
                try
                {
                    (await AskAsync(http, model, number)).ShouldBe(HttpStatusCode.OK);
                    Interlocked.Increment(ref answered);
                }
                catch (Exception gone) when (gone is HttpRequestException or IOException)
                {
                    return;
                }
            }
        }).ToList();
        await Eventually.IsSoAsync(() => (Volatile.Read(ref answered) == AnsweredBeforeAKill && Volatile.Read(ref _hanging) == Asking) || asking.Any(one => one.IsCompleted));
        await buyer.KillAsync();
        await Task.WhenAll(asking);
        (answered, _hanging).ShouldBe((AnsweredBeforeAKill, Asking));
        return answered;
    }

    /// <summary>Answers as many as it is to, and leaves all others in the middle: of a stream after its first word.</summary>
    private async Task AnswerAsync(ModelCall call)
    {
        if (Interlocked.Decrement(ref _toAnswer) >= 0)
        {
            await call.AnswerAsync(s_text);
            return;
        }

        if (call.Request["stream"]?.GetValue<bool>() is true)
        {
            await call.BeginAsync();
            await call.WordAsync("word ");
        }

        Interlocked.Increment(ref _hanging);
        await call.HangAsync();
    }

    private static async Task<HttpStatusCode> AskAsync(HttpClient http, string model, int number)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = JsonContent.Create(new { model, messages = new[] { new { role = "user", content = "Say hello" } }, stream = number % 2 == 0, max_tokens = 50 }),
        };
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop);
        await answer.Content.ReadAsStringAsync(Stop);
        return answer.StatusCode;
    }

    /// <summary>Waits until both sides have written what they know: users have paid for what they were given, to the nanodollar.</summary>
    /// <returns>What the seller has charged beyond what this node's books have as spent there.</returns>
    private async Task<Money> UntilQuietAsync(StoaClient client, SupplierResponse supplier, int answered)
    {
        var (last, since) = (default((Money Paid, Money Spent, Money Charged)), 0);
        await Eventually.IsSoAsync(
            async () =>
            {
                var now = (await PaidAsync(client), Money.Parse((await client.GetSupplierAsync(supplier.Id, Stop)).Spent), (await ChargedAsync()).Spent);
                (last, since) = (now, now == last ? since + 1 : 0);
                return now.Item1 == Times(s_cost, answered) && since >= 20;
            },
            "What was paid is not what was answered.");
        return last.Charged - last.Spent;
    }

    private async Task<(Money Spent, Money Settled, Money Sold)> ChargedAsync() => await _seller.Host.Services.GetRequiredService<Database>().ReadAsync(
        async session => (
            await session.QuerySingleAsync<Money>("SELECT CAST(COALESCE(SUM(spent), 0) AS BIGINT) FROM call_credit"),
            await session.QuerySingleAsync<Money>("SELECT CAST(COALESCE(SUM(settled), 0) AS BIGINT) FROM channels"),
            await session.QuerySingleAsync<Money>("SELECT CAST(COALESCE(SUM(listing_price + serving_price), 0) AS BIGINT) FROM inference_charges")),
        Stop);

    private static async Task<Money> PaidAsync(StoaClient client)
    {
        await foreach (var row in client.ListUsageAsync(new UsageQuery { By = "month", GroupBy = "kind" }, Stop))
        {
            if (row.Group == "inference")
                return Money.Parse(row.Paid);
        }

        return Money.Zero;
    }

    private async Task BooksAddUpAsync()
    {
        await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: _folder), TimeProvider.System, Stop);
        foreach (var one in new[] { database, _seller.Host.Services.GetRequiredService<Database>() })
        {
            var totals = await new SqlLedgerStore(one).TotalAsync(Stop);
            (totals.Posted, totals.Clearing).ShouldBe((Money.Zero, Money.Zero));
        }

        (await new SqlLedgerStore(database).TotalAsync(Stop)).OpenHolds.ShouldBe(0);
        var charged = await ChargedAsync();
        charged.Sold.ShouldBe(charged.Spent);
    }

    private async Task OpenShopAsync()
    {
        (await _seller.JoinAsync("till")).Dispose();
        await _seller.Client.UploadAsync(new MemoryStream("weights"u8.ToArray()), cancellationToken: Stop);
        await _seller.Client.PublishListingAsync(
            Encoding.UTF8.GetBytes($$"""
            { "kind": "model", "name": "tiny", "version": "1.0.0", "description": "A model of the tests.", "tags": [], "license": "MIT", "framework": "gguf", "contextLength": 8192,
              "weights": { "digest": "{{ContentHash.Of("weights"u8)}}", "bytes": 7 }, "capabilities": ["chat"], "price": { "perMillionInputTokens": "1", "perMillionOutputTokens": "2" } }
            """),
            Stop);
        var model = $"{(await _seller.Client.GetMeAsync(Stop)).Handle}/tiny@1.0.0";
        await _seller.Client.AddReplicaAsync(new AddReplicaRequest(model, _server.Address, UpstreamModel: "tiny", ServingPrice: new ModelPriceBody("0.5", "0.5"), SkipCheck: true), Stop);
    }

    private async Task<SupplierResponse> SupplyAsync(NodeProcess buyer)
    {
        using var payer = await _seller.JoinAsync("buyer");
        await _seller.Client.DepositAsync(new DepositRequest("buyer", "10"), Stop);
        using var key = PrivateKey.Generate();
        var channel = await payer.OpenChannelAsync(
            new OpenChannelRequest("till", Convert.ToBase64String(key.PublicKey.ToSpki()), (await payer.GetNodeAsync(Stop)).PublicKey, "5"), cancellationToken: Stop);
        using var client = Connect(buyer);
        return await client.AddSupplierAsync(new AddSupplierRequest(_seller.Client.Options.Address.ToString(), channel.Id, key.ToPem()), Stop);
    }

    private Task<NodeProcess> StartAsync(int spentMs) => NodeProcess.StartAsync(
        _folder, Stop,
        [
            .. s_network, "--network:join:0", _seller.Host.Services.GetRequiredService<NetworkService>().Addresses[0].ToString(), "--Inference:SettleMs", "50",
            "--Supply:ModelsSeconds", "1", "--Supply:SpotCheckShare", "0", "--Supply:ModelBlockUsd", "0.02", "--Supply:SpentMs", $"{spentMs}",
        ]);

    private StoaClient Connect(NodeProcess node) => new(new StoaClientOptions { Address = node.Address, ApiKey = NodeProcess.AdminKey(_folder) });

    private HttpClient Ask(NodeProcess node) => new()
    {
        BaseAddress = node.Address,
        Timeout = TimeSpan.FromMinutes(3),
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", NodeProcess.AdminKey(_folder)) },
    };

    private static async Task<string> FindModelAsync(StoaClient client) => await Eventually.FoundAsync(
        async () => (await client.ListModelsAsync(Stop)).FirstOrDefault(one => one.Id.EndsWith("/tiny@1.0.0", StringComparison.Ordinal) && one.Replicas > 0)?.Id);

    private static Money Times(Money amount, int count) => new(amount.Nanodollars * count);
}

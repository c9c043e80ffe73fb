using System.Text;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Sales;

/// <summary>A node that is killed while it sells answers has charged what it has sworn to, to the nanodollar, when it is there again.</summary>
[Trait("speed", "slow")]
public sealed class SellerKillTests
{
    private const string Password = "a long enough password";
    private const int Kills = 2;
    private const int Asking = 8;

    private static readonly string[] s_options = ["--PayPerCall:Payee", "till", "--PayPerCall:PollMs", "50", "--Inference:SettleMs", "200"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Node_KilledWhileItSells_HasChargedWhatItHasSwornTo()
    {
        var folder = Directory.CreateTempSubdirectory("stoa-seller-kill-").FullName;
        await using var server = ModelServer.Start();
        using var key = PrivateKey.Generate();
        var node = await NodeProcess.StartAsync(folder, Stop, s_options);
        try
        {
            var (model, channel) = await SetUpAsync(node, folder, server, key);
            var (sworn, unknown) = (Money.Zero, 0);
            for (var kill = 0; kill < Kills; kill++)
            {
                var (paid, lost) = await AskUntilKilledAsync(node, model, channel, key);
                (sworn, unknown) = (sworn + paid, unknown + lost);
                await node.DisposeAsync();
                node = await NodeProcess.StartAsync(folder, Stop, s_options);
            }

            using (var buyer = new AnswerBuyer(node.Address, channel, key))
                sworn += (await buyer.ReadAsync(await buyer.AskAsync(Chat(model), Money.FromDollars(1)))).Receipt.Price;
            (await node.StopAsync()).ShouldBe(0);

            await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder), TimeProvider.System, Stop);
            var (spent, reserved) = await database.ReadAsync(session => session.QuerySingleAsync<(Money, Money)>("SELECT spent, reserved FROM call_credit"), Stop);
            var charged = await database.ReadAsync(session => session.QuerySingleAsync<Money>("SELECT CAST(SUM(listing_price + serving_price) AS BIGINT) FROM inference_charges"), Stop);
            (spent, reserved).ShouldBe((charged, Money.Zero));
            // Of those whose answers the kill has cut off each has cost all or nothing.
            ((spent - sworn).Nanodollars % 11_000).ShouldBe(0);
            spent.ShouldBeInRange(sworn, sworn + new Money(11_000L * unknown));
        }
        finally
        {
            await node.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Asks again and again, several at once, until some have answers, and kills the node then.</summary>
    /// <returns>What was sworn to, and how many have no answer.</returns>
    private static async Task<(Money Sworn, int Lost)> AskUntilKilledAsync(NodeProcess node, string model, ChannelResponse channel, PrivateKey key)
    {
        using var buyer = new AnswerBuyer(node.Address, channel, key);
        var answered = 0;
        var asking = Enumerable.Range(0, Asking).Select(async _ =>
        {
            var sworn = Money.Zero;
            while (true)
            {
                try
                {
                    sworn += (await buyer.ReadAsync(await buyer.AskAsync(Chat(model), Money.FromDollars(1)))).Receipt.Price;
                    Interlocked.Increment(ref answered);
                }
                catch (HttpRequestException)
                {
                    return sworn;
                }
            }
        }).ToList();
        await Eventually.IsSoAsync(() => Volatile.Read(ref answered) >= 5 * Asking || asking.Any(one => one.IsCompleted));
        await node.KillAsync();
        var all = await Task.WhenAll(asking);
        answered.ShouldBeGreaterThanOrEqualTo(5 * Asking);
        return (all.Aggregate(Money.Zero, (sum, one) => sum + one), Asking);
    }

    private static object Chat(string model) => new { model, messages = new[] { new { role = "user", content = "Say hello" } }, max_tokens = 50 };

    private static async Task<(string Model, ChannelResponse Channel)> SetUpAsync(NodeProcess node, string folder, ModelServer server, PrivateKey key)
    {
        using var admin = new StoaClient(new StoaClientOptions { Address = node.Address, ApiKey = NodeProcess.AdminKey(folder) });
        foreach (var handle in (string[])["till", "ada"])
            await admin.RegisterAsync(new RegisterRequest(handle, $"{handle}@example.org", Password), Stop);
        await admin.DepositAsync(new DepositRequest("ada", "5"), Stop);
        await admin.UploadAsync(new MemoryStream("weights"u8.ToArray()), cancellationToken: Stop);
        await admin.PublishListingAsync(
            Encoding.UTF8.GetBytes($$"""
            { "kind": "model", "name": "tiny", "version": "1.0.0", "description": "A model of the tests.", "tags": [], "license": "MIT", "framework": "gguf", "contextLength": 8192,
              "weights": { "digest": "{{ContentHash.Of("weights"u8)}}", "bytes": 7 }, "capabilities": ["chat"], "price": { "perMillionInputTokens": "1", "perMillionOutputTokens": "2" } }
            """),
            Stop);
        var model = $"{(await admin.GetMeAsync(Stop)).Handle}/tiny@1.0.0";
        await admin.AddReplicaAsync(new AddReplicaRequest(model, server.Address, "tiny"), Stop);
        using var anonymous = new StoaClient(new StoaClientOptions { Address = node.Address });
        var session = await anonymous.LoginAsync(new LoginRequest("ada", Password), Stop);
        using var ada = new StoaClient(new StoaClientOptions { Address = node.Address, ApiKey = session.Token });
        var channel = await ada.OpenChannelAsync(
            new OpenChannelRequest("till", Convert.ToBase64String(key.PublicKey.ToSpki()), (await anonymous.GetNodeAsync(Stop)).PublicKey, "2"), cancellationToken: Stop);
        return (model, channel);
    }
}

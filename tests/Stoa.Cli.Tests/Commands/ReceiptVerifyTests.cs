using System.Text.Json;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Market.Tasks;
using Stoa.Market.Tasks.Models;
using Stoa.Primitives;

namespace Stoa.Cli.Tests.Commands;

/// <summary>What is said of receipts of tasks that ran elsewhere.</summary>
public sealed class ReceiptVerifyTests() : FakeNodeCommandsTest("stoa_test")
{
    private const string Supplier = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

    [Fact]
    public async Task Rerun_OfATaskThatAnotherNodeDid_SaysWhereItCanBeRunAgain()
    {
        Node.On($"GET /api/v1/tasks/{Samples.TaskId}/receipt", 200, """{"payloadType":"application/vnd.stoa.receipt.v1+json","payload":"e30=","signatures":[{"keyid":"key","sig":"AAAA"}]}""");
        Node.On(
            $"GET /api/v1/tasks/{Samples.TaskId}", 200,
            Samples.Task("succeeded", "hello").Replace("\"price\"", $$"""
                "supplied":{"node":"{{Supplier}}","taskId":"task_01h2xcejqtf2nbrexx3vqjhp42"},"price"
                """, StringComparison.Ordinal));

        (await Cli.RunAsync($"receipt verify {Samples.TaskId} --rerun")).ShouldBe(ExitCode.Refused);

        Cli.Error.ShouldContain(Supplier);
        Cli.Error.ShouldContain($"stoa receipt get {Samples.TaskId} -o receipt.json");
        Cli.Error.ShouldContain("--address URL");
    }

    [Fact]
    public async Task Receipt_OfARunThatAskedModels_IsVerified_AndNotRunAgain()
    {
        using var key = PrivateKey.Generate();
        WriteAsked(key);

        (await Cli.RunAsync("receipt verify receipt.json --json")).ShouldBe(ExitCode.Ok, Cli.Error);
        var told = JsonDocument.Parse(Cli.Output).RootElement;
        (told.GetProperty("modelRequests").GetInt32(), told.GetProperty("repeatable").GetBoolean()).ShouldBe((1, false));
        (await Cli.RunAsync("receipt verify receipt.json")).ShouldBe(ExitCode.Ok, Cli.Error);
        (Cli.Output + Cli.Error).ShouldContain("cannot be run again");
        Cli.Output.ShouldContain("ann/tiny@1.0.0");
        (await Cli.RunAsync("receipt verify receipt.json --rerun")).ShouldBe(ExitCode.Refused);
        Cli.Error.ShouldContain("a model answers another thing each time");
    }

    private void WriteAsked(PrivateKey key)
    {
        var ids = new IdSource(TimeProvider.System, new SecureRandom());
        var price = Money.Parse("0.0002");
        var shares = SplitPolicy.Default.Split(price);
        ReceiptRoyalty[] royalties = [new("ann", ListingName.Parse("ann/tiny@1.0.0"), shares.Creator)];
        var receipt = new Receipt(
            ids.Next<Receipt>(), ids.Next<AgentTask>(), ids.Next<User>(), ListingName.Parse("ben/asker@1.0.0"), ContentHash.Of("artifact"u8), ContentHash.Of("program"u8), [],
            new AgentLimits(1_000_000, 1 << 20, 1_000, 1_000, 1_000), Seed: 1, ClockMs: 1, ContentHash.Of("in"u8), ContentHash.Of("out"u8), new Usage(1, 1, 2, 3, 4), price, shares, key.PublicKey,
            DateTimeOffset.UnixEpoch, new ReceiptPricing(new AgentPrice(Money.Zero, Money.Zero, Money.Zero), 2))
        {
            Royalties = royalties,
            ModelRequests =
            [
                new ReceiptModelRequest(
                    1, null, "ann/tiny", "chat", ContentHash.Of("request"u8), ContentHash.Of("answer"u8), null,
                    new ReceiptModelUse(ListingName.Parse("ann/tiny@1.0.0"), new ModelPrice(Money.Parse("1"), Money.Parse("1")), null, new TokenUsage(100, 100)), price, shares, royalties),
            ],
        };
        File.WriteAllBytes(Path.Combine(Cli.Folder, "receipt.json"), receipt.Sign(key).Envelope.ToJson());
    }
}

using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;

namespace Stoa.Node.Tests.Tasks;

/// <summary>What needs a node in a process of its own.</summary>
[Trait("speed", "slow")]
public sealed class NodeProcessTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-process-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Submit_ToAnAgentWhosePatternNeverEnds_IsRefused()
    {
        await using var node = await NodeProcess.StartAsync(_folder, Stop);
        using var client = Connect(node);
        using var schema = JsonDocument.Parse("""{ "type": "string", "pattern": "^(a+)+$" }""");
        var manifest = new AgentManifestBody(
            "patterned", "1.0.0", "A program of the tests.", ["test.run"], "patterned.wasm",
            new AgentPortBody("application/json", schema.RootElement),
            new AgentPortBody("text/plain"),
            new AgentLimitsBody(1_000_000, 1 << 20, 1_000, 1_000, 1_000),
            new AgentPriceBody("0", "0", "0"));
        await client.PublishAgentAsync(
            JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody), new MemoryStream(GuestPrograms.Echo), cancellationToken: Stop);
        using var input = JsonDocument.Parse($"\"{new string('a', 60)}!\"");

        var refused = await Should.ThrowAsync<StoaException>(() => client.SubmitJsonAsync("stoa/patterned", input.RootElement, cancellationToken: Stop));

        refused.Code.ShouldBe("inputInvalid");
    }

    [Fact]
    public async Task Signal_ToStop_HandsTheWorkBackAndEndsTheProcess()
    {
        string id;
        await using (var node = await NodeProcess.StartAsync(_folder, Stop, "--Tasks:StopGraceMs", "0"))
        {
            using var client = Connect(node);
            var limits = new AgentLimitsBody(1_000_000_000_000, 1 << 20, 600_000, 1_000, 1_000);
            var agent = await TestNode.PublishAsync(client, "forever", GuestPrograms.EndlessLoop, limits);
            id = (await client.SubmitTextAsync(agent, "x", cancellationToken: Stop)).Id;
            await foreach (var told in client.WatchTaskAsync(id, cancellationToken: Stop))
            {
                if (told.Type == "stoa.task.started")
                    break;
            }

            (await node.StopAsync()).ShouldBe(0);
        }

        await using var next = await NodeProcess.StartAsync(_folder, Stop);
        using var again = Connect(next);
        await again.CancelTaskAsync(id, Stop);
        var codes = new List<string?>();
        await foreach (var told in again.WatchTaskAsync(id, cancellationToken: Stop))
        {
            if (told.Type == "stoa.task.retried")
                codes.Add(told.Data.GetProperty("code").GetString());
        }

        codes.ShouldBe(["nodeStopping"]);
    }

    private StoaClient Connect(NodeProcess node) => new(new StoaClientOptions { Address = node.Address, ApiKey = NodeProcess.AdminKey(_folder) });
}

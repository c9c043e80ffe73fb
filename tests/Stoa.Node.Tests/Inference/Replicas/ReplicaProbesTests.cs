using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Client.Contracts;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Inference;
using Stoa.Node.Inference.Gateway;
using Stoa.Node.Inference.Replicas;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Replicas;

/// <summary>Servers that do not answer get no requests until they answer again.</summary>
public sealed class ReplicaProbesTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Replica_IsSilentAfterTwoBadAnswers_AndWellAgainAfterOneGood()
    {
        await using var node = await InferenceNode.StartAsync("--Inference:HealthSeconds", "3600", "--Inference:HealthMs", "2000");
        await using var server = await ListingServer.StartAsync();
        var id = (await node.Node.Client.AddReplicaAsync(new AddReplicaRequest(node.Model, server.Address, ApiKey: "sk-secret"), Stop)).Id;
        var services = node.Node.Host.Services;
        var fleets = services.GetRequiredService<ModelFleets>();
        var state = fleets.Find(Id<Replica>.Parse(id))!;
        // Beside those of the node, which look once and count for themselves.
        using var probes = new ReplicaProbes(
            fleets, services.GetRequiredService<Upstreams>(), services.GetRequiredService<InferenceOptions>(), TimeProvider.System, new Random(1), NullLogger<ReplicaProbes>.Instance);

        server.Instead = (503, """{"error":{"message":"Loading model"}}""");
        await probes.ProbeAsync(state, Stop);
        state.IsOffered.ShouldBeTrue();
        await probes.ProbeAsync(state, Stop);
        state.IsOffered.ShouldBeFalse();
        (await node.Node.Client.GetReplicaAsync(id, Stop)).Figures!.Health.ShouldBe("silent");

        server.Instead = null;
        await probes.ProbeAsync(state, Stop);
        state.IsOffered.ShouldBeTrue();

        // Once is no silence, and what was before does not count.
        server.Instead = (503, "");
        await probes.ProbeAsync(state, Stop);
        state.IsOffered.ShouldBeTrue();
        server.Authorizations.ShouldAllBe(authorization => authorization == "Bearer sk-secret");
    }

    [Fact]
    public async Task Replica_ThatMovesToAnotherServer_IsFoundSilentThereToo()
    {
        await using var node = await InferenceNode.StartAsync("--Inference:HealthSeconds", "3600", "--Inference:HealthMs", "2000");
        await using var before = await ListingServer.StartAsync();
        await using var after = await ListingServer.StartAsync();
        var id = (await node.Node.Client.AddReplicaAsync(new AddReplicaRequest(node.Model, before.Address), Stop)).Id;
        var services = node.Node.Host.Services;
        var fleets = services.GetRequiredService<ModelFleets>();
        var state = fleets.Find(Id<Replica>.Parse(id))!;
        using var probes = new ReplicaProbes(
            fleets, services.GetRequiredService<Upstreams>(), services.GetRequiredService<InferenceOptions>(), TimeProvider.System, new Random(1), NullLogger<ReplicaProbes>.Instance);
        (before.Instead, after.Instead) = ((503, ""), (503, ""));
        await probes.ProbeAsync(state, Stop);
        await probes.ProbeAsync(state, Stop);
        state.IsOffered.ShouldBeFalse();

        await node.Node.Client.UpdateReplicaAsync(id, new UpdateReplicaRequest(after.Address, SkipCheck: true), Stop);
        state.IsOffered.ShouldBeTrue();
        await probes.ProbeAsync(state, Stop);
        state.IsOffered.ShouldBeTrue();
        await probes.ProbeAsync(state, Stop);

        state.IsOffered.ShouldBeFalse();
    }

    [Fact]
    public async Task Node_FindsOutByItself_AndSaysSoToWhoeverAsks()
    {
        await using var node = await InferenceNode.StartAsync("--Inference:HealthSeconds", "1", "--Inference:HealthMs", "60000");
        await using var server = await ListingServer.StartAsync();
        var client = node.Node.Client;
        var id = (await client.AddReplicaAsync(new AddReplicaRequest(node.Model, server.Address), Stop)).Id;

        server.Instead = (500, "");
        await Eventually.IsSoAsync(async () => (await client.GetReplicaAsync(id, Stop)).Figures!.Health == "silent");
        using (var answer = await node.AskAsync(node.Chat()))
            (await InferenceNode.ReadAsync(answer, System.Net.HttpStatusCode.ServiceUnavailable))["error"]!["code"]!.GetValue<string>().ShouldBe("no_replica");

        server.Instead = null;
        await Eventually.IsSoAsync(async () => (await client.GetReplicaAsync(id, Stop)).Figures!.Health == "starting");
        using (var answer = await node.AskAsync(node.Chat()))
            (await InferenceNode.ReadAsync(answer))["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("Hello");
    }

    [Fact]
    public async Task Server_ThatSaysNothing_IsWaitedForSoLong_AndOthersNot()
    {
        await using var node = await InferenceNode.StartAsync("--Inference:HealthSeconds", "1", "--Inference:HealthMs", "500");
        await using var silent = await ListingServer.StartAsync();
        await using var well = await ListingServer.StartAsync();
        var client = node.Node.Client;
        var first = (await client.AddReplicaAsync(new AddReplicaRequest(node.Model, silent.Address, "tiny", SkipCheck: true), Stop)).Id;
        var second = (await client.AddReplicaAsync(new AddReplicaRequest(node.Model, well.Address, "tiny", SkipCheck: true), Stop)).Id;

        silent.IsSilent = true;
        await Eventually.IsSoAsync(async () => (await client.GetReplicaAsync(first, Stop)).Figures!.Health == "silent");

        // As long as anybody looks, the other one is asked on and on.
        var asked = well.Asked;
        await Eventually.IsSoAsync(() => well.Asked > asked + 1);
        (await client.GetReplicaAsync(second, Stop)).Figures!.Failed.ShouldBe(0);
    }
}

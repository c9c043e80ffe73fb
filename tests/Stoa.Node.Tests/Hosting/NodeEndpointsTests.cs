using System.Net;
using Stoa.Client.Contracts;
using Stoa.Node.Hosting;

namespace Stoa.Node.Tests.Hosting;

public sealed class NodeEndpointsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-node-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Nodes_OfANodeAlone_AreItselfAsItIsNow()
    {
        await using var node = await RunningNode.StartInAsync(_folder, "--node:region", "eu-central", "--tasks:workers", "3");
        using var anyone = node.NewClient(null);
        var self = await RunningNode.ReadAsync<NodeResponse>(await anyone.GetAsync("/api/v1/node", Stop));

        var listed = await RunningNode.ReadAsync<ListResponse<ListedNodeResponse>>(await node.Admin.GetAsync("/api/v1/nodes", Stop));

        var only = listed.Items.ShouldHaveSingleItem();
        (only.PeerId, only.Region, only.Version, listed.NextCursor).ShouldBe((self.PeerId, "eu-central", self.Version, null));
        (only.Capacity?.Workers, only.Load).ShouldBe((3, new NodeLoadBody(0, 0, 0, 0)));
        only.SeenAt.ShouldBeGreaterThanOrEqualTo(only.StartedAt);
        self.Region.ShouldBe("eu-central");
        (await RunningNode.ReadAsync<ListResponse<ListedNodeResponse>>(await node.Admin.GetAsync($"/api/v1/nodes?cursor={only.PeerId}", Stop))).Items.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("/api/v1/nodes?limit=0", HttpStatusCode.BadRequest)]
    [InlineData("/api/v1/nodes?limit=201", HttpStatusCode.BadRequest)]
    public async Task Nodes_AskedForBadly_AreRefused(string path, HttpStatusCode status)
    {
        await using var node = await RunningNode.StartInAsync(_folder);

        (await node.Admin.GetAsync(path, Stop)).StatusCode.ShouldBe(status);
        using var anyone = node.NewClient(null);
        (await anyone.GetAsync("/api/v1/nodes", Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Theory]
    [InlineData("EU")]
    [InlineData("e")]
    [InlineData("eu central")]
    [InlineData("eu-")]
    [InlineData("a123456789012345678901234567890123")]
    public async Task Region_ThatIsNoWord_StopsTheStart(string region)
    {
        var refused = await Should.ThrowAsync<BadOptionsException>(() => RunningNode.StartInAsync(_folder, "--node:region", region));

        refused.Reasons.ShouldHaveSingleItem().ShouldContain("Node:Region");
    }
}

using System.Net;
using System.Net.Http.Json;
using Stoa.Client.Contracts;
using Stoa.Market.Ledger;
using Stoa.Node.Tests.Hosting;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Ledger;

public sealed class LedgerEndpointsTests(SharedNode shared) : IClassFixture<SharedNode>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Books_OfOthers_AreForAdministratorsOnly()
    {
        using var member = await shared.Node.NewMemberAsync("mia-ledger");

        foreach (var path in new[] { "ledger/accounts", "ledger/blocks" })
        {
            using var refused = await member.GetAsync($"/api/v1/{path}", Stop);
            refused.StatusCode.ShouldBe(HttpStatusCode.Forbidden, path);
            using var allowed = await shared.Node.Admin.GetAsync($"/api/v1/{path}", Stop);
            allowed.StatusCode.ShouldBe(HttpStatusCode.OK, path);
        }
    }

    [Fact]
    public async Task Blocks_FromOneOn_AreThoseBehindIt()
    {
        for (var number = 1; number <= 3; number++)
        {
            using var deposit = await shared.Node.Admin.PostAsJsonAsync("/api/v1/deposits", new { handle = "stoa", amount = $"0.0{number}" }, Stop);
            deposit.EnsureSuccessStatusCode();
        }

        var all = (await shared.Node.Admin.GetFromJsonAsync<JournalBlocksResponse>("/api/v1/ledger/blocks", Stop))!.Blocks;
        var rest = (await shared.Node.Admin.GetFromJsonAsync<JournalBlocksResponse>($"/api/v1/ledger/blocks?after={all[0].Number}", Stop))!.Blocks;
        var none = (await shared.Node.Admin.GetFromJsonAsync<JournalBlocksResponse>($"/api/v1/ledger/blocks?after={long.MaxValue}", Stop))!.Blocks;

        all.Select(block => block.Number).ShouldBe(Enumerable.Range(1, all.Count).Select(number => (long)number));
        rest.Select(block => block.Number).ShouldBe(all.Skip(1).Select(block => block.Number));
        none.ShouldBeEmpty();
        var head = JournalHead.Empty;
        foreach (var read in all)
        {
            var block = new JournalBlock(read.Number, read.Count, read.Stride, read.Entries, ContentHash.Parse(read.Hash));
            block.Follows(head).ShouldBeTrue();
            head = block.Head;
        }
    }

    [Fact]
    public async Task Checkpoint_ForAnyUser_IsSignedByTheNode()
    {
        using var member = await shared.Node.NewMemberAsync("max-ledger");

        var envelope = DsseEnvelope.FromJson(await member.GetByteArrayAsync("/api/v1/ledger/checkpoint", Stop));

        var node = (await shared.Node.Admin.GetFromJsonAsync<NodeResponse>("/api/v1/node", Stop))!;
        JournalCheckpoint.Open(envelope, PeerId.Parse(node.PeerId)).Refusal.ShouldBeNull();
        using var other = PrivateKey.Generate();
        JournalCheckpoint.Open(envelope, other.PublicKey.PeerId).Refusal!.Code.ShouldBe(Stoa.Market.NodeRecordFault.OtherNode);
    }
}

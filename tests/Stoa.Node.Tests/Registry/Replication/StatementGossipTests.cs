using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Registry.Replication;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Tests.Tasks;
using Stoa.Network.Addressing;
using Stoa.Network.Gossip;
using Stoa.Node.Registry.Replication;
using Stoa.Node.Tests.Registry.Statements;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Replication;

/// <summary>Nodes that tell each other what is new, and compare their statements only when they meet.</summary>
[Trait("speed", "slow")]
public sealed class StatementGossipTests : IAsyncLifetime
{
    private static readonly string[] s_options = ["--network:listen:0", "/ip4/127.0.0.1/tcp/0", "--network:mdns", "false", "--registry:syncSeconds", "86400", "--node:region", "eu-central"];

    private TestNode _first = null!;
    private TestNode _second = null!;
    private TestNode _third = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _first = await TestNode.StartAsync(null, s_options);
        _second = await TestNode.StartAsync(null, [.. s_options, "--network:join:0", _first.PeerAddress]);
        _third = await TestNode.StartAsync(null, [.. s_options, "--network:join:0", _second.PeerAddress]);
        // From here on nothing is compared any more.
        foreach (var node in (TestNode[])[_first, _third])
            await Eventually.IsSoAsync(() => GossipOf(node).Router!.GetPeers(StatementGossip.Topic).Count > 0);
        await Eventually.IsSoAsync(() => GossipOf(_second).Router!.GetPeers(StatementGossip.Topic).Count == 2);
    }

    public async ValueTask DisposeAsync()
    {
        await _third.DisposeAsync();
        await _second.DisposeAsync();
        await _first.DisposeAsync();
    }

    [Fact]
    public async Task Agent_IsHeardOf_ByWhoIsNotConnectedToItsNode_AndItsWithdrawalToo()
    {
        var listing = await _first.PublishAsync("wanderer", GuestPrograms.Echo);
        await Eventually.IsSoAsync(async () => await FindAsync(_third, "wanderer") is not null);

        await _first.Client.WithdrawAgentAsync(AgentReference.Parse(listing), "It has come home.", Stop);
        await Eventually.IsSoAsync(async () => await FindAsync(_third, "wanderer") is null);
    }

    [Fact]
    public async Task Offers_OfAllNodes_AreOnTheMapOfEach()
    {
        foreach (var node in (TestNode[])[_first, _second, _third])
        {
            await Eventually.IsSoAsync(async () => (await node.Client.ListOffersAsync(Stop).ToListAsync(Stop)).Count(offer => offer is { Split: not null, Receipts: not null }) == 3);
            var offers = await node.Client.ListOffersAsync(Stop).ToListAsync(Stop);
            offers.Count(offer => offer.IsThisNode).ShouldBe(1);
            offers.ShouldAllBe(offer => offer.Region == "eu-central" && offer.Workers > 0 && offer.Addresses.Count > 0 && offer.ExpiresAt > offer.SaidAt);
            offers.ShouldAllBe(offer => offer.Split == new SplitBody(70, 25, 5) && offer.Receipts!.Count == 0 && offer.Receipts.To - offer.Receipts.From == TimeSpan.FromDays(30));
            offers.Select(offer => offer.Node).ShouldBe([IdOf(_first), IdOf(_second), IdOf(_third)], ignoreOrder: true);
        }

        // What is at hand changes with what is published.
        var listing = await _third.PublishAsync("homecomer", GuestPrograms.Echo);
        var program = (await _third.Client.GetAgentAsync(AgentReference.Parse(listing), Stop)).ProgramDigest;
        await Eventually.IsSoAsync(async () => (await _first.Client.ListOffersAsync(Stop).ToListAsync(Stop)).Single(offer => offer.Node == IdOf(_third)).Programs.Contains(program));
    }

    [Fact]
    public async Task Statement_ThatIsGivenToANode_IsCheckedThere_AndToldToTheOthers()
    {
        using var key = PrivateKey.Generate();
        var hlc = new Hlc(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(), 0);
        var idle = Statement.Sign(key, hlc, StatementStoreConformance.Listing("1.0.0")).Value;
        var worked = Statement.SignWorked(key, hlc, StatementStoreConformance.Listing("1.0.0"), AdmissionPolicy.Default, Stop).Value;

        if (StatementWork.BitsOf(idle.Id) < AdmissionPolicy.Default.StrangerWorkBits)
            (await Should.ThrowAsync<StoaException>(() => _first.Client.AddListingAsync(idle.Envelope, Stop))).Code.ShouldBe("statementWorkMissing");
        var forged = worked.Envelope with { Signatures = [worked.Envelope.Signatures[0] with { Sig = idle.Signature }] };
        (await Should.ThrowAsync<StoaException>(() => _first.Client.AddListingAsync(forged, Stop))).Code.ShouldBe("statementSignatureInvalid");

        (await _first.Client.AddListingAsync(worked.Envelope, Stop)).Effect.ShouldBe("added");
        (await _first.Client.AddListingAsync(worked.Envelope, Stop)).Effect.ShouldBe("known");
        var statements = _third.Host.Services.GetRequiredService<IStatementStore>();
        await Eventually.IsSoAsync(async () => await statements.FindAsync(worked.Id, Stop) is not null);
    }

    [Fact]
    public async Task ForgedCopy_ThatComesFirst_IsHeldAgainstWhoBringsIt_AndNotAgainstWhoBringsTheStatement()
    {
        using var publisher = PrivateKey.Generate();
        using var key = PrivateKey.Generate();
        var hlc = new Hlc(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(), 0);
        var statement = Statement.SignWorked(publisher, hlc, StatementStoreConformance.Listing("1.0.0"), AdmissionPolicy.Default, Stop).Value;
        var other = Statement.Sign(publisher, hlc, StatementStoreConformance.Listing("2.0.0")).Value;
        await using var attacker = PeerHosts.Create(key);
        await using var router = new GossipRouter(attacker, new GossipOptions());
        await attacker.ConnectAsync(Multiaddr.Parse(_third.PeerAddress), Stop);
        await Eventually.IsSoAsync(() => router.GetPeers(StatementGossip.Topic).Count > 0 && GossipOf(_third).Router!.GetScores().ContainsKey(attacker.Id));

        await router.PublishAsync(StatementGossip.Topic, StatementMessage.Write(new SignedStatement(statement.Payload, other.Signature)), Stop);
        await Eventually.IsSoAsync(() => GossipOf(_third).Router!.GetScores()[attacker.Id] < 0);
        (await _first.Client.AddListingAsync(statement.Envelope, Stop)).Effect.ShouldBe("added");

        var statements = _third.Host.Services.GetRequiredService<IStatementStore>();
        await Eventually.IsSoAsync(async () => await statements.FindAsync(statement.Id, Stop) is not null);
        GossipOf(_third).Router!.GetScores()[PeerId.Parse(IdOf(_second))].ShouldBeGreaterThanOrEqualTo(0);
    }

    private static StatementGossip GossipOf(TestNode node) => node.Host.Services.GetRequiredService<StatementGossip>();

    private static string IdOf(TestNode node) => node.Host.Services.GetRequiredService<PublicKey>().PeerId.ToString();

    private static async Task<ListingResponse?> FindAsync(TestNode node, string name) =>
        (await node.Client.ListListingsAsync(new ListingQuery(Text: name), Stop).ToListAsync(Stop)).SingleOrDefault();
}

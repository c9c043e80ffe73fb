using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Registry.Replication;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Tests.Tasks;
using Stoa.Network.Addressing;
using Stoa.Node.Registry.Replication;
using Stoa.Node.Tests.Registry.Statements;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Replication;

/// <summary>Nodes of several operators, whose statements get from one to another.</summary>
[Trait("speed", "slow")]
public sealed class RegistrySyncTests
{
    private static readonly string[] s_options = ["--network:listen:0", "/ip4/127.0.0.1/tcp/0", "--network:mdns", "false", "--registry:syncSeconds", "1"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Agent_ThatIsPublishedOnOneNode_IsFoundOnAllAndGoneWhenItIsWithdrawn()
    {
        await using var first = await TestNode.StartAsync(null, s_options);
        await using var second = await TestNode.StartAsync(null, [.. s_options, "--network:join:0", first.PeerAddress]);
        await using var third = await TestNode.StartAsync(null, [.. s_options, "--network:join:0", second.PeerAddress]);

        var listing = await first.PublishAsync("wanderer", GuestPrograms.Echo);
        var found = await FindAsync(third, "wanderer");

        (found.Publisher.Verified, found.ArtifactDigest is not null).ShouldBe((false, true));
        var envelope = await third.Client.GetStatementAsync(ContentHash.Parse(found.StatementId), Stop);
        StatementWork.BitsOf(Statement.Open(envelope).Value.Id).ShouldBeGreaterThanOrEqualTo(AdmissionPolicy.Default.StrangerWorkBits);
        // The other way as well: the one that was joined hears of what the one that joins publishes.
        await third.PublishAsync("homecomer", GuestPrograms.Echo);
        await FindAsync(first, "homecomer");

        await first.Client.WithdrawAgentAsync(AgentReference.Parse(listing), "It has come home.", Stop);
        await Eventually.IsSoAsync(async () => !await third.Client.ListListingsAsync(new ListingQuery(Text: "wanderer"), Stop).AnyAsync(Stop));
    }

    /// <summary>No node is needed: neither the one that has published it, nor the one by which all others joined.</summary>
    [Fact]
    public async Task Agent_WhoseNodeIsGone_IsFoundByWhoComesLater_AndOthersGoOn()
    {
        var first = await TestNode.StartAsync(null, s_options);
        await using var second = await TestNode.StartAsync(null, [.. s_options, "--network:join:0", first.PeerAddress]);
        await using var third = await TestNode.StartAsync(null, [.. s_options, "--network:join:0", first.PeerAddress, "--network:join:1", second.PeerAddress]);
        await first.PublishAsync("wanderer", GuestPrograms.Echo);
        await FindAsync(second, "wanderer");
        await FindAsync(third, "wanderer");

        await first.DisposeAsync();
        await using var fourth = await TestNode.StartAsync(null, [.. s_options, "--network:join:0", third.PeerAddress]);

        var found = await FindAsync(fourth, "wanderer");
        Statement.Open(await fourth.Client.GetStatementAsync(ContentHash.Parse(found.StatementId), Stop)).Value.SignerId.ToString().ShouldBe(found.Publisher.Key);
        await second.PublishAsync("latecomer", GuestPrograms.Echo);
        await FindAsync(fourth, "latecomer");
    }

    [Fact]
    public async Task Peer_ThatSendsGarbage_IsShutOut_AndOthersAreServed()
    {
        await using var node = await TestNode.StartAsync(null, s_options);
        await node.PublishAsync("wanderer", GuestPrograms.Echo);
        using var key = PrivateKey.Generate();
        await using var hostile = PeerHosts.Create(key);
        var address = Multiaddr.Parse(node.PeerAddress);
        var peer = (await hostile.ConnectAsync(address, Stop)).RemotePeer;

        for (var number = 0; number < 200 && hostile.IsConnected(peer); number++)
        {
            try
            {
                await using var stream = await hostile.OpenStreamAsync(peer, [RegistryProtocol.Name], Stop);
                await stream.WriteMessageAsync(new byte[] { 77, 1, 2, 3 }, Stop);
                await stream.ReadMessageAsync(1 << 20, Stop);
            }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                // It is reset, and at last the connection is ended.
            }
        }

        await Eventually.IsSoAsync(() => Task.FromResult(!hostile.IsConnected(peer)));
        await Should.ThrowAsync<IOException>(async () =>
        {
            await hostile.ConnectAsync(address, Stop);
            // A connection is ended as soon as it stands.
            await using var stream = await hostile.OpenStreamAsync(peer, [RegistryProtocol.Name], Stop);
            await stream.WriteMessageAsync(new ReplicationMessage.Hello(default, new TugOfWarSketch().Read()).Write(), Stop);
            if (await stream.ReadMessageAsync(1 << 20, Stop) is null)
                throw new IOException("It was ended.");
        });
        await using var friend = await TestNode.StartAsync(null, [.. s_options, "--network:join:0", node.PeerAddress]);
        await FindAsync(friend, "wanderer");
    }

    [Fact]
    public async Task Peer_ThatOffersForgedStatements_GetsNoneIn()
    {
        await using var node = await TestNode.StartAsync(null, s_options);
        using var key = PrivateKey.Generate();
        await using var hostile = PeerHosts.Create(key);
        var peer = (await hostile.ConnectAsync(Multiaddr.Parse(node.PeerAddress), Stop)).RemotePeer;
        var hlc = new Hlc(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(), 0);
        var statements = Enumerable.Range(0, 20).Select(number => Statement.Sign(key, hlc, StatementStoreConformance.Listing($"1.{number}.0")).Value).ToList();
        var forged = statements.Select((statement, number) => new SignedStatement(statement.Payload, statements[(number + 1) % statements.Count].Signature)).ToList();

        // A node that has just begun may have no time yet.
        await Eventually.IsSoAsync(async () =>
        {
            await using var stream = await hostile.OpenStreamAsync(peer, [RegistryProtocol.Name], Stop);
            await stream.WriteMessageAsync(new ReplicationMessage.Hello(default, new TugOfWarSketch().Read()).Write(), Stop);
            if (ReplicationMessage.Read((await stream.ReadMessageAsync(1 << 20, Stop))!.Value.Span) is ReplicationMessage.Busy)
                return false;
            await stream.ReadMessageAsync(1 << 20, Stop);
            await stream.WriteMessageAsync(new ReplicationMessage.Offer([.. forged.Select(statement => statement.Item)]).Write(), Stop);
            ReplicationMessage.Read((await stream.ReadMessageAsync(1 << 20, Stop))!.Value.Span).ShouldBeOfType<ReplicationMessage.Wanted>().Items.Count.ShouldBe(20);
            await stream.WriteMessageAsync(new ReplicationMessage.Give(forged).Write(), Stop);
            try
            {
                // To leave at once would be a reset, which overtakes what was sent.
                await stream.ReadMessageAsync(1 << 20, Stop);
            }
            catch (IOException)
            {
                // It is disconnected.
            }

            return true;
        });

        await Eventually.IsSoAsync(() => Task.FromResult(!hostile.IsConnected(peer)));
        (await node.Host.Services.GetRequiredService<IStatementStore>().FindAsync(statements[0].Id, Stop)).ShouldBeNull();
    }

    private static async Task<ListingResponse> FindAsync(TestNode node, string name)
    {
        ListingResponse? found = null;
        await Eventually.IsSoAsync(async () => (found = (await node.Client.ListListingsAsync(new ListingQuery(Text: name), Stop).ToListAsync(Stop)).SingleOrDefault()) is not null);
        return found!;
    }
}

using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Stoa.Network.Addressing;
using Stoa.Network.Negotiation;
using Stoa.Network.Tests.Security;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Judges;

/// <summary>Secured channels between this library and js-libp2p, both ways.</summary>
[Trait("needs", "node")]
public sealed class SecurityJudgeTests
{
    private readonly PrivateKey _key = PrivateKey.Generate();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory, CombinatorialSecurity]
    public async Task Js_IsDialled_AndBothKnowWhoTheOtherIs(string security, string keyType)
    {
        await using var js = await JsPeer.StartAsync(keyType, [security], [], Stop);
        js.Address.TryGetTcp(out var endPoint).ShouldBeTrue();
        using var client = new TcpClient();
        await client.ConnectAsync(endPoint!, Stop);
        var raw = client.GetStream();
        var protocol = Securities.Create(security, _key);

        await MultistreamSelect.ProposeAsync(raw, [protocol.Protocol], Stop);
        var secured = await protocol.SecureAsync(raw, true, js.Peer, Stop);

        secured.RemotePeer.ShouldBe(js.Peer);
        var seen = await js.WaitForAsync("connected", Stop);
        ((string?)seen["peer"]).ShouldBe(_key.PublicKey.PeerId.ToString());
        await secured.Stream.DisposeAsync();
    }

    [Theory, CombinatorialSecurity]
    public async Task Js_Dials_AndBothKnowWhoTheOtherIs(string security, string keyType)
    {
        await using var js = await JsPeer.StartAsync(keyType, [security], [], Stop);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = Multiaddr.OfTcp((IPEndPoint)listener.LocalEndpoint).WithPeer(_key.PublicKey.PeerId);
        var dialling = js.AskAsync(new JsonObject { ["do"] = "dial", ["address"] = address.ToString() }, Stop);
        using var client = await listener.AcceptTcpClientAsync(Stop);
        var raw = client.GetStream();
        var protocol = Securities.Create(security, _key);

        await MultistreamSelect.AnswerAsync(raw, name => name == protocol.Protocol, Stop);
        var secured = await protocol.SecureAsync(raw, false, null, Stop);

        secured.RemotePeer.ShouldBe(js.Peer);
        ((string?)(await dialling)["peer"]).ShouldBe(_key.PublicKey.PeerId.ToString());
        await secured.Stream.DisposeAsync();
    }

    private sealed class CombinatorialSecurityAttribute : Xunit.v3.DataAttribute
    {
        public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(System.Reflection.MethodInfo testMethod, Xunit.Sdk.DisposalTracker disposalTracker) =>
            new([.. from security in (string[])["tls", "noise"] from key in (string[])["Ed25519", "secp256k1", "RSA", "ECDSA"] select new TheoryDataRow<string, string>(security, key)]);

        public override bool SupportsDiscoveryEnumeration() => true;
    }
}

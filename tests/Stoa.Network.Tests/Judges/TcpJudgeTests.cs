using System.Text.Json.Nodes;
using Stoa.Network.Addressing;
using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;
using Stoa.Network.Tests.Security;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Judges;

/// <summary>Whole connections between this library and js-libp2p, both ways: TCP, security, Yamux, and megabytes on its streams.</summary>
[Trait("needs", "node")]
public sealed class TcpJudgeTests
{
    private const string Echo = "/stoa-test/echo/1.0.0";
    private const int Megabytes = 4 * 1024 * 1024;

    private readonly PrivateKey _key = PrivateKey.Generate();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("tls", "Ed25519")]
    [InlineData("tls", "ECDSA")]
    [InlineData("noise", "secp256k1")]
    [InlineData("noise", "RSA")]
    public async Task Js_IsDialled_EchoesMegabytesAndHasMegabytesEchoed(string security, string keyType)
    {
        await using var js = await JsPeer.StartAsync(keyType, [security], ["yamux"], Stop);
        await using var connection = await Create(security).DialAsync(js.Address.WithoutPeer, js.Peer, Stop);

        connection.RemotePeer.ShouldBe(js.Peer);
        PeerId.FromEncodedPublicKey(connection.RemoteKey.Span).ShouldBe(js.Peer);
        await AskForEchoAsync(connection);
        await AnswerEchoAsync(js, _key.PublicKey.PeerId, connection);
    }

    [Theory]
    [InlineData("tls", "RSA")]
    [InlineData("tls", "secp256k1")]
    [InlineData("noise", "ECDSA")]
    [InlineData("noise", "Ed25519")]
    public async Task Js_Dials_EchoesMegabytesAndHasMegabytesEchoed(string security, string keyType)
    {
        await using var js = await JsPeer.StartAsync(keyType, [security], ["yamux"], Stop);
        await using var listener = await Create(security).ListenAsync(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"), Stop);
        var dialling = js.AskAsync(new JsonObject { ["do"] = "dial", ["address"] = listener.Address.WithPeer(_key.PublicKey.PeerId).ToString() }, Stop);
        await using var connection = await listener.AcceptAsync(Stop);

        connection.ShouldNotBeNull().RemotePeer.ShouldBe(js.Peer);
        ((string?)(await dialling)["peer"]).ShouldBe(_key.PublicKey.PeerId.ToString());
        await AskForEchoAsync(connection);
        await AnswerEchoAsync(js, _key.PublicKey.PeerId, connection);
    }

    [Theory]
    [InlineData("tls")]
    [InlineData("noise")]
    public async Task Js_IsNotTheOneExpected_NothingStands(string security)
    {
        await using var js = await JsPeer.StartAsync("Ed25519", [security], ["yamux"], Stop);
        using var other = PrivateKey.Generate();

        var refused = await Should.ThrowAsync<ConnectException>(() => Create(security).DialAsync(js.Address.WithoutPeer, other.PublicKey.PeerId, Stop));

        refused.Fault.ShouldBe(ConnectFault.OtherPeer);
    }

    [Fact]
    public async Task Js_SpeaksAnotherSecurity_HasNothingInCommon()
    {
        await using var js = await JsPeer.StartAsync("Ed25519", ["noise"], ["yamux"], Stop);

        var refused = await Should.ThrowAsync<ConnectException>(() => Create("tls").DialAsync(js.Address.WithoutPeer, js.Peer, Stop));

        refused.Fault.ShouldBe(ConnectFault.NothingInCommon);
    }

    private static async Task AskForEchoAsync(IPeerConnection connection)
    {
        var sent = Pattern(Megabytes, 7);
        await using var stream = await connection.OpenStreamAsync(Stop);
        await MultistreamSelect.ProposeAsync(stream, [Echo], Stop);
        var received = new MemoryStream();
        var reading = stream.CopyToAsync(received, Stop);
        await stream.WriteAsync(sent, Stop);
        await stream.CompleteWritesAsync(Stop);
        await reading;
        received.ToArray().AsSpan().SequenceEqual(sent).ShouldBeTrue();
    }

    private static async Task AnswerEchoAsync(JsPeer js, PeerId self, IPeerConnection connection)
    {
        var asking = js.AskAsync(new JsonObject { ["do"] = "echo", ["peer"] = self.ToString(), ["bytes"] = Megabytes, ["seed"] = 11 }, Stop);
        await using (var stream = (await connection.AcceptStreamAsync(Stop)).ShouldNotBeNull())
        {
            await MultistreamSelect.AnswerAsync(stream, name => name == Echo, Stop);
            await EchoAsync(stream);
            var answer = await asking;
            ((int)answer["bytes"]!).ShouldBe(Megabytes);
            ((bool)answer["isSame"]!).ShouldBeTrue();
        }
    }

    private static async Task EchoAsync(MuxedStream stream)
    {
        var buffer = new byte[32 * 1024];
        int read;
        while ((read = await stream.ReadAsync(buffer, Stop)) > 0)
            await stream.WriteAsync(buffer.AsMemory(0, read), Stop);
        await stream.CompleteWritesAsync(Stop);
    }

    // The judge's pattern: a linear congruence, its upper byte.
    private static byte[] Pattern(int length, uint seed)
    {
        var bytes = new byte[length];
        for (var (index, state) = (0, seed); index < length; index++)
        {
            state = unchecked((state * 1664525) + 1013904223);
            bytes[index] = (byte)(state >> 24);
        }

        return bytes;
    }

    private TcpTransport Create(string security) => new(
        [Securities.Create(security, _key)], [new Yamux(new YamuxOptions(), TimeProvider.System)], new TcpOptions(), TimeProvider.System);
}

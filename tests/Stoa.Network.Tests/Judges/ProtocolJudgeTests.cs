using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Identify;
using Stoa.Network.Kademlia;
using Stoa.Network.Muxing;
using Stoa.Network.Security;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Judges;

/// <summary>Identify, ping and the hash table between this library and js-libp2p, both ways.</summary>
[Trait("needs", "node")]
public sealed class ProtocolJudgeTests : IAsyncLifetime
{
    private readonly PrivateKey _key = PrivateKey.Generate();
    private readonly TlsSecurity _tls;
    private readonly Host _host;
    private readonly IdentifyProtocol _identify;
    private Multiaddr _address = null!;

    public ProtocolJudgeTests()
    {
        _tls = new TlsSecurity(_key, TimeProvider.System);
        _host = new Host(
            _key, [new TcpTransport([_tls], [new Yamux(new YamuxOptions(), TimeProvider.System)], new TcpOptions(), TimeProvider.System)], new HostOptions(), TimeProvider.System, new Random(5));
        _identify = IdentifyProtocol.Serve(_host);
        PingProtocol.Serve(_host);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() =>
        _address = (await _host.ListenAsync(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"), CancellationToken.None)).WithPeer(_host.Id);

    public async ValueTask DisposeAsync()
    {
        await _identify.DisposeAsync();
        await _host.DisposeAsync();
        _tls.Dispose();
        _key.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Identify_TellsEachOfTheOther_WhoeverDials(bool isJsDialled)
    {
        await using var js = await JsPeer.StartAsync("Ed25519", ["tls"], ["yamux"], Stop, "identify", "identifyPush", "ping");

        await MeetAsync(js, isJsDialled);

        // The host has asked by itself; js-libp2p takes one such question at a time.
        var said = (await UntilAsync(() => Task.FromResult(_host.Peers.DescriptionOf(js.Peer)), description => description is not null))!;
        said.Protocols.ShouldContain("/ipfs/ping/1.0.0");
        said.AgentVersion.ShouldContain("js-libp2p");
        said.Addresses.ShouldContain(js.Address.WithoutPeer);
        said.Record.ShouldNotBeNull();
        var heard = await UntilAsync(() => js.AskAsync(new JsonObject { ["do"] = "describe", ["peer"] = _host.Id.ToString() }, Stop), answer => answer["agent"] is not null);
        ((string?)heard["agent"]).ShouldBe("stoa");
        heard["protocols"]!.AsArray().Select(name => (string?)name).ShouldContain(IdentifyProtocol.PushName);
        heard["addresses"]!.AsArray().Select(address => (string?)address).ShouldContain(_address.WithoutPeer.ToString());
        // What changes later is pushed.
        _host.Handle("/stoa-test/new/1.0.0", (_, _) => Task.CompletedTask);
        await UntilAsync(
            () => js.AskAsync(new JsonObject { ["do"] = "describe", ["peer"] = _host.Id.ToString() }, Stop),
            answer => answer["protocols"]!.AsArray().Any(name => (string?)name == "/stoa-test/new/1.0.0"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Ping_GoesThereAndBack_BothWays(bool isJsDialled)
    {
        await using var js = await JsPeer.StartAsync("Ed25519", ["tls"], ["yamux"], Stop, "identify", "ping");
        await MeetAsync(js, isJsDialled);

        for (var count = 0; count < 5; count++)
            (await PingProtocol.PingAsync(_host, js.Peer, Stop)).ShouldBeGreaterThan(TimeSpan.Zero);
        // In whole milliseconds, of which here it takes none: that there is an answer says that the bytes came back.
        (await js.AskAsync(new JsonObject { ["do"] = "ping", ["peer"] = _host.Id.ToString() }, Stop))["ms"].ShouldNotBeNull().GetValueKind().ShouldBe(JsonValueKind.Number);
    }

    [Fact]
    public async Task HashTable_PutsGetsProvidesAndFinds_BothWays()
    {
        var options = new KademliaOptions
        {
            Protocol = "/ipfs/kad/1.0.0",
            Validators = new Dictionary<string, IRecordValidator> { ["test"] = new AnyRecord() },
        };
        await using var table = new Network.Kademlia.Kademlia(_host, options, new MemoryRecordStore(new RecordStoreOptions(), TimeProvider.System));
        await using var js = await JsPeer.StartAsync("Ed25519", ["tls"], ["yamux"], Stop, "identify", "ping", "dht");
        await MeetAsync(js, isJsDialled: true);
        await UntilAsync(() => Task.FromResult(table.TableSize), size => size > 0);
        await UntilAsync(
            () => js.AskAsync(new JsonObject { ["do"] = "describe", ["peer"] = _host.Id.ToString() }, Stop),
            answer => answer["protocols"]!.AsArray().Any(name => (string?)name == options.Protocol));

        // Values.
        var (ours, theirs) = ("/test/ours"u8.ToArray(), "/test/theirs"u8.ToArray());
        await table.PutValueAsync(ours, "from here"u8.ToArray(), Stop);
        Encoding.UTF8.GetString(Convert.FromBase64String((string)(await AskAsync(js, "get", ours))["value"]!)).ShouldBe("from here");
        await AskAsync(js, "put", theirs, "from there"u8.ToArray());
        Encoding.UTF8.GetString((await table.GetValueAsync(theirs, Stop))!.Value.Span).ShouldBe("from there");

        // Providers: of the digest as a multihash, as js-libp2p takes it out of a CID.
        byte[] HashOf(byte[] content) => [0x12, 0x20, .. SHA256.HashData(content)];
        await table.ProvideAsync(HashOf(ours), Stop);
        (await AskAsync(js, "providers", ours))["peers"]!.AsArray().Select(peer => (string?)peer).ShouldContain(_host.Id.ToString());
        await AskAsync(js, "provide", theirs);
        var providers = new List<PeerId>();
        await foreach (var provider in table.FindProvidersAsync(HashOf(theirs), Stop))
            providers.Add(provider.Peer);
        providers.ShouldContain(js.Peer);

        // Peers.
        (await table.FindPeerAsync(js.Peer, Stop))!.Addresses.ShouldContain(js.Address.WithoutPeer);
        (await js.AskAsync(new JsonObject { ["do"] = "find", ["peer"] = _host.Id.ToString() }, Stop))["addresses"]!.AsArray()
            .Select(address => (string?)address).ShouldContain(_address.WithoutPeer.ToString());
    }

    private static Task<JsonObject> AskAsync(JsPeer js, string act, byte[] key, byte[]? value = null) => js.AskAsync(
        new JsonObject { ["do"] = act, ["key"] = Convert.ToBase64String(key), ["value"] = value is null ? null : Convert.ToBase64String(value) }, Stop);

    private async Task MeetAsync(JsPeer js, bool isJsDialled)
    {
        if (isJsDialled)
            await _host.ConnectAsync(js.Address, Stop);
        else
            await js.AskAsync(new JsonObject { ["do"] = "dial", ["address"] = _address.ToString() }, Stop);
    }

    /// <summary>Asks until the answer is the one that is waited for: js-libp2p does not tell when it has taken something up.</summary>
    private static async Task<T> UntilAsync<T>(Func<Task<T>> ask, Func<T, bool> isIt)
    {
        var answer = default(T)!;
        await Eventually.IsSoAsync(async () => isIt(answer = await ask()), "The answer that is waited for does not come.");
        return answer;
    }

    private sealed class AnyRecord : IRecordValidator
    {
        public bool IsValid(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => true;

        public int Compare(ReadOnlySpan<byte> key, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) => 0;
    }
}

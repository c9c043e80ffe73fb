using Stoa.Network.Addressing;
using Stoa.Network.Names;
using Stoa.Network.Negotiation;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Names;

public sealed class DnsAddrTests : ITextRecords, ITransport
{
    private const string Peer = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

    private static readonly PeerId s_other = PeerId.FromEncodedPublicKey([0x08, 0x01, 0x12, 0x20, .. new byte[32]]);

    private readonly Dictionary<string, string[]> _records = [];
    private readonly List<string> _asked = [];
    private readonly List<(string Address, PeerId? Expected)> _dialled = [];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Name_StandsForWhatItsRecordsSay()
    {
        _records["_dnsaddr.node.example"] = [$"dnsaddr=/ip4/1.2.3.4/tcp/4001/p2p/{Peer}", $"dnsaddr=/dns6/v6.node.example/tcp/4001/p2p/{Peer}", "v=spf1 -all"];

        await DialAsync("/dnsaddr/node.example", Peer);

        _dialled.Select(one => one.Address).ShouldBe(["/ip4/1.2.3.4/tcp/4001", "/dns6/v6.node.example/tcp/4001"]);
        _dialled.ShouldAllBe(one => one.Expected == PeerId.Parse(Peer));
    }

    [Fact]
    public async Task Records_OfOtherPeers_AreLeftOut()
    {
        _records["_dnsaddr.all.example"] = [$"dnsaddr=/ip4/1.1.1.1/tcp/1/p2p/{s_other}", "dnsaddr=/ip4/2.2.2.2/tcp/2", $"dnsaddr=/ip4/3.3.3.3/tcp/3/p2p/{Peer}"];

        await DialAsync("/dnsaddr/all.example", Peer);

        _dialled.Select(one => one.Address).ShouldBe(["/ip4/3.3.3.3/tcp/3"]);
    }

    [Fact]
    public async Task Address_ThatNamesNoPeer_IsOfWhoeverIsThere_AsTheRecordSays()
    {
        _records["_dnsaddr.all.example"] = [$"dnsaddr=/ip4/1.1.1.1/tcp/1/p2p/{Peer}", "dnsaddr=/ip4/2.2.2.2/tcp/2"];

        await DialAsync("/dnsaddr/all.example", null);

        _dialled.ShouldBe([("/ip4/1.1.1.1/tcp/1", PeerId.Parse(Peer)), ("/ip4/2.2.2.2/tcp/2", null)]);
    }

    [Theory]
    [InlineData(true, false, 4)]
    [InlineData(false, true, 4)]
    [InlineData(false, false, 1)]
    public async Task Records_OfPrivateAddresses_AreFollowed_OnAPrivateNetworkOrWhenConfigured(bool allowsPrivate, bool isConfigured, int followed)
    {
        _records["_dnsaddr.node.example"] = [.. new[] { "/ip4/127.0.0.1/tcp/1", "/ip4/169.254.169.254/tcp/80", "/ip4/1.2.3.4/tcp/1", "/ip6/fd00:ec2::254/tcp/80" }.Select(address => $"dnsaddr={address}/p2p/{Peer}")];
        var configured = new HashSet<Multiaddr>(isConfigured ? [Multiaddr.Parse("/dnsaddr/node.example")] : []);

        await DialAsync("/dnsaddr/node.example", Peer, options: new DnsAddrOptions { Names = new NameReach { AllowsPrivateAddresses = allowsPrivate, Configured = configured } });

        _dialled.Count.ShouldBe(followed);
        _dialled.ShouldContain(("/ip4/1.2.3.4/tcp/1", PeerId.Parse(Peer)));
    }

    [Fact]
    public async Task Names_AreFollowed_NotWithoutEnd()
    {
        for (var number = 0; number < 100; number++)
            _records[$"_dnsaddr.n{number}.example"] = [$"dnsaddr=/dnsaddr/n{number + 1}.example/p2p/{Peer}", $"dnsaddr=/dnsaddr/n0.example/p2p/{Peer}", $"dnsaddr=/ip4/1.2.3.{number}/tcp/1/p2p/{Peer}"];

        await DialAsync("/dnsaddr/n0.example", Peer);

        _asked.Count.ShouldBe(new DnsAddrOptions().MaxDepth);
        _dialled.Select(one => one.Address).ShouldBe(Enumerable.Range(0, 4).Select(number => $"/ip4/1.2.3.{number}/tcp/1"));
    }

    [Fact]
    public async Task Names_ThatFanOut_AreLookedUpSoOften()
    {
        _records["_dnsaddr.root.example"] = [.. Enumerable.Range(0, 1_000).Select(number => $"dnsaddr=/dnsaddr/leaf{number}.example/p2p/{Peer}")];

        await DialAsync("/dnsaddr/root.example", Peer, ConnectFault.NoAddress);

        _asked.Count.ShouldBe(new DnsAddrOptions().MaxLookups);
    }

    [Fact]
    public async Task Addresses_WithoutEnd_AreTriedSoMany()
    {
        _records["_dnsaddr.many.example"] = [.. Enumerable.Range(0, 1_000).Select(number => $"dnsaddr=/ip4/1.2.3.4/tcp/{number + 1}/p2p/{Peer}")];

        await DialAsync("/dnsaddr/many.example", Peer);

        _dialled.Count.ShouldBe(new DnsAddrOptions().MaxAddresses);
    }

    [Theory]
    [InlineData("dnsaddr=")]
    [InlineData("dnsaddr=nowhere")]
    [InlineData("dnsaddr=/carrier-pigeon/1")]
    [InlineData("dnsaddr=/ip4/1.2.3.4/udp/1/quic-v1")]
    [InlineData("/ip4/1.2.3.4/tcp/1")]
    public async Task Record_ThatIsNone_IsLeftOut(string record)
    {
        _records["_dnsaddr.node.example"] = [record + (record.Contains("/ip4", StringComparison.Ordinal) ? $"/p2p/{Peer}" : "")];

        await DialAsync("/dnsaddr/node.example", Peer, ConnectFault.NoAddress);

        _dialled.ShouldBeEmpty();
    }

    [Fact]
    public async Task Name_ThatNobodyAnswersFor_IsUnreachable_UnlessAnotherAnswers()
    {
        _records["_dnsaddr.node.example"] = [$"dnsaddr=/dnsaddr/broken.example/p2p/{Peer}", $"dnsaddr=/dnsaddr/good.example/p2p/{Peer}"];
        _records["_dnsaddr.good.example"] = [$"dnsaddr=/ip4/1.2.3.4/tcp/1/p2p/{Peer}"];

        await DialAsync("/dnsaddr/broken.example", Peer);
        _dialled.ShouldBeEmpty();
        await DialAsync("/dnsaddr/node.example", Peer);
        _dialled.Select(one => one.Address).ShouldBe(["/ip4/1.2.3.4/tcp/1"]);
    }

    [Fact]
    public async Task NameServers_ThatSayNothing_AreGivenUp()
    {
        var time = new ManualTime();
        var transport = new DnsAddrTransport([this], new Silence(), new DnsAddrOptions(), time);
        var dialling = transport.DialAsync(Multiaddr.Parse("/dnsaddr/node.example"), null, Stop);

        time.Advance(new DnsAddrOptions().Timeout);

        (await Should.ThrowAsync<ConnectException>(dialling)).Fault.ShouldBe(ConnectFault.TimedOut);
    }

    [Theory]
    [InlineData("/dnsaddr/node.example", true)]
    [InlineData("/dnsaddr/node.example/tcp/4001", true)]
    [InlineData("/dns4/node.example/tcp/4001", false)]
    [InlineData($"/dnsaddr/relay.example/p2p/{Peer}/p2p-circuit", false)]
    public void Name_IsDialled_WhereItStandsForWholeAddresses(string address, bool isDialled) =>
        new DnsAddrTransport([], this, new DnsAddrOptions(), TimeProvider.System).CanDial(Multiaddr.Parse(address)).ShouldBe(isDialled);

    [Fact]
    public void Name_IsNotListenedAt() => Should.Throw<IOException>(() => new DnsAddrTransport([], this, new DnsAddrOptions(), TimeProvider.System).ListenAsync(Multiaddr.Parse("/dnsaddr/node.example"), Stop));

    Task<IReadOnlyList<string>> ITextRecords.ReadAsync(string name, CancellationToken cancellationToken)
    {
        _asked.Add(name);
        return name.Contains("broken", StringComparison.Ordinal) ? throw new IOException("SERVFAIL") : Task.FromResult<IReadOnlyList<string>>(_records.GetValueOrDefault(name) ?? []);
    }

    bool ITransport.CanDial(Multiaddr address) => address.TryGetTcp(out _) || address.TryGetDnsTcp(out _, out _, out _);

    Task<IPeerConnection> ITransport.DialAsync(Multiaddr address, PeerId? expected, CancellationToken cancellationToken)
    {
        _dialled.Add((address.ToString(), expected));
        throw new ConnectException(ConnectFault.Unreachable, "Nobody is there.");
    }

    Task<IListener> ITransport.ListenAsync(Multiaddr address, CancellationToken cancellationToken) => throw new NotSupportedException();

    private async Task DialAsync(string address, string? peer, ConnectFault fault = ConnectFault.Unreachable, DnsAddrOptions? options = null)
    {
        var transport = new DnsAddrTransport([this], this, options ?? new DnsAddrOptions(), TimeProvider.System);
        (await Should.ThrowAsync<ConnectException>(() => transport.DialAsync(Multiaddr.Parse(address), peer is null ? null : PeerId.Parse(peer), Stop))).Fault.ShouldBe(fault);
    }

    private sealed class Silence : ITextRecords
    {
        public async Task<IReadOnlyList<string>> ReadAsync(string name, CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            return [];
        }
    }
}

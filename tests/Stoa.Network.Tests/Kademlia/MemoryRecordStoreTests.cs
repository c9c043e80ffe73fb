using System.Net.Sockets;
using Stoa.Network.Addressing;
using Stoa.Network.Kademlia;

namespace Stoa.Network.Tests.Kademlia;

public sealed class MemoryRecordStoreTests
{
    private static readonly byte[] s_key = [1, 2, 3];

    private readonly Random _random = new(4);
    private readonly ManualTime _time = new();
    private readonly MemoryRecordStore _store;

    public MemoryRecordStoreTests() => _store = new MemoryRecordStore(new RecordStoreOptions { MaxProvidersPerKey = 8, MaxProvidersPerKeyAndNetwork = 4 }, _time);

    [Fact]
    public async Task Providers_OfAKey_AreOfManyNetworks()
    {
        for (var number = 0; number < 20; number++)
            await AddAsync(network: 1);
        (await FindAsync()).Count.ShouldBe(4);
        for (var network = 2; network < 20; network++)
            (await AddAsync(network)).ShouldBe(network < 9);
        var found = await FindAsync();
        found.Count.ShouldBe(8);
        found.Count(peer => peer.Addresses[0].ToString().StartsWith("/ip4/70.1.", StringComparison.Ordinal)).ShouldBe(1);
        _store.Count.Providers.ShouldBe(8);
    }

    [Fact]
    public async Task Provider_ThatSaysItAgain_IsThereOnceAndLonger()
    {
        var (peer, origin) = Any(1);
        for (var number = 0; number < 3; number++)
        {
            (await _store.AddProviderAsync(s_key, peer, origin, TestContext.Current.CancellationToken)).ShouldBeTrue();
            _time.Advance(TimeSpan.FromHours(23));
        }

        (await FindAsync()).ShouldHaveSingleItem().ShouldBe(peer);
        _time.Advance(TimeSpan.FromHours(2));
        (await FindAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Value_SentAgainByAnother_IsNotItsOwn()
    {
        var value = new ValueRecord(s_key, new byte[2_000], _time.GetUtcNow());
        var store = new MemoryRecordStore(new RecordStoreOptions { MaxBytesPerPeer = 4_000 }, _time);
        var (owner, other) = (Any(1).Origin, Any(2).Origin);
        (await store.PutValueAsync(value, owner, TestContext.Current.CancellationToken)).ShouldBeTrue();
        (await store.PutValueAsync(value, other, TestContext.Current.CancellationToken)).ShouldBeTrue();
        // It would be too much for the other if both counted.
        (await store.PutValueAsync(value with { Key = new byte[] { 9 } }, other, TestContext.Current.CancellationToken)).ShouldBeTrue();
        (await store.PutValueAsync(value with { Key = new byte[] { 8 } }, owner, TestContext.Current.CancellationToken)).ShouldBeFalse();
        (await store.FindValueAsync(s_key, TestContext.Current.CancellationToken)).ShouldNotBeNull();
        _time.Advance(TimeSpan.FromHours(37));
        (await store.FindValueAsync(s_key, TestContext.Current.CancellationToken)).ShouldBeNull();
    }

    private ValueTask<IReadOnlyList<PeerAddress>> FindAsync() => _store.FindProvidersAsync(s_key, TestContext.Current.CancellationToken);

    private async Task<bool> AddAsync(int network)
    {
        var (peer, origin) = Any(network);
        _time.Advance(TimeSpan.FromSeconds(1));
        return await _store.AddProviderAsync(s_key, peer, origin, TestContext.Current.CancellationToken);
    }

    private (PeerAddress Peer, RecordOrigin Origin) Any(int network)
    {
        var peer = Peers.Any(_random);
        return (new PeerAddress(peer, [Peers.At(70, network)]), new RecordOrigin(peer, new AddressNetwork(AddressFamily.InterNetwork, (uint)network)));
    }
}

using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Node.Identity;
using Stoa.Node.Inference.Replicas;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Replicas;

/// <summary>What every store of replicas does.</summary>
public abstract class ReplicaStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly IdSource s_ids = new(TimeProvider.System, Random.Shared);
    private static readonly CellKey s_cell = new(new byte[CellKey.SizeBytes]);
    private static readonly DateTimeOffset s_now = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly ModelPrice s_price = new(Money.Parse("0.2"), Money.Parse("0.8"));

    private readonly PeerId _signer = NewSigner();

    private SqlReplicaStore Store => new(Database, s_cell);

    [Fact]
    public async Task Replica_IsKeptAsItWasAdded_AndItsKeySealed()
    {
        var replica = New("http://127.0.0.1:8080/v1", region: "eu-central", serving: s_price);

        var added = (await Store.AddAsync(replica, _signer, "secret-key", Stop)).Value;
        await ReopenAsync();

        added.HasKey.ShouldBeTrue();
        ShouldBeSame(added.Replica, replica);
        ShouldBeSame((await Store.FindAsync(replica.Id, Stop)).ShouldNotBeNull().Replica, replica);
        (await Store.OpenKeyAsync(replica.Id, Stop)).ShouldBe("secret-key");
        var boxes = await Database.ReadAsync(session => session.QueryAsync<byte[]>("SELECT sealed_key FROM replicas"), Stop);
        System.Text.Encoding.Latin1.GetString(boxes.ShouldHaveSingleItem()).ShouldNotContain("secret");
    }

    [Fact]
    public async Task Publisher_IsWhoeverHasTheKeyHere()
    {
        var replica = (await Store.AddAsync(New("http://127.0.0.1:8080/v1"), _signer, null, Stop)).Value.Replica;
        (replica.Model.Publisher, replica.Priced.IsFree).ShouldBe((null, true));
        var publisher = NewId<User>();

        await Database.WriteAsync(
            session => session.ExecuteAsync(
                "INSERT INTO publisher_keys (user_id, handle, peer_id, sealed_key, created_at) VALUES (@publisher, 'ada', @_signer, @box, @now)", new { publisher, _signer, box = new byte[1], now = s_now }),
            Stop);

        replica = (await Store.FindAsync(replica.Id, Stop))!.Replica;
        (replica.Model.Publisher, replica.Priced.IsFree).ShouldBe((publisher, false));
    }

    [Fact]
    public async Task Same_IsRefused_AndARepeatedRequestIsNot()
    {
        var replica = New("http://127.0.0.1:8080/v1");
        await Store.AddAsync(replica, _signer, null, Stop);

        (await Store.AddAsync(replica with { Id = NewId<Replica>() }, _signer, null, Stop)).Refusal!.Code.ShouldBe(ReplicaRefusal.ReplicaExists);
        ShouldBeSame((await Store.AddAsync(replica, _signer, null, Stop)).Value.Replica, replica);
        // The same server has another model, and another server this one.
        (await Store.AddAsync(New("http://127.0.0.1:8080/v1", upstreamModel: "big"), _signer, null, Stop)).Refusal.ShouldBeNull();
        var other = (await Store.AddAsync(New("http://127.0.0.1:8081/v1"), _signer, null, Stop)).Value.Replica;
        (await Store.ChangeAsync(other.Id, new ReplicaChange { Address = replica.Address }, Stop)).Refusal!.Code.ShouldBe(ReplicaRefusal.ReplicaExists);
        (await Store.ListAsync(new PageRequest(), Stop)).Items.Count.ShouldBe(3);
    }

    [Fact]
    public async Task Change_LeavesWhatIsNotNamed_AndAllThatFollowsIsNew()
    {
        var id = (await Store.AddAsync(New("http://127.0.0.1:8080/v1", region: "eu-central", serving: s_price), _signer, "secret-key", Stop)).Value.Replica.Id;

        var changed = (await Store.ChangeAsync(id, new ReplicaChange { Weight = 7 }, Stop)).Value;
        (changed.Replica.Weight, changed.Replica.Region, changed.Replica.ServingPrice, changed.HasKey).ShouldBe((7, "eu-central", s_price, true));

        changed = (await Store.ChangeAsync(
            id, new ReplicaChange { Address = new Uri("http://127.0.0.1:8080/other/v1"), UpstreamModel = "big", Region = "", MaxRequests = 3, ServingPrice = new ModelPrice(Money.Zero, Money.Zero), IsDraining = true }, Stop)).Value;
        var replica = changed.Replica;
        (replica.ModelsAddress.AbsoluteUri, replica.UpstreamModel, replica.Region, replica.MaxRequests, replica.ServingPrice, replica.IsDraining)
            .ShouldBe(("http://127.0.0.1:8080/other/v1/models", "big", null, 3, null, true));
        // It is the same server still.
        (await Store.OpenKeyAsync(id, Stop)).ShouldBe("secret-key");
        (await Store.ChangeAsync(NewId<Replica>(), new ReplicaChange(), Stop)).Refusal!.Code.ShouldBe(ReplicaRefusal.ReplicaUnknown);
    }

    [Theory]
    [InlineData("http://127.0.0.1:8081/v1")]
    [InlineData("https://127.0.0.1:8080/v1")]
    [InlineData("http://elsewhere.example:8080/v1")]
    public async Task Key_DoesNotGoToAnotherServer(string address)
    {
        var id = (await Store.AddAsync(New("http://127.0.0.1:8080/v1"), _signer, "secret-key", Stop)).Value.Replica.Id;

        var changed = (await Store.ChangeAsync(id, new ReplicaChange { Address = new Uri(address) }, Stop)).Value;

        changed.HasKey.ShouldBeFalse();
        (await Store.OpenKeyAsync(id, Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Key_IsChangedAndGivenUp()
    {
        var id = (await Store.AddAsync(New("http://127.0.0.1:8080/v1"), _signer, "secret-key", Stop)).Value.Replica.Id;

        await Store.ChangeAsync(id, new ReplicaChange { Key = "another" }, Stop);
        (await Store.OpenKeyAsync(id, Stop)).ShouldBe("another");
        (await Store.ChangeAsync(id, new ReplicaChange { Key = "" }, Stop)).Value.HasKey.ShouldBeFalse();
        (await Store.OpenKeyAsync(id, Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task List_GoesPageByPage_AndRemovedIsGone()
    {
        var ids = new List<Id<Replica>>();
        for (var port = 1; port <= 5; port++)
            ids.Add((await Store.AddAsync(New($"http://127.0.0.1:{port}/v1"), _signer, null, Stop)).Value.Replica.Id);
        ids = [.. ids.OrderBy(id => id.ToString(), StringComparer.Ordinal)];

        var first = await Store.ListAsync(new PageRequest(3), Stop);
        var second = await Store.ListAsync(new PageRequest(3, first.NextCursor), Stop);
        first.Items.Concat(second.Items).Select(kept => kept.Replica.Id).ShouldBe(ids);
        second.NextCursor.ShouldBeNull();

        (await Store.RemoveAsync(ids[0], Stop)).ShouldBeTrue();
        (await Store.RemoveAsync(ids[0], Stop)).ShouldBeFalse();
        (await Store.FindAsync(ids[0], Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Changes_AreCounted_AndRefusalsAreNot()
    {
        var before = await CountAsync();
        var id = (await Store.AddAsync(New("http://127.0.0.1:8080/v1"), _signer, null, Stop)).Value.Replica.Id;
        (await CountAsync()).ShouldBe(before + 1);
        await Store.ChangeAsync(id, new ReplicaChange { Weight = 2 }, Stop);
        (await CountAsync()).ShouldBe(before + 2);
        await Store.AddAsync(New("http://127.0.0.1:8080/v1"), _signer, null, Stop);
        await Store.RemoveAsync(NewId<Replica>(), Stop);
        (await CountAsync()).ShouldBe(before + 2);
        var (replicas, routes) = await Database.ReadAsync(InferenceChanges.ReadAsync, Stop);
        Database.GetSignal(InferenceChanges.Topic).Value.ShouldBe(replicas + routes);
        await Store.RemoveAsync(id, Stop);
        (await CountAsync()).ShouldBe(before + 3);
    }

    private static Replica New(string address, string upstreamModel = "tiny", string? region = null, ModelPrice? serving = null) => new(
        NewId<Replica>(),
        new ReplicaModel(ListingName.Parse("ada/tiny@1.0.0-rc.1"), null, ["chat", "text.summary"], 8_192, s_price),
        new Uri(address),
        upstreamModel,
        region,
        100,
        64,
        serving,
        false,
        s_now);

    // Records hold lists by reference.
    private static void ShouldBeSame(Replica kept, Replica expected)
    {
        kept.Model.Capabilities.ShouldBe(expected.Model.Capabilities);
        (kept with { Model = expected.Model }).ShouldBe(expected);
        (kept.Model with { Capabilities = expected.Model.Capabilities }).ShouldBe(expected.Model);
    }

    private static PeerId NewSigner()
    {
        using var key = PrivateKey.Generate();
        return key.PublicKey.PeerId;
    }

    private static Id<T> NewId<T>()
        where T : IIdentified => s_ids.Next<T>();

    private async Task<long> CountAsync() => (await Database.ReadAsync(InferenceChanges.ReadAsync, Stop)).Replicas;
}

public sealed class SqliteReplicaStoreTests() : ReplicaStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresReplicaStoreTests(PostgresCluster cluster) : ReplicaStoreConformance(new PostgresSource(cluster));

using System.Security.Cryptography;
using Microsoft.IdentityModel.Tokens;
using Stoa.Node.Hosting;
using Stoa.Node.Identity;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Storage;

namespace Stoa.Node.Tests.Identity;

/// <summary>How the nodes of a cell share the keys that sign access tokens, and the key that seals them.</summary>
public abstract class SigningKeysConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly CellKey s_cell = new(RandomNumberGenerator.GetBytes(CellKey.SizeBytes));
    private static readonly IdentityOptions s_options = new() { SigningKeyDays = 30 };

    private readonly SettableTime _clock = new(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000));

    [Fact]
    public async Task NodesThatStartAtOnce_HaveOneKey()
    {
        var nodes = Enumerable.Range(0, 6).Select(_ => NewNode()).ToList();

        var kids = await Task.WhenAll(nodes.Select(SignerAsync));

        kids.Distinct().Count().ShouldBe(1);
    }

    [Fact]
    public async Task NodesThatRotateAtOnce_AgreeOnTheNextKey_AndChangeTogether()
    {
        var nodes = Enumerable.Range(0, 6).Select(_ => NewNode()).ToList();
        var first = (await Task.WhenAll(nodes.Select(SignerAsync))).Distinct().Single();

        _clock.Advance(TimeSpan.FromDays(30) - TimeSpan.FromMinutes(7));
        await Task.WhenAll(nodes.Select(node => node.RotateAsync(Stop)));

        (await Task.WhenAll(nodes.Select(SignerAsync))).Distinct().ShouldBe([first]);
        var published = await Task.WhenAll(nodes.Select(async node => string.Join(' ', (await node.PublishAsync(Stop)).Keys.Select(key => key.Kid))));
        published.Distinct().Single().Split(' ').Length.ShouldBe(2);

        _clock.Advance(TimeSpan.FromMinutes(7));
        var second = (await Task.WhenAll(nodes.Select(SignerAsync))).Distinct().Single();
        second.ShouldNotBe(first);
    }

    [Fact]
    public async Task OldKey_IsFoundUntilItsTokensHaveEnded_AndNotLonger()
    {
        var node = NewNode();
        var first = await SignerAsync(node);
        _clock.Advance(TimeSpan.FromDays(30) - TimeSpan.FromMinutes(7));
        await node.RotateAsync(Stop);
        _clock.Advance(TimeSpan.FromMinutes(7 + 60));
        await node.RotateAsync(Stop);
        (await node.FindAsync(first, Stop)).ShouldNotBeNull();

        _clock.Advance(TimeSpan.FromMinutes(6));
        await node.RotateAsync(Stop);

        (await node.FindAsync(first, Stop)).ShouldBeNull();
        (await node.PublishAsync(Stop)).Keys.Count.ShouldBe(1);
    }

    [Fact]
    public async Task PrivateHalf_IsNotInTheDatabase()
    {
        var node = NewNode();
        var signer = (await node.GetSignerAsync(Stop)).Key.ShouldBeOfType<ECDsaSecurityKey>();

        var kept = await Database.ReadAsync(session => session.QuerySingleAsync<byte[]>("SELECT sealed_key FROM signing_keys"), Stop);

        var secret = signer.ECDsa.ExportParameters(includePrivateParameters: true).D!;
        kept.AsSpan().IndexOf(secret).ShouldBe(-1);
    }

    [Fact]
    public async Task CellKey_IsMadeOnce_AndKeptByTheCell()
    {
        var opened = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => CellKey.OpenAsync(Database, null, _clock, Stop)));

        var box = opened[0].Seal("a", [1, 2, 3]);
        foreach (var cell in opened)
            cell.Open("a", box).ShouldBe([1, 2, 3]);
    }

    [Fact]
    public async Task CellKey_OfTheOperator_IsNotInTheDatabase_AndHasToBeGivenAgain()
    {
        var given = Convert.ToBase64String(RandomNumberGenerator.GetBytes(CellKey.SizeBytes));
        var box = (await CellKey.OpenAsync(Database, given, _clock, Stop)).Seal("a", [1, 2, 3]);

        (await CellKey.OpenAsync(Database, given, _clock, Stop)).Open("a", box).ShouldBe([1, 2, 3]);
        var other = Convert.ToBase64String(RandomNumberGenerator.GetBytes(CellKey.SizeBytes));
        (await Should.ThrowAsync<BadOptionsException>(() => CellKey.OpenAsync(Database, other, _clock, Stop))).Message.ShouldContain("Identity:CellKey is not the key");
        (await Should.ThrowAsync<BadOptionsException>(() => CellKey.OpenAsync(Database, "", _clock, Stop))).Message.ShouldContain("give it as Identity:CellKey");
        var kept = await Database.ReadAsync(session => session.QueryAsync<byte[]>("SELECT value FROM cell_secrets"), Stop);
        foreach (var value in kept)
            value.AsSpan().IndexOf(Convert.FromBase64String(given)).ShouldBe(-1);
    }

    private SigningKeys NewNode() => new(Database, s_cell, s_options, _clock);

    private static async Task<string> SignerAsync(SigningKeys node) => (await node.GetSignerAsync(Stop)).Key.KeyId;
}

public sealed class SqliteSigningKeysTests() : SigningKeysConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresSigningKeysTests(PostgresCluster cluster) : SigningKeysConformance(new PostgresSource(cluster));

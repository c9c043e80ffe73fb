using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Microsoft.IdentityModel.Tokens;
using Stoa.Client.Contracts;
using Stoa.Market.Identity.SignIn;
using Stoa.Node.Storage;

namespace Stoa.Node.Identity;

/// <summary>The keys that sign access tokens (ES256), shared by the nodes of a cell through its database. When they change is <see cref="SigningKeyRules"/>.</summary>
public sealed class SigningKeys : IDisposable
{
    /// <summary>How long others may keep the published keys.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(5);

    /// <summary>How long a token can be good: after that, nobody needs the key that signed it.</summary>
    private static readonly TimeSpan s_kept = TimeSpan.FromMinutes(IdentityOptions.AccessTokenMinutesMax + 5);

    // Others may have kept the keys for MaxAge, and a node looks once a minute.
    private static readonly TimeSpan s_lead = MaxAge + TimeSpan.FromMinutes(2);

    // Tokens with made-up key ids must not cost a query each.
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromSeconds(1);

    private readonly Database _database;
    private readonly CellKey _cell;
    private readonly TimeProvider _time;
    private readonly SigningKeyRules _rules;
    private readonly SemaphoreSlim _turn = new(1);
    private volatile Ring? _ring;

    public SigningKeys(Database database, CellKey cell, IdentityOptions options, TimeProvider time)
    {
        (_database, _cell, _time) = (database, cell, time);
        _rules = new SigningKeyRules(TimeSpan.FromDays(options.SigningKeyDays), s_lead, s_kept);
    }

    /// <summary>The key that signs now.</summary>
    public async ValueTask<SigningCredentials> GetSignerAsync(CancellationToken cancellationToken)
    {
        var known = _ring;
        if (known is null || _rules.Due(known.Terms, _time.GetUtcNow()) is not null)
            known = await LookAsync(cancellationToken);
        var signer = SigningKeyRules.Signer(known.Terms, _time.GetUtcNow());
        return new SigningCredentials(known.Keys.First(key => key.Term.Number == signer).Key, SecurityAlgorithms.EcdsaSha256);
    }

    /// <summary>The key with an id; null when no token of now can be signed with it.</summary>
    public async ValueTask<SecurityKey?> FindAsync(string kid, CancellationToken cancellationToken)
    {
        var known = _ring ?? await LookAsync(cancellationToken);
        if (known.Find(kid) is { } key)
            return key;
        // A node that was paused may not have heard of a new key.
        return _time.GetElapsedTime(known.LookedAt) > s_lookAgain ? (await LookAsync(cancellationToken)).Find(kid) : null;
    }

    /// <summary>The public halves, for others who check tokens.</summary>
    public async Task<KeySetResponse> PublishAsync(CancellationToken cancellationToken)
    {
        var known = _ring;
        if (known is null || _rules.Due(known.Terms, _time.GetUtcNow()) is not null)
            known = await LookAsync(cancellationToken);
        return new KeySetResponse([.. known.Keys.Select(key => Describe(key.Key))]);
    }

    /// <summary>Reads the keys of the cell, makes the one that is due and forgets those that are over.</summary>
    public async Task RotateAsync(CancellationToken cancellationToken) => await LookAsync(cancellationToken);

    public void Dispose() => _turn.Dispose();

    private async Task<Ring> LookAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            var now = _time.GetUtcNow();
            var rows = await _database.ReadAsync(ReadAsync, cancellationToken);
            var terms = rows.Select(row => row.ToTerm()).ToList();
            if (_rules.Due(terms, now) is not null || _rules.Over(terms, now).Any())
                rows = await _database.WriteAsync(session => ChangeAsync(session, now), cancellationToken);
            return _ring = MakeRing(rows);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<IReadOnlyList<KeyRow>> ChangeAsync(SqlSession session, DateTimeOffset now)
    {
        var terms = (await ReadAsync(session)).Select(row => row.ToTerm()).ToList();
        if (_rules.Due(terms, now) is { } due)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var kid = Base64UrlEncoder.Encode(new ECDsaSecurityKey(key).ComputeJwkThumbprint());
            // Of nodes that are here in the same moment one makes the key, and the others then read it.
            await session.ExecuteAsync(
                "INSERT INTO signing_keys (number, kid, sealed_key, signs_from, created_at) VALUES (@Number, @kid, @sealedKey, @SignsFrom, @now) ON CONFLICT DO NOTHING",
                new { due.Number, kid, sealedKey = _cell.Seal(Purpose(kid), key.ExportPkcs8PrivateKey()), due.SignsFrom, now });
        }

        foreach (var number in _rules.Over(terms, now))
            await session.ExecuteAsync("DELETE FROM signing_keys WHERE number = @number", new { number });
        return await ReadAsync(session);
    }

    private static Task<IReadOnlyList<KeyRow>> ReadAsync(SqlSession session) =>
        session.QueryAsync<KeyRow>("SELECT number, kid, sealed_key, signs_from FROM signing_keys ORDER BY number");

    [SuppressMessage("Reliability", "CA2000", Justification = "The key lives as long as the ring, which tokens may be checked with at any moment.")]
    private Ring MakeRing(IReadOnlyList<KeyRow> rows)
    {
        // A key that is known already stays the same object: the library keeps what it has made for it.
        var before = _ring;
        var keys = rows.Select(row =>
        {
            if (before?.Find(row.Kid) is { } known)
                return (row.ToTerm(), known);
            var key = ECDsa.Create();
            key.ImportPkcs8PrivateKey(_cell.Open(Purpose(row.Kid), row.SealedKey), out _);
            return (row.ToTerm(), new ECDsaSecurityKey(key) { KeyId = row.Kid });
        }).ToList();
        return new Ring(keys, _time.GetTimestamp());
    }

    private static string Purpose(string kid) => "signing-key " + kid;

    private static KeyBody Describe(ECDsaSecurityKey key)
    {
        var point = key.ECDsa.ExportParameters(includePrivateParameters: false).Q;
        return new KeyBody("EC", "P-256", Base64UrlEncoder.Encode(point.X), Base64UrlEncoder.Encode(point.Y), key.KeyId, "sig", "ES256");
    }

    private sealed record KeyRow(long Number, string Kid, byte[] SealedKey, DateTimeOffset SignsFrom)
    {
        public SigningTerm ToTerm() => new(Number, SignsFrom);
    }

    private sealed record Ring(IReadOnlyList<(SigningTerm Term, ECDsaSecurityKey Key)> Keys, long LookedAt)
    {
        public IReadOnlyList<SigningTerm> Terms { get; } = [.. Keys.Select(key => key.Term)];

        public ECDsaSecurityKey? Find(string kid) => Keys.Select(key => key.Key).FirstOrDefault(key => key.KeyId == kid);
    }
}

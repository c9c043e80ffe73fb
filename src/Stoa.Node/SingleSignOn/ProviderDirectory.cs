using System.Collections.Concurrent;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;
using Stoa.Market.SingleSignOn;

namespace Stoa.Node.SingleSignOn;

/// <summary>What issuers say of themselves: their endpoints and keys, as of an hour ago at most.</summary>
/// <remarks>
/// A token whose key is not known has the document fetched anew, once a minute at most, so that strange tokens make no flood at the provider. One that
/// cannot be had is not asked for again for seconds, so that whoever waits for it is answered, too.
/// </remarks>
public sealed class ProviderDirectory(IDocumentRetriever documents, SingleSignOnOptions options, TimeProvider time)
{
    /// <summary>How long a document is used.</summary>
    internal static readonly TimeSpan MaxAge = TimeSpan.FromHours(1);

    /// <summary>How long there is at least between two times that a document is fetched because of an unknown key.</summary>
    internal static readonly TimeSpan PauseOfKeys = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan s_pauseOfFailures = TimeSpan.FromSeconds(5);
    private const int IssuersMax = 1_000;
    private const int RsaBitsMin = 2_048;

    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>What an issuer says of itself.</summary>
    /// <exception cref="ProviderException">It cannot be had, or is not of this issuer.</exception>
    internal async Task<OpenIdConnectConfiguration> GetAsync(string issuer, CancellationToken cancellationToken)
    {
        var entry = Find(issuer);
        return entry.IsYoung(time.GetUtcNow(), MaxAge) ? entry.Configuration! : await RefreshAsync(entry, issuer, MaxAge, cancellationToken);
    }

    /// <summary>The same, fetched anew unless that was done within the last minute: for a key that is not in it.</summary>
    /// <exception cref="ProviderException">It cannot be had, or is not of this issuer.</exception>
    internal Task<OpenIdConnectConfiguration> GetWithNewKeysAsync(string issuer, CancellationToken cancellationToken) =>
        RefreshAsync(Find(issuer), issuer, PauseOfKeys, cancellationToken);

    /// <summary>The same, fetched anew in any case: for who sets the provider up.</summary>
    /// <exception cref="ProviderException">It cannot be had, or is not of this issuer.</exception>
    internal Task<OpenIdConnectConfiguration> GetNowAsync(string issuer, CancellationToken cancellationToken)
    {
        var entry = Find(issuer);
        entry.Forget();
        return RefreshAsync(entry, issuer, MaxAge, cancellationToken);
    }

    /// <summary>The keys of an issuer that may sign here: of RSA, long enough, and of elliptic curves.</summary>
    internal static IReadOnlyList<SecurityKey> KeysOf(OpenIdConnectConfiguration configuration) =>
    [
        .. configuration.SigningKeys.Where(key => key is ECDsaSecurityKey || (key is RsaSecurityKey or X509SecurityKey && key.KeySize >= RsaBitsMin)),
    ];

    private Entry Find(string issuer)
    {
        if (_entries.Count >= IssuersMax && !_entries.ContainsKey(issuer))
            _entries.Clear();
        return _entries.GetOrAdd(issuer, _ => new Entry());
    }

    private async Task<OpenIdConnectConfiguration> RefreshAsync(Entry entry, string issuer, TimeSpan youngEnough, CancellationToken cancellationToken)
    {
        await entry.Turn.WaitAsync(cancellationToken);
        try
        {
            var now = time.GetUtcNow();
            if (entry.IsYoung(now, youngEnough))
                return entry.Configuration!;
            if (entry.Failure is { } failure && (now - entry.FailedAt).Duration() < s_pauseOfFailures)
                throw new ProviderException(failure.ToRefusal().Code, failure.Message);
            try
            {
                entry.Configuration = await FetchAsync(issuer, cancellationToken);
                (entry.FetchedAt, entry.Failure) = (now, null);
                return entry.Configuration;
            }
            catch (ProviderException failed)
            {
                // By now: a provider that is silent took longer than the pause to be given up.
                (entry.Failure, entry.FailedAt) = (failed, time.GetUtcNow());
                throw;
            }
        }
        finally
        {
            entry.Turn.Release();
        }
    }

    private async Task<OpenIdConnectConfiguration> FetchAsync(string issuer, CancellationToken cancellationToken)
    {
        var configuration = await ReadAsync(issuer, cancellationToken);
        // OpenID Connect Discovery, section 4.3: exactly the same.
        if (configuration.Issuer != issuer)
        {
            throw Unusable(
                $"The discovery document is of the issuer {Cut(configuration.Issuer)}, and not of {issuer}. Give the issuer character by character as the provider writes it, also with the slash at its end if there is one.");
        }

        foreach (var (name, address) in new[]
        {
            ("authorization_endpoint", configuration.AuthorizationEndpoint), ("token_endpoint", configuration.TokenEndpoint), ("jwks_uri", configuration.JwksUri),
        })
        {
            if (!Uri.TryCreate(address, UriKind.Absolute, out var url) || !options.Rules.Allows(url))
                throw Unusable($"The discovery document has no {name} that may be used from here.");
        }

        return KeysOf(configuration).Count > 0
            ? configuration
            : throw Unusable($"The provider publishes no key to sign with: an RSA key of at least {RsaBitsMin} bits, or one of an elliptic curve.");
    }

    private async Task<OpenIdConnectConfiguration> ReadAsync(string issuer, CancellationToken cancellationToken)
    {
        try
        {
            return await OpenIdConnectConfigurationRetriever.GetAsync(issuer.TrimEnd('/') + "/.well-known/openid-configuration", documents, cancellationToken);
        }
        // What strangers write into their documents fails in the library in many ways.
        catch (Exception malformed) when (malformed is not (ProviderException or OperationCanceledException or OutOfMemoryException))
        {
            throw Unusable("The discovery document or the key set of the provider cannot be read.", malformed);
        }
    }

    private static ProviderException Unusable(string why, Exception? inner = null) => new(SingleSignOnRefusal.IdentityProviderUnusable, why, inner);

    private static string Cut(string? text) => text is null ? "(none)" : text.Length <= 200 ? text : text[..200] + "…";

    private sealed class Entry
    {
        public SemaphoreSlim Turn { get; } = new(1);

        public OpenIdConnectConfiguration? Configuration { get; set; }

        public DateTimeOffset FetchedAt { get; set; }

        public ProviderException? Failure { get; set; }

        public DateTimeOffset FailedAt { get; set; }

        public bool IsYoung(DateTimeOffset now, TimeSpan age) => Configuration is not null && (now - FetchedAt).Duration() < age;

        public void Forget() => (FetchedAt, Failure) = (default, null);
    }
}

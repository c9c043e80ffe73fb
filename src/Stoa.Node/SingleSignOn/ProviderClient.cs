using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Stoa.Market;
using Stoa.Market.SingleSignOn;

namespace Stoa.Node.SingleSignOn;

/// <summary>One thing that was looked at when a provider is tested.</summary>
/// <param name="Name">What.</param>
/// <param name="Passed">Whether it is as it must be.</param>
/// <param name="Detail">What was found, and what to do.</param>
public sealed record ProviderCheck(string Name, bool Passed, string Detail);

/// <summary>The node as a client of identity providers: it turns the code of a sign-in into who has signed in.</summary>
public sealed class ProviderClient(ProviderHttp http, ProviderDirectory directory, IdTokens tokens, SingleSignOnOptions options)
{
    private const int ErrorLengthMax = 60;

    private static readonly string[] s_scopes = ["openid", "email", "profile"];

    /// <summary>Where a browser goes to sign in.</summary>
    /// <exception cref="ProviderException">The provider cannot be reached, or used.</exception>
    internal async Task<string> BeginAsync(IdentityProvider provider, SignOnState state, CancellationToken cancellationToken)
    {
        var configuration = await directory.GetAsync(provider.Issuer, cancellationToken);
        var query = new StringBuilder(configuration.AuthorizationEndpoint);
        var separator = configuration.AuthorizationEndpoint.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        foreach (var (name, value) in new[]
        {
            ("response_type", "code"),
            ("client_id", provider.ClientId),
            ("redirect_uri", options.RedirectUrl(state.Organisation)),
            ("scope", string.Join(' ', s_scopes.Union(provider.Scopes))),
            ("state", state.State),
            ("nonce", state.Nonce),
            ("code_challenge", CodeChallenge.Of(state.Verifier)),
            ("code_challenge_method", "S256"),
        })
        {
            query.Append(separator).Append(name).Append('=').Append(Uri.EscapeDataString(value));
            separator = '&';
        }

        return query.ToString();
    }

    /// <summary>Whether the answer of a provider has to name its issuer, and names the right one (RFC 9207).</summary>
    /// <exception cref="ProviderException">The provider cannot be reached, or used.</exception>
    internal async Task<bool> IsOfIssuerAsync(IdentityProvider provider, string? issuer, CancellationToken cancellationToken)
    {
        var configuration = await directory.GetAsync(provider.Issuer, cancellationToken);
        return issuer is null ? !configuration.AuthorizationResponseIssParameterSupported : issuer == provider.Issuer;
    }

    /// <summary>Who has signed in.</summary>
    /// <param name="provider">At which provider.</param>
    /// <param name="secret">Of the client.</param>
    /// <param name="state">Of the sign-in.</param>
    /// <param name="code">As the browser brought it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ProviderException">The provider cannot be reached or used, or its tokens are not taken.</exception>
    internal async Task<Outcome<ProvenIdentity, SingleSignOnRefusal>> RedeemAsync(
        IdentityProvider provider, string secret, SignOnState state, string code, CancellationToken cancellationToken)
    {
        var configuration = await directory.GetAsync(provider.Issuer, cancellationToken);
        var (_, answer) = await RedeemAsync(configuration, provider, secret, state.Organisation, code, state.Verifier, cancellationToken);
        if (answer is not { } given || Text(given, "id_token") is not { } idToken)
        {
            throw new ProviderException(
                SingleSignOnRefusal.SignOnDenied, $"The provider gave no ID token for the code of this sign-in{(answer is { } refused ? ErrorOf(refused) : "")}. Begin again; if it stays so, have the connection tested by an administrator of the organisation.");
        }

        var claims = await tokens.ReadAsync(provider, idToken, state.Nonce, cancellationToken);
        JsonElement? userInfo = null;
        if (!SignOnClaims.AreEnough(provider, claims) && configuration.UserInfoEndpoint is { Length: > 0 } endpoint && Text(given, "access_token") is { } accessToken)
            userInfo = (await http.GetAsync(endpoint, accessToken, cancellationToken)) is { Status: StatusCodes.Status200OK, Json: { } told } ? told : null;
        return SignOnClaims.Read(provider, claims, userInfo);
    }

    /// <summary>Tries all that can be tried without a person: the documents of the provider, and whether it takes the client's secret.</summary>
    internal async Task<IReadOnlyList<ProviderCheck>> TestAsync(IdentityProvider provider, string secret, string organisation, CancellationToken cancellationToken)
    {
        OpenIdConnectConfiguration configuration;
        try
        {
            configuration = await directory.GetNowAsync(provider.Issuer, cancellationToken);
        }
        catch (ProviderException failure)
        {
            return [new ProviderCheck("discovery", false, failure.Message)];
        }

        return
        [
            new ProviderCheck("discovery", true, $"The provider answers as {provider.Issuer}, with {ProviderDirectory.KeysOf(configuration).Count} keys."),
            await TestClientAsync(configuration, provider, secret, organisation, cancellationToken),
        ];
    }

    /// <summary>A code that nobody gave out: a provider that knows client and secret says that the grant is invalid, any other that the client is (RFC 6749, section 5.2).</summary>
    private async Task<ProviderCheck> TestClientAsync(
        OpenIdConnectConfiguration configuration, IdentityProvider provider, string secret, string organisation, CancellationToken cancellationToken)
    {
        const string name = "client";
        try
        {
            var (status, answer) = await RedeemAsync(
                configuration, provider, secret, organisation, "stoa-connection-test", "stoa-connection-test-stoa-connection-test-0", cancellationToken);
            return (answer is { } json ? Text(json, "error") : null) switch
            {
                "invalid_grant" => new ProviderCheck(name, true, "The provider takes the client id and its secret."),
                "invalid_client" => new ProviderCheck(name, false, "The provider does not take the client id with this secret (invalid_client). Look at both."),
                _ when status == StatusCodes.Status401Unauthorized => new ProviderCheck(name, false, "The provider does not take the client id with this secret (401). Look at both."),
                null => new ProviderCheck(name, false, $"The token endpoint answers {status} in place of an error of OAuth 2.0."),
                _ => new ProviderCheck(name, false, $"The token endpoint refuses{ErrorOf(answer!.Value)}. The client has to be allowed authorization codes, with the redirect URI {options.RedirectUrl(organisation)}."),
            };
        }
        catch (ProviderException failure)
        {
            return new ProviderCheck(name, false, failure.Message);
        }
    }

    private Task<ProviderAnswer> RedeemAsync(
        OpenIdConnectConfiguration configuration, IdentityProvider provider, string secret, string organisation, string code, string verifier, CancellationToken cancellationToken)
    {
        var form = new List<KeyValuePair<string, string>>
        {
            new("grant_type", "authorization_code"),
            new("code", code),
            new("redirect_uri", options.RedirectUrl(organisation)),
            new("code_verifier", verifier),
        };
        // OpenID Connect Discovery, section 3: a provider that says nothing takes basic authentication.
        var methods = configuration.TokenEndpointAuthMethodsSupported;
        if (methods.Count == 0 || methods.Contains("client_secret_basic"))
        {
            // RFC 6749, section 2.3.1: both as in a form, before they are joined.
            var pair = Encoding.UTF8.GetBytes($"{Uri.EscapeDataString(provider.ClientId)}:{Uri.EscapeDataString(secret)}");
            return http.PostAsync(configuration.TokenEndpoint, form, new AuthenticationHeaderValue("Basic", Convert.ToBase64String(pair)), cancellationToken);
        }

        form.Add(new("client_id", provider.ClientId));
        form.Add(new("client_secret", secret));
        return http.PostAsync(configuration.TokenEndpoint, form, null, cancellationToken);
    }

    private static string? Text(JsonElement json, string name) => ClaimText.Of(json, name, IdTokens.TokenLengthMax);

    private static string ErrorOf(JsonElement answer) => Text(answer, "error") is { } error ? $" ({Plain(error)})" : "";

    /// <summary>A word of a stranger, as far as it is one.</summary>
    internal static string Plain(string error) => new([.. error.Take(ErrorLengthMax).Where(character => char.IsAsciiLetterOrDigit(character) || character is '_' or '-' or '.')]);
}

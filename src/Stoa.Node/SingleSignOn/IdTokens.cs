using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;
using Stoa.Market.SingleSignOn;

namespace Stoa.Node.SingleSignOn;

/// <summary>Checks ID tokens: OpenID Connect Core, section 3.1.3.7.</summary>
public sealed class IdTokens(ProviderDirectory directory, TimeProvider time)
{
    /// <summary>Most characters of a token.</summary>
    internal const int TokenLengthMax = 64 << 10;

    private const int NonceLengthMax = 200;

    private static readonly TimeSpan s_skew = TimeSpan.FromMinutes(2);
    private static readonly JsonDocumentOptions s_json = new() { MaxDepth = 32 };

    // Signatures by a private key alone: with none, or with an HMAC, whoever knows the public key could make tokens.
    private static readonly string[] s_algorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
        SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];

    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false, MaximumTokenSizeInBytes = TokenLengthMax };

    /// <summary>The claims of a token that is genuine, in time, for this client, and of this sign-in.</summary>
    /// <param name="provider">Whose it has to be.</param>
    /// <param name="token">As the token endpoint gave it.</param>
    /// <param name="nonce">Of the sign-in.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ProviderException">It is not; or its key cannot be had.</exception>
    public async Task<JsonElement> ReadAsync(IdentityProvider provider, string token, string nonce, CancellationToken cancellationToken)
    {
        var jwt = Parse(token);
        var keys = await FindKeysAsync(provider.Issuer, jwt, cancellationToken);
        var result = await _handler.ValidateTokenAsync(jwt, new TokenValidationParameters
        {
            IssuerSigningKeys = keys,
            TryAllIssuerSigningKeys = jwt.Kid is null or "",
            ValidAlgorithms = s_algorithms,
            ValidIssuer = provider.Issuer,
            ValidAudience = provider.ClientId,
            RequireSignedTokens = true,
            RequireExpirationTime = true,
            LifetimeValidator = (notBefore, expires, _, _) => IsInTime(notBefore, expires),
        });
        if (!result.IsValid)
            throw Invalid(Explain(result.Exception), result.Exception);
        var claims = ReadClaims(jwt);
        CheckClaims(provider, claims, nonce);
        return claims;
    }

    private static JsonElement ReadClaims(JsonWebToken jwt)
    {
        try
        {
            using var payload = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(jwt.EncodedPayload), s_json);
            return payload.RootElement.Clone();
        }
        catch (Exception malformed) when (malformed is JsonException or FormatException)
        {
            throw Invalid("Its claims cannot be read.", malformed);
        }
    }

    private JsonWebToken Parse(string token)
    {
        try
        {
            if (token.Length <= TokenLengthMax)
                return _handler.ReadJsonWebToken(token);
        }
        catch (Exception malformed) when (malformed is ArgumentException or FormatException or SecurityTokenException)
        {
        }

        throw Invalid("It is no signed JWT.");
    }

    /// <summary>The keys that may have signed a token: of its key id, or of any where it has none. For an unknown one the provider is asked again.</summary>
    private async Task<IReadOnlyList<SecurityKey>> FindKeysAsync(string issuer, JsonWebToken jwt, CancellationToken cancellationToken)
    {
        var keys = Matching(await directory.GetAsync(issuer, cancellationToken), jwt.Kid);
        if (keys.Count == 0)
            keys = Matching(await directory.GetWithNewKeysAsync(issuer, cancellationToken), jwt.Kid);
        return keys.Count > 0 ? keys : throw Invalid("It is signed with a key that the provider does not publish.");
    }

    private static IReadOnlyList<SecurityKey> Matching(OpenIdConnectConfiguration configuration, string? kid) =>
        string.IsNullOrEmpty(kid) ? ProviderDirectory.KeysOf(configuration) : [.. ProviderDirectory.KeysOf(configuration).Where(key => key.KeyId == kid)];

    private bool IsInTime(DateTime? notBefore, DateTime? expires)
    {
        var now = time.GetUtcNow().UtcDateTime;
        return expires is { } end && now - s_skew < end && (notBefore is not { } begin || begin <= now + s_skew);
    }

    private void CheckClaims(IdentityProvider provider, JsonElement claims, string nonce)
    {
        if (ClaimText.Of(claims, "nonce", NonceLengthMax) is not { } said
            || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(said), Encoding.UTF8.GetBytes(nonce)))
        {
            throw Invalid("It is of another sign-in (nonce).");
        }

        var isForMany = claims.GetProperty("aud") is { ValueKind: JsonValueKind.Array } audiences && audiences.GetArrayLength() > 1;
        if (claims.TryGetProperty("azp", out var party) ? !(party.ValueKind is JsonValueKind.String && party.ValueEquals(provider.ClientId)) : isForMany)
            throw Invalid("It was made for another client (azp).");
        if (!claims.TryGetProperty("iat", out var issued) || issued.ValueKind is not JsonValueKind.Number || !issued.TryGetDouble(out var seconds)
            || seconds > (time.GetUtcNow() + s_skew).ToUnixTimeSeconds())
        {
            throw Invalid("It does not say when it was made, or was made in the future (iat). The clocks of both sides have to be right.");
        }
    }

    private static string Explain(Exception? failure) => failure switch
    {
        SecurityTokenInvalidIssuerException => "It is of another issuer (iss).",
        SecurityTokenInvalidAudienceException => "It is for another client (aud).",
        SecurityTokenInvalidAlgorithmException => "It is signed by an algorithm that is not taken: RS, PS and ES with 256, 384 or 512 bits are.",
        SecurityTokenNoExpirationException => "It has no end (exp).",
        SecurityTokenInvalidLifetimeException or SecurityTokenExpiredException or SecurityTokenNotYetValidException => "Its time is over, or has not come (exp, nbf). The clocks of both sides have to be right.",
        SecurityTokenSignatureKeyNotFoundException => "It is signed with a key that the provider does not publish, or not by an algorithm that is taken.",
        _ => "Its signature is wrong.",
    };

    private static ProviderException Invalid(string why, Exception? inner = null) => new(SingleSignOnRefusal.IdTokenInvalid, $"The provider's ID token is not taken. {why}", inner);
}

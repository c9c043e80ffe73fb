using System.Security.Claims;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>Makes and reads session tokens: JWT signed with HMAC-SHA256 by a key that all nodes of the cell share.</summary>
public sealed class Sessions
{
    private const string Issuer = "stoa";

    private readonly JsonWebTokenHandler handler = new() { MapInboundClaims = false, SetDefaultTimesOnTokenCreation = false };
    private readonly SigningCredentials signing;
    private readonly TokenValidationParameters validation;
    private readonly TimeProvider time;
    private readonly TimeSpan duration;

    public Sessions(SessionKey key, IdentityOptions options, TimeProvider time)
    {
        this.time = time;
        duration = TimeSpan.FromMinutes(options.SessionMinutes);
        signing = new SigningCredentials(new SymmetricSecurityKey(key.Bytes), SecurityAlgorithms.HmacSha256);
        validation = new TokenValidationParameters
        {
            IssuerSigningKey = signing.Key,
            // Without the list a token could choose its own algorithm.
            ValidAlgorithms = [SecurityAlgorithms.HmacSha256],
            ValidIssuer = Issuer,
            ValidAudience = Issuer,
            RequireSignedTokens = true,
            RequireExpirationTime = true,
            // Only this cell signs with the key: a session from the future is one that another node opened, or the clock was set back.
            LifetimeValidator = (_, expires, _, _) => Now < expires,
        };
    }

    private DateTime Now => time.GetUtcNow().UtcDateTime;

    /// <summary>A token for a user, and when it ends.</summary>
    public (string Token, DateTimeOffset ExpiresAt) Create(User user)
    {
        // The times of a JWT are whole seconds.
        var now = DateTimeOffset.FromUnixTimeSeconds(time.GetUtcNow().ToUnixTimeSeconds());
        var expiresAt = now + duration;
        var token = handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Issuer,
            Audience = Issuer,
            Subject = new ClaimsIdentity([new Claim(JwtRegisteredClaimNames.Sub, user.Id.ToString())]),
            IssuedAt = now.UtcDateTime,
            NotBefore = now.UtcDateTime,
            Expires = expiresAt.UtcDateTime,
            SigningCredentials = signing,
        });
        return (token, expiresAt);
    }

    /// <summary>Whom a token stands for; null when it is not ours, was changed or has ended.</summary>
    public async Task<Id<User>?> ReadAsync(string token)
    {
        var result = await handler.ValidateTokenAsync(token, validation);
        return result.IsValid
            && result.ClaimsIdentity.FindFirst(JwtRegisteredClaimNames.Sub) is { } subject
            && Id<User>.TryParse(subject.Value, out var user)
                ? user
                : null;
    }
}

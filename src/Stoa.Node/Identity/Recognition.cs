using Stoa.Market.Identity;

namespace Stoa.Node.Identity;

/// <summary>By what the caller of a request was recognised, so that it can be asked again while the request goes on.</summary>
public abstract class Recognition
{
    /// <summary>The caller as he is now, before it is said for whom he acts; null when the credential is worth nothing any more.</summary>
    public abstract Task<Caller?> AgainAsync(CancellationToken cancellationToken);

    /// <summary>A caller by <c>Authorization: Bearer</c>.</summary>
    /// <remarks>An access token ends long before its session, and whoever has it gets another: what counts is the session.</remarks>
    public sealed class ByToken(string token, Credentials credentials, Sessions sessions) : Recognition
    {
        private AccessToken? _access;

        public override async Task<Caller?> AgainAsync(CancellationToken cancellationToken)
        {
            if (token.StartsWith(ApiKeySecret.Scheme, StringComparison.Ordinal))
                return await credentials.FindAsync(token, cancellationToken);
            // Asked for the first time while the token is still good.
            _access ??= await sessions.ReadTokenAsync(token, cancellationToken);
            return _access is { } access && await sessions.IsStandingAsync(access.Session, cancellationToken)
                ? await credentials.FindCallerAsync(access.User, cancellationToken)
                : null;
        }
    }
}

using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Connection;

/// <summary>The session that <c>stoa login</c> remembers, refreshed when its access token has ended.</summary>
/// <remarks>
/// A refresh token is good once, and two that come are taken for theft. So of the processes of this user one refreshes at a time, holding the file, and the
/// others then find the new tokens in it.
/// </remarks>
internal sealed class KeptSession(Surroundings surroundings, Uri address, RememberedSession remembered) : IDisposable
{
    // A token that ends while the request is on its way is of no use.
    private static readonly TimeSpan s_margin = TimeSpan.FromSeconds(20);

    private readonly SemaphoreSlim _turn = new(1);
    private RememberedSession _session = remembered;

    /// <summary>An access token that is good now.</summary>
    /// <exception cref="CommandFailure">The session is over.</exception>
    public async ValueTask<string> GetTokenAsync(CancellationToken cancellationToken)
    {
        if (IsFresh(_session))
            return _session.Token;
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (!IsFresh(_session))
                _session = await RefreshAsync(cancellationToken);
            return _session.Token;
        }
        catch (IOException broken)
        {
            throw new CommandFailure($"The refreshed session cannot be remembered: {broken.Message}", hint: "Make room or mend the folder, then sign in again with: stoa login");
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private async Task<RememberedSession> RefreshAsync(CancellationToken cancellationToken)
    {
        await using var held = await ConfigFile.HoldAsync(surroundings, cancellationToken);
        var config = ConfigFile.Read(surroundings.ConfigDirectory);
        if (config is not { Address: { } there, Session: { } known } || NodeConnection.ParseAddress(there) != address)
            throw Over("Another process has signed out.");
        if (IsFresh(known))
            return known;
        using var client = new StoaClient(new StoaClientOptions
        {
            Address = address,
            Handler = surroundings.Handler,
            TimeProvider = surroundings.TimeProvider,
            UserAgent = "stoa-cli",
        });
        try
        {
            // Not stopped in the middle: once the node has answered, the answer has to be remembered.
            var next = await client.RefreshSessionAsync(new RefreshSessionRequest(known.RefreshToken), CancellationToken.None);
            var refreshed = new RememberedSession(next.SessionId, next.Token, next.ExpiresAt, next.RefreshToken);
            (config with { Session = refreshed }).Write(surroundings.ConfigDirectory);
            return refreshed;
        }
        catch (StoaException refused) when (refused.Code is "refreshTokenInvalid" or "refreshTokenReused" or "sessionEnded")
        {
            throw Over(refused.Message);
        }
    }

    private bool IsFresh(RememberedSession session) => surroundings.TimeProvider.GetUtcNow() + s_margin < session.ExpiresAt;

    private static CommandFailure Over(string why) =>
        new($"The session that stoa login has opened is over. {why}", ExitCode.NotAuthorized, "Sign in with: stoa login --handle HANDLE");
}

using Stoa.Market.Identity;

namespace Stoa.Node.Identity;

/// <summary>Whether the caller of a request that stays open may still what he may when it began. Looked at every two seconds, until it is disposed of.</summary>
/// <remarks>
/// A session that was ended, a key that was revoked or has expired, a member who was removed or has another role, a person who asked to be erased: through this node that is
/// seen within two seconds; through another node of the cell when what is remembered here has aged, too (<c>Identity:CredentialCacheSeconds</c>).
/// </remarks>
public sealed class StandingRight : IAsyncDisposable
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _gone = new();
    private readonly CancellationTokenSource _over = new();
    private readonly Task _watching;

    private StandingRight(HttpContext context)
    {
        // A caller who is let in without a credential has nothing that could be taken away.
        _watching = Caller.Of(context) is { } caller && context.Features.Get<Recognition>() is { } recognition
            && context.GetEndpoint() is { } endpoint && Access.Of(endpoint.Metadata).Permission is { } needed
                ? WatchAsync(caller, needed, recognition, context.RequestServices)
                : Task.CompletedTask;
    }

    /// <summary>Is cancelled once the caller may it no more.</summary>
    public CancellationToken Gone => _gone.Token;

    /// <summary>Begins to look, for a request whose answer goes on and on.</summary>
    public static StandingRight Watch(HttpContext context) => new(context);

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _over.Dispose();
        _gone.Dispose();
    }

    private async Task WatchAsync(Caller caller, Permission needed, Recognition recognition, IServiceProvider services)
    {
        var credentials = services.GetRequiredService<Credentials>();
        var logger = services.GetRequiredService<ILogger<StandingRight>>();
        using var timer = new PeriodicTimer(s_pause, services.GetRequiredService<TimeProvider>());
        try
        {
            do
            {
                try
                {
                    if (await HoldsAsync(caller, needed, recognition, credentials, _over.Token))
                        continue;
                    await _gone.CancelAsync();
                    return;
                }
                catch (Exception failure) when (failure is not OperationCanceledException)
                {
                    logger.LogWarning(failure, "Whether {Actor} may still watch cannot be looked up; trying again.", caller.ActorId);
                }
            }
            while (await timer.WaitForNextTickAsync(_over.Token));
        }
        catch (OperationCanceledException) when (_over.IsCancellationRequested)
        {
            // The request is over.
        }
    }

    private static async Task<bool> HoldsAsync(
        Caller caller, Permission needed, Recognition recognition, Credentials credentials, CancellationToken cancellationToken)
    {
        var now = await recognition.AgainAsync(cancellationToken);
        if (now is not null && caller.OrganisationRole is not null)
            now = await credentials.ActForAsync(now, caller.Handle, cancellationToken);
        return now is not null && now.UserId == caller.UserId && now.Rights.Contains(needed);
    }
}

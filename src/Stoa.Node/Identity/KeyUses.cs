using System.Collections.Concurrent;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>Notes when API keys were last used: in memory with each call, in the database once a minute and key at most.</summary>
public sealed class KeyUses(IUserStore users, TimeProvider time, ILogger<KeyUses> logger) : BackgroundService
{
    /// <summary>How often uses are written down.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<Id<ApiKey>, DateTimeOffset> _uses = new();

    /// <summary>Takes note of a use.</summary>
    public void Note(Id<ApiKey> key, DateTimeOffset at)
    {
        // Reading is cheaper than writing where many threads use one key: to the second is enough.
        if (!_uses.TryGetValue(key, out var known) || at - known >= TimeSpan.FromSeconds(1))
            _uses[key] = at;
    }

    /// <summary>When a key was used since that was last written down; null for not since.</summary>
    public DateTimeOffset? Find(Id<ApiKey> key) => _uses.TryGetValue(key, out var at) ? at : null;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Pause, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await WriteAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // What was used since is written below.
        }

        await WriteAsync(CancellationToken.None);
    }

    private async Task WriteAsync(CancellationToken cancellationToken)
    {
        var taken = _uses.ToArray();
        if (taken.Length == 0)
            return;
        try
        {
            await users.NoteKeyUsesAsync([.. taken.Select(use => (use.Key, use.Value))], cancellationToken);
            foreach (var use in taken)
                _uses.TryRemove(use);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            logger.LogWarning(failure, "When API keys were last used cannot be written down; it is tried again in a minute.");
        }
    }
}

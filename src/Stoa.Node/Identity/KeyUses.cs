using System.Collections.Concurrent;
using System.Threading.Channels;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>Notes when API keys were last used: in memory with each call, in the database once a minute and key at most, sooner where many keys are used.</summary>
/// <remarks>What is not written down yet is bounded: where the database does not keep up, of keys beyond <see cref="MostKept"/> it is not noted that they were used now, and their next use is.</remarks>
public sealed class KeyUses(IUserStore users, TimeProvider time, ILogger<KeyUses> logger) : BackgroundService
{
    /// <summary>How often uses are written down.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    /// <summary>Uses of so many keys are kept at most.</summary>
    public const int MostKept = 65_536;

    // From so many on they are written down without waiting for the end of the minute.
    private const int Many = 8_192;

    // So many in a transaction: others are not kept waiting for long.
    private const int MostOfPortion = 2_000;

    private readonly ConcurrentDictionary<Id<ApiKey>, DateTimeOffset> _uses = new();
    private readonly Channel<bool> _many = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private int _count;

    /// <summary>Of how many keys it is not written down yet that they were used.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Takes note of a use.</summary>
    public void Note(Id<ApiKey> key, DateTimeOffset at)
    {
        // Reading is cheaper than writing where many threads use one key: to the second is enough.
        if (_uses.TryGetValue(key, out var known))
        {
            if (at - known < TimeSpan.FromSeconds(1) || _uses.TryUpdate(key, at, known))
                return;
        }

        // How many there are may be exceeded by as many as come at the same moment.
        if (Count >= MostKept || !_uses.TryAdd(key, at))
            return;
        if (Interlocked.Increment(ref _count) >= Many)
            _many.Writer.TryWrite(true);
    }

    /// <summary>When a key was used since that was last written down; null for not since.</summary>
    public DateTimeOffset? Find(Id<ApiKey> key) => _uses.TryGetValue(key, out var at) ? at : null;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await WaitAsync(stoppingToken);
                // However many there are, a database that is away is not asked again and again.
                while (!await WriteAsync(stoppingToken))
                    await Task.Delay(Pause, time, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // What was used since is written below.
        }

        await WriteAsync(CancellationToken.None);
    }

    /// <summary>Waits until a minute is over, or there are many.</summary>
    private async Task WaitAsync(CancellationToken stoppingToken)
    {
        using var over = new CancellationTokenSource(Pause, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, stoppingToken);
        try
        {
            await _many.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
        {
            // The minute is over.
        }
    }

    /// <returns>Whether all is written down.</returns>
    private async Task<bool> WriteAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (var portion in _uses.Chunk(MostOfPortion))
            {
                await users.NoteKeyUsesAsync([.. portion.Select(use => (use.Key, use.Value))], cancellationToken);
                foreach (var use in portion)
                {
                    if (_uses.TryRemove(use))
                        Interlocked.Decrement(ref _count);
                }
            }

            return true;
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            logger.LogWarning(failure, "When API keys were last used cannot be written down; it is tried again in a minute.");
            return false;
        }
    }
}

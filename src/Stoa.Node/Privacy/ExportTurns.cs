using System.Collections.Concurrent;
using Stoa.Market.Identity;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Privacy;

/// <summary>Whose turn an export is: one at a time for each person at this node, and one with stored content a day in the whole cell. It costs nothing, so it must not be a way to download for nothing.</summary>
public sealed class ExportTurns(Database database, TimeProvider time)
{
    /// <summary>How long after the beginning of an export with content the next one may begin.</summary>
    public static readonly TimeSpan ContentPause = TimeSpan.FromDays(1);

    private readonly ConcurrentDictionary<Id<User>, Turn> _turns = new();

    /// <summary>Begins an export, until what is answered is disposed of.</summary>
    /// <returns>Null when one of this person is under way here.</returns>
    public IDisposable? TryBegin(Id<User> user)
    {
        var turn = new Turn(_turns, user);
        return _turns.TryAdd(user, turn) ? turn : null;
    }

    /// <summary>Takes the day's export with content.</summary>
    /// <returns>How long to wait for the next one; null when it is taken.</returns>
    public Task<TimeSpan?> TakeContentAsync(Id<User> user, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return database.WriteAsync<TimeSpan?>(
            async session =>
            {
                // One from the future is of before the clock was set back.
                var taken = await session.ExecuteAsync(
                    """
                    INSERT INTO account_security (user_id, must_verify, totp_step, failures, content_exported_at) VALUES (@user, FALSE, 0, 0, @now)
                    ON CONFLICT (user_id) DO UPDATE SET content_exported_at = excluded.content_exported_at
                    WHERE account_security.content_exported_at IS NULL OR account_security.content_exported_at <= @before OR account_security.content_exported_at > @now
                    """,
                    new { user, now, before = now - ContentPause });
                if (taken > 0)
                    return null;
                var last = await session.QuerySingleAsync<DateTimeOffset>("SELECT content_exported_at FROM account_security WHERE user_id = @user", new { user });
                return last + ContentPause - now;
            },
            cancellationToken);
    }

    private sealed class Turn(ConcurrentDictionary<Id<User>, Turn> turns, Id<User> user) : IDisposable
    {
        public void Dispose() => turns.TryRemove(new KeyValuePair<Id<User>, Turn>(user, this));
    }
}

using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Node.Builds;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Quotas;

/// <summary>What users take up and may take up, and room for what they are bringing just now.</summary>
/// <remarks>Bytes on their way are counted in memory: nodes of a cell do not see each other's, so several at once may go beyond a limit together.</remarks>
/// <param name="database">The cell's.</param>
/// <param name="everybody">What everybody may take up.</param>
public sealed class UserUsages(Database database, UserQuota everybody)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Id<User>, long> _reserved = [];

    /// <summary>What everybody may take up.</summary>
    public UserQuota Everybody => everybody;

    public Task<UserUsage> FindAsync(Id<User> user, CancellationToken cancellationToken) =>
        database.ReadAsync(session => SqlUserUsage.FindAsync(session, user), cancellationToken);

    /// <summary>Says what a user may take up; null for what everybody may.</summary>
    /// <returns>As it is now.</returns>
    public Task<UserUsage> SetAsync(Id<User> user, long? maxOpenTasks, long? maxContentBytes, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await SqlUserUsage.SetAsync(session, user, maxOpenTasks, maxContentBytes);
            return await SqlUserUsage.FindAsync(session, user);
        },
        cancellationToken);

    /// <summary>Keeps room for content that a user brings, until it is disposed of: by then what came is counted in the database.</summary>
    /// <param name="user">Who brings it.</param>
    /// <param name="bytes">How much it will be; null when that is not known.</param>
    /// <param name="most">The most that it can be.</param>
    /// <param name="cancellationToken">Stops before anything is kept.</param>
    public async Task<Outcome<Room, ContentRefusal>> ReserveAsync(Id<User> user, long? bytes, long most, CancellationToken cancellationToken)
    {
        // Reserved before the database is asked: what others have reserved by then is either still so or counted there.
        // Of what is not known to be how long all that may come is reserved: of two at once no two get the same room.
        var asked = Math.Min(bytes ?? most, UserUsage.GreatestLimit);
        var others = Reserve(user, asked);
        try
        {
            var (usage, released) = await database.ReadAsync(
                async session => (await SqlUserUsage.FindAsync(session, user), await ReleasedContent.SumAsync(session, user)), cancellationToken);
            // What nobody owns any more takes room until it is gone.
            others += released;
            var limit = usage.QuotaWithin(everybody).ContentBytes;
            var left = limit - usage.ContentBytes - others;
            // What takes no more room is taken although there is none left.
            if (bytes is { } known ? known == 0 || known <= left : left > 0)
            {
                var room = new Room(this, user, asked, most, Refusal(usage, limit, others)) { Taken = usage.ContentBytes + others, IsUnpaid = usage.UnpaidSince is not null, IsOrganisation = usage.IsOrganisation };
                if (bytes is null)
                    room.ShrinkTo(left);
                return room;
            }

            Release(user, asked);
            return Refusal(usage, limit, others);
        }
        catch
        {
            Release(user, asked);
            throw;
        }
    }

    private static Refusal<ContentRefusal> Refusal(UserUsage usage, long limit, long others) => new(
        ContentRefusal.StorageQuotaExceeded,
        $"You have {usage.ContentBytes:N0} bytes in the content store and may have {limit:N0}.{(others > 0 ? $" {others:N0} more are kept for uploads of yours that are under way, or are about to be deleted." : "")} Bring less, or ask an administrator of this node for more.");

    private long Reserve(Id<User> user, long bytes)
    {
        lock (_gate)
        {
            var before = _reserved.GetValueOrDefault(user);
            _reserved[user] = checked(before + bytes);
            return before;
        }
    }

    private void Release(Id<User> user, long bytes)
    {
        lock (_gate)
        {
            var left = _reserved.GetValueOrDefault(user) - bytes;
            if (left > 0)
                _reserved[user] = left;
            else
                _reserved.Remove(user);
        }
    }

    /// <summary>Room that is kept.</summary>
    public sealed class Room : IDisposable
    {
        private readonly UserUsages _usages;
        private readonly Id<User> _user;
        private long _bytes;

        internal Room(UserUsages usages, Id<User> user, long bytes, long most, Refusal<ContentRefusal> exceeded) =>
            (_usages, _user, _bytes, Most, Exceeded) = (usages, user, bytes, most, exceeded);

        /// <summary>The most bytes that may come.</summary>
        public long Most { get; private set; }

        /// <summary>What the user has already, with what else is on its way.</summary>
        public long Taken { get; internal init; }

        /// <summary>Whether what the user has is not paid.</summary>
        public bool IsUnpaid { get; internal init; }

        /// <summary>Whether the user is an organisation.</summary>
        public bool IsOrganisation { get; internal init; }

        /// <summary>What is answered when more come than there is room for.</summary>
        public Refusal<ContentRefusal> Exceeded { get; }

        /// <summary>Lets no more come than so much, and keeps no more room than that.</summary>
        public void ShrinkTo(long most)
        {
            Most = Math.Min(Most, most);
            if (_bytes <= Most)
                return;
            _usages.Release(_user, _bytes - Most);
            _bytes = Most;
        }

        public void Dispose()
        {
            _usages.Release(_user, _bytes);
            _bytes = 0;
        }
    }
}

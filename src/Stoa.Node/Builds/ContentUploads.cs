using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Node.Metering;
using Stoa.Node.Quotas;
using Stoa.Primitives;

namespace Stoa.Node.Builds;

/// <summary>Takes content in that a user brings, when there is room for it and it can be paid for.</summary>
public sealed class ContentUploads(
    IContentStore content, IContentOwners owners, UserUsages usages, SqlStorageFees storage, BuildsOptions options, TimeProvider time)
{
    /// <summary>Streams bytes in and grants them to who has brought them.</summary>
    /// <param name="user">Who brings them.</param>
    /// <param name="expected">The digest that was announced; null for none.</param>
    /// <param name="body">The bytes.</param>
    /// <param name="length">How many there will be; null when that is not known.</param>
    /// <param name="cancellationToken">Leaves nothing behind.</param>
    public async Task<Outcome<ContentDescriptor, ContentRefusal>> PutAsync(Id<User> user, ContentHash? expected, Stream body, long? length, CancellationToken cancellationToken)
    {
        // What is the user's already takes no more room.
        long? bytes = expected is { } digest && await owners.MayReadAsync(digest, user, cancellationToken) ? 0 : length;
        if (!(await usages.ReserveAsync(user, bytes, options.MaxBlobBytes, cancellationToken)).TryGet(out var room, out var full))
            return full;
        using var kept = room;
        if (!(await storage.AdmitAsync(user, room, bytes, time.GetUtcNow(), cancellationToken)).TryGet(out var payable, out var unpaid))
            return unpaid;
        var put = await content.PutAsync(body, expected, Math.Min(room.Most, payable), cancellationToken);
        if (!put.TryGet(out var stored, out var refusal))
        {
            return refusal.Code switch
            {
                ContentRefusal.TooLarge when payable < room.Most => await storage.RefuseAsync(user, room.Taken + payable + 1, time.GetUtcNow(), cancellationToken),
                ContentRefusal.TooLarge when room.Most < options.MaxBlobBytes => room.Exceeded,
                _ => refusal,
            };
        }

        await owners.GrantAsync(stored, user, cancellationToken);
        return stored;
    }
}

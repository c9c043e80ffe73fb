using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Node.Metering;
using Stoa.Node.Quotas;
using Stoa.Primitives;

namespace Stoa.Node.Builds;

/// <summary>Takes content in that a user brings, when there is room for it and it can be paid for.</summary>
public sealed class ContentUploads(
    IContentStore content, SqlContentOwners owners, UserUsages usages, SqlStorageFees storage, BuildsOptions options, TimeProvider time)
{
    private readonly UploadSlots<Id<User>> _slots = new(options.MaxUploadsPerUser, int.MaxValue);

    /// <summary>Streams bytes in and grants them to who has brought them.</summary>
    /// <param name="user">Who brings them.</param>
    /// <param name="expected">The digest that was announced; null for none.</param>
    /// <param name="body">The bytes.</param>
    /// <param name="length">How many there will be; null when that is not known.</param>
    /// <param name="cancellationToken">Leaves nothing behind.</param>
    /// <remarks>What is the user's already is answered at once; the bytes are not read.</remarks>
    public async Task<Outcome<ContentDescriptor, ContentRefusal>> PutAsync(Id<User> user, ContentHash? expected, Stream body, long? length, CancellationToken cancellationToken)
    {
        if (length > options.MaxBlobBytes)
            return new Refusal<ContentRefusal>(ContentRefusal.TooLarge, $"{length:N0} bytes are more than the {options.MaxBlobBytes:N0} that are accepted here; send less.");
        if (expected is { } digest && await owners.OwnsAsync(digest, user, cancellationToken) && await content.StatAsync(digest, cancellationToken) is { } there)
        {
            // It may be his only because of a call or a task.
            await owners.GrantAsync(there, user, ContentOrigins.Owner, cancellationToken);
            return there;
        }

        using var slot = _slots.TryEnter(user, out _);
        if (slot is null)
        {
            return new Refusal<ContentRefusal>(
                ContentRefusal.UploadsTooMany, $"{options.MaxUploadsPerUser} uploads of yours are under way at this node. Wait until one has ended, and upload again.");
        }

        return await ReceiveAsync(user, ContentOrigins.Owner, expected, body, length, options.MaxBlobBytes, cancellationToken);
    }

    /// <summary>The same of bytes that a caller brings for a user, within limits of his own: they are read also when they are the user's already, since whoever brings them has to have them.</summary>
    /// <param name="user">Whose they will be.</param>
    /// <param name="expected">The digest that was announced; null for none.</param>
    /// <param name="body">The bytes.</param>
    /// <param name="length">How many there will be; null when that is not known.</param>
    /// <param name="most">The most that are taken.</param>
    /// <param name="cancellationToken">Leaves nothing behind.</param>
    public Task<Outcome<ContentDescriptor, ContentRefusal>> ReceiveAsync(
        Id<User> user, ContentHash? expected, Stream body, long? length, long most, CancellationToken cancellationToken) =>
        ReceiveAsync(user, ContentOrigins.Caller, expected, body, length, most, cancellationToken);

    private async Task<Outcome<ContentDescriptor, ContentRefusal>> ReceiveAsync(
        Id<User> user, string cameBy, ContentHash? expected, Stream body, long? length, long most, CancellationToken cancellationToken)
    {
        if (!(await usages.ReserveAsync(user, length, most, cancellationToken)).TryGet(out var room, out var full))
            return full;
        using var kept = room;
        if (!(await storage.AdmitAsync(user, room, length, time.GetUtcNow(), cancellationToken)).TryGet(out var payable, out var unpaid))
            return unpaid;
        var mostOfQuota = room.Most;
        room.ShrinkTo(payable);
        var put = await content.PutAsync(body, expected, room.Most, cancellationToken);
        if (!put.TryGet(out var stored, out var refusal))
        {
            return refusal.Code switch
            {
                ContentRefusal.TooLarge when payable < mostOfQuota => await storage.RefuseAsync(user, room.Taken + payable + 1, time.GetUtcNow(), cancellationToken),
                ContentRefusal.TooLarge when mostOfQuota < most => room.Exceeded,
                _ => refusal,
            };
        }

        // Whoever hangs up now has brought it all the same: bytes that nobody owns would count for nobody.
        await owners.GrantAsync(stored, user, cameBy, CancellationToken.None);
        return stored;
    }
}

using Stoa.Market.Identity;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Privacy;

/// <summary>Deletes what organisations that are no more have in the content store, as an erasure does with that of persons.</summary>
/// <remarks>Nodes of a cell may be at the same one: what one has deleted the other does not find.</remarks>
internal sealed class OrganisationContent(Database database, ErasedContent content, TimeProvider time, ILogger<OrganisationContent> logger)
{
    private static readonly TimeSpan s_failed = TimeSpan.FromMinutes(1);

    /// <summary>Deletes a portion of what the organisation has that was deleted first.</summary>
    /// <returns>Whether there may be more.</returns>
    public async Task<bool> TurnAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (await database.ReadAsync(
            session => session.QueryAsync<Id<User>>("SELECT id FROM organisations WHERE sweep_at <= @now ORDER BY sweep_at, id LIMIT 1", new { now }), cancellationToken) is not [var organisation])
        {
            return false;
        }

        try
        {
            if (await content.DeleteAsync(organisation, cancellationToken))
                return true;
            await PutOffAsync(organisation, null, cancellationToken);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            // Others are not to wait for this one.
            logger.LogError(failure, "The content of the organisation {Organisation} cannot be deleted; it is tried again in a minute.", organisation);
            await PutOffAsync(organisation, now + s_failed, cancellationToken);
        }

        return true;
    }

    /// <summary>Finds organisations to which something has come that was on its way when they were deleted.</summary>
    public Task FindLateAsync(CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync(
            """
            UPDATE organisations SET sweep_at = @now
            WHERE deleted_at IS NOT NULL AND sweep_at IS NULL AND id IN (SELECT user_id FROM user_usage WHERE content_bytes > 0 AND is_organisation)
            """,
            new { now = time.GetUtcNow() }),
        cancellationToken);

    /// <summary>When an organisation was deleted last; null when none ever was.</summary>
    public Task<DateTimeOffset?> NewestDeletedAsync(CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QuerySingleAsync<DateTimeOffset?>("SELECT MAX(deleted_at) FROM organisations"), cancellationToken);

    private Task<bool> PutOffAsync(Id<User> organisation, DateTimeOffset? until, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await session.SendAsync("UPDATE organisations SET sweep_at = @until WHERE id = @organisation", new { until, organisation });
            await session.SendAsync("UPDATE user_usage SET content_bytes = 0, unpaid_since = NULL WHERE user_id = @organisation", new { organisation });
            return true;
        },
        cancellationToken);
}

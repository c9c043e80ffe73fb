using Stoa.Market.Signing;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Signing;

/// <summary>Sees to it that a signed request is taken once in the whole cell, also after a restart, and when a clock was set back.</summary>
/// <remarks>
/// Nonces are in the database and nowhere else, for as long as their signatures could be taken, twice over. Before older ones are forgotten, it is written down
/// up to when they were signed, and what was signed before that is not taken any more, whatever the clock says.
/// </remarks>
public sealed class RequestNonces(Database database, TimeProvider time)
{
    private static readonly TimeSpan s_kept = 2 * SignedRequestRules.Window;
    private static readonly TimeSpan s_cleaning = TimeSpan.FromMinutes(1);

    private long _cleanedAt = time.GetTimestamp();

    /// <summary>Takes a nonce; false when it was taken before, or the request was signed too long ago to know.</summary>
    /// <param name="key">That has signed: a registered key, or a payment channel, whose payer has.</param>
    /// <param name="nonce">Of the request.</param>
    /// <param name="created">When it was signed.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<bool> TakeAsync<T>(Id<T> key, string nonce, DateTimeOffset created, CancellationToken cancellationToken)
        where T : IIdentified
    {
        if (time.GetElapsedTime(Interlocked.Read(ref _cleanedAt)) >= s_cleaning)
        {
            Interlocked.Exchange(ref _cleanedAt, time.GetTimestamp());
            await ForgetAsync(time.GetUtcNow() - s_kept, cancellationToken);
        }

        return await database.WriteAsync(
            async session =>
            {
                var signedAfter = await session.QuerySingleAsync<DateTimeOffset>("SELECT signed_after FROM request_nonce_floor");
                return created >= signedAfter && await session.ExecuteAsync(
                    "INSERT INTO request_nonces (key_id, nonce, created_at) VALUES (@key, @nonce, @created) ON CONFLICT DO NOTHING", new { key, nonce, created }) == 1;
            },
            cancellationToken);
    }

    /// <summary>Forgets the nonces of what was signed before a time. Nothing signed before it is taken any more.</summary>
    public Task ForgetAsync(DateTimeOffset before, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await session.ExecuteAsync("UPDATE request_nonce_floor SET signed_after = @before WHERE signed_after < @before", new { before });
            await session.ExecuteAsync("DELETE FROM request_nonces WHERE created_at < @before", new { before });
        },
        cancellationToken);
}

using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>What publishers of this cell say of their listings beside publishing and withdrawing them: that there is something better, and that a listing goes on elsewhere.</summary>
/// <param name="database">The cell's.</param>
/// <param name="statements">Signs for users.</param>
public sealed class OwnListings(Database database, PublisherStatements statements)
{
    /// <summary>Says of a listing, or of a version, that there is something better, or that this is so no more.</summary>
    /// <param name="publisher">Who says it.</param>
    /// <param name="listing">A listing of the publisher's.</param>
    /// <param name="isDeprecated">False takes it back.</param>
    /// <param name="instead">What to use: by a publisher's key or handle; null for nothing.</param>
    /// <param name="reason">One line; null for none.</param>
    /// <param name="cancellationToken">Says nothing.</param>
    public Task<Outcome<ListingName, OwnListingRefusal>> DeprecateAsync(
        Id<User> publisher, ListingName listing, bool isDeprecated, ListingName? instead, string? reason, CancellationToken cancellationToken) => SayAsync(
        publisher,
        listing,
        async (session, _) => (await FindOtherAsync(session, listing, instead)).TryGet(out var found, out var refusal)
            ? new DeprecationStatement(listing.Name, listing.Version, isDeprecated, found, reason)
            : refusal,
        cancellationToken);

    /// <summary>Says of a listing that it goes on elsewhere, or from elsewhere; what was said of the other side stays. Neither takes back both.</summary>
    /// <param name="publisher">Who says it.</param>
    /// <param name="listing">A listing of the publisher's.</param>
    /// <param name="to">Where it goes on.</param>
    /// <param name="from">What it goes on from.</param>
    /// <param name="cancellationToken">Says nothing.</param>
    public Task<Outcome<ListingName, OwnListingRefusal>> TransferAsync(
        Id<User> publisher, ListingName listing, ListingName? to, ListingName? from, CancellationToken cancellationToken) => SayAsync(
        publisher,
        listing,
        async (session, signer) =>
        {
            if (!(await FindOtherAsync(session, listing, to)).TryGet(out var next, out var refusal) || !(await FindOtherAsync(session, listing, from)).TryGet(out var before, out refusal))
                return refusal;
            if (to is null && from is null)
                return new TransferStatement(listing.Name, To: null, From: null);
            var said = await Moves.ReadOwnAsync(session, signer, listing.Name);
            return new TransferStatement(listing.Name, next ?? said.To, before ?? said.From);
        },
        cancellationToken);

    private Task<Outcome<ListingName, OwnListingRefusal>> SayAsync(
        Id<User> publisher, ListingName listing, Func<SqlSession, PeerId, Task<Outcome<StatementContent, OwnListingRefusal>>> say, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<ListingName, OwnListingRefusal>>(
            async session =>
            {
                var version = listing.Version?.ToString();
                if (await SqlListings.FindPublisherAsync(session, listing.Publisher) is not { } signer
                    || await PublisherKeys.FindUserAsync(session, signer) != publisher
                    || await session.QueryFirstOrDefaultAsync<string>(
                        $"SELECT id FROM statements WHERE signer = @signer AND agent = @Name AND kind = 'listing' {(version is null ? "" : "AND version = @version")} LIMIT 1", new { signer, listing.Name, version }) is null)
                {
                    return new Refusal<OwnListingRefusal>(OwnListingRefusal.OwnListingUnknown, $"You have not listed {listing}.");
                }

                if (!(await say(session, signer)).TryGet(out var content, out var refusal))
                    return refusal;
                await statements.SayAsync(session, publisher, content);
                return listing;
            },
            cancellationToken);

    private static async Task<Outcome<KeyedListing?, OwnListingRefusal>> FindOtherAsync(SqlSession session, ListingName own, ListingName? other)
    {
        if (other is null)
            return (KeyedListing?)null;
        if (await SqlListings.FindPublisherAsync(session, other.Publisher) is not { } signer)
            return new Refusal<OwnListingRefusal>(OwnListingRefusal.SuccessorUnknown, $"Nobody is known here as {other.Publisher}, or more than one. Name the publisher by its key.");
        var found = new KeyedListing(signer, other.Name, other.Version);
        return await SqlListings.FindPublisherAsync(session, own.Publisher) == signer && own.Name == other.Name && other.Version is null
            ? new Refusal<OwnListingRefusal>(OwnListingRefusal.SuccessorUnknown, $"{other} is the same listing.")
            : found;
    }
}

using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Goods;

/// <summary>Lists models, templates, bundles and datasets of the cell's users, and withdraws them: the signed statement is all that there is of them, beside the bytes that their publishers keep here.</summary>
/// <param name="database">The cell's.</param>
/// <param name="statements">Signs for users.</param>
/// <param name="policy">How much others take of one signer: more is not listed.</param>
public sealed class GoodsPublications(Database database, PublisherStatements statements, AdmissionPolicy policy)
{
    /// <summary>Lists a version, or answers the one that is there with the same manifest.</summary>
    /// <param name="publisher">Who publishes it.</param>
    /// <param name="manifestJson">The manifest.</param>
    /// <param name="cancellationToken">Lists nothing.</param>
    /// <returns>The statement that stands.</returns>
    public async Task<Outcome<Statement, GoodsRefusal>> PublishAsync(User publisher, ReadOnlyMemory<byte> manifestJson, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(publisher);
        if (!GoodsReader.Read(manifestJson).TryGet(out var manifest, out var invalid))
            return invalid;
        if (ManifestText.Of(manifestJson.Span) is not { } text)
            return new Refusal<GoodsRefusal>(GoodsRefusal.GoodsInvalid, "The manifest is not UTF-8. Write it in UTF-8 and publish again.");
        try
        {
            return await database.WriteAsync(session => ListAsync(session, publisher, new GoodsStatement(manifest, text)), cancellationToken);
        }
        catch (NameOfOtherKindException)
        {
            return OtherKind(new ListingName(publisher.Handle, manifest.Name, manifest.Version));
        }
    }

    /// <summary>Withdraws a version, or all that are offered; doing it again changes the reason of a version.</summary>
    /// <param name="publisher">Who has published it.</param>
    /// <param name="listing">One version, or all.</param>
    /// <param name="reason">For everybody to read; null for none.</param>
    /// <param name="cancellationToken">Changes nothing.</param>
    /// <returns>What is left.</returns>
    public async Task<Outcome<AgentOffer, GoodsRefusal>> WithdrawAsync(Id<User> publisher, ListingName listing, string? reason, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(listing);
        if (reason is not null && !StatedReason.IsGiven(reason))
        {
            return new Refusal<GoodsRefusal>(
                GoodsRefusal.ReasonInvalid, "Say it in one line, or leave it out.", [new FieldError("/reason", $"Expected are {StatedReason.MustBe}.")]);
        }

        return await database.WriteAsync(
            session => ChangeOfferAsync(
                session, publisher, listing, isWithdrawn: true, reason, version => listing.Version is null ? !version.IsWithdrawn : version.Version.ToString() == listing.Version.ToString()),
            cancellationToken);
    }

    /// <summary>Offers a version again.</summary>
    /// <param name="publisher">Who has published it.</param>
    /// <param name="listing">With a version.</param>
    /// <param name="cancellationToken">Changes nothing.</param>
    /// <returns>What is offered.</returns>
    public Task<Outcome<AgentOffer, GoodsRefusal>> ReinstateAsync(Id<User> publisher, ListingName listing, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(listing);
        return database.WriteAsync(
            session => ChangeOfferAsync(
                session, publisher, listing, isWithdrawn: false, reason: null, version => version.IsWithdrawn && version.Version.ToString() == listing.Version?.ToString()),
            cancellationToken);
    }

    /// <summary>The bytes of a version whose publisher keeps them here.</summary>
    /// <param name="listing">With a version; its publisher by handle or key.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public Task<Outcome<GoodsContent, GoodsRefusal>> FindContentAsync(ListingName listing, CancellationToken cancellationToken) => database.ReadAsync(
        async Task<Outcome<GoodsContent, GoodsRefusal>> (session) =>
        {
            if (await SqlListings.FindPublisherAsync(session, listing.Publisher) is not { } signer
                || await PublisherKeys.FindUserAsync(session, signer) is not { } publisher
                || (await ReadAsync(session, signer, listing.Name)).Find(version => version.Version.ToString() == listing.Version?.ToString()) is not { } version
                || version.Manifest.Details.Content is not { } content)
            {
                return Gone(listing);
            }

            return version.State switch
            {
                VersionState.Contradicted => new Refusal<GoodsRefusal>(GoodsRefusal.ListingContradicted, $"The publisher of {listing} has signed two that say different things."),
                VersionState.Withdrawn => new Refusal<GoodsRefusal>(GoodsRefusal.ListingWithdrawn, $"{listing} is withdrawn{(version.Reason is { } reason ? $": \"{reason}\"" : ".")}"),
                _ => await OwnsAsync(session, publisher, content) ? content : Gone(listing),
            };
        },
        cancellationToken);

    private async Task<Outcome<Statement, GoodsRefusal>> ListAsync(SqlSession session, User publisher, GoodsStatement goods)
    {
        var listing = new ListingName(publisher.Handle, goods.Name, goods.Version);
        // Agents of before there were statements are listed one after another, and have their names already.
        if (await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM agent_versions WHERE publisher = @Publisher AND name = @Name LIMIT 1", listing) is not null)
            return OtherKind(listing);
        if (goods.Manifest.Details.Content is { } content && !await OwnsAsync(session, publisher.Id, content))
        {
            return new Refusal<GoodsRefusal>(
                GoodsRefusal.ContentNotYours,
                $"You have no content {content.Digest} of {content.Bytes} bytes here. Upload it with POST /api/v1/blobs, and publish again.",
                [new FieldError(goods.Manifest.Details is ModelDetails ? "/weights" : "/content", "Must be content of yours at this node, with its size.")]);
        }

        await SqlStatements.LockAsync(session);
        if (await session.QueryFirstOrDefaultAsync<PeerId?>("SELECT peer_id FROM publisher_keys WHERE user_id = @Id", new { publisher.Id }) is { } signer)
        {
            var before = (await ReadAsync(session, signer, goods.Name)).Find(version => version.Version.ToString() == goods.Version.ToString());
            if (before is not null && before.ManifestJson != goods.ManifestJson)
                return new Refusal<GoodsRefusal>(GoodsRefusal.ListingExists, $"{listing} was listed before with another manifest, and a version never changes; raise the version.");
            if (before is { IsWithdrawn: true })
                return new Refusal<GoodsRefusal>(GoodsRefusal.ListingWithdrawn, $"{listing} was listed before, and withdrawn. Reinstate it with DELETE /api/v1/listings/{listing.Publisher}/{listing.Name}/{listing.Version}/withdrawal, or raise the version.");
            if (before is null && await HasFullAsync(session, signer, goods))
                return new Refusal<GoodsRefusal>(GoodsRefusal.ListingsTooMany, $"Nodes that vouch for you take {policy.Vouched.Statements:N0} statements and {policy.Vouched.Bytes:N0} bytes of you, and you have said as much.");
        }

        return await statements.ListAsync(session, publisher.Id, publisher.Handle, goods);
    }

    /// <summary>Whether others would take no more of a signer: with a withdrawal that is still to come.</summary>
    private async Task<bool> HasFullAsync(SqlSession session, PeerId signer, GoodsStatement goods) =>
        await session.QueryFirstOrDefaultAsync<SignerRow>($"SELECT {SignerRow.Columns} FROM statement_signers WHERE signer = @signer", new { signer }) is { } has
        && (has.Statements + 2 > policy.Vouched.Statements || has.Bytes + (2 * goods.ManifestJson.Length) + StatedReason.MaxLength > policy.Vouched.Bytes);

    private async Task<Outcome<AgentOffer, GoodsRefusal>> ChangeOfferAsync(
        SqlSession session, Id<User> publisher, ListingName listing, bool isWithdrawn, string? reason, Func<GoodsVersion, bool> isMeant)
    {
        await SqlStatements.LockAsync(session);
        if (await session.QueryFirstOrDefaultAsync<PeerId?>("SELECT peer_id FROM publisher_keys WHERE user_id = @userId AND handle = @handle", new { userId = publisher, handle = listing.Publisher }) is not { } signer)
            return NotYours(listing);
        var versions = await ReadAsync(session, signer, listing.Name);
        if (versions.Count == 0 || (listing.Version is { } asked && !versions.Exists(version => version.Version.ToString() == asked.ToString())))
            return NotYours(listing);
        var meant = versions.FindAll(version => isMeant(version));
        await statements.WithdrawAsync(session, publisher, meant.Select(version => (listing.Name, version.Version)), isWithdrawn, reason);
        var newest = versions.Where(version => meant.Contains(version) ? !isWithdrawn : !version.IsWithdrawn).Select(version => version.Version)
            .OrderByDescending(version => version.PreRelease.Length == 0).ThenByDescending(version => version).FirstOrDefault();
        return new AgentOffer(listing with { Version = null }, [.. meant.Select(version => version.Version).Order()], newest);
    }

    /// <summary>The versions of goods of a signer, as they stand.</summary>
    private static async Task<List<GoodsVersion>> ReadAsync(SqlSession session, PeerId signer, string name)
    {
        var rows = await session.QueryAsync<StatementRow>(
            $"SELECT {StatementRow.Columns} FROM statements WHERE signer = @signer AND agent = @name AND kind IN ('listing', 'withdrawal')", new { signer, name });
        var all = rows.Select(row => row.ToStatement().Content).ToList();
        var listed = all.OfType<ListingStatement>().CountBy(listing => listing.Version.ToString()).ToDictionary();
        var withdrawn = all.OfType<WithdrawalStatement>().Where(withdrawal => withdrawal.IsWithdrawn).ToDictionary(withdrawal => withdrawal.Version.ToString());
        return [.. all.OfType<GoodsStatement>().Select(goods =>
        {
            var withdrawal = withdrawn.GetValueOrDefault(goods.Version.ToString());
            return new GoodsVersion(
                goods.Version, goods.Manifest, goods.ManifestJson, withdrawal is not null, VersionStates.Of(listed[goods.Version.ToString()], withdrawal is not null), withdrawal?.Reason);
        })];
    }

    private static async Task<bool> OwnsAsync(SqlSession session, Id<User> user, GoodsContent content) => await session.QueryFirstOrDefaultAsync<long?>(
        "SELECT 1 FROM content_owners WHERE digest = @Digest AND owner = @user AND size_bytes = @Bytes", new { content.Digest, user, content.Bytes }) is not null;

    private static Refusal<GoodsRefusal> NotYours(ListingName listing) => new(GoodsRefusal.ListingNotYours, $"{listing} is no listing of yours that is not an agent.");

    private static Refusal<GoodsRefusal> OtherKind(ListingName listing) => new(GoodsRefusal.NameOfOtherKind, $"You have listed something of another kind as {listing.Publisher}/{listing.Name}. Choose another name.");

    private static Refusal<GoodsRefusal> Gone(ListingName listing) => new(GoodsRefusal.ListingContentGone, $"This node has no content of {listing}. GET /api/v1/listings/{listing.Publisher}/{listing.Name} says what is listed, and in nodes which ones have it: with an account there, ask one of them.");

    private sealed record GoodsVersion(SemanticVersion Version, GoodsManifest Manifest, string ManifestJson, bool IsWithdrawn, VersionState State, string? Reason);
}

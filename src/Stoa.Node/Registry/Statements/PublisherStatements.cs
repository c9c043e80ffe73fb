using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Identity;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>Says to the network what publishers of this cell do, by the keys that the cell keeps for them, in the transaction in which they do it.</summary>
/// <remarks>Statements are written under a lock: call these behind all else that locks rows, and before events are appended.</remarks>
public sealed class PublisherStatements(CellKey cell, AdmissionPolicy policy, TimeProvider time)
{
    private const int ForgottenAtOnce = 200;

    private readonly HlcClock _clock = new(time, StatementLimits.MaxAhead);

    /// <summary>Lists a version, with the publisher's profile when the publisher is new to the network. A version that is listed already stays as it is.</summary>
    /// <param name="session">The act that publishes it.</param>
    /// <param name="version">The version, with <see cref="AgentVersion.ManifestJson"/>.</param>
    /// <param name="at">When it was published, if that was before; null for now.</param>
    /// <exception cref="NameOfOtherKindException">The publisher has listed something else under the name.</exception>
    public async Task ListAsync(SqlSession session, AgentVersion version, Hlc? at = null)
    {
        ArgumentNullException.ThrowIfNull(version);
        var manifest = version.ManifestJson ?? throw new ArgumentException("The text of the manifest is expected.", nameof(version));
        await ListAsync(
            session, version.PublisherId, version.Publisher, new AgentListing(version.Manifest, manifest, version.ArtifactDigest, version.ProgramDigest, version.ProgramBytes), at);
    }

    /// <summary>Lists a version of anything, as that of an agent.</summary>
    /// <param name="session">The act that publishes it.</param>
    /// <param name="publisher">Who publishes it.</param>
    /// <param name="handle">Of the publisher.</param>
    /// <param name="listed">What.</param>
    /// <param name="at">When it was published, if that was before; null for now.</param>
    /// <returns>The statement that stands: another one when the version was listed before.</returns>
    /// <exception cref="NameOfOtherKindException">The publisher has listed something else under the name.</exception>
    public async Task<Statement> ListAsync(SqlSession session, Id<User> publisher, string handle, ListingStatement listed, Hlc? at = null)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(listed);
        await SqlStatements.LockAsync(session);
        using var key = await OpenAsync(session, publisher, handle);
        var signer = key.PublicKey.PeerId;
        if (await FindListedAsync(session, signer, listed.Name) is { } kind && kind != listed.Listed)
            throw new NameOfOtherKindException();
        var listing = Sign(key, at ?? _clock.Now(), listed);
        if (await session.QueryFirstOrDefaultAsync<StatementRow>(
            $"SELECT {StatementRow.Columns} FROM statements WHERE merge_key = @key ORDER BY hlc, id", new { key = listing.Key.ToString() }) is { } before)
        {
            return before.ToStatement();
        }

        var profile = new MergeKey(StatementKind.Profile, signer, Agent: null, Version: null).ToString();
        var hasProfile = await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM statements WHERE merge_key = @profile", new { profile }) is not null;
        await AddAsync(session, hasProfile ? [listing] : [Sign(key, _clock.Now(), new ProfileStatement(handle, handle)), listing]);
        return listing;
    }

    /// <summary>Says something else of a publisher's listings, in the place of what was said under the same key before.</summary>
    /// <param name="session">The act in which it is said.</param>
    /// <param name="publisher">Who has a key, since there are listings.</param>
    /// <param name="content">What is said.</param>
    public async Task SayAsync(SqlSession session, Id<User> publisher, StatementContent content)
    {
        ArgumentNullException.ThrowIfNull(session);
        using var key = await PublisherKeys.FindAsync(session, cell, publisher) ?? throw new InvalidOperationException($"{publisher} has listings and no key.");
        await SqlStatements.LockAsync(session);
        await AddAsync(session, await SignNewestAsync(session, key, [content]));
    }

    /// <summary>Says what a user thinks of an agent, by the user's key; who has none gets one. Nothing is said of who the user is.</summary>
    /// <param name="session">The act in which the review is written.</param>
    /// <param name="reviewer">Who writes it.</param>
    /// <param name="handle">The user's.</param>
    /// <param name="node">The node that gives its word for the receipt: one of this cell.</param>
    /// <param name="say">What is said, by the key that will sign it.</param>
    public async Task ReviewAsync(SqlSession session, Id<User> reviewer, string handle, PeerId node, Func<PeerId, ReviewStatement> say)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(say);
        await SqlStatements.LockAsync(session);
        await SqlStatements.RaiseStandingAsync(session, node, SignerStanding.Own);
        using var key = await OpenAsync(session, reviewer, handle);
        await AddAsync(session, await SignNewestAsync(session, key, [say(key.PublicKey.PeerId)]));
    }

    /// <summary>Takes back what a user has said of an agent, if anything was said.</summary>
    /// <param name="session">The act in which the review is withdrawn.</param>
    /// <param name="reviewer">Who has written it.</param>
    /// <param name="agent">Without a version.</param>
    public async Task TakeReviewBackAsync(SqlSession session, Id<User> reviewer, KeyedListing agent)
    {
        ArgumentNullException.ThrowIfNull(session);
        using var key = await PublisherKeys.FindAsync(session, cell, reviewer);
        if (key is null)
            return;
        await SqlStatements.LockAsync(session);
        var back = new ReviewStatement(agent, Verdict: null);
        var said = MergeKey.Of(key.PublicKey.PeerId, back).ToString();
        if (await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM statements WHERE merge_key = @said AND holds", new { said }) is not null)
            await AddAsync(session, await SignNewestAsync(session, key, [back]));
    }

    /// <summary>What a signer has listed under a name; null for nothing. Of one whose key the cell keeps all is of one kind.</summary>
    private static async Task<ListingKind?> FindListedAsync(SqlSession session, PeerId signer, string name) =>
        (await session.QueryFirstOrDefaultAsync<StatementRow>(
            $"SELECT {StatementRow.Columns} FROM statements WHERE signer = @signer AND agent = @name AND kind = 'listing' LIMIT 1", new { signer, name }))?.ToStatement().Content is ListingStatement listed
            ? listed.Listed
            : null;

    /// <summary>Withdraws versions, or takes that back. Of a publisher without a key nothing was listed, and nothing is said.</summary>
    /// <param name="session">The act that does so.</param>
    /// <param name="publisher">Who does it.</param>
    /// <param name="versions">Names of agents, and versions of them.</param>
    /// <param name="isWithdrawn">False takes it back.</param>
    /// <param name="reason">For people; null for none.</param>
    public async Task WithdrawAsync(SqlSession session, Id<User> publisher, IEnumerable<(string Name, SemanticVersion Version)> versions, bool isWithdrawn, string? reason)
    {
        ArgumentNullException.ThrowIfNull(session);
        using var key = await PublisherKeys.FindAsync(session, cell, publisher);
        if (key is null)
            return;
        await SqlStatements.LockAsync(session);
        var withdrawals = versions.Select(version => new WithdrawalStatement(version.Name, version.Version, isWithdrawn, reason)).ToList();
        await AddAsync(session, await SignNewestAsync(session, key, withdrawals));
    }

    /// <summary>
    /// Does what can be done to have the network forget a user, a portion at a time: withdraws all that was listed, takes back reviews, transfers and who the key is said to be of. Here the
    /// listings go. What stays are names and versions of agents, in the withdrawals, and what other nodes keep.
    /// </summary>
    /// <returns>Whether all is done: what is left is to forget the key (<see cref="ForgetKeyAsync"/>), once what was said has its work.</returns>
    public async Task<bool> SilenceAsync(SqlSession session, Id<User> publisher)
    {
        ArgumentNullException.ThrowIfNull(session);
        using var key = await PublisherKeys.FindAsync(session, cell, publisher);
        if (key is null)
            return true;
        await SqlStatements.LockAsync(session);
        var signer = key.PublicKey.PeerId;
        var listed = await session.QueryAsync<(string Agent, SemanticVersion Version)>(
            "SELECT DISTINCT agent, version FROM statements WHERE signer = @signer AND kind = 'listing' ORDER BY agent, version LIMIT @limit", new { signer, limit = ForgottenAtOnce });
        // Also those that are withdrawn: a reason may have been given.
        List<StatementContent> contents = [.. listed.Select(version => new WithdrawalStatement(version.Agent, version.Version, IsWithdrawn: true, Reason: null))];
        await AddAsync(session, await SignNewestAsync(session, key, listed.Count < ForgottenAtOnce ? [.. contents, new ProfileStatement(null, null)] : contents));
        foreach (var (agent, version) in listed)
            await SqlStatements.DropAsync(session, signer, "kind = 'listing' AND agent = @agent AND version = @version", new { signer, agent, version }, time.GetUtcNow());
        if (listed.Count == ForgottenAtOnce)
            return false;
        var said = (await session.QueryAsync<StatementRow>(
            $"SELECT {StatementRow.Columns} FROM statements WHERE signer = @signer AND kind IN ('review', 'transfer') AND holds ORDER BY sequence LIMIT @limit", new { signer, limit = ForgottenAtOnce }))
            .Select(row => row.ToStatement().Content).ToList();
        await AddAsync(session, await SignNewestAsync(session, key, [.. said.Select(TakenBack)]));
        if (said.Count == ForgottenAtOnce)
            return false;
        await SqlStatements.DropAsync(session, signer, "kind = 'deprecation'", new { signer }, time.GetUtcNow());
        return true;
    }

    /// <summary>Forgets the key of a user, of which nothing is taken here again.</summary>
    public async Task ForgetKeyAsync(SqlSession session, Id<User> publisher)
    {
        ArgumentNullException.ThrowIfNull(session);
        using var key = await PublisherKeys.FindAsync(session, cell, publisher);
        if (key is null)
            return;
        await SqlStatements.LockAsync(session);
        await SqlStatements.RaiseStandingAsync(session, key.PublicKey.PeerId, SignerStanding.Forgotten);
        await PublisherKeys.ForgetAsync(session, publisher);
    }

    private static StatementContent TakenBack(StatementContent said) => said switch
    {
        ReviewStatement review => new ReviewStatement(review.Of with { Version = null }, Verdict: null),
        TransferStatement transfer => new TransferStatement(transfer.Name, To: null, From: null),
        _ => throw new ArgumentOutOfRangeException(nameof(said), said, "A review or a transfer is expected."),
    };

    /// <summary>The key of a user, who gets one when there is none. The writing of statements is locked.</summary>
    private async Task<PrivateKey> OpenAsync(SqlSession session, Id<User> user, string handle)
    {
        var known = await PublisherKeys.FindAsync(session, cell, user);
        if (known is null)
            await PublisherKeys.MakeAsync(session, cell, user, handle, time.GetUtcNow());
        var key = known ?? await PublisherKeys.FindAsync(session, cell, user) ?? throw new InvalidOperationException($"The handle {handle} has the key of another user.");
        await SqlStatements.RaiseStandingAsync(session, key.PublicKey.PeerId, SignerStanding.Own);
        return key;
    }

    /// <summary>Signs what takes the place of what was said before: later than that, also when another node of the cell, whose clock is ahead, has said it.</summary>
    private async Task<List<Statement>> SignNewestAsync(SqlSession session, PrivateKey key, IReadOnlyList<StatementContent> contents)
    {
        if (contents.Count == 0)
            return [];
        var keys = contents.Select(content => MergeKey.Of(key.PublicKey.PeerId, content).ToString()).ToList();
        var before = (await session.QueryAsync<(string Key, long Hlc)>("SELECT merge_key, hlc FROM statements WHERE merge_key IN @keys", new { keys })).ToDictionary(row => row.Key, row => Hlc.FromPacked(row.Hlc));
        return [.. contents.Select((content, index) =>
        {
            var (now, last) = (_clock.Now(), before.GetValueOrDefault(keys[index]));
            return Sign(key, now > last ? now : last.Next(), content);
        })];
    }

    private async Task AddAsync(SqlSession session, List<Statement> statements)
    {
        if (statements.Count == 0)
            return;
        // Clocks of a cell may be further apart than is borne from strangers: what one node has said another can still take back.
        var latest = DateTimeOffset.FromUnixTimeMilliseconds(statements.Max(statement => statement.Hlc.UnixTimeMs));
        var now = time.GetUtcNow();
        foreach (var outcome in await SqlStatements.AddAsync(session, statements, policy, now > latest ? now : latest))
        {
            if (outcome.Refusal is { } refusal)
                throw new InvalidOperationException($"A statement of this cell is refused by it: {refusal.Code}: {refusal.Detail}");
        }
    }

    private static Statement Sign(PrivateKey key, Hlc at, StatementContent content) => Statement.Sign(key, at, content).TryGet(out var statement, out var refusal)
        ? statement
        : throw new InvalidOperationException($"What was published cannot be said: {refusal.Detail} {string.Join(' ', refusal.Errors.Select(error => $"{error.Pointer}: {error.Reason}"))}");
}

using Stoa.Market;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Reviews;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>Who says something in the registry.</summary>
/// <param name="Key">By the peer id.</param>
/// <param name="Usage">What is known of it here, and what it has.</param>
/// <param name="Handle">Of its profile, or as a user of this cell.</param>
/// <param name="IsOwnHandle">Whether it is that of a user of this cell.</param>
/// <param name="Contradictions">Of how many versions it has signed two listings that say different things.</param>
internal sealed record KnownSigner(PeerId Key, SignerUsage Usage, string? Handle, bool IsOwnHandle, long Contradictions);

/// <summary>Signers, and for whom the operators of this cell vouch.</summary>
/// <param name="database">The cell's.</param>
internal sealed class SqlSigners(Database database)
{
    private const string Select =
        """
        SELECT g.signer, g.standing, g.statements, g.bytes, g.day, g.today, p.handle, k.handle AS own_handle,
        (SELECT COUNT(*) FROM equivocations e WHERE e.signer = g.signer) AS contradictions FROM statement_signers g
        LEFT JOIN publisher_profiles p ON p.signer = g.signer LEFT JOIN publisher_keys k ON k.peer_id = g.signer

        """;

    /// <summary>Signers by their keys.</summary>
    /// <param name="standing">Only those that stand so; null for all.</param>
    /// <param name="page">The cursor is the last key of the page before.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public Task<Page<KnownSigner>> ListAsync(SignerStanding? standing, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var rows = await session.QueryAsync<Row>(
                $"{Select} WHERE g.signer > @after {(standing is null ? "" : "AND g.standing = @standing")} ORDER BY g.signer LIMIT @limit",
                new { standing, after = page.Cursor ?? "", limit = page.Limit + 1 });
            List<KnownSigner> items = [.. rows.Take(page.Limit).Select(row => row.ToSigner())];
            return new Page<KnownSigner>(items, rows.Count > page.Limit ? items[^1].Key.ToString() : null);
        },
        cancellationToken);

    /// <summary>Vouches for a signer.</summary>
    /// <param name="signer">A publisher, or a node.</param>
    /// <param name="believesReceipts">Whether its word for receipts is believed: then the reviews count for which it gives it.</param>
    /// <param name="cancellationToken">Changes nothing.</param>
    /// <returns>The signer as it stands now: higher already, if it did.</returns>
    public Task<KnownSigner> VouchAsync(PeerId signer, bool believesReceipts, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await SqlStatements.VouchAsync(session, signer, believesReceipts);
            await NetworkReviews.CountAnewAsync(session, signer);
            return (await session.QuerySingleAsync<Row>($"{Select} WHERE g.signer = @signer", new { signer })).ToSigner();
        },
        cancellationToken);

    /// <summary>Vouches for a signer no more: it is a stranger again. What stands higher, or is not vouched for, stays as it is.</summary>
    public Task WithdrawVouchAsync(PeerId signer, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await SqlStatements.WithdrawVouchAsync(session, signer);
            await NetworkReviews.CountAnewAsync(session, signer);
        },
        cancellationToken);

    private sealed record Row(PeerId Signer, SignerStanding Standing, long Statements, long Bytes, long Day, long Today, string? Handle, string? OwnHandle, long Contradictions)
    {
        public KnownSigner ToSigner() => new(Signer, new SignerUsage(Standing, Statements, Bytes, Day, Today), OwnHandle ?? Handle, OwnHandle is not null, Contradictions);
    }
}

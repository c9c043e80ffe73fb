using Stoa.Market.Identity;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Identity;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>
/// Does the work that statements of this cell's publishers cost where nobody vouches for them: what a publisher has just said is said again, with an id that begins with enough zero bits, and takes
/// the place of the one without.
/// </summary>
/// <remarks>
/// The search takes a tenth of a second on average and can take one, and is none that a transaction could wait for. Who says the same again says it at the next moment; a listing, of which the first one stands, at the one before.
/// Nodes of a cell that do it at the same time come to the same statement, for the search has nothing random in it.
/// </remarks>
/// <param name="database">The cell's.</param>
/// <param name="cell">Opens the publishers' keys.</param>
/// <param name="policy">What the work is; that of other nodes is taken to be the same.</param>
/// <param name="time">The clock.</param>
public sealed class PublisherWork(Database database, CellKey cell, AdmissionPolicy policy, TimeProvider time)
{
    private const int AtOnce = 50;

    private long _doneTo;

    /// <summary>Does the work of the next statement that lacks it.</summary>
    /// <returns>Whether there was one.</returns>
    public async Task<bool> RunOnceAsync(CancellationToken cancellationToken)
    {
        if (await FindAsync(_doneTo, of: null, cancellationToken) is not { } idle)
            return false;
        await DoAsync(idle, cancellationToken);
        _doneTo = idle.Sequence;
        return true;
    }

    /// <summary>Does the work of all that one publisher has said: for one whose key is to be forgotten.</summary>
    public async Task RunAllAsync(Id<User> publisher, CancellationToken cancellationToken)
    {
        var done = 0L;
        while (await FindAsync(done, publisher, cancellationToken) is { } idle)
        {
            await DoAsync(idle, cancellationToken);
            done = idle.Sequence;
        }
    }

    private async Task DoAsync(IdleRow idle, CancellationToken cancellationToken)
    {
        var statement = Statement.FromKept(idle.Payload, idle.Signature);
        using var key = await database.ReadAsync(session => PublisherKeys.FindAsync(session, cell, idle.UserId), cancellationToken);
        if (key is null)
            return;
        var hlc = statement.Key.Kind.Rule() is MergeRule.Once ? Hlc.FromPacked(statement.Hlc.Packed - 1) : statement.Hlc.Next();
        if (Statement.SignWorked(key, hlc, statement.Content, policy, cancellationToken).TryGet(out var worked, out _))
            await ReplaceAsync(statement, worked, cancellationToken);
    }

    /// <summary>The next statement that lacks its work: what is small is found by its id, and what is large by its size.</summary>
    private async Task<IdleRow?> FindAsync(long after, Id<User>? of, CancellationToken cancellationToken)
    {
        if (policy.StrangerWorkBits == 0)
            return null;
        while (true)
        {
            var rows = await database.ReadAsync(
                session => session.QueryAsync<IdleRow>(
                    $"""
                    SELECT statements.sequence, publisher_keys.user_id, statements.payload, statements.signature
                    FROM statements JOIN publisher_keys ON publisher_keys.peer_id = statements.signer
                    WHERE statements.sequence > @after AND (statements.id >= @without OR statements.size_bytes > @small) {(of is null ? "" : "AND publisher_keys.user_id = @of")}
                    ORDER BY statements.sequence LIMIT @limit
                    """,
                    new { after, of, without = LeastWithout(policy.StrangerWorkBits), small = AdmissionPolicy.SmallBytes, limit = AtOnce }),
                cancellationToken);
            if (rows.FirstOrDefault(row => StatementWork.BitsOf(ContentHash.Of(row.Payload)) < policy.WorkBitsOf(row.Payload.Length)) is { } idle)
                return idle;
            if (rows.Count < AtOnce)
                return null;
            after = rows[^1].Sequence;
        }
    }

    /// <summary>Says it again, unless it was taken back meanwhile, or whoever said it is forgotten.</summary>
    private Task ReplaceAsync(Statement idle, Statement worked, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await SqlStatements.LockAsync(session);
            var still = await session.QueryFirstOrDefaultAsync<string>(
                "SELECT statements.id FROM statements JOIN publisher_keys ON publisher_keys.peer_id = statements.signer WHERE statements.id = @id", new { id = idle.Id });
            if (still is null)
                return;
            // What the clock of another node of the cell has said is not too far ahead for this one.
            var said = DateTimeOffset.FromUnixTimeMilliseconds(worked.Hlc.UnixTimeMs);
            var now = time.GetUtcNow();
            await SqlStatements.AddAsync(session, [worked], policy, now > said ? now : said);
        },
        cancellationToken);

    /// <summary>The least id that begins with fewer zero bits.</summary>
    private static ContentHash LeastWithout(int bits)
    {
        Span<byte> digest = stackalloc byte[ContentHash.Size];
        digest.Clear();
        digest[(bits - 1) / 8] = (byte)(0x80 >> ((bits - 1) % 8));
        return ContentHash.FromBytes(digest);
    }

    private sealed record IdleRow(long Sequence, Id<User> UserId, byte[] Payload, byte[] Signature);
}

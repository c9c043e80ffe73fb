using Stoa.Market;
using Stoa.Market.Registry.Replication;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Replication;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Simulation.Registry;

/// <summary>A disk as one run of a node's program has it open. With the power it is closed: whoever still holds it gets an error.</summary>
internal sealed class DiskStatements(StatementDisk disk) : IStatementStore, IStatementChanges
{
    private bool _isClosed;

    /// <inheritdoc/>
    public Signal Signal { get; } = new();

    public void Close() => _isClosed = true;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Outcome<StatementEffect, StatementFault>>> AddAsync(IReadOnlyList<Statement> statements, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (statements.Count == 0)
            return [];
        var turns = Open().Writing;
        await turns.EnterAsync(cancellationToken);
        try
        {
            var batch = new StatementBatch(Open().ShelfOf(statements), disk.Policy, now);
            List<Outcome<StatementEffect, StatementFault>> outcomes = [.. statements.Select(batch.Take)];
            if (batch.Added.Count == 0)
                return outcomes;
            await disk.WriteAsync(cancellationToken);
            Open().Commit(batch, now);
            Signal.Raise(disk.LastSequence);
            return outcomes;
        }
        finally
        {
            turns.Leave();
        }
    }

    /// <inheritdoc/>
    public Task<Statement?> FindAsync(ContentHash id, CancellationToken cancellationToken) => Task.FromResult(Open().Statements.GetValueOrDefault(id));

    /// <inheritdoc/>
    public Task<IReadOnlyList<Statement>> ListByKeyAsync(MergeKey key, CancellationToken cancellationToken) => Task.FromResult(Open().ListByKey(key));

    /// <inheritdoc/>
    public Task<IReadOnlyList<Contradiction>> ListContradictionsAsync(PeerId? signer, KeyedListing? after, int limit, CancellationToken cancellationToken)
    {
        var place = after is null ? default : (after.Publisher.ToString(), after.Name, after.Version?.ToString());
        var all = Open().Contradictions.Select(one => (Place: (one.Signer.ToString(), one.Name, one.Version), One: one)).OrderBy(one => one.Place);
        return Task.FromResult<IReadOnlyList<Contradiction>>(
            [.. all.Where(one => (signer is null || one.One.Signer == signer) && (after is null || one.Place.CompareTo(place!) > 0)).Take(limit).Select(one => one.One)]);
    }

    /// <inheritdoc/>
    public Task RaiseStandingAsync(PeerId signer, SignerStanding standing, CancellationToken cancellationToken)
    {
        Open().Raise(signer, standing);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<int> ForgetOversAsync(DateTimeOffset now, int limit, CancellationToken cancellationToken)
    {
        if (!Open().Statements.Values.Any(statement => statement.IsOver(now)))
            return 0;
        var turns = disk.Writing;
        await turns.EnterAsync(cancellationToken);
        try
        {
            await Open().WriteAsync(cancellationToken);
            return Open().ForgetOvers(now, limit);
        }
        finally
        {
            turns.Leave();
        }
    }

    /// <inheritdoc/>
    public Task<StatementPlace> LastAsync(CancellationToken cancellationToken) => Task.FromResult(new StatementPlace(Open().LastSequence, disk.LastRemoval));

    /// <inheritdoc/>
    public Task<IReadOnlyList<ContentHash>> ListIdsAsync(ContentHash after, int limit, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<ContentHash>>([.. Open().IdsAfter(after).Take(limit)]);

    /// <inheritdoc/>
    public Task<StatementChanges> ReadAsync(StatementPlace after, int limit, CancellationToken cancellationToken)
    {
        var added = Open().After(after.Added).Take(limit).ToList();
        var removed = disk.RemovalsAfter(after.Removed).Take(limit).ToList();
        return Task.FromResult(new StatementChanges(
            [.. added.Select(row => row.Id)],
            [.. removed.Where(id => !disk.Statements.ContainsKey(id))],
            new StatementPlace(added.Count > 0 ? added[^1].Sequence : after.Added, after.Removed + removed.Count),
            added.Count == limit || removed.Count == limit));
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<(long Sequence, SignedStatement Statement)>> ListOwnAsync(long after, long last, int limit, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<(long, SignedStatement)>>(
        [
            .. from row in Open().After(after)
               where row.Sequence <= last
               let statement = disk.Statements[row.Id]
               where disk.Signers.GetValueOrDefault(statement.SignerId)?.Standing is SignerStanding.Own
               select (row.Sequence, SignedStatement.Of(statement)),
        ]);

    private StatementDisk Open() => _isClosed ? throw new IOException("The power has failed.") : disk;
}

/// <summary>A disk, for comparisons with others.</summary>
internal sealed class DiskReplica(DiskStatements statements, ReplicaIndex index, UnwantedStatements unwanted, StatementIntake intake) : IReplica
{
    public ReplicaIndex Index => index;

    public UnwantedStatements Unwanted => unwanted;

    public async Task<ReadStatements> ReadAsync(IReadOnlyList<ContentHash> ids, int enoughBytes, CancellationToken cancellationToken)
    {
        var found = new List<SignedStatement>();
        var handled = 0;
        for (var bytes = 0L; handled < ids.Count && bytes <= enoughBytes; handled++)
        {
            if (await statements.FindAsync(ids[handled], cancellationToken) is not { } statement)
                continue;
            found.Add(SignedStatement.Of(statement));
            bytes += statement.Payload.Length;
        }

        return new ReadStatements(handled, found);
    }

    public Task<IntakeReport> TakeAsync(IReadOnlyList<SignedStatement> statements, CancellationToken cancellationToken) => intake.TakeAsync("sync", statements, cancellationToken);
}

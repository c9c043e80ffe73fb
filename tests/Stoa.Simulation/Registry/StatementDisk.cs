using Stoa.Market.Registry.Statements;
using Stoa.Network.Hosting;
using Stoa.Primitives;

namespace Stoa.Simulation.Registry;

/// <summary>What a node keeps of the registry, on a simulated disk: an act is there as a whole when its write is through, and what is not through is gone with the power.</summary>
/// <remarks>In place of the database; what is merged and admitted is decided by the production's own <see cref="StatementBatch"/>, as there.</remarks>
/// <param name="world">What it happens in.</param>
/// <param name="policy">Who may have how many.</param>
/// <param name="writeTime">How long a write takes until it is through.</param>
internal sealed class StatementDisk(World world, AdmissionPolicy policy, TimeSpan writeTime)
{
    private readonly Dictionary<ContentHash, Statement> _byId = [];
    private readonly Dictionary<MergeKey, List<ContentHash>> _byKey = [];
    // The first has sequence 1; empty is what went.
    private readonly List<ContentHash> _bySequence = [];
    private readonly Dictionary<ContentHash, long> _sequenceOf = [];
    private readonly Dictionary<PeerId, SignerUsage> _signers = [];
    private readonly Dictionary<MergeKey, Contradiction> _contradictions = [];
    private readonly List<ContentHash> _removals = [];
    private readonly List<(DateTimeOffset At, IReadOnlyList<Statement> Removed, IReadOnlyList<Statement> Added)> _writes = [];

    /// <summary>All statements, by their ids.</summary>
    public IReadOnlyDictionary<ContentHash, Statement> Statements => _byId;

    /// <summary>What each signer has.</summary>
    public IReadOnlyDictionary<PeerId, SignerUsage> Signers => _signers;

    /// <summary>Contradictions that were found.</summary>
    public IReadOnlyCollection<Contradiction> Contradictions => _contradictions.Values;

    /// <summary>Payloads of strangers together, as they are counted.</summary>
    public long StrangersBytes { get; private set; }

    /// <summary>A fault to plant: writes of the last so long before a crash are lost, though they were said to be through.</summary>
    public TimeSpan Lies { get; init; }

    /// <summary>A fault to plant: statements that are said to be kept and are not.</summary>
    public Func<Statement, bool> Drops { get; set; } = _ => false;

    /// <summary>Told of what is kept from now on, in order.</summary>
    public Action<Statement>? Kept { get; set; }

    /// <summary>One writes at a time, as in a transaction.</summary>
    internal Turnstile Writing { get; private set; } = new(1);

    internal AdmissionPolicy Policy => policy;

    internal long LastSequence => _bySequence.Count;

    internal int LastRemoval => _removals.Count;

    internal Task WriteAsync(CancellationToken cancellationToken) => world.PassAsync(writeTime, cancellationToken);

    /// <summary>What of the disk counts for some statements.</summary>
    internal StatementShelf ShelfOf(IReadOnlyList<Statement> statements)
    {
        var byKey = new Dictionary<MergeKey, IReadOnlyList<KeptStatement>>();
        var signers = new Dictionary<PeerId, SignerUsage>();
        foreach (var statement in statements)
        {
            if (!byKey.ContainsKey(statement.Key))
                byKey.Add(statement.Key, [.. ListByKey(statement.Key).Select(kept => new KeptStatement(kept.Item, kept.Payload.Length))]);
            if (_signers.TryGetValue(statement.SignerId, out var usage))
                signers[statement.SignerId] = usage;
        }

        return new StatementShelf(byKey, signers, StrangersBytes);
    }

    internal IReadOnlyList<Statement> ListByKey(MergeKey key) =>
        !_byKey.TryGetValue(key, out var ids) || ids.Count == 0 ? [] : ids.Count == 1 ? [_byId[ids[0]]] : [.. ids.Select(id => _byId[id]).OrderBy(statement => statement.Item)];

    internal IEnumerable<(long Sequence, ContentHash Id)> After(long sequence)
    {
        for (var index = (int)sequence; index < _bySequence.Count; index++)
        {
            if (!_bySequence[index].IsEmpty)
                yield return (index + 1, _bySequence[index]);
        }
    }

    internal IEnumerable<ContentHash> IdsAfter(ContentHash after) => _byId.Keys.Where(id => id > after).Order();

    internal IReadOnlyList<ContentHash> RemovalsAfter(long sequence) => _removals[(int)sequence..];

    internal void Commit(StatementBatch batch, DateTimeOffset now)
    {
        var removed = batch.Removed.Select(id => _byId[id]).ToList();
        foreach (var gone in removed)
            Remove(gone);
        var added = batch.Added.Where(statement => !Drops(statement)).ToList();
        foreach (var statement in added)
            Add(statement);
        foreach (var (signer, usage) in batch.Signers)
            _signers[signer] = usage;
        StrangersBytes += batch.StrangersBytesAdded;
        foreach (var (key, kept) in batch.Contradictions)
            _contradictions[key] = new Contradiction(key.Signer, key.Agent!, key.Version!, kept.Standing.Id, kept.Contradiction!.Value.Id, now);
        if (Lies > TimeSpan.Zero)
            _writes.Add((world.Time.GetUtcNow(), removed, added));
        foreach (var statement in added)
            Kept?.Invoke(statement);
    }

    /// <summary>Takes away offers that are over, and what counts of them.</summary>
    /// <returns>How many.</returns>
    internal int ForgetOvers(DateTimeOffset now, int limit)
    {
        var overs = _byId.Values.Where(statement => statement.IsOver(now)).OrderBy(statement => statement.Hlc).Take(limit).ToList();
        foreach (var over in overs)
        {
            Remove(over);
            var usage = _signers[over.SignerId];
            usage = usage with { Statements = usage.Statements - 1, Bytes = usage.Bytes - over.Payload.Length };
            StrangersBytes -= usage.Standing is SignerStanding.Stranger ? over.Payload.Length : 0;
            // Only who is vouched for is remembered without anything.
            if (usage is { Statements: 0, Standing: SignerStanding.Stranger })
                _signers.Remove(over.SignerId);
            else
                _signers[over.SignerId] = usage;
        }

        return overs.Count;
    }

    internal void Raise(PeerId signer, SignerStanding standing)
    {
        var usage = _signers.GetValueOrDefault(signer) ?? SignerUsage.None(SignerStanding.Stranger);
        if (usage.Standing >= standing)
            return;
        if (usage.Standing is SignerStanding.Stranger)
            StrangersBytes -= usage.Bytes;
        _signers[signer] = usage with { Standing = standing };
    }

    /// <summary>The power fails: whoever was writing does not get through.</summary>
    public void Crash()
    {
        Writing = new Turnstile(1);
        var lost = world.Time.GetUtcNow() - Lies;
        foreach (var (_, removed, added) in _writes.Where(write => write.At > lost).Reverse())
        {
            foreach (var statement in added.Where(statement => _byId.ContainsKey(statement.Id)))
                Remove(statement);
            foreach (var statement in removed)
                Add(statement);
        }

        _writes.Clear();
    }

    private void Add(Statement statement)
    {
        if (!_byId.TryAdd(statement.Id, statement))
            return;
        _bySequence.Add(statement.Id);
        _sequenceOf.Add(statement.Id, _bySequence.Count);
        if (!_byKey.TryGetValue(statement.Key, out var ids))
            _byKey.Add(statement.Key, ids = []);
        ids.Add(statement.Id);
    }

    private void Remove(Statement statement)
    {
        _byId.Remove(statement.Id);
        _byKey[statement.Key].Remove(statement.Id);
        if (_sequenceOf.Remove(statement.Id, out var sequence))
            _bySequence[(int)sequence - 1] = default;
        _removals.Add(statement.Id);
    }
}

using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>A statement that is kept under a key, as far as a batch has to know it.</summary>
/// <param name="Item">What merging has to know of it.</param>
/// <param name="Bytes">The size of its payload.</param>
public readonly record struct KeptStatement(MergeItem Item, long Bytes);

/// <summary>What is kept where statements are to be added: of their keys and their signers alone.</summary>
/// <param name="Kept">Under each of the statements' keys, in the order of merging: what stands, then what contradicts it. A key that is missing has nothing.</param>
/// <param name="Signers">What the statements' signers have; one that is missing is a stranger with nothing.</param>
/// <param name="StrangersBytes">Payloads of all strangers together.</param>
public sealed record StatementShelf(IReadOnlyDictionary<MergeKey, IReadOnlyList<KeptStatement>> Kept, IReadOnlyDictionary<PeerId, SignerUsage> Signers, long StrangersBytes);

/// <summary>Statements that are added together, as if one after another: each one's time is checked, it is merged with what its key has, and admitted or not; what is left is to be written at once.</summary>
/// <remarks>It knows no storage: whoever keeps statements reads a <see cref="StatementShelf"/>, and writes what this says, while nobody else writes.</remarks>
/// <param name="shelf">As it is.</param>
/// <param name="policy">Who may have how many.</param>
/// <param name="now">UTC.</param>
public sealed class StatementBatch(StatementShelf shelf, AdmissionPolicy policy, DateTimeOffset now)
{
    private readonly Dictionary<MergeKey, Slot> _slots = [];
    private readonly Dictionary<PeerId, SignerUsage> _signers = [];
    private readonly List<Statement> _added = [];
    private long _strangersBytesAdded;

    /// <summary>What was kept and is not to be any more.</summary>
    public IReadOnlyList<ContentHash> Removed => [.. _slots.Values.SelectMany(slot => slot.Kept.Where(kept => kept.WasThere && !slot.Keeps(kept.Id)).Select(kept => kept.Id))];

    /// <summary>What is to be kept and was not, in the order in which it came.</summary>
    public IReadOnlyList<Statement> Added => _added;

    /// <summary>Keys under which something changes.</summary>
    public IEnumerable<MergeKey> Changed => _slots.Where(slot => slot.Value.HasChanged).Select(slot => slot.Key);

    /// <summary>Signers who have something else now, and what.</summary>
    public IReadOnlyDictionary<PeerId, SignerUsage> Signers => _signers;

    /// <summary>How much more all strangers have together; below zero for less.</summary>
    public long StrangersBytesAdded => _strangersBytesAdded;

    /// <summary>Keys that have changed and whose signer contradicts itself there, with both statements.</summary>
    public IEnumerable<(MergeKey Key, Merged Kept)> Contradictions =>
        _slots.Where(slot => slot.Value is { HasChanged: true, Merged.Contradiction: not null }).Select(slot => (slot.Key, slot.Value.Merged!.Value));

    /// <summary>Adds one.</summary>
    /// <returns>What became of it, or why it is not taken.</returns>
    public Outcome<StatementEffect, StatementFault> Take(Statement statement)
    {
        ArgumentNullException.ThrowIfNull(statement);
        if (statement.CheckTime(now) is { } untimely)
            return untimely;
        var slot = SlotOf(statement.Key);
        var merged = StatementMerge.Add(statement.Key.Kind.Rule(), slot.Merged, statement.Item, out var effect);
        if (effect is StatementEffect.Known or StatementEffect.Superseded)
            return effect;
        var usage = _signers.GetValueOrDefault(statement.SignerId) ?? shelf.Signers.GetValueOrDefault(statement.SignerId) ?? SignerUsage.None(SignerStanding.Stranger);
        var displaced = slot.Kept.Where(kept => slot.Keeps(kept.Id) && !merged.Keeps(kept.Id)).ToList();
        var freed = (Statements: (long)displaced.Count, Bytes: displaced.Sum(kept => kept.Bytes));
        if (policy.Find(statement, usage, freed, shelf.StrangersBytes + _strangersBytesAdded, now) is { } unwelcome)
            return unwelcome;
        _signers[statement.SignerId] = AdmissionPolicy.Count(usage, statement, freed, now);
        if (usage.Standing is SignerStanding.Stranger)
            _strangersBytesAdded += statement.Payload.Length - freed.Bytes;
        foreach (var gone in displaced.Where(kept => !kept.WasThere))
            _added.RemoveAll(added => added.Id == gone.Id);
        _added.Add(statement);
        slot.Put(merged, new Kept(statement.Id, statement.Payload.Length, WasThere: false));
        return effect;
    }

    private Slot SlotOf(MergeKey key)
    {
        if (!_slots.TryGetValue(key, out var slot))
            _slots.Add(key, slot = new Slot(shelf.Kept.GetValueOrDefault(key) ?? []));
        return slot;
    }

    /// <summary>A statement that is, or was a moment ago, kept under a key.</summary>
    private sealed record Kept(ContentHash Id, long Bytes, bool WasThere);

    private sealed class Slot
    {
        public Slot(IReadOnlyList<KeptStatement> kept)
        {
            // What is kept was merged when it came, and is read in the order of merging.
            foreach (var one in kept)
            {
                Merged = Merged is { } first ? first with { Contradiction = one.Item } : new Merged(one.Item);
                Kept.Add(new Kept(one.Item.Id, one.Bytes, WasThere: true));
            }
        }

        public Merged? Merged { get; private set; }

        public bool HasChanged { get; private set; }

        public List<Kept> Kept { get; } = [];

        public bool Keeps(ContentHash id) => Merged?.Keeps(id) ?? false;

        public void Put(Merged merged, Kept kept)
        {
            Merged = merged;
            HasChanged = true;
            Kept.Add(kept);
        }
    }
}

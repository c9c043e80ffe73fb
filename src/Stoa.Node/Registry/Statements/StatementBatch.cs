using Stoa.Market;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>Statements that are added in one transaction: what their keys and signers have is read at once, they are merged in memory one after another, and what is left is written at once.</summary>
internal sealed class StatementBatch
{
    private readonly Dictionary<MergeKey, Slot> _slots;
    private readonly Dictionary<PeerId, SignerUsage> _signers;
    private readonly HashSet<PeerId> _changed = [];
    private readonly AdmissionPolicy _policy;
    private readonly DateTimeOffset _now;
    private long _strangersBytes;
    private long _strangersBytesBefore;

    private StatementBatch(Dictionary<MergeKey, Slot> slots, Dictionary<PeerId, SignerUsage> signers, AdmissionPolicy policy, DateTimeOffset now) =>
        (_slots, _signers, _policy, _now) = (slots, signers, policy, now);

    /// <summary>Rows that were there and are not to be any more.</summary>
    public IReadOnlyList<ContentHash> Removed => [.. _slots.Values.SelectMany(slot => slot.Kept.Where(kept => kept.WasThere && !slot.Keeps(kept.Id)).Select(kept => kept.Id))];

    /// <summary>Statements that are to be there and were not, in the order in which they came.</summary>
    public List<Statement> Added { get; } = [];

    /// <summary>Keys under which something changes.</summary>
    public IEnumerable<MergeKey> Changed => _slots.Where(slot => slot.Value.HasChanged).Select(slot => slot.Key);

    /// <summary>Reads what the statements' keys and signers have. The writing of statements is locked.</summary>
    public static async Task<StatementBatch> LoadAsync(SqlSession session, IReadOnlyList<Statement> statements, AdmissionPolicy policy, DateTimeOffset now)
    {
        var slots = new Dictionary<MergeKey, Slot>();
        var byText = new Dictionary<string, Slot>(StringComparer.Ordinal);
        foreach (var key in statements.Select(statement => statement.Key).Where(key => !slots.ContainsKey(key)))
            byText[key.ToString()] = slots[key] = new Slot();
        foreach (var row in await session.QueryAsync<KeptRow>(
            "SELECT merge_key, id, hlc, said, size_bytes FROM statements WHERE merge_key IN @keys ORDER BY merge_key, hlc, id", new { keys = byText.Keys }))
        {
            byText[row.MergeKey].Load(row);
        }

        var signers = (await session.QueryAsync<SignerRow>(
                $"SELECT {SignerRow.Columns} FROM statement_signers WHERE signer IN @signers",
                new { signers = statements.Select(statement => statement.SignerId).Distinct() }))
            .ToDictionary(row => row.Signer, row => row.ToUsage());
        var batch = new StatementBatch(slots, signers, policy, now);
        batch._strangersBytes = batch._strangersBytesBefore = await session.QuerySingleAsync<long>("SELECT bytes FROM statement_strangers");
        return batch;
    }

    /// <summary>Adds one.</summary>
    public Outcome<StatementEffect, StatementFault> Take(Statement statement)
    {
        if (statement.CheckTime(_now) is { } untimely)
            return untimely;
        var slot = _slots[statement.Key];
        var merged = StatementMerge.Add(statement.Key.Kind.Rule(), slot.Merged, statement.Item, out var effect);
        if (effect is StatementEffect.Known or StatementEffect.Superseded)
            return effect;
        var usage = _signers.GetValueOrDefault(statement.SignerId) ?? SignerUsage.None(SignerStanding.Stranger);
        var displaced = slot.Kept.Where(kept => slot.Keeps(kept.Id) && !merged.Keeps(kept.Id)).ToList();
        var freed = (displaced.Count, displaced.Sum(kept => kept.Bytes));
        if (_policy.Find(statement, usage, freed, _strangersBytes, _now) is { } unwelcome)
            return unwelcome;
        _signers[statement.SignerId] = AdmissionPolicy.Count(usage, statement, freed, _now);
        _changed.Add(statement.SignerId);
        if (usage.Standing is SignerStanding.Stranger)
            _strangersBytes += statement.Payload.Length - freed.Item2;
        foreach (var gone in displaced.Where(kept => !kept.WasThere))
            Added.RemoveAll(added => added.Id == gone.Id);
        Added.Add(statement);
        slot.Put(merged, new Kept(statement.Id, statement.Payload.Length, WasThere: false));
        return effect;
    }

    /// <summary>Writes what has changed.</summary>
    public async Task WriteAsync(SqlSession session)
    {
        await SqlStatements.RemoveAsync(session, Removed, _now);
        await session.SendRowsAsync(NewStatementRow.Insert, [.. Added.Select(statement => new NewStatementRow(statement, _now))]);
        await session.SendEachAsync(SignerRow.Upsert, _changed.Select(signer => SignerRow.Of(signer, _signers[signer])));
        if (_strangersBytes != _strangersBytesBefore)
            await session.SendAsync("UPDATE statement_strangers SET bytes = bytes + @more", new { more = _strangersBytes - _strangersBytesBefore });
        await session.SendEachAsync(
            """
            INSERT INTO equivocations (signer, agent, version, first_id, second_id, found_at) VALUES (@Signer, @Agent, @Version, @first, @second, @now)
            ON CONFLICT (signer, agent, version) DO UPDATE SET first_id = @first, second_id = @second
            """,
            _slots.Where(slot => slot.Value is { HasChanged: true, Merged.Contradiction: not null }).Select(slot => (object)new
            {
                slot.Key.Signer,
                slot.Key.Agent,
                slot.Key.Version,
                first = slot.Value.Merged!.Value.Standing.Id,
                second = slot.Value.Merged!.Value.Contradiction!.Value.Id,
                now = _now,
            }));
    }

    private sealed record KeptRow(string MergeKey, ContentHash Id, long Hlc, ContentHash Said, long SizeBytes);

    /// <summary>A statement that is, or was a moment ago, kept under a key.</summary>
    private sealed record Kept(ContentHash Id, long Bytes, bool WasThere);

    private sealed class Slot
    {
        public Merged? Merged { get; private set; }

        public bool HasChanged { get; private set; }

        public List<Kept> Kept { get; } = [];

        public bool Keeps(ContentHash id) => Merged?.Keeps(id) ?? false;

        public void Load(KeptRow row)
        {
            // What is kept was merged when it came, and is read in the order of merging.
            var item = new MergeItem(Hlc.FromPacked(row.Hlc), row.Id, row.Said);
            Merged = Merged is { } first ? first with { Contradiction = item } : new Merged(item);
            Kept.Add(new Kept(row.Id, row.SizeBytes, WasThere: true));
        }

        public void Put(Merged merged, Kept kept)
        {
            Merged = merged;
            HasChanged = true;
            Kept.Add(kept);
        }
    }
}

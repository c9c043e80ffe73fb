using Stoa.Market;
using Stoa.Market.Registry.Replication;
using Stoa.Market.Registry.Statements;
using Stoa.Network.Hosting;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Replication;

/// <summary>Where all statements come in that peers send, whichever way they take: they are checked, kept if they may be, and what became of each is counted.</summary>
/// <remarks>
/// What is known or not wanted is left aside before its signature is looked at. What is refused is not wanted for a while (<see cref="UnwantedStatements"/>), but for what is forged: another peer may
/// have the same payload with a good signature. Whoever calls this has what is <see cref="IntakeFate.Forged"/> counted against the peer.
/// </remarks>
/// <param name="store">Keeps them.</param>
/// <param name="index">Which there are.</param>
/// <param name="unwanted">Which are not to be asked for.</param>
/// <param name="telemetry">Counts.</param>
/// <param name="time">The clock.</param>
/// <param name="open">Checks form, members and signature; null for <see cref="SignedStatement.Open"/>. What it says follows from the bytes alone, so where many nodes are in one process, as in a simulation, one may do it for all.</param>
public sealed class StatementIntake(
    IStatementStore store,
    ReplicaIndex index,
    UnwantedStatements unwanted,
    ReplicationTelemetry telemetry,
    TimeProvider time,
    Func<SignedStatement, Outcome<Statement, StatementFault>>? open = null)
{
    private const int MaxBatches = 2;

    private static readonly TimeSpan s_untilItsTime = StatementLimits.MaxAhead;
    private static readonly TimeSpan s_forNow = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_forGood = TimeSpan.FromDays(1);

    // Signatures are checked beside other work of this node, and peers wait meanwhile.
    private readonly ParallelOptions _checking = new() { MaxDegreeOfParallelism = Math.Max(1, Environment.ProcessorCount / 2) };
    private readonly Turnstile _room = new(MaxBatches);
    private readonly Func<SignedStatement, Outcome<Statement, StatementFault>> _open = open ?? (static statement => statement.Open());

    /// <summary>Takes statements in.</summary>
    /// <param name="way">How they came, for the measures.</param>
    /// <param name="statements">Not checked yet.</param>
    /// <param name="cancellationToken">Takes none.</param>
    public async Task<IntakeReport> TakeAsync(string way, IReadOnlyList<SignedStatement> statements, CancellationToken cancellationToken)
    {
        var fates = await TakeEachAsync(way, statements, cancellationToken);
        return new IntakeReport(Count(IntakeFate.Taken), Count(IntakeFate.Known), Count(IntakeFate.Refused), Count(IntakeFate.Forged));

        int Count(IntakeFate fate) => fates.Count(one => one == fate);
    }

    /// <summary>The same.</summary>
    /// <returns>What became of each, in their order.</returns>
    public async Task<IReadOnlyList<IntakeFate>> TakeEachAsync(string way, IReadOnlyList<SignedStatement> statements, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(statements);
        var known = index.Ids;
        var fates = new IntakeFate[statements.Count];
        var unseen = new List<int>();
        // One alone cannot come twice.
        var seen = statements.Count > 1 ? new HashSet<(ContentHash Id, ContentHash Signature)>() : null;
        for (var number = 0; number < statements.Count; number++)
        {
            if (known.Contains(statements[number].Id) || unwanted.Contains(statements[number].Item) || IsAgain(statements[number]))
                fates[number] = Note(way, IntakeFate.Known, nameof(StatementEffect.Known));
            else
                unseen.Add(number);
        }

        if (unseen.Count == 0)
            return fates;
        await _room.EnterAsync(cancellationToken);
        try
        {
            var opened = new Outcome<Statement, StatementFault>[unseen.Count];
            if (unseen.Count == 1)
                opened[0] = _open(statements[unseen[0]]);
            else
                Parallel.For(0, unseen.Count, _checking, number => opened[number] = _open(statements[unseen[number]]));
            var good = new List<(int Number, Statement Statement)>(unseen.Count);
            var taken = new HashSet<ContentHash>();
            for (var number = 0; number < opened.Length; number++)
            {
                // Of copies with several signatures the first good one is taken, however many spoilt ones came before it.
                if (!opened[number].TryGet(out var statement, out var refusal))
                    fates[unseen[number]] = Refuse(way, statements[unseen[number]].Item, refusal.Code);
                else if (taken.Add(statement.Id))
                    good.Add((unseen[number], statement));
                else
                    fates[unseen[number]] = Note(way, IntakeFate.Known, nameof(StatementEffect.Known));
            }

            var outcomes = await store.AddAsync([.. good.Select(one => one.Statement)], time.GetUtcNow(), cancellationToken);
            for (var number = 0; number < outcomes.Count; number++)
            {
                var item = SetItem.Of(good[number].Statement.Id);
                fates[good[number].Number] = outcomes[number].TryGet(out var effect, out var refusal) ? Keep(way, item, effect) : Refuse(way, item, refusal.Code);
            }

            return fates;
        }
        finally
        {
            _room.Leave();
        }

        bool IsAgain(SignedStatement statement) => seen is not null && !seen.Add((statement.Id, ContentHash.Of(statement.Signature)));
    }

    private IntakeFate Keep(string way, UInt128 item, StatementEffect effect)
    {
        if (effect is StatementEffect.Superseded)
            unwanted.Add(item, s_forGood);
        return Note(way, effect is StatementEffect.Superseded or StatementEffect.Known ? IntakeFate.Known : IntakeFate.Taken, effect.ToString());
    }

    private IntakeFate Refuse(string way, UInt128 item, StatementFault fault)
    {
        // A payload that a later version understands is not forged.
        if (fault is StatementFault.NotAStatement or StatementFault.TooLarge or StatementFault.NotCanonical or StatementFault.MembersInvalid or StatementFault.SignatureInvalid)
            return Note(way, IntakeFate.Forged, fault.ToString());
        unwanted.Add(item, fault is StatementFault.TooFarAhead ? s_untilItsTime : fault.IsForNow() ? s_forNow : s_forGood);
        return Note(way, IntakeFate.Refused, fault.ToString());
    }

    private IntakeFate Note(string way, IntakeFate fate, string outcome)
    {
        telemetry.Received(way, outcome);
        return fate;
    }
}

using System.Collections.Concurrent;
using Stoa.Market;
using Stoa.Market.Registry.Replication;
using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Simulation.Registry;

/// <summary>Opens each statement once for all nodes of a world. Whether it is good follows from its bytes, and what is opened does not change any more; who is given another signature, or another byte, has it opened.</summary>
internal sealed class OpenedStatements
{
    // Statements may be opened beside each other.
    private readonly ConcurrentDictionary<ContentHash, Statement> _good = new();
    private readonly ConcurrentDictionary<(ContentHash Payload, ContentHash Signature), Outcome<Statement, StatementFault>> _opened = new();

    public Outcome<Statement, StatementFault> Open(SignedStatement statement)
    {
        // Most have the signature that nearly all others of theirs have.
        if (_good.TryGetValue(statement.Id, out var known) && known.Signature.AsSpan().SequenceEqual(statement.Signature))
            return known;
        var outcome = _opened.GetOrAdd((statement.Id, ContentHash.Of(statement.Signature)), static (_, statement) => statement.Open(), statement);
        if (outcome.TryGet(out var opened, out _))
            _good.TryAdd(statement.Id, opened);
        return outcome;
    }
}

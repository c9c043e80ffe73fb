using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>Says to the network what this node says of itself, by its own key.</summary>
/// <param name="statements">Where it is kept, and gets around from.</param>
/// <param name="policy">What statements cost; that of other nodes is taken to be the same.</param>
/// <param name="key">The node's.</param>
/// <param name="time">The clock.</param>
internal sealed class NodeStatements(IStatementStore statements, AdmissionPolicy policy, PrivateKey key, TimeProvider time)
{
    private readonly HlcClock _clock = new(time, StatementLimits.MaxAhead);

    /// <summary>Says something, with the work that it costs: those who do not know this node take nothing of it without.</summary>
    /// <exception cref="InvalidOperationException">It breaks the rules of statements.</exception>
    public async Task SayAsync(StatementContent content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        var kind = content.Kind.Word();
        if (!(await Task.Run(() => Statement.SignWorked(key, _clock.Now(), content, policy, cancellationToken), cancellationToken)).TryGet(out var statement, out var refusal))
            throw new InvalidOperationException($"The node's {kind} cannot be said: {refusal.Detail} {string.Join(' ', refusal.Errors.Select(error => $"{error.Pointer}: {error.Reason}"))}");
        await statements.RaiseStandingAsync(statement.SignerId, SignerStanding.Own, cancellationToken);
        if ((await statements.AddAsync([statement], time.GetUtcNow(), cancellationToken))[0].Refusal is { } fault)
            throw new InvalidOperationException($"The node's {kind} is refused by itself: {fault.Code}: {fault.Detail}");
    }

    /// <summary>What this node has said under a kind; null when nothing stands.</summary>
    public async Task<StatementContent?> FindAsync(StatementKind kind, CancellationToken cancellationToken) =>
        (await statements.ListByKeyAsync(new MergeKey(kind, key.PublicKey.PeerId, Agent: null, Version: null), cancellationToken)) is [var standing] ? standing.Content : null;
}

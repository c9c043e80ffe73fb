using Stoa.Market;
using Stoa.Market.Inference.Routing;

namespace Stoa.Node.Inference.Gateway;

/// <summary>How a request goes on that others may be asked together with: it is answered, or there is nobody who would, or it goes by itself.</summary>
/// <param name="leave">Has others go after it, once it is disposed of; null when nobody waits for it.</param>
internal sealed class BatchTurn(Action? leave = null) : IDisposable
{
    private Action? _leave = leave;

    /// <summary>It goes by itself, and nobody waits for it.</summary>
    public static BatchTurn Alone { get; } = new();

    /// <summary>Its answer; null when it has none.</summary>
    public BatchShare? Share { get; init; }

    /// <summary>Why no replica took it; null when one did, or may.</summary>
    public Refusal<RoutingRefusal>? Refusal { get; init; }

    /// <summary>What came of it together with others, so that it goes by itself now; null when it was not asked yet.</summary>
    public FailedBatch? Failure { get; init; }

    /// <summary>An answer that ends the turn, if anybody waits for that.</summary>
    public IAnswer Ending(IAnswer answer) => _leave is null ? answer : new TurnEndingAnswer(answer, this);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_leave is not null)
            Interlocked.Exchange(ref _leave, null)?.Invoke();
    }
}

/// <summary>A batch that a replica did not answer.</summary>
/// <param name="Replica">Which.</param>
/// <param name="Failure">Why.</param>
internal sealed record FailedBatch(ReplicaState Replica, UpstreamException Failure);

using Stoa.Market;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;

namespace Stoa.Node.Inference;

/// <summary>A request at a replica that has taken it: paid for, sent, and the replica left again.</summary>
/// <param name="context">The client's request.</param>
/// <param name="request">What it says.</param>
/// <param name="routed">How it was routed.</param>
/// <param name="model">Whose replica it is.</param>
/// <param name="replica">That has taken the request.</param>
/// <param name="race">With whom it runs; null for nobody.</param>
/// <param name="waitedMs">How long the request waited for the replica.</param>
internal sealed class ReplicaAttempt(
    HttpContext context, InferenceRequest request, RoutedInference routed, ModelFleet model, ReplicaState replica, ExchangeRace? race, double waitedMs)
{
    /// <summary>Which replica.</summary>
    public ReplicaState Replica => replica;

    /// <summary>Does it.</summary>
    /// <param name="holder">Who pays.</param>
    /// <param name="allowances">Out of which.</param>
    /// <param name="upstreams">Asks.</param>
    /// <param name="options">Limits.</param>
    /// <param name="telemetry">Measures.</param>
    /// <exception cref="OperationCanceledException">The client has gone.</exception>
    public async Task<AttemptResult> RunAsync(AllowanceHolder holder, Allowances allowances, Upstreams upstreams, InferenceOptions options, InferenceTelemetry telemetry)
    {
        var end = RequestEnd.Abandoned;
        try
        {
            if (!(await allowances.ReserveAsync(holder, replica.Replica.Priced, routed.Most, context.RequestAborted)).TryGet(out var reservation, out var unpaid))
                return AttemptResult.NotPaid(unpaid);
            var exchange = new Exchange(context, request, replica.Replica, reservation, race, new ExchangeTerms(routed.MaxTokens, routed.Most.OutputTokens, waitedMs), options);
            end = await exchange.RunAsync(upstreams);
            telemetry.Used(exchange.Used, end.IsCorrected);
            return AttemptResult.Over(end.Kind is RequestEndKind.Served);
        }
        catch (UpstreamException failure)
        {
            // What the client may be at fault for itself is no mark against a replica; but one may be alone with it.
            end = failure.ClientFault is null ? RequestEnd.Failed : RequestEnd.Abandoned;
            telemetry.Failed(failure.Kind);
            return AttemptResult.Failed(failure);
        }
        catch (OperationCanceledException) when (race is not null && !context.RequestAborted.IsCancellationRequested)
        {
            return AttemptResult.Lost;
        }
        finally
        {
            model.Leave(replica, routed.Request, end);
        }
    }
}

/// <summary>A request as it is routed to one model.</summary>
/// <param name="Request">What decides its replica.</param>
/// <param name="Most">The most that it may come to.</param>
/// <param name="MaxTokens">The most tokens of a choice, where the client has left it open; null otherwise.</param>
internal sealed record RoutedInference(RoutedRequest Request, TokenUsage Most, long? MaxTokens);

/// <summary>What came of a request at a replica.</summary>
/// <param name="IsAnswered">The client has a whole answer.</param>
/// <param name="IsBroken">The client has a part of one, and knows it.</param>
/// <param name="Unpaid">Why it could not be paid for; null when it could.</param>
/// <param name="Failure">Why the replica did not answer, and the client has got nothing yet; null when it did.</param>
internal sealed record AttemptResult(bool IsAnswered, bool IsBroken, Refusal<AllowanceRefusal>? Unpaid, UpstreamException? Failure)
{
    /// <summary>Another replica was faster.</summary>
    public static AttemptResult Lost { get; } = new(false, false, null, null);

    /// <summary>Whether the client has its answer, or as much of it as there will be.</summary>
    public bool IsOver => IsAnswered || IsBroken;

    public static AttemptResult Over(bool isAnswered) => new(isAnswered, !isAnswered, null, null);

    public static AttemptResult NotPaid(Refusal<AllowanceRefusal> refusal) => new(false, false, refusal, null);

    public static AttemptResult Failed(UpstreamException failure) => new(false, false, null, failure);
}

/// <summary>Replicas that are asked the same side by side: the first one that has a word goes on, and the others are given up.</summary>
internal sealed class ExchangeRace : IDisposable
{
    private readonly TaskCompletionSource _won = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _lost = new();
    private Exchange? _winner;

    /// <summary>Completes when one has a word.</summary>
    public Task Won => _won.Task;

    /// <summary>Ends those that were slower. One that has won does not heed it.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Says that there is a word.</summary>
    /// <returns>Whether it is the first one.</returns>
    public bool TryWin(Exchange exchange)
    {
        if (Interlocked.CompareExchange(ref _winner, exchange, null) is not null)
            return false;
        _won.TrySetResult();
        return true;
    }

    /// <summary>Whether this is the one that has won.</summary>
    public bool IsWonBy(Exchange exchange) => Volatile.Read(ref _winner) == exchange;

    /// <summary>Gives up those that were slower.</summary>
    public void GiveUpOthers() => _lost.Cancel();

    /// <inheritdoc/>
    public void Dispose() => _lost.Dispose();
}

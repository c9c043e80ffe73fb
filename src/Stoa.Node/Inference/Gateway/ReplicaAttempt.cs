using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;

namespace Stoa.Node.Inference.Gateway;

/// <summary>A request that has a place at a replica: sent there, and the place left again.</summary>
/// <param name="answer">Where the answer goes.</param>
/// <param name="request">What is asked.</param>
/// <param name="routed">How it was routed.</param>
/// <param name="model">Whose replica it is.</param>
/// <param name="place">That the request has there.</param>
/// <param name="reservation">Pays.</param>
/// <param name="race">With whom it runs; null for nobody.</param>
/// <param name="waitedMs">How long the request waited for the replica.</param>
/// <param name="asked">How it is asked there; disposed of here.</param>
internal sealed class ReplicaAttempt(
    IAnswer answer, InferenceRequest request, InferenceEstimate routed, ModelFleet model, ReplicaPlace place, Reservation reservation, ExchangeRace? race, double waitedMs, IReplicaRequest asked)
    : IReplicaVisit
{
    private const double WritingSlack = 3;
    private const double UnknownTokensPerSecond = 20;

    private int _hasLeft;

    /// <summary>Does it.</summary>
    /// <param name="options">Limits.</param>
    /// <param name="telemetry">Measures.</param>
    /// <exception cref="OperationCanceledException">The client has gone.</exception>
    public async Task<AttemptResult> RunAsync(InferenceOptions options, InferenceTelemetry telemetry)
    {
        var end = RequestEnd.Abandoned;
        var terms = new ExchangeTerms(routed.MaxTokens, routed.Most.OutputTokens, waitedMs, PatienceMs(options));
        var exchange = new Exchange(answer, request, asked, reservation, race, terms, options, this);
        try
        {
            reservation.NoteSent(asked.Replica.Priced);
            end = await exchange.RunAsync();
            telemetry.Used(exchange.Used, end.IsCorrected);
            return end.Kind is RequestEndKind.Served ? AttemptResult.Answered : AttemptResult.Broken;
        }
        catch (UpstreamException failure)
        {
            reservation.NoteFailed();
            // What the client may be at fault for itself is no mark against a replica; but one may be alone with it.
            end = failure.ClientFault is null && !failure.IsBusy
                ? RequestEnd.Failed with { IsAway = failure.IsUnreached || failure.Kind is UpstreamFailureKind.TooSlow }
                : RequestEnd.Abandoned;
            telemetry.Failed(failure.Kind);
            return AttemptResult.Failed(failure);
        }
        catch (OperationCanceledException) when (race is not null && !race.IsWonBy(exchange) && !answer.Gone.IsCancellationRequested)
        {
            return AttemptResult.Lost;
        }
        finally
        {
            asked.Dispose();
            Leave(end);
        }
    }

    /// <inheritdoc/>
    public void NoteWord()
    {
        if (place.IsTrial)
            place.Replica.NoteWord(place);
    }

    /// <inheritdoc/>
    public void Leave(RequestEnd end)
    {
        // A client that takes nothing is waited for beside the rest.
        if (Interlocked.Exchange(ref _hasLeft, 1) == 0)
            model.Leave(place, end);
    }

    /// <summary>How long the replica has until something of its answer is there: one that is not streamed is there as a whole, and so has the time that its tokens take besides.</summary>
    private int PatienceMs(InferenceOptions options)
    {
        if (request.IsStream || routed.Most.OutputTokens == 0)
            return options.FirstTokenMs;
        var writingMs = routed.Most.OutputTokens * 1_000 * WritingSlack / Math.Max(1, place.Replica.TokensPerSecond ?? UnknownTokensPerSecond);
        return (int)Math.Min(options.FirstTokenMs + writingMs, Math.Max(options.FirstTokenMs, options.MaxAnswerMs));
    }
}

/// <summary>A request's being at a replica, as far as the replica is concerned.</summary>
internal interface IReplicaVisit
{
    /// <summary>The replica has begun to answer: it is well.</summary>
    void NoteWord();

    /// <summary>Leaves the place; what comes after the first time does nothing. Called when the server has done its part, though the client has not, or else when all is over; by any thread.</summary>
    void Leave(RequestEnd end);
}

/// <summary>What came of a request at a replica.</summary>
/// <param name="Kind">Which of these.</param>
/// <param name="Failure">Why the replica did not answer, and nothing has gone out; null when it did.</param>
internal readonly record struct AttemptResult(AttemptKind Kind, UpstreamException? Failure)
{
    /// <summary>The client has a whole answer.</summary>
    public static AttemptResult Answered => new(AttemptKind.Answered, null);

    /// <summary>The client has a part of one, and knows it.</summary>
    public static AttemptResult Broken => new(AttemptKind.Broken, null);

    /// <summary>Another replica was faster.</summary>
    public static AttemptResult Lost => new(AttemptKind.Lost, null);

    /// <summary>Whether the client has its answer, or as much of it as there will be.</summary>
    public bool IsOver => Kind is AttemptKind.Answered or AttemptKind.Broken;

    public static AttemptResult Failed(UpstreamException failure) => new(AttemptKind.Failed, failure);
}

/// <inheritdoc cref="AttemptResult"/>
internal enum AttemptKind
{
    Answered,
    Broken,
    Lost,
    Failed,
}

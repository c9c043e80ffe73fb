using System.Diagnostics;
using Stoa.Market;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Http;
using Stoa.Node.Supply.Models;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Gateway;

/// <summary>One request's way through the models that may answer it, and their replicas, until one has.</summary>
/// <param name="call">Who asks.</param>
/// <param name="request">What is asked.</param>
/// <param name="answer">Where the answer goes.</param>
/// <param name="estimates">Says what it may come to.</param>
/// <param name="batches">Ask for vectors together with others.</param>
/// <param name="suppliers">Pay other operators' nodes.</param>
/// <param name="upstreams">Asks replicas.</param>
/// <param name="held">Counts what is kept of answers for those who are slow to read them.</param>
/// <param name="options">Limits.</param>
/// <param name="telemetry">Measures.</param>
/// <param name="logger">Of failures of replicas.</param>
internal sealed class ModelAttempts(
    InferenceCall call, InferenceRequest request, IAnswer answer, RequestEstimates estimates, EmbeddingBatches batches, SupplierDesk suppliers, Upstreams upstreams, HeldBodies held, InferenceOptions options, InferenceTelemetry telemetry, ILogger logger)
{
    // So many models of a kind are looked at that cost more than there is.
    private const int MostTooDear = 4;

    private readonly List<ReplicaState> _failed = [];
    private readonly List<Replica> _suppliersAgainst = [];
    private int _asked;
    private int _tooDear;
    private bool _hasOwnFault;
    private UpstreamException? _last;
    private OpenAiError? _noReplica;
    private OpenAiError? _unpaid;

    /// <summary>Tries one after the other; when none has answered, whoever asked is told why.</summary>
    /// <param name="models">In their order; at least one.</param>
    /// <param name="isAny">Whether any of them is as good: then one that is too dear is followed by the others.</param>
    /// <exception cref="OperationCanceledException">Whoever asked has gone.</exception>
    public async Task<InferenceOutcome> RunAsync(IReadOnlyList<ModelFleet> models, bool isAny)
    {
        foreach (var model in models)
        {
            if (_asked < options.MaxAttempts && await TryModelAsync(model, isAny) is { } outcome)
                return outcome;
        }

        if (_last is null && _noReplica is null && _unpaid is not null)
        {
            await answer.RefuseAsync(_unpaid);
            return InferenceOutcome.Unpaid;
        }

        await answer.RefuseAsync(_last?.ClientFault ?? (_last is null ? _noReplica! : InferenceErrors.Of(_last, _failed.Count)));
        return _last?.ClientFault is null ? InferenceOutcome.Unanswered : InferenceOutcome.Refused;
    }

    /// <returns>What came of it; null when other models may be tried.</returns>
    private async Task<InferenceOutcome?> TryModelAsync(ModelFleet model, bool isAny)
    {
        var routed = estimates.Estimate(call, request, model);
        // Before a place is taken: whoever cannot pay keeps nobody from one. One reservation is for all replicas, since one of them is paid.
        if (!(await ReserveAsync(model, routed)).TryGet(out var paid, out var unpaid))
        {
            // What stands in for another model may be too dear where that one was not.
            _unpaid ??= InferenceErrors.Of(unpaid);
            if (_last is not null || (isAny && IsOfMoney(unpaid.Code) && ++_tooDear < MostTooDear))
                return null;
            await answer.RefuseAsync(_unpaid);
            return InferenceOutcome.Unpaid;
        }

        (routed, var reservation) = paid;
        try
        {
            using var turn = routed.Request.Within is null ? await batches.TakeTurnAsync(call, request, model, answer.Gone) : BatchTurn.Alone;
            if (turn.Share is { } share)
            {
                await share.GiveAsync(answer, reservation);
                return InferenceOutcome.Answered;
            }

            if (turn.Refusal is { } none)
            {
                _noReplica ??= InferenceErrors.Of(none);
                return null;
            }

            if (turn.Failure is { } failed)
                PassOver(failed, model);
            while (_asked < options.MaxAttempts)
            {
                var waitsFrom = Stopwatch.GetTimestamp();
                if (!(await model.EnterAsync(call.Account, routed.Request, _failed, options.Patience, answer.Gone)).TryGet(out var place, out var refusal))
                {
                    _noReplica ??= InferenceErrors.Of(refusal);
                    return null;
                }

                var waitedMs = Stopwatch.GetElapsedTime(waitsFrom).TotalMilliseconds;
                // A second answer of another operator's node would be paid for twice.
                var outcome = call.Hedge is { } patience && place.Replica.Replica.Supplied is null
                    ? await RaceAsync(model, routed, reservation, place, waitedMs, patience)
                    : await NoteAsync(place.Replica, await AttemptAt(turn.Ending(answer), model, routed, reservation, place, null, waitedMs).RunAsync(options, telemetry));
                if (outcome is not null)
                    return outcome;
            }

            return null;
        }
        finally
        {
            reservation.Release();
        }
    }

    /// <summary>Sets aside what a request may cost: at the dearest that may get it, or else at those alone that are within what it may cost, or that can be paid.</summary>
    private async ValueTask<Outcome<PaidRequest, AllowanceRefusal>> ReserveAsync(ModelFleet model, InferenceEstimate routed)
    {
        var prices = model.DearestFor(routed.Most, call.StaysHere);
        if (call.MostPrice is { } most && !(prices.TryPriceOf(routed.Most)?.Total <= most))
        {
            if (model.DearestWithin(routed.Most, most, call.StaysHere) is not { } within)
            {
                return new Refusal<AllowanceRefusal>(
                    AllowanceRefusal.PriceAboveMost,
                    $"{routed.Most.InputTokens} tokens in and {routed.Most.OutputTokens} out of {model.Model.Listing}, which the request may come to, cost more than the {most} USD that {InferenceEndpoints.MostPriceHeader} allows. Ask for fewer tokens (max_tokens), or allow more.");
            }

            (prices, routed) = (within, Within(routed, most));
        }

        if ((await call.Payer.ReserveAsync(prices, routed.Most, answer.Gone)).TryGet(out var reservation, out var unpaid))
            return new PaidRequest(routed, reservation);
        // What the dearest asks keeps nobody from those that he can pay.
        if (!IsOfMoney(unpaid.Code) || model.CheaperFor(routed.Most, call.StaysHere) is not { } cheaper || !(await call.Payer.ReserveAsync(cheaper, routed.Most, answer.Gone)).TryGet(out reservation, out unpaid))
            return unpaid;
        return new PaidRequest(Within(routed, reservation.Amount), reservation);
    }

    private static InferenceEstimate Within(InferenceEstimate routed, Money most) => routed with { Request = routed.Request with { Within = new PriceCap(routed.Most, most) } };

    private static bool IsOfMoney(AllowanceRefusal refusal) => refusal is
        AllowanceRefusal.InsufficientFunds or AllowanceRefusal.BudgetExhausted or AllowanceRefusal.SpendingLimitReached or AllowanceRefusal.PriceTooHigh or AllowanceRefusal.PriceAboveMost or AllowanceRefusal.CreditUsedUp;

    /// <summary>What a batch came to says nothing of one of its requests, and is asked again. But where there are other replicas, one that does not answer at all is not waited for once more.</summary>
    private void PassOver(FailedBatch failed, ModelFleet model)
    {
        if (model.Replicas.Count == 1 || failed.Failure.Kind is not (UpstreamFailureKind.Unreachable or UpstreamFailureKind.TooSlow or UpstreamFailureKind.Truncated))
            return;
        _failed.Add(failed.Replica);
        _asked++;
        _last = failed.Failure;
    }

    /// <summary>Asks a second replica beside the first when that one has no word after a while.</summary>
    private async Task<InferenceOutcome?> RaceAsync(ModelFleet model, InferenceEstimate routed, Reservation reservation, ReplicaPlace place, double waitedMs, TimeSpan patience)
    {
        using var race = new ExchangeRace();
        var first = AttemptAt(answer, model, routed, reservation, place, race, waitedMs).RunAsync(options, telemetry);
        using (var enough = CancellationTokenSource.CreateLinkedTokenSource(answer.Gone))
        {
            await Task.WhenAny(first, race.Won, Task.Delay(patience, enough.Token));
            await enough.CancelAsync();
        }

        if (first.IsCompleted || race.Won.IsCompleted || answer.Gone.IsCancellationRequested || model.TryEnter(routed.Request with { StaysHere = true }, [.. _failed, place.Replica]) is not { } other)
            return await NoteAsync(place.Replica, await first);
        var second = AttemptAt(answer, model, routed, reservation, other, race, waitedMs + patience.TotalMilliseconds).RunAsync(options, telemetry);
        // One that fails leaves the other its time.
        await Task.WhenAny(race.Won, Task.WhenAll(first, second));
        race.GiveUpOthers();
        // Both to their ends, whatever becomes of one: the race is theirs as long as they run.
        await ((Task)Task.WhenAll(first, second)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (second is { IsCompletedSuccessfully: true } && (await second).IsOver)
            return await NoteAsync(other.Replica, await second);
        return await NoteAsync(place.Replica, await first) ?? await NoteAsync(other.Replica, await second);
    }

    private ReplicaAttempt AttemptAt(IAnswer to, ModelFleet model, InferenceEstimate routed, Reservation reservation, ReplicaPlace place, ExchangeRace? race, double waitedMs) =>
        new(to, request, routed, model, place, reservation, race, waitedMs, RequestTo(place.Replica.Replica, routed, reservation));

    private IReplicaRequest RequestTo(Replica replica, InferenceEstimate routed, Reservation reservation) => replica.Supplied is not null
        ? suppliers.Open(upstreams, replica, routed.Most, reservation, call.Capability)
        : new CellRequest(upstreams, replica, replica.IsToldWhose ? estimates.ScopeOf(call.Account) : null, held.Open(call.Account));

    /// <summary>Notes what came of a request at a replica.</summary>
    /// <returns>How the request has ended; null when it goes on.</returns>
    private async ValueTask<InferenceOutcome?> NoteAsync(ReplicaState replica, AttemptResult result)
    {
        if (result.IsOver)
        {
            // It was no fault of the request, then.
            if (result.Kind is AttemptKind.Answered)
                _suppliersAgainst.ForEach(suppliers.NoteWrongRefusal);
            return result.Kind is AttemptKind.Answered ? InferenceOutcome.Answered : InferenceOutcome.Broken;
        }

        var isSupplied = replica.Replica.Supplied is not null;
        _failed.Add(replica);
        // Whoever was not reached was not asked. Nor was a supplier that has no room, or is passed over; and one that finds fault is not to keep a request from the others.
        if (result.Failure is not { IsUnreached: true } && (!isSupplied || result.Failure is not ({ IsBusy: true } or { ClientFault: not null })))
            _asked++;
        if (result.Failure is not { } failure)
            return null;
        logger.LogWarning("Replica {Replica} of {Model} did not answer: {Reason}", replica.Replica.Id, replica.Replica.Model.Listing, failure.Message);
        if (isSupplied)
        {
            if (failure.ClientFault is not null)
                _suppliersAgainst.Add(replica.Replica);
            _last = _hasOwnFault ? _last : failure;
            return null;
        }

        // One may be alone with what it finds wrong with a request; two of this cell are believed.
        if (failure.ClientFault is { } fault && _hasOwnFault)
        {
            await answer.RefuseAsync(fault);
            return InferenceOutcome.Refused;
        }

        _hasOwnFault |= failure.ClientFault is not null;
        _last = failure;
        return null;
    }

    /// <param name="Routed">How it is routed, now that it is known who may get it.</param>
    /// <param name="Reservation">Pays for it.</param>
    private sealed record PaidRequest(InferenceEstimate Routed, Reservation Reservation);
}

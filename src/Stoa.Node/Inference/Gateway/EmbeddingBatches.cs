using System.Diagnostics;
using Stoa.Market.Inference;
using Stoa.Market.Inference.Batching;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Asks for vectors of one model together, when several requests do so at a time: one goes at once, and those that come while it is under way go as one when it has ended, or when there are enough of them.</summary>
/// <remarks>
/// There is no timer that a request would wait for when nobody else asks, and none waits for another one longer than for a replica. Money is each request's own. What comes of a batch that is not answered decides nothing: each of its requests goes by itself then, so that nobody fails by
/// what others have asked.
/// </remarks>
/// <param name="upstreams">Asks replicas.</param>
/// <param name="options">Limits.</param>
/// <param name="telemetry">Measures.</param>
/// <param name="logger">Of failures of replicas.</param>
internal sealed class EmbeddingBatches(Upstreams upstreams, InferenceOptions options, InferenceTelemetry telemetry, ILogger logger)
{
    private readonly RequestEstimates _estimates = new(options);
    private readonly Lock _lock = new();
    private readonly Dictionary<BatchKey, BatchLine> _lines = [];

    /// <summary>Says how a request goes on. Waits as long as it is gathered with others and asked.</summary>
    /// <param name="call">Who asks.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="model">Of which model.</param>
    /// <param name="gone">Cancelled when whoever asked has gone.</param>
    /// <returns>To be disposed of when the request has ended: others may wait for that.</returns>
    /// <exception cref="OperationCanceledException">Whoever asked has gone.</exception>
    public ValueTask<BatchTurn> TakeTurnAsync(InferenceCall call, InferenceRequest request, ModelFleet model, CancellationToken gone)
    {
        // What is asked of two servers, or of the one of the request before, is asked by itself; so is what may go to another operator's node, which charges for each request.
        if (options.EmbeddingBatch == 1 || model.HasSupplied || request.Kind is not InferenceKind.Embedding || call.Hedge is not null || call.Session is not null
            || EmbeddingInput.Of(request) is not { } input || input.Count > options.EmbeddingBatch || input.Items.Length > EmbeddingBatch.MostBytes)
        {
            return ValueTask.FromResult(BatchTurn.Alone);
        }

        var key = new BatchKey(model, input.Traits, call.Region);
        GatheredBatch gathered;
        GatheredBatch? before = null, now = null;
        BatchMember member;
        lock (_lock)
        {
            if (!_lines.TryGetValue(key, out var line))
                _lines.Add(key, line = new BatchLine(key));
            if (line is { Gathered: null, HasRoom: true })
            {
                line.UnderWay++;
                return ValueTask.FromResult(FirstOf(line));
            }

            if (line.Gathered is { } full && !full.HasRoomFor(input))
                before = Send(full);
            gathered = line.Gathered ??= new GatheredBatch(line, options.EmbeddingBatch);
            member = new BatchMember(call, request.Model, input);
            gathered.Add(member);
            if (gathered.IsFull || line.HasRoom)
                now = Send(gathered);
        }

        Start(before);
        Start(now);
        return WaitAsync(gathered, member, gone);
    }

    private async ValueTask<BatchTurn> WaitAsync(GatheredBatch gathered, BatchMember member, CancellationToken gone)
    {
        try
        {
            try
            {
                return await member.Turn.WaitAsync(options.Patience, gone);
            }
            catch (TimeoutException) when (!member.Turn.IsFaulted)
            {
                if (TryTakeOut(gathered, member))
                    return BatchTurn.Alone;
            }

            // It is asked by now, which has its own limits.
            return await member.Turn.WaitAsync(gone);
        }
        catch (OperationCanceledException) when (gone.IsCancellationRequested)
        {
            if (!TryTakeOut(gathered, member))
                await GiveUpAsync(gathered, member);
            throw;
        }
    }

    /// <summary>Takes a request out again.</summary>
    /// <returns>Whether it was not asked yet.</returns>
    private bool TryTakeOut(GatheredBatch gathered, BatchMember member)
    {
        lock (_lock)
        {
            if (gathered.IsSent)
                return false;
            gathered.Remove(member);
            if (gathered.Members.Count == 0)
            {
                gathered.Line.Gathered = null;
                gathered.Dispose();
                DropIdle(gathered.Line);
            }

            return true;
        }
    }

    /// <summary>Whoever made a request has gone, and its turn has come.</summary>
    private async ValueTask GiveUpAsync(GatheredBatch gathered, BatchMember member)
    {
        lock (_lock)
            gathered.Leave();
        // It may have been the first of others in the same moment.
        if (member.Turn.IsCompletedSuccessfully)
            (await member.Turn).Dispose();
    }

    /// <summary>The turn of some has come.</summary>
    /// <returns>Those that are to be asked together; null when it is one alone, which goes by itself.</returns>
    private GatheredBatch? Send(GatheredBatch gathered)
    {
        var line = gathered.Line;
        (line.Gathered, line.UnderWay) = (null, line.UnderWay + 1);
        gathered.Send();
        if (gathered.Members.Count > 1)
            return gathered;
        gathered.Members[0].Give(FirstOf(line));
        gathered.Dispose();
        return null;
    }

    private BatchTurn FirstOf(BatchLine line) => new(() => Leave(line));

    /// <summary>A request has ended: those that have come since go next.</summary>
    private void Leave(BatchLine line)
    {
        GatheredBatch? next = null;
        lock (_lock)
        {
            line.UnderWay--;
            if (line is { Gathered: { } gathered, HasRoom: true })
                next = Send(gathered);
            DropIdle(line);
        }

        Start(next);
    }

    private void DropIdle(BatchLine line)
    {
        if (line is { UnderWay: 0, Gathered: null })
            _lines.Remove(line.Key);
    }

    private void Start(GatheredBatch? gathered)
    {
        if (gathered is not null)
            _ = AnswerAsync(gathered);
    }

    private async Task AnswerAsync(GatheredBatch gathered)
    {
        // Whoever's end has set it off has nothing to do with it.
        Activity.Current = null;
        try
        {
            var turns = await AskAsync(gathered);
            for (var index = 0; index < turns.Count; index++)
                gathered.Members[index].Give(turns[index]);
        }
        catch (OperationCanceledException) when (gathered.Gone.IsCancellationRequested)
        {
            // All have gone.
        }
        catch (Exception bug)
        {
            foreach (var member in gathered.Members)
                member.Fail(bug);
        }
        finally
        {
            Leave(gathered.Line);
            lock (_lock)
                gathered.Dispose();
        }
    }

    /// <summary>Asks a replica.</summary>
    /// <returns>How each request goes on.</returns>
    private async Task<IReadOnlyList<BatchTurn>> AskAsync(GatheredBatch gathered)
    {
        var (members, model) = (gathered.Members, gathered.Line.Key.Model);
        IReadOnlyList<EmbeddingInput> inputs = [.. members.Select(member => member.Input)];
        var (first, request) = (members[0].Call, EmbeddingBatch.Join(members[0].Model, inputs));
        var (routed, waitsFrom) = (_estimates.Estimate(first with { StaysHere = true }, request, model), Stopwatch.GetTimestamp());
        if (!(await model.EnterAsync(first.Account, routed.Request, [], options.Patience, gathered.Gone)).TryGet(out var place, out var refusal))
        {
            // That too many wait may be so of one account alone; and what only another operator's node serves meanwhile is asked there by itself.
            return OfEach(members, refusal.Code is RoutingRefusal.TooManyWaiting || model.HasSupplied ? BatchTurn.Alone : new BatchTurn { Refusal = refusal });
        }

        var entered = Stopwatch.GetTimestamp();
        var answer = new BatchAnswer(request, inputs, gathered.Gone);
        var attempt = new ReplicaAttempt(answer, request, routed, model, place, Reservation.OfNothing(), null, Stopwatch.GetElapsedTime(waitsFrom, entered).TotalMilliseconds, new CellRequest(upstreams, place.Replica.Replica, scope: null, held: null));
        if ((await attempt.RunAsync(options, telemetry)).Failure is { } failure)
        {
            logger.LogWarning(
                "Replica {Replica} of {Model} did not answer {Requests} requests that were asked as one: {Reason} Each is asked by itself.", place.Replica.Replica.Id, model.Model.Listing, members.Count, failure.Message);
            return OfEach(members, new BatchTurn { Failure = new FailedBatch(place.Replica, failure) });
        }

        return [.. answer.Shares([.. members.Select(member => member.WaitedMs(entered))]).Select(share => new BatchTurn { Share = share })];
    }

    private static IReadOnlyList<BatchTurn> OfEach(IReadOnlyList<BatchMember> members, BatchTurn turn) => [.. members.Select(_ => turn)];
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry.Replication;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Inference;

/// <summary>Answers requests to models: finds out which model is meant, chooses a replica, and goes on to the next one when it fails before the first word.</summary>
/// <param name="fleets">What is served here.</param>
/// <param name="routes">Names that stand for models.</param>
/// <param name="allowances">Out of which requests are paid.</param>
/// <param name="upstreams">Asks replicas.</param>
/// <param name="options">Limits.</param>
/// <param name="telemetry">Measures.</param>
/// <param name="random">Chance.</param>
/// <param name="logger">Of failures of replicas.</param>
public sealed class InferenceGateway(
    ModelFleets fleets, ModelRoutes routes, Allowances allowances, Upstreams upstreams, InferenceOptions options, InferenceTelemetry telemetry, Random random, ILogger<InferenceGateway> logger)
{
    /// <summary>The header that names the session that a request belongs to: its requests go to the same replica as long as that one has room.</summary>
    public const string SessionHeader = "Stoa-Session";

    /// <summary>The header that names the region in which a request should be answered.</summary>
    public const string RegionHeader = "Stoa-Region";

    /// <summary>The header that says after how many milliseconds without a word a second replica is asked beside the first.</summary>
    public const string HedgeHeader = "Stoa-Hedge-Ms";

    private const long MostLoadTokens = 1 << 18;
    private const int MostAddresses = 4_096;
    private const int MaxHeaderLength = 256;
    private const int LongestHedgeMs = 600_000;

    // Of this process: hashes are compared with nobody else's.
    private readonly SipKey _promptKey = SipKey.FromBytes(RandomNumberGenerator.GetBytes(SipKey.Size));
    private readonly ConcurrentDictionary<string, ModelAddress> _addresses = new(StringComparer.Ordinal);
    private readonly Lock _randomLock = new();

    /// <summary>Answers one.</summary>
    /// <param name="context">The client's request; its body was read.</param>
    /// <param name="caller">Who asks, and pays.</param>
    /// <param name="request">What it says.</param>
    public async Task AnswerAsync(HttpContext context, Caller caller, InferenceRequest request)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(request);
        var began = Stopwatch.GetTimestamp();
        if (!TryFindModels(caller, request, out var models, out var error))
        {
            await error.WriteAsync(context);
            return;
        }

        var outcome = InferenceOutcome.Refused;
        try
        {
            outcome = await TryModelsAsync(context, caller, request, models);
        }
        catch (OperationCanceledException)
        {
            // The client has gone, or does not take the answer.
            outcome = InferenceOutcome.Cancelled;
        }
        finally
        {
            telemetry.Ended(request.Kind, outcome, Stopwatch.GetElapsedTime(began));
        }
    }

    private bool TryFindModels(Caller caller, InferenceRequest request, out IReadOnlyList<ModelFleet> models, out OpenAiError error)
    {
        (models, error) = ([], null!);
        if (AddressOf(request.Model) is not { } address)
        {
            error = OpenAiError.Invalid("model", $"A model is named by publisher/name, publisher/name@range, auto, auto:capability, or a route; '{request.Model}' is none of these.");
            return false;
        }

        if (routes.Find(caller.UserId, address) is { } route)
        {
            List<ModelAddress> order;
            lock (_randomLock)
                order = [.. route.Order(random)];
            models = [.. order.SelectMany(one => fleets.Find(one, request.Kind, request.InputTokens)).Distinct()];
        }
        else
        {
            models = fleets.Find(address, request.Kind, request.InputTokens);
        }

        if (models.Count > 0)
            return true;
        error = OpenAiError.ModelUnknown($"Nobody serves {request.Model} here. GET /v1/models lists what is served.");
        return false;
    }

    // The same few names come by the thousand, and ranges of versions take long to read.
    private ModelAddress? AddressOf(string model)
    {
        if (_addresses.TryGetValue(model, out var known))
            return known;
        if (!ModelAddress.TryParse(model, out var address))
            return null;
        if (_addresses.Count >= MostAddresses)
            _addresses.Clear();
        _addresses[model] = address;
        return address;
    }

    /// <summary>Tries replicas until one has answered; when none has, the client is told why.</summary>
    private async Task<InferenceOutcome> TryModelsAsync(HttpContext context, Caller caller, InferenceRequest request, IReadOnlyList<ModelFleet> models)
    {
        // Whoever may not spend may ask what costs nothing.
        var holder = new AllowanceHolder(caller.UserId, caller.Rights.Contains(Permission.TasksSubmit) ? caller.Allowance : SpendingAllowance.Nothing);
        var hedge = HedgeOf(context);
        var (failed, last, told) = (new List<ReplicaState>(), (UpstreamException?)null, (OpenAiError?)null);
        foreach (var model in models)
        {
            var routed = RouteOf(context, caller.UserId, request, model);
            while (failed.Count < options.MaxAttempts)
            {
                var waitsFrom = Stopwatch.GetTimestamp();
                if (!(await model.EnterAsync(caller.UserId, routed.Request, failed, options.Patience, context.RequestAborted)).TryGet(out var replica, out var refusal))
                {
                    told ??= Tell(refusal);
                    break;
                }

                using var race = hedge is null ? null : new ExchangeRace();
                var attempt = new ReplicaAttempt(context, request, routed, model, replica, race, Stopwatch.GetElapsedTime(waitsFrom).TotalMilliseconds);
                foreach (var (asked, result) in await RunAsync(context, attempt, holder, race, hedge, model, routed, request, failed))
                {
                    if (result.IsOver)
                        return result.IsAnswered ? InferenceOutcome.Answered : InferenceOutcome.Broken;
                    if (result.Unpaid is { } unpaid)
                    {
                        await Tell(unpaid).WriteAsync(context);
                        return InferenceOutcome.Unpaid;
                    }

                    failed.Add(asked);
                    var failure = result.Failure!;
                    logger.LogWarning("Replica {Replica} of {Model} did not answer: {Reason}", asked.Replica.Id, asked.Replica.Model.Listing, failure.Message);
                    if (failure.ClientFault is not null && last?.ClientFault is not null)
                    {
                        await failure.ClientFault.WriteAsync(context);
                        return InferenceOutcome.Refused;
                    }

                    last = failure;
                }
            }
        }

        await (last?.ClientFault ?? (last is null ? told! : TellFailed(failed.Count, last))).WriteAsync(context);
        return last?.ClientFault is not null ? InferenceOutcome.Refused : InferenceOutcome.Unanswered;
    }

    /// <summary>Asks a replica; where the client wants that, a second one when the first has no word after a while.</summary>
    /// <returns>What came of each, that which counts first.</returns>
    private async Task<IReadOnlyList<(ReplicaState Replica, AttemptResult Result)>> RunAsync(
        HttpContext context, ReplicaAttempt first, AllowanceHolder holder, ExchangeRace? race, TimeSpan? hedge, ModelFleet model, RoutedInference routed, InferenceRequest request, List<ReplicaState> failed)
    {
        var firstRun = first.RunAsync(holder, allowances, upstreams, options, telemetry);
        if (race is null || hedge is not { } patience)
            return [(first.Replica, await firstRun)];
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        await Task.WhenAny(firstRun, race.Won, Task.Delay(patience, enough.Token));
        await enough.CancelAsync();
        if (firstRun.IsCompleted || race.Won.IsCompleted || model.TryEnter(routed.Request, [.. failed, first.Replica]) is not { } replica)
            return [(first.Replica, await firstRun)];
        var second = new ReplicaAttempt(context, request, routed, model, replica, race, patience.TotalMilliseconds);
        var secondRun = second.RunAsync(holder, allowances, upstreams, options, telemetry);
        // One that fails leaves the other its time.
        await Task.WhenAny(race.Won, Task.WhenAll(firstRun, secondRun));
        race.GiveUpOthers();
        // Both to their ends, whatever becomes of one: the race is theirs as long as they run.
        await ((Task)Task.WhenAll(firstRun, secondRun)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (secondRun is { IsCompletedSuccessfully: true } && (await secondRun).IsOver)
            return [(replica, await secondRun)];
        (ReplicaState Replica, AttemptResult Result)[] both = [(first.Replica, await firstRun), (replica, await secondRun)];
        // A second one that cannot be paid for is as if it had not been asked.
        (ReplicaState Replica, AttemptResult Result)[] counting = [.. both.Where(one => one.Result != AttemptResult.Lost && (one.Result.Unpaid is null || one.Replica == first.Replica)).OrderByDescending(one => one.Result.IsOver)];
        return counting.Length > 0 ? counting : [(first.Replica, AttemptResult.Failed(new UpstreamException(UpstreamFailureKind.TooSlow, "It was given up.")))];
    }

    private RoutedInference RouteOf(HttpContext context, Id<User> account, InferenceRequest request, ModelFleet model)
    {
        var most = request.Kind is InferenceKind.Embedding ? 0 : request.MaxTokens ?? options.DefaultMaxTokens;
        if (model.Model.ContextLength is { } length)
            most = Math.Min(most, length);
        var usage = new TokenUsage(TokenCount.MostOf(request.InputTokens), most * request.Choices);
        var key = (ulong)(uint)model.Model.Listing.GetHashCode();
        var session = HeaderOf(context, SessionHeader);
        // Where one replica has the model there is nothing to choose.
        var isAlone = model.Replicas.Count == 1;
        return new RoutedInference(
            new RoutedRequest(
                // More than that nobody is kept from a replica by what one request says that it may come to.
                Math.Min(request.InputTokens + (most * request.Choices), MostLoadTokens),
                isAlone ? default : PromptPrefixes.Hash(request.Prompt.Span, key, _promptKey),
                isAlone || session is null ? 0 : PromptPrefixes.HashSession(Encoding.UTF8.GetBytes($"{account}:{session}"), key, _promptKey),
                HeaderOf(context, RegionHeader)),
            usage,
            most);
    }

    private static string? HeaderOf(HttpContext context, string name) =>
        context.Request.Headers.TryGetValue(name, out var values) && values is [{ Length: > 0 and <= MaxHeaderLength } value] ? value : null;

    private static TimeSpan? HedgeOf(HttpContext context) =>
        HeaderOf(context, HedgeHeader) is { } text && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) && milliseconds <= LongestHedgeMs
            ? TimeSpan.FromMilliseconds(milliseconds)
            : null;

    private static OpenAiError Tell(Refusal<RoutingRefusal> refusal) => refusal.Code switch
    {
        RoutingRefusal.NoReplica => OpenAiError.Unavailable("no_replica", refusal.Detail, 5),
        RoutingRefusal.TooManyWaiting => new OpenAiError(429, "rate_limit_error", "too_many_waiting", refusal.Detail) { RetryAfterSeconds = 2 },
        RoutingRefusal.WaitedTooLong => OpenAiError.Unavailable("waited_too_long", refusal.Detail, 10),
        _ => throw new InvalidOperationException($"{refusal.Code} has no words."),
    };

    private static OpenAiError Tell(Refusal<AllowanceRefusal> refusal) => refusal.Code switch
    {
        AllowanceRefusal.InsufficientFunds => new OpenAiError(402, "insufficient_quota", "insufficient_funds", refusal.Detail),
        AllowanceRefusal.BudgetExhausted => new OpenAiError(402, "insufficient_quota", "budget_exhausted", refusal.Detail),
        AllowanceRefusal.SpendingLimitReached => new OpenAiError(402, "insufficient_quota", "spending_limit_reached", refusal.Detail),
        AllowanceRefusal.SpendingForbidden => new OpenAiError(403, "permission_error", "spending_forbidden", refusal.Detail),
        AllowanceRefusal.PriceTooHigh => new OpenAiError(400, "invalid_request_error", "price_too_high", refusal.Detail) { Parameter = "max_tokens" },
        AllowanceRefusal.AllowancesTooMany => OpenAiError.Unavailable("allowances_too_many", refusal.Detail, 5),
        _ => throw new InvalidOperationException($"{refusal.Code} has no words."),
    };

    private static OpenAiError TellFailed(int attempts, UpstreamException last) => new(
        502, "server_error", "replicas_failed",
        $"{(attempts == 1 ? "The replica that was asked did not answer" : $"{attempts} replicas were asked, and none answered")}. The last one: {last.Message} Nothing was charged. Try again in a few seconds, or name another model.")
    {
        RetryAfterSeconds = 2,
    };
}

/// <summary>What came of a request.</summary>
public enum InferenceOutcome
{
    /// <summary>It was answered.</summary>
    Answered,

    /// <summary>The answer broke off after its first word.</summary>
    Broken,

    /// <summary>No replica answered it.</summary>
    Unanswered,

    /// <summary>It could not be paid for.</summary>
    Unpaid,

    /// <summary>It was at fault itself.</summary>
    Refused,

    /// <summary>The client gave it up.</summary>
    Cancelled,
}

using System.Collections.Concurrent;
using System.Diagnostics;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Http;
using Stoa.Node.Inference.Routes;
using Stoa.Node.Supply.Models;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Answers requests to models: finds out which models are meant, and has their replicas asked until one has answered.</summary>
/// <param name="fleets">What is served here.</param>
/// <param name="routes">Names that stand for models.</param>
/// <param name="suppliers">Pay other operators' nodes.</param>
/// <param name="upstreams">Asks replicas.</param>
/// <param name="held">Counts what is kept of answers for those who are slow to read them.</param>
/// <param name="options">Limits.</param>
/// <param name="telemetry">Measures.</param>
/// <param name="random">Chance.</param>
/// <param name="logger">Of failures of replicas.</param>
public sealed class InferenceGateway(
    ModelFleets fleets, ModelRoutes routes, SupplierDesk suppliers, Upstreams upstreams, HeldBodies held, InferenceOptions options, InferenceTelemetry telemetry, Random random, ILogger<InferenceGateway> logger)
{
    private const int MostAddresses = 4_096;

    private readonly RequestEstimates _estimates = new(options);
    private readonly EmbeddingBatches _batches = new(upstreams, options, telemetry, logger);
    private readonly ConcurrentDictionary<string, ModelAddress> _addresses = new(StringComparer.Ordinal);
    private readonly Lock _randomLock = new();

    /// <summary>Answers one.</summary>
    /// <param name="call">Who asks.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="answer">Where the answer goes; a refusal too.</param>
    public async Task AnswerAsync(InferenceCall call, InferenceRequest request, IAnswer answer)
    {
        ArgumentNullException.ThrowIfNull(call);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(answer);
        await AnswerByAsync(call, request, FindModelsAsync(call.Account, request, answer.Gone), answer);
    }

    /// <summary>Answers one by one version of a model, whatever routes there are.</summary>
    /// <param name="call">Who asks.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="model">Who is asked.</param>
    /// <param name="answer">Where the answer goes; a refusal too.</param>
    public async Task AnswerAsync(InferenceCall call, InferenceRequest request, ModelFleet model, IAnswer answer)
    {
        ArgumentNullException.ThrowIfNull(call);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(answer);
        await AnswerByAsync(call, request, new(FindFault(request) is { } fault ? ([], fault) : ([model], null)), answer);
    }

    private async Task AnswerByAsync(InferenceCall call, InferenceRequest request, ValueTask<(IReadOnlyList<ModelFleet> Models, OpenAiError? Error)> found, IAnswer answer)
    {
        var began = Stopwatch.GetTimestamp();
        var outcome = InferenceOutcome.Refused;
        try
        {
            var (models, error) = await found;
            if (error is not null)
                await answer.RefuseAsync(error);
            else
                outcome = await new ModelAttempts(call, request, answer, _estimates, _batches, suppliers, upstreams, held, options, telemetry, logger).RunAsync(models, AddressOf(request.Model) is ModelAddress.ByCapability);
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

    /// <returns>The models that may answer, at least one; or why there is none.</returns>
    private async ValueTask<(IReadOnlyList<ModelFleet> Models, OpenAiError? Error)> FindModelsAsync(Id<User> account, InferenceRequest request, CancellationToken cancellationToken)
    {
        if (FindFault(request) is { } fault)
            return ([], fault);
        if (AddressOf(request.Model) is not { } address)
            return ([], OpenAiError.Invalid("model", $"A model is named by publisher/name, publisher/name@range, auto, auto:capability, or a route; '{request.Model}' is none of these."));
        var models = await routes.FindAsync(account, address, cancellationToken) is { } route
            ? [.. OrderOf(route).SelectMany(one => fleets.Find(one, request.Kind, request.InputTokens)).Distinct()]
            : fleets.Find(address, request.Kind, request.InputTokens);
        return models.Count > 0 ? (models, null) : (models, InferenceErrors.Unserved(fleets, request.Model));
    }

    private OpenAiError? FindFault(InferenceRequest request) => request.NamesAddresses && !options.AllowImageUrls
        ? OpenAiError.Invalid("messages", "Pictures are taken as data alone: the model's server would fetch whatever is at the address. Send the picture as a data: URL.")
        : null;

    private List<ModelAddress> OrderOf(ModelRoute route)
    {
        lock (_randomLock)
            return [.. route.Order(random)];
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

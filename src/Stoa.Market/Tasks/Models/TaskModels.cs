using Stoa.Market.Calls;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks.Models;

/// <summary>All requests to models of one attempt, by all agents of its tree.</summary>
/// <remarks>The agents of an attempt work one at a time, each within the call of the one above it, so nothing here is used by two threads.</remarks>
public sealed class TaskModels : IDisposable
{
    // Of an answer that came when nobody waited for it any more.
    private const string GivenUp = "given_up";

    private readonly ModelDoor _door;
    private readonly AgentTask _task;
    private readonly Money _budget;
    private readonly DateTimeOffset _expiresAt;
    private readonly int _mostRequests;
    private readonly Action _close;
    private readonly List<ModelRequest> _requests = [];
    private readonly Dictionary<int, string> _capabilities = [];

    internal TaskModels(ModelDoor door, AgentTask task, Money budget, DateTimeOffset expiresAt, int mostRequests, Action close) =>
        (_door, _task, _budget, _expiresAt, _mostRequests, _close) = (door, task, budget, expiresAt, mostRequests, close);

    /// <summary>Those that were made, in their order.</summary>
    public IReadOnlyList<ModelRequest> Requests => _requests;

    /// <summary>Takes all capabilities of the attempt back.</summary>
    public void Dispose() => _close();

    /// <summary>Asks a model, and waits for the answer.</summary>
    /// <param name="caller">The number of the call that asks; 0 for the task's own agent.</param>
    /// <param name="agent">The agent of that call; null for the task's own.</param>
    /// <param name="asks">What that agent may ask.</param>
    /// <param name="ask">The entry of these that allows it.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="body">As the agent gave it.</param>
    /// <param name="stop">Ends it at once.</param>
    /// <returns>What the agent can read, and what it costs; null when the task has made as many as it may.</returns>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    internal AskedModel? Ask(int caller, ListingName? agent, IReadOnlyList<AgentAsk> asks, AgentAsk ask, InferenceRequest request, ReadOnlyMemory<byte> body, CancellationToken stop)
    {
        if (_requests.Count >= _mostRequests)
            return null;
        // The thread is the agent's, which has nothing else to do.
        var (answer, paid) = _door.AskAsync(CapabilityOf(caller, agent ?? _task.Agent, asks), request, ask.MaxAnswerBytes, stop).GetAwaiter().GetResult();
        if (answer is null)
        {
            _requests.Add(new ModelRequest(_requests.Count + 1, caller, ask.Model, request.Kind, ContentHash.Of(body.Span), ContentHash.Of([]), GivenUp, paid));
            throw new OperationCanceledException(stop);
        }

        var read = answer.Code is { } code ? new CallAnswer(false, CallError.OfModel(answer.Status, code, answer.Detail)) : new CallAnswer(true, new(answer.Body));
        _requests.Add(new ModelRequest(
            _requests.Count + 1, caller, ask.Model, request.Kind, ContentHash.Of(body.Span), ContentHash.Of(read.Bytes.FirstSpan), answer.Code, paid));
        return new AskedModel(read, paid?.Price.Total ?? Money.Zero);
    }

    private string CapabilityOf(int caller, ListingName agent, IReadOnlyList<AgentAsk> asks)
    {
        if (!_capabilities.TryGetValue(caller, out var token))
        {
            _capabilities.Add(caller, token = _door.Mint(new ModelCapability(
                _task.Id, _task.Token, caller, agent, _task.OwnerId, [.. asks.Select(one => new CapableModel(one.Model, one.MaxPrice))], _budget, _expiresAt)));
        }

        return token;
    }
}

/// <summary>What a request to a model gave its agent.</summary>
/// <param name="Answer">What it can read.</param>
/// <param name="Price">What that costs.</param>
internal readonly record struct AskedModel(CallAnswer Answer, Money Price);

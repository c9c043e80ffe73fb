using System.Collections.Concurrent;
using Stoa.Market.Inference.OpenAi;
using Stoa.Primitives;

namespace Stoa.Market.Tasks.Models;

/// <summary>The door by which running agents come to models: nobody passes it without a capability of an attempt that runs here.</summary>
/// <param name="key">Signs capabilities.</param>
/// <param name="gateway">Behind it.</param>
/// <param name="mostRequests">Of one task, of all its agents together; 0 where agents ask no models.</param>
/// <param name="time">The clock.</param>
public sealed class ModelDoor(CapabilityKey key, IModelGateway gateway, int mostRequests, TimeProvider time)
{
    private readonly ConcurrentDictionary<(Id<AgentTask> Task, long Attempt), ModelBudget> _running = new();

    /// <summary>Begins an attempt.</summary>
    /// <param name="task">That this node has.</param>
    /// <param name="budget">What its requests cost at most.</param>
    /// <param name="expiresAt">Its deadline.</param>
    /// <returns>Null where agents ask no models. To be disposed of at the end of the attempt: after that no capability of it opens anything.</returns>
    public TaskModels? Begin(AgentTask task, Money budget, DateTimeOffset expiresAt)
    {
        ArgumentNullException.ThrowIfNull(task);
        if (mostRequests == 0)
            return null;
        var (place, whole) = ((task.Id, task.Token), new ModelBudget(budget));
        _running[place] = whole;
        return new TaskModels(this, task, budget, expiresAt, mostRequests, () =>
        {
            // Another attempt under the same lease has a budget of its own, which is not this one's to take away.
            _running.TryRemove(new(place, whole));
            whole.Close();
        });
    }

    /// <summary>Signs what an agent may ask.</summary>
    internal string Mint(ModelCapability capability) => key.Mint(capability);

    /// <summary>Asks a model on the strength of a capability.</summary>
    /// <param name="token">The capability; it may come from anybody.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="maxAnswerBytes">The longest answer that is taken.</param>
    /// <param name="cancellationToken">Ends it at once.</param>
    /// <returns>The answer, and what it costs; no answer when the request was ended, but the model had given one and is paid.</returns>
    /// <exception cref="OperationCanceledException">It was ended, and costs nothing.</exception>
    public async Task<(ModelAnswer? Answer, PaidRequest? Paid)> AskAsync(string token, InferenceRequest request, long maxAnswerBytes, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (!Admit(token, request.Model).TryGet(out var admitted, out var refused))
            return (ModelAnswer.Refused(403, EnumWord.Of(refused.Code), refused.Detail), null);
        try
        {
            var answer = await gateway.AskAsync(admitted.Capability, admitted.Purse, request, maxAnswerBytes, cancellationToken);
            return (answer, admitted.Purse.Paid);
        }
        catch (OperationCanceledException) when (admitted.Purse.Paid is not null)
        {
            return (null, admitted.Purse.Paid);
        }
    }

    private Outcome<Admitted, CapabilityRefusal> Admit(string token, string model)
    {
        if (!key.Read(token, time.GetUtcNow()).TryGet(out var capability, out var refused))
            return refused;
        if (!_running.TryGetValue((capability.Task, capability.Attempt), out var budget))
            return new Refusal<CapabilityRefusal>(CapabilityRefusal.AttemptOver, $"{capability.Task} does not run here any more.");
        return capability.Find(model) is { } allowed
            ? new Admitted(capability, new ModelPurse(budget, (capability.Caller, allowed.Model), allowed.MaxPrice))
            : new Refusal<CapabilityRefusal>(CapabilityRefusal.ModelUndeclared, $"{capability.Task} may not ask {model}.");
    }

    private sealed record Admitted(ModelCapability Capability, ModelPurse Purse);
}

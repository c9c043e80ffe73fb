using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks.Models;

/// <summary>What one agent of one attempt may ask of models: nothing else, nobody else, no longer, and for no more.</summary>
/// <param name="Task">The task.</param>
/// <param name="Attempt">Fencing token of the lease under which it runs.</param>
/// <param name="Caller">The number of the call that asks; 0 for the task's own agent.</param>
/// <param name="Agent">The version that asks.</param>
/// <param name="Payer">Who pays for the task.</param>
/// <param name="Models">What it may ask, by the <c>asks</c> of its manifest.</param>
/// <param name="Budget">What all requests of the attempt cost at most together.</param>
/// <param name="ExpiresAt">The attempt's deadline, UTC, to the millisecond.</param>
public sealed record ModelCapability(
    Id<AgentTask> Task, long Attempt, int Caller, ListingName Agent, Id<User> Payer, IReadOnlyList<CapableModel> Models, Money Budget, DateTimeOffset ExpiresAt)
{
    /// <summary>What it says of a model, however its name is written; null when it may not be asked.</summary>
    public CapableModel? Find(string model)
    {
        var name = ModelAddress.Normalise(model);
        return Models.FirstOrDefault(one => one.Model == name);
    }
}

/// <summary>A model that may be asked.</summary>
/// <param name="Model">As requests have to name it.</param>
/// <param name="MaxPrice">The most that the requests that name it cost together.</param>
public sealed record CapableModel(string Model, Money MaxPrice);

/// <summary>Why a capability opens nothing.</summary>
public enum CapabilityRefusal
{
    /// <summary>The key of this cell has not signed it.</summary>
    NotSigned,

    /// <summary>The deadline of its attempt is over.</summary>
    Expired,

    /// <summary>Its attempt does not run here, or is over.</summary>
    AttemptOver,

    /// <summary>It does not name the model that is asked.</summary>
    ModelUndeclared,
}

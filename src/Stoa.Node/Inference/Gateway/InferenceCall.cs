using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Tasks.Models;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Who asks a model, who pays, and what else decides where it is asked.</summary>
/// <param name="Account">Whose routes hold, and in whose line it waits.</param>
/// <param name="Payer">Pays.</param>
public sealed record InferenceCall(Id<User> Account, IInferencePayer Payer)
{
    /// <summary>What the account calls the conversation that it belongs to; null for none.</summary>
    public string? Session { get; init; }

    /// <summary>Where it should be answered; null for anywhere.</summary>
    public string? Region { get; init; }

    /// <summary>What it may cost at most; null for whatever it does. What may cost more is asked of nobody.</summary>
    public Money? MostPrice { get; init; }

    /// <summary>By what right an agent asks from inside a task; null where it is none that asks.</summary>
    public ModelCapability? Capability { get; init; }

    /// <summary>Whether only servers of this cell answer it: what is bought elsewhere is not sold again.</summary>
    public bool StaysHere { get; init; }

    /// <summary>After how long without a word a second replica is asked beside the first; null for never.</summary>
    public TimeSpan? Hedge { get; init; }
}

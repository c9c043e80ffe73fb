using Stoa.Market.Registry;
using Stoa.Node.Registry.Offers;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>Agents whose calls are sold: those that were published here. One of elsewhere would be bought to be sold again.</summary>
/// <param name="agents">What was published.</param>
/// <param name="programs">Which of them has which program.</param>
public sealed class SoldAgents(IAgentStore agents, OwnPrograms programs)
{
    /// <summary>Whether an agent was published here, whether it is offered or not.</summary>
    public async Task<bool> HasAsync(ListingName agent, CancellationToken cancellationToken) =>
        await agents.FindAsync(agent, cancellationToken) is not null || await agents.FindWithdrawnAsync(agent, cancellationToken) is not null;

    /// <summary>The agent that was published first of those that have a program; null when none is offered here, or that one asks models: what it costs and gives would not be what its program says.</summary>
    public async Task<AgentVersion?> FindByProgramAsync(string digest, CancellationToken cancellationToken) =>
        ContentHash.TryParse(digest, out var program) && await programs.FindAsync(program, cancellationToken) is { Manifest.Asks.Count: 0 } agent ? agent : null;
}

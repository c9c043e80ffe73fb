using Stoa.Primitives;

namespace Stoa.Market.Registry;

/// <summary>What the entries of <c>uses</c> name, as it was when the version was published.</summary>
/// <param name="Ids">The versions, in the order of the entries.</param>
/// <param name="Tree">What may be called.</param>
public sealed record PinnedUses(IReadOnlyList<Id<AgentVersion>> Ids, CallTree Tree);

/// <summary>Finds what the <c>uses</c> of a manifest name, and reads those of a version along all that they may call.</summary>
/// <param name="agents">The catalogue.</param>
public sealed class AgentUses(IAgentStore agents)
{
    /// <summary>Looks up what a manifest names. Only what is published can be named, so nobody calls himself, however long the way.</summary>
    /// <returns>What is to be kept with the version, or <see cref="PublishRefusal.UsesInvalid"/> with every reason.</returns>
    public async Task<Outcome<PinnedUses, PublishRefusal>> PinAsync(AgentManifest manifest, CancellationToken cancellationToken)
    {
        var ids = new List<Id<AgentVersion>>();
        var branches = new List<CallBranch>();
        var errors = new List<FieldError>();
        for (var index = 0; index < manifest.Uses.Count; index++)
        {
            var use = manifest.Uses[index];
            if (await agents.FindAsync(use.Agent, cancellationToken) is not { } called)
            {
                // Who calls it already goes on; nobody begins to.
                errors.Add(new FieldError($"/uses/{index}/agent", (await agents.FindWithdrawnAsync(use.Agent, cancellationToken))?.ToString() ?? $"There is no agent {use.Agent}."));
                continue;
            }

            ids.Add(called.Id);
            var branch = new CallBranch(use, called, await OfAsync(called, cancellationToken));
            branches.Add(branch);
            errors.AddRange(Faults(branch).Select(fault => fault with { Pointer = $"/uses/{index}{fault.Pointer}" }));
        }

        var tree = new CallTree(branches) { Asks = manifest.Asks };
        if (tree.Levels > CallTree.MostLevels)
            errors.Add(new FieldError("/uses", $"The agents call each other {tree.Levels} deep; at most {CallTree.MostLevels} are possible."));
        if (tree.BranchCount > CallTree.MostBranches)
            errors.Add(new FieldError("/uses", $"With all that these call there are {tree.BranchCount} entries; at most {CallTree.MostBranches} are possible."));
        return errors.Count == 0
            ? new PinnedUses(ids, tree)
            : new Refusal<PublishRefusal>(PublishRefusal.UsesInvalid, "What agent.json says that it uses cannot be called; mend what is listed and publish again.", errors);
    }

    /// <summary>What a version may call.</summary>
    /// <exception cref="IOException">A version is not there: it stays for as long as another one calls it, so storage has not done its part.</exception>
    public async Task<CallTree> OfAsync(AgentVersion version, CancellationToken cancellationToken) => version.Manifest.IsAlone
        ? CallTree.None
        : await CallTree.ReadAsync(version, async (caller, index) => await agents.GetAsync(caller.Uses[index], cancellationToken)
            ?? throw new IOException($"The version {caller.Uses[index]}, which {caller.Listing} calls, is not in the catalogue."));

    /// <summary>Refuses what could never run: a limit above the agent's own, no memory for what it calls, a price that not even one call keeps to.</summary>
    private static IEnumerable<FieldError> Faults(CallBranch branch)
    {
        var (limits, most) = (branch.Limits, branch.Called.Manifest.Limits);
        foreach (var (name, limit, bound) in new[]
        {
            ("fuel", limits.Fuel, most.Fuel), ("memoryBytes", limits.MemoryBytes, most.MemoryBytes), ("timeoutMs", limits.TimeoutMs, most.TimeoutMs),
            ("outputBytes", limits.OutputBytes, most.OutputBytes), ("logBytes", limits.LogBytes, most.LogBytes),
        })
        {
            if (limit > bound)
                yield return new FieldError($"/limits/{name}", $"Must be at most the {bound} that {branch.Called.Listing} may use.");
        }

        if (limits.MemoryBytes <= branch.Calls.RoomBytes)
            yield return new FieldError("/limits/memoryBytes", $"{branch.Called.Listing} keeps {branch.Calls.RoomBytes} bytes for what it calls; allow more than that.");
        if (branch.PriceAtLimits(inputBytes: 0) is not { } atLimits)
            yield return new FieldError("/limits", $"At these limits a call is beyond any amount of money. Give lower ones.");
        else if (atLimits > branch.Use.MaxPrice)
            yield return new FieldError("/maxPrice", $"At its limits one call without input costs {atLimits} USD. Allow that, or give lower limits.");
    }
}

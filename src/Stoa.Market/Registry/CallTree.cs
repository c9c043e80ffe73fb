using Stoa.Primitives;

namespace Stoa.Market.Registry;

/// <summary>What an agent may call, and what those may call, and so on, and which models each may ask. It follows from the version and so never changes.</summary>
/// <param name="Branches">In the order of <c>uses</c>.</param>
public sealed record CallTree(IReadOnlyList<CallBranch> Branches)
{
    /// <summary>How many agents may stand above each other, the one that is submitted included.</summary>
    public const int MostLevels = 4;

    /// <summary>How many branches a tree may have in all.</summary>
    public const int MostBranches = 64;

    /// <summary>Of an agent that calls nobody and asks no model.</summary>
    public static CallTree None { get; } = new([]);

    /// <summary>The models that the agent itself may ask, in the order of <c>asks</c>.</summary>
    public IReadOnlyList<AgentAsk> Asks { get; init; } = [];

    /// <summary>Whether nothing can be called or asked.</summary>
    public bool IsEmpty => Branches.Count == 0 && Asks.Count == 0;

    /// <summary>Whether a model can be asked, at any level.</summary>
    public bool MayAsk => Asks.Count > 0 || Branches.Any(branch => branch.Calls.MayAsk);

    /// <summary>How many agents stand above each other, from 1.</summary>
    public int Levels => 1 + Branches.Select(branch => branch.Calls.Levels).DefaultIfEmpty(0).Max();

    /// <summary>How many branches there are in all.</summary>
    public int BranchCount => Branches.Sum(branch => 1 + branch.Calls.BranchCount);

    /// <summary>What of the agent's memory limit is kept for its calls: one at a time runs, with its input before it and its output behind it; so do requests to models.</summary>
    /// <remarks>A called agent's memory limit covers what it calls in turn, so the limit of a task covers its whole tree.</remarks>
    public long RoomBytes => Branches.Select(branch => branch.RoomBytes).Concat(Asks.Select(ask => ask.RoomBytes)).DefaultIfEmpty(0).Max();

    /// <summary>The most that calls, at all levels, and requests to models cost when the agent runs once.</summary>
    public Money MostPrice => Branches.Aggregate(Money.Zero, (sum, branch) => sum + branch.Use.MaxPrice) + Asks.Aggregate(Money.Zero, (sum, ask) => sum + ask.MaxPrice);

    /// <summary>Every agent that can be called, at all levels; one that several call is there several times.</summary>
    public IEnumerable<AgentVersion> Agents => Branches.SelectMany(branch => branch.Calls.Agents.Prepend(branch.Called));

    /// <summary>Reads the tree of a version.</summary>
    /// <param name="agent">The version.</param>
    /// <param name="find">Finds what an entry of a version's <c>uses</c> names.</param>
    /// <exception cref="InvalidOperationException">It is deeper than any that can be published.</exception>
    public static Task<CallTree> ReadAsync(AgentVersion agent, Func<AgentVersion, int, Task<AgentVersion>> find) => ReadAsync(agent, find, level: 1);

    private static async Task<CallTree> ReadAsync(AgentVersion agent, Func<AgentVersion, int, Task<AgentVersion>> find, int level)
    {
        var (uses, asks) = (agent.Manifest.Uses, agent.Manifest.Asks);
        if (uses.Count == 0)
            return asks.Count == 0 ? None : None with { Asks = asks };
        if (level >= MostLevels)
            throw new InvalidOperationException($"{agent.Listing} calls others more than {MostLevels} levels deep.");
        var branches = new List<CallBranch>(uses.Count);
        for (var index = 0; index < uses.Count; index++)
        {
            var called = await find(agent, index);
            branches.Add(new CallBranch(uses[index], called, await ReadAsync(called, find, level + 1)));
        }

        return new CallTree(branches) { Asks = asks };
    }
}

/// <summary>One agent that may be called.</summary>
/// <param name="Use">On which terms.</param>
/// <param name="Called">The version.</param>
/// <param name="Calls">What it may call in turn.</param>
public sealed record CallBranch(AgentUse Use, AgentVersion Called, CallTree Calls)
{
    /// <summary>What one call may use.</summary>
    public AgentLimits Limits { get; } = Use.LimitsOf(Called.Manifest.Limits);

    /// <summary>Memory for one call: its input, the agent, its output.</summary>
    public long RoomBytes => Use.MaxInputBytes + Limits.MemoryBytes + Limits.OutputBytes;

    /// <summary>The most that one call costs, with whatever it calls; null when that is beyond any amount of money.</summary>
    public Money? PriceAtLimits(long inputBytes) => Called.Manifest.Price.TryPrice(PricedWork.AtLimits(inputBytes, Limits), out var parts)
        && parts.Total <= AgentUse.MostPrice ? parts.Total + Calls.MostPrice : null;
}

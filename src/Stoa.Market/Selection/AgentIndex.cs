using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Selection;

/// <summary>All agents in memory, by capability: the best for a task is found without asking a database.</summary>
/// <remarks>
/// Built for 100,000 agents. What it knows comes from outside: <see cref="Put"/> when a version is published, <see cref="Set"/> when
/// statistics change; both may come late or twice. Safe for many threads: any number choose at the same time.
/// </remarks>
/// <param name="policy">How the best is chosen.</param>
/// <param name="landmark">Now, at its creation: instants are kept relative to it.</param>
public sealed class AgentIndex(SelectionPolicy policy, DateTimeOffset landmark) : IDisposable
{
    private readonly ReaderWriterLockSlim gate = new();
    private readonly Dictionary<string, AgentSlot> slots = new(StringComparer.Ordinal);
    private readonly Dictionary<string, CapabilityGroup> groups = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AgentStats> early = new(StringComparer.Ordinal);
    private readonly HashSet<string> inDemand = new(StringComparer.Ordinal);

    private readonly TaskCompletionSource loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends once all that was published before the start is in it.</summary>
    public Task Loaded => loaded.Task;

    /// <summary>Says that all that was published before the start is in it.</summary>
    public void SetLoaded() => loaded.TrySetResult();

    /// <summary>How many agents it knows.</summary>
    public int Count => Reading(() => slots.Count);

    /// <summary>Adds an agent, or takes a newer version of it in place of the older one.</summary>
    public void Put(IndexedAgent agent) => Writing(() =>
    {
        if (slots.TryGetValue(agent.Name, out var slot))
        {
            foreach (var (group, index) in slot.Places.ToList())
                group.Remove(slot, index);
            if (agent.Id != slot.Agent.Id)
            {
                slot.Open = 0;
                inDemand.Remove(agent.Name);
            }

            slot.Agent = agent;
        }
        else
        {
            slots.Add(agent.Name, slot = new AgentSlot(agent));
            if (early.Remove(agent.Name, out var stats))
                Learn(slot, stats);
        }

        foreach (var capability in agent.Capabilities)
        {
            if (!groups.TryGetValue(capability, out var group))
                groups.Add(capability, group = new CapabilityGroup());
            group.Add(slot);
        }
    });

    /// <summary>Takes statistics, unless it has newer ones.</summary>
    public void Set(AgentStats stats) => Writing(() =>
    {
        if (!slots.TryGetValue(stats.Agent, out var slot))
        {
            early[stats.Agent] = stats;
            return;
        }

        if (slot.Stats?.Revision >= stats.Revision)
            return;
        var before = slot.Sums;
        Learn(slot, stats);
        foreach (var (group, index) in slot.Places)
            group.Change(index, before);
    });

    /// <summary>Counts tasks that an agent is given, or that end.</summary>
    /// <param name="agent"><c>publisher/name</c>.</param>
    /// <param name="more">Negative for those that end.</param>
    public void AddLoad(string agent, int more) => Reading(() =>
    {
        if (slots.TryGetValue(agent, out var slot))
            slot.AddLoad(more);
        return 0;
    });

    /// <summary>Says how many tasks of a version wait or run in the cell: that is what its demand factor follows.</summary>
    /// <param name="agent"><c>publisher/name</c>.</param>
    /// <param name="version">Another one than the newest is left out of account.</param>
    /// <param name="open">Up to its capacity.</param>
    public void SetOpen(string agent, Id<AgentVersion> version, int open) => ChangeOpen(agent, version, _ => open);

    /// <summary>Counts one more, until the next count of all.</summary>
    /// <param name="agent"><c>publisher/name</c>.</param>
    /// <param name="version">Another one than the newest is left out of account.</param>
    public void AddOpen(string agent, Id<AgentVersion> version) => ChangeOpen(agent, version, open => open + 1);

    /// <summary>The newest versions of which tasks were open when they were last counted.</summary>
    public IReadOnlyList<(string Agent, Id<AgentVersion> Version)> InDemand => Reading(() => inDemand.Select(name => (name, slots[name].Agent.Id)).ToList());

    /// <summary>What is known of an agent; null when nothing is.</summary>
    public AgentStats? StatsOf(string agent) => Reading(() => slots.GetValueOrDefault(agent)?.Stats);

    /// <summary>Chooses an agent for a task.</summary>
    /// <param name="query">The task.</param>
    /// <param name="now">UTC.</param>
    /// <param name="random">Chance of exploring and of the draw between equals; a seeded one repeats a choice.</param>
    public Choice Choose(SelectionQuery query, DateTimeOffset now, Random random) => Reading(() =>
    {
        var group = SmallestOf(query.Requirement.Capabilities);
        return group is null
            ? new Choice(now, query.Requirement.Weights, [], 0, new Dictionary<Unfit, int>(), IsExploring: false, new TypicalCandidate(0, 0, 0, 0))
            : new Chooser(policy, group, query, now, landmark, random).Choose(slots);
    });

    public void Dispose() => gate.Dispose();

    private CapabilityGroup? SmallestOf(IReadOnlyList<string> capabilities)
    {
        CapabilityGroup? smallest = null;
        foreach (var capability in capabilities)
        {
            if (!groups.TryGetValue(capability, out var group) || group.Count == 0)
                return null;
            if (smallest is null || group.Count < smallest.Count)
                smallest = group;
        }

        return smallest;
    }

    private void ChangeOpen(string agent, Id<AgentVersion> version, Func<int, int> change) => Writing(() =>
    {
        if (!slots.TryGetValue(agent, out var slot) || slot.Agent.Id != version)
            return;
        var open = change(slot.Open);
        if (open == slot.Open)
            return;
        slot.Open = open;
        if (open > 0)
            inDemand.Add(agent);
        else
            inDemand.Remove(agent);
        foreach (var (group, index) in slot.Places)
            group.Change(index, slot.Sums);
    });

    private void Learn(AgentSlot slot, AgentStats stats)
    {
        slot.Stats = stats;
        slot.Sums = AgentSums.Of(stats, landmark);
    }

    private T Reading<T>(Func<T> read)
    {
        gate.EnterReadLock();
        try
        {
            return read();
        }
        finally
        {
            gate.ExitReadLock();
        }
    }

    private void Writing(Action write)
    {
        gate.EnterWriteLock();
        try
        {
            write();
        }
        finally
        {
            gate.ExitWriteLock();
        }
    }
}

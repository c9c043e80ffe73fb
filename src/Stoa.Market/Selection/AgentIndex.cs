using System.Collections.Concurrent;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Selection;

/// <summary>All agents in memory, by capability: the best for a task is found without asking a database.</summary>
/// <remarks>
/// Built for 100,000 agents. What it knows comes from outside: <see cref="Put"/> when a version is published, <see cref="Set"/> when
/// statistics change; both may come late or twice. Safe for many threads: any number choose at the same time, and they wait neither for
/// each other nor for those who change something.
/// </remarks>
/// <param name="policy">How the best is chosen.</param>
/// <param name="landmark">Now, at its creation: instants are kept relative to it.</param>
public sealed class AgentIndex(SelectionPolicy policy, DateTimeOffset landmark)
{
    private readonly Lock _writing = new();
    private readonly ConcurrentDictionary<string, AgentSlot> _slots = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, CapabilityGroup> _groups = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AgentStats> _early = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<string> _loadedElsewhere = [];
    private readonly HashSet<string> _inDemand = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> _withVolume = new(StringComparer.Ordinal);
    private int _count;

    /// <summary>How the best is chosen.</summary>
    public SelectionPolicy Policy => policy;

    /// <summary>Ends once all that was published before the start is in it.</summary>
    public Task Loaded => _loaded.Task;

    /// <summary>Says that all that was published before the start is in it.</summary>
    public void SetLoaded() => _loaded.TrySetResult();

    /// <summary>How many agents it knows.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Adds an agent, or takes a newer version of it in place of the older one.</summary>
    public void Put(IndexedAgent agent)
    {
        lock (_writing)
        {
            IndexedAgent? replaced = null;
            if (_slots.TryGetValue(agent.Name, out var slot))
            {
                var before = slot.State;
                var isSame = before.Agent.Id == agent.Id;
                slot.State = before with { Agent = agent, Open = isSame ? before.Open : 0 };
                if (!isSame)
                    _inDemand.Remove(agent.Name);
                replaced = slot.Places.Length > 0 ? before.Agent : null;
            }
            else
            {
                slot = new AgentSlot(_count, _early.Remove(agent.Name, out var stats)
                    ? new AgentState(agent, stats, AgentSums.Of(stats, landmark))
                    : new AgentState(agent, null, default));
                _slots[agent.Name] = slot;
                Volatile.Write(ref _count, _count + 1);
            }

            CountVolume(agent, 1);
            CountVolume(replaced, -1);
            slot.Places = PlacesOf(slot, agent.Capabilities.Distinct(StringComparer.Ordinal).Select(GroupOf));
        }
    }

    /// <summary>Has none of a publisher's agents chosen any more. What is known of them stays, for tasks that have them.</summary>
    public void Withdraw(Id<User> publisher)
    {
        lock (_writing)
        {
            foreach (var (name, slot) in _slots.Where(one => one.Value.State.Agent.PublisherId == publisher))
                Withdraw(name, slot);
        }
    }

    /// <summary>Has an agent chosen no more, until it is put again.</summary>
    /// <param name="agent"><c>publisher/name</c>.</param>
    public void Withdraw(string agent)
    {
        lock (_writing)
        {
            if (_slots.TryGetValue(agent, out var slot))
                Withdraw(agent, slot);
        }
    }

    /// <summary>Takes statistics, unless it has newer ones.</summary>
    public void Set(AgentStats stats)
    {
        // What suspensions are decided by is the store's: no choice asks for it, and there may be very many agents.
        stats = stats with { LastWords = "" };
        lock (_writing)
        {
            if (!_slots.TryGetValue(stats.Agent, out var slot))
            {
                _early[stats.Agent] = stats;
                return;
            }

            var before = slot.State;
            if (before.Stats?.Revision >= stats.Revision)
                return;
            var after = before with { Stats = stats, Sums = AgentSums.Of(stats, landmark) };
            slot.State = after;
            var more = Totals.Of(after.Sums) - Totals.Of(before.Sums);
            foreach (var (group, index) in slot.Places)
                group.Change(index, after, more);
        }
    }

    /// <summary>Counts tasks that an agent is given here, or that end.</summary>
    /// <param name="agent"><c>publisher/name</c>.</param>
    /// <param name="more">Negative for those that end.</param>
    public void AddLoad(string agent, int more)
    {
        if (_slots.TryGetValue(agent, out var slot))
            slot.AddLoad(more);
    }

    /// <summary>Says what agents have to do at the other nodes of the cell.</summary>
    /// <param name="loads">Tasks by <c>publisher/name</c>; nothing of those that are not named.</param>
    public void SetLoadElsewhere(IReadOnlyDictionary<string, int> loads)
    {
        lock (_writing)
        {
            foreach (var agent in _loadedElsewhere.Where(agent => !loads.ContainsKey(agent)))
                _slots[agent].LoadElsewhere = 0;
            _loadedElsewhere.Clear();
            foreach (var (agent, load) in loads)
            {
                if (!_slots.TryGetValue(agent, out var slot))
                    continue;
                slot.LoadElsewhere = load;
                _loadedElsewhere.Add(agent);
            }
        }
    }

    /// <summary>Says how many tasks of a version are due or run in the cell, of each consumer up to his share: that is what its demand factor follows.</summary>
    /// <param name="agent"><c>publisher/name</c>.</param>
    /// <param name="version">Another one than the newest is left out of account.</param>
    /// <param name="open">Up to its capacity.</param>
    public void SetOpen(string agent, Id<AgentVersion> version, int open) => ChangeOpen(agent, version, (_, _) => open);

    /// <summary>Counts more of one consumer, until the next count of all.</summary>
    /// <param name="agent"><c>publisher/name</c>.</param>
    /// <param name="version">Another one than the newest is left out of account.</param>
    /// <param name="more">How many; counted up to his share.</param>
    public void AddOpen(string agent, Id<AgentVersion> version, int more) =>
        ChangeOpen(agent, version, (open, demand) => open + Math.Min(more, demand?.ConsumerShare ?? 0));

    /// <summary>The newest versions of which tasks were open when they were last counted.</summary>
    public IReadOnlyList<(string Agent, Id<AgentVersion> Version)> InDemand
    {
        get
        {
            lock (_writing)
                return [.. _inDemand.Select(name => (name, _slots[name].State.Agent.Id))];
        }
    }

    /// <summary>Whether it has an agent that can do this.</summary>
    public bool Knows(string capability) => _groups.TryGetValue(capability, out var group) && group.Count > 0;

    /// <summary>Whether the price of any agent that may have these capabilities depends on what it has done for the consumer: only then need that be known.</summary>
    public bool HasVolume(Requirement requirement) => requirement.Capabilities.All(capability => _withVolume.GetValueOrDefault(capability) > 0);

    /// <summary>What is known of an agent; null when nothing is.</summary>
    public AgentStats? StatsOf(string agent) => _slots.GetValueOrDefault(agent)?.State.Stats;

    /// <summary>Chooses an agent for a task.</summary>
    /// <param name="query">The task.</param>
    /// <param name="now">UTC.</param>
    /// <param name="random">Chance of exploring and of the draw between equals; a seeded one repeats a choice.</param>
    public Choice Choose(SelectionQuery query, DateTimeOffset now, Random random)
    {
        var wanted = new Dictionary<string, CapabilityGroup>(StringComparer.Ordinal);
        foreach (var capability in query.Requirement.Capabilities)
        {
            if (!_groups.TryGetValue(capability, out var group))
                return new Choice(now, query.Requirement.Weights, [], 0, new Dictionary<Unfit, int>(), IsExploring: false, new TypicalCandidate(0, 0, 0, 0));
            wanted[capability] = group;
        }

        var (smallest, agents) = wanted.MinBy(entry => entry.Value.Count);
        wanted.Remove(smallest);
        var choice = new Chooser(policy, agents, wanted, query, now, landmark, random).Choose(_slots);
        return query.Preference?.Weigh(choice) ?? choice;
    }

    private void Withdraw(string name, AgentSlot slot)
    {
        if (slot.Places.Length > 0)
            CountVolume(slot.State.Agent, -1);
        slot.Places = PlacesOf(slot, []);
        _inDemand.Remove(name);
    }

    /// <summary>Takes an agent into groups, and out of those it was in besides.</summary>
    private static GroupPlace[] PlacesOf(AgentSlot slot, IEnumerable<CapabilityGroup> groups)
    {
        var before = slot.Places.ToDictionary(place => place.Group, place => place.Index);
        var places = new List<GroupPlace>(before.Count);
        foreach (var group in groups)
        {
            if (before.Remove(group, out var index))
                group.Replace(index, slot);
            else
                index = group.Add(slot);
            places.Add(new GroupPlace(group, index));
        }

        foreach (var (group, index) in before)
            group.Remove(index, slot);
        return [.. places];
    }

    /// <summary>Counts in each capability who has a volume factor.</summary>
    private void CountVolume(IndexedAgent? agent, int more)
    {
        foreach (var capability in agent?.Factors.Volume is null ? [] : agent.Capabilities.Distinct(StringComparer.Ordinal))
            _withVolume[capability] = _withVolume.GetValueOrDefault(capability) + more;
    }

    private CapabilityGroup GroupOf(string capability) => _groups.GetOrAdd(capability, static (_, landmark) => new CapabilityGroup(landmark), landmark);

    private void ChangeOpen(string agent, Id<AgentVersion> version, Func<int, DemandFactor?, int> change)
    {
        lock (_writing)
        {
            if (!_slots.TryGetValue(agent, out var slot) || slot.State.Agent.Id != version)
                return;
            var open = change(slot.State.Open, slot.State.Agent.Factors.Demand);
            if (open == slot.State.Open)
                return;
            slot.State = slot.State with { Open = open };
            if (open > 0)
                _inDemand.Add(agent);
            else
                _inDemand.Remove(agent);
            foreach (var (group, index) in slot.Places)
                group.Replace(index, slot);
        }
    }
}

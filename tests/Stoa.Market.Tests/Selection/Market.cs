using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Selection;

/// <summary>Agents, their payers and their receipts, as a store would keep them, before an index.</summary>
internal sealed class Market
{
    public static readonly DateTimeOffset Start = new(2026, 6, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Dictionary<string, AgentStats> _stats = [];
    private readonly Dictionary<(string Agent, Id<User> Payer), (double Sum, HashSet<string> Publishers)> _payers = [];
    private readonly Dictionary<Id<User>, HashSet<string>> _publishersOf = [];
    private readonly Dictionary<string, Id<User>> _publishers = [];
    private readonly Dictionary<(string Agent, Id<User> Payer), ReviewVoice> _reviews = [];

    public AgentIndex Index { get; } = new(new SelectionPolicy { ExplorationShare = 0 }, Start);

    public DateTimeOffset Now { get; set; } = Start;

    /// <summary>Publishes <c>publisher/name</c>.</summary>
    public IndexedAgent Publish(
        string name, string price = "0.01", string[]? capabilities = null, AgentLimits? limits = null, string perGigafuel = "0", AgentPort? input = null)
    {
        var publisher = name.Split('/')[0];
        _publishers.TryAdd(publisher, TaskSamples.Ids.Next<User>());
        var agent = new IndexedAgent(
            TaskSamples.Ids.Next<AgentVersion>(),
            ListingName.Parse($"{name}@1.0.0"),
            _publishers[publisher],
            capabilities ?? ["text.upper"],
            new AgentPrice(Money.Parse(price), Money.Zero, Money.Parse(perGigafuel)),
            limits ?? TaskSamples.Limits,
            input ?? new AgentPort("text/plain", null),
            []);
        Index.Put(agent);
        return agent;
    }

    /// <summary>Attempts of one payer, weighed as the store weighs them.</summary>
    public AgentStats End(
        string agent, Id<User> payer, Verdict verdict = Verdict.Good, int count = 1, string price = "0.01", long durationMs = 100, long fuel = 1_000_000_000)
    {
        var publisher = agent.Split('/')[0];
        var known = _publishersOf.TryGetValue(payer, out var paid) ? paid : _publishersOf[payer] = [];
        var (sum, _) = _payers.GetValueOrDefault((agent, payer));
        var unit = Decay.WeightAt(Now);
        var others = known.Count(other => other != publisher);
        var weight = Reputation.WeightOf(sum / unit, count, others) / count;
        _payers[(agent, payer)] = (sum + (count * unit), known);
        if (verdict is Verdict.Good)
            known.Add(publisher);
        for (var i = 0; i < count; i++)
        {
            _stats[agent] = _stats.GetValueOrDefault(agent, new AgentStats { Agent = agent }).After(
                new EndedAttempt(
                    agent, _publishers[publisher], payer, verdict, verdict is Verdict.Good ? "" : "trap",
                    verdict is Verdict.Good ? Money.Parse(price) : Money.Zero, fuel, 1_000_000, durationMs, Now),
                weight,
                others);
        }

        Index.Set(_stats[agent]);
        return _stats[agent];
    }

    /// <summary>What a payer says of an agent, in the place of what he said before; 0 stars to take it back.</summary>
    /// <param name="agent"><c>publisher/name</c>.</param>
    /// <param name="payer">Who has a receipt of it.</param>
    /// <param name="stars">0 to 5.</param>
    /// <param name="price">Of the task whose receipt it is.</param>
    /// <param name="receiptAt">When that ended; null for now.</param>
    public AgentStats Review(string agent, Id<User> payer, int stars, string price = "0.01", DateTimeOffset? receiptAt = null)
    {
        var before = _reviews.GetValueOrDefault((agent, payer));
        var known = _stats[agent].Hear(before, ReviewVoice.None, Now);
        var others = _publishersOf.TryGetValue(payer, out var paid) ? paid.Count(other => other != agent.Split('/')[0]) : 0;
        var voice = stars == 0 ? ReviewVoice.None : ReviewVoice.Of(stars, Money.Parse(price), others, receiptAt ?? Now, known);
        _reviews[(agent, payer)] = voice;
        _stats[agent] = _stats[agent].Hear(before, voice, Now);
        Index.Set(_stats[agent]);
        return _stats[agent];
    }

    /// <summary>One attempt for each of many payers who also pay others; the faults lie evenly among them.</summary>
    public void Serve(string agent, int payerCount, string price = "0.01", long durationMs = 100, int faults = 0)
    {
        for (var i = 0; i < payerCount; i++)
        {
            var payer = Customer();
            End(agent, payer, (i + 1) * faults / payerCount > i * faults / payerCount ? Verdict.Fault : Verdict.Good, price: price, durationMs: durationMs);
        }
    }

    /// <summary>Somebody who has paid three publishers before.</summary>
    public Id<User> Customer()
    {
        var payer = TaskSamples.Ids.Next<User>();
        _publishersOf[payer] = ["some", "other", "publishers"];
        return payer;
    }

    public Id<User> PublisherOf(string agent) => _publishers[agent.Split('/')[0]];

    public Choice Choose(
        Random? random = null, SelectionWeights? weights = null, string? budget = null, TimeSpan? timeLeft = null, double minReputation = 0,
        string[]? capabilities = null, string[]? excluded = null, Func<IndexedAgent, bool>? takes = null, long maxMemoryBytes = 1L << 40, bool explores = true, int priority = 1,
        IReadOnlyDictionary<string, long>? paid = null)
    {
        var limit = budget is null ? (Money?)null : Money.Parse(budget);
        return Index.Choose(
            new SelectionQuery(
                new Requirement(capabilities ?? ["text.upper"], limit, null, minReputation, weights ?? SelectionWeights.Default, explores),
                InputBytes: 1_000,
                limit,
                timeLeft,
                maxMemoryBytes,
                new LimitCaps(),
                excluded ?? [],
                takes ?? (_ => true))
            {
                Priority = priority,
                Paid = paid ?? SelectionQuery.NonePaid,
            },
            Now,
            random ?? new Random(1));
    }

    public double ReputationOf(string agent, string? price = null)
    {
        if (price is not null)
            Publish(agent, price);
        // It is asked about, not chosen: a suspension does not hide it.
        if (_stats.TryGetValue(agent, out var known) && known.SuspendedUntil is not null)
            Index.Set(_stats[agent] = known with { SuspendedUntil = null, Revision = known.Revision + 1 });
        return Choose().Candidates.Single(candidate => candidate.Agent.Name == agent).Reputation;
    }
}

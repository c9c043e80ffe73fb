namespace Stoa.Market.Registry.Discovery;

/// <summary>Which agents the same consumers use. It says nothing that fewer than so many of them have in common.</summary>
/// <remarks>Two that many use have many consumers in common by chance: they are put in order by the cosine of who uses them, n(a, b) ÷ √(n(a) · n(b)).</remarks>
public sealed class UsedTogether
{
    /// <summary>The most that are named beside one agent.</summary>
    public const int MostBeside = 10;

    /// <summary>The most agents of one consumer that are looked at: those he uses most. One who uses everything says nothing.</summary>
    public const int MostOfConsumer = 30;

    private readonly Dictionary<string, IReadOnlyList<string>> _beside;

    private UsedTogether(Dictionary<string, IReadOnlyList<string>> beside) => _beside = beside;

    /// <summary>Nothing is known.</summary>
    public static UsedTogether Nothing { get; } = new([]);

    /// <summary>Counts.</summary>
    /// <param name="uses">Who has used what, each pair once; those of a consumer in order, what he uses most first.</param>
    /// <param name="leastConsumers">How many have to have used both, at least 2.</param>
    public static UsedTogether Of(IEnumerable<(string Consumer, string Agent)> uses, int leastConsumers)
    {
        ArgumentNullException.ThrowIfNull(uses);
        ArgumentOutOfRangeException.ThrowIfLessThan(leastConsumers, 2);
        var byConsumer = uses.GroupBy(use => use.Consumer, use => use.Agent, StringComparer.Ordinal).Select(agents => agents.Take(MostOfConsumer).ToList()).ToList();
        var consumers = byConsumer.SelectMany(agents => agents).GroupBy(agent => agent, StringComparer.Ordinal).ToDictionary(agent => agent.Key, agent => agent.Count(), StringComparer.Ordinal);
        // Of what too few use no pair can have enough: that is nearly all, and is not counted.
        string[] names = [.. consumers.Where(agent => agent.Value >= leastConsumers).Select(agent => agent.Key).Order(StringComparer.Ordinal)];
        var numbers = names.Select((name, number) => (name, number)).ToDictionary(agent => agent.name, agent => agent.number, StringComparer.Ordinal);
        var pairs = new Dictionary<(int, int), int>();
        foreach (var agents in byConsumer)
        {
            int[] own = [.. agents.Where(numbers.ContainsKey).Select(agent => numbers[agent]).Order()];
            for (var first = 0; first < own.Length; first++)
            {
                for (var second = first + 1; second < own.Length; second++)
                    pairs[(own[first], own[second])] = pairs.GetValueOrDefault((own[first], own[second])) + 1;
            }
        }

        var beside = new Dictionary<string, List<(string Agent, double Closeness)>>(StringComparer.Ordinal);
        foreach (var ((first, second), common) in pairs)
        {
            if (common < leastConsumers)
                continue;
            var closeness = common / Math.Sqrt((double)consumers[names[first]] * consumers[names[second]]);
            Add(names[first], names[second], closeness);
            Add(names[second], names[first], closeness);
        }

        return new UsedTogether(beside.ToDictionary(
            agent => agent.Key,
            agent => (IReadOnlyList<string>)[.. agent.Value.OrderByDescending(other => other.Closeness).ThenBy(other => other.Agent, StringComparer.Ordinal).Take(MostBeside).Select(other => other.Agent)],
            StringComparer.Ordinal));

        void Add(string agent, string other, double closeness)
        {
            if (!beside.TryGetValue(agent, out var others))
                beside[agent] = others = [];
            others.Add((other, closeness));
        }
    }

    /// <summary>What is used with an agent, closest first.</summary>
    public IReadOnlyList<string> With(string agent) => _beside.GetValueOrDefault(agent) ?? [];
}

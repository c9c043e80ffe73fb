using System.Numerics;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <content>What the tasks of a batch have in common.</content>
public sealed partial class SubmitTask
{
    /// <summary>What is counted once for all tasks of a batch that is being made: how many tasks of agents with a demand factor are due or run, where the later ones find
    /// the earlier ones waiting, and for how many the consumer has paid this month.</summary>
    internal sealed class BatchCounts
    {
        private readonly Dictionary<Id<AgentVersion>, (OpenTasks Before, int More)> _counts = [];
        private readonly Dictionary<string, long> _paid = new(StringComparer.Ordinal);

        // Each asks all suppliers that offer a program.
        private const int MaxQuotes = 32;

        private readonly Dictionary<Asked, Outcome<Money, TaskRefusal>> _quotes = [];
        private readonly Dictionary<(Asked Asked, string Name), Money[]> _runQuotes = [];

        /// <summary>Agents that were published elsewhere, by the names that they were looked for by; null for those that were not found.</summary>
        public Dictionary<ListingName, ForeignAgent?> Foreign { get; } = [];

        /// <summary>What tasks like this one can cost at suppliers, who are asked once for all that are about as large: for the next power of two of bytes. What is held too much is released.</summary>
        public async Task<Outcome<Money, TaskRefusal>> QuoteAsync(IRemoteOffers suppliers, QuoteRequest request, Money? most, CancellationToken cancellationToken)
        {
            var rounded = Rounded(request);
            var key = new Asked(rounded, most);
            if (_quotes.TryGetValue(key, out var quoted))
                return quoted;
            if (IsFull)
                return TooMany();
            quoted = await suppliers.QuoteAsync(rounded, most, cancellationToken);
            _quotes.Add(key, quoted);
            return quoted;
        }

        /// <summary>What each supplier takes for a run that is to be compared with others, asked for in the same way.</summary>
        public async Task<Outcome<Money[], TaskRefusal>> QuoteRunsAsync(IRemoteOffers suppliers, QuoteRequest request, string name, CancellationToken cancellationToken)
        {
            var rounded = Rounded(request);
            var key = (new Asked(rounded, null), name);
            if (_runQuotes.TryGetValue(key, out var quoted))
                return quoted;
            if (IsFull)
                return TooMany();
            quoted = [.. await suppliers.QuoteRunsAsync(rounded, name, cancellationToken)];
            _runQuotes.Add(key, quoted);
            return quoted;
        }

        /// <summary>The paid tasks of all agents; null when they were not counted.</summary>
        public IReadOnlyDictionary<string, long>? Paid { get; private set; }

        /// <summary>The paid tasks of an agent, <c>publisher/name</c>; null when they were not counted.</summary>
        public long? PaidOf(string agent) => _paid.TryGetValue(agent, out var paid) ? paid : Paid?.GetValueOrDefault(agent);

        public void SetPaid(string agent, long paid) => _paid[agent] = paid;

        public void SetPaid(IReadOnlyDictionary<string, long> paid) => Paid = paid;

        public int? CountOf(Id<AgentVersion> agent, DemandFactor demand) =>
            _counts.TryGetValue(agent, out var count) ? count.Before.With(count.More, demand) : null;

        public void Begin(Id<AgentVersion> agent, OpenTasks before) => _counts[agent] = (before, 0);

        public void Add(Id<AgentVersion> agent)
        {
            if (_counts.TryGetValue(agent, out var count))
                _counts[agent] = (count.Before, count.More + 1);
        }

        private bool IsFull => _quotes.Count + _runQuotes.Count >= MaxQuotes;

        private static QuoteRequest Rounded(QuoteRequest request) => request with { InputBytes = (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(1, request.InputBytes)) };

        private static Refusal<TaskRefusal> TooMany() => Refuse(
            TaskRefusal.NotSupplied,
            $"Suppliers are asked for at most {MaxQuotes} prices for one batch, and its tasks differ more than that in program, size, limits, regions and price. Make several batches of it.");

        /// <summary>What is asked for once.</summary>
        private sealed record Asked(ContentHash Program, long InputBytes, AgentLimits Limits, string Regions, string Preferred, Money? Most)
        {
            public Asked(QuoteRequest request, Money? most)
                : this(request.Program, request.InputBytes, request.Limits, string.Join(' ', request.Places.Regions), string.Join(' ', request.Places.Preferred), most)
            {
            }
        }
    }
}

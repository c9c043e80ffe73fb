using System.Text.Json;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Selection;

/// <summary>Statistics inside a session: they are written with the end of the attempt that they are of, or not at all.</summary>
public static class SqlAgentStats
{
    /// <summary>Adds what the ends of attempts say, and has the index told once that is durable.</summary>
    /// <returns>What is told to the publishers of agents that are suspended for it.</returns>
    internal static async Task<IReadOnlyList<NewEvent>> LearnAsync(SqlSession session, IReadOnlyList<AttemptEnd> ends, AgentIndex? index)
    {
        var ended = ends.Select(end => end.Verdict).OfType<EndedAttempt>().ToList();
        var learnt = await AddAsync(session, ended);
        TellIndex(session, [.. learnt.Select(one => one.Now)], index);
        return [.. learnt
            .Where(one => one.Now.SuspendedUntil is { } until && until != one.Before.SuspendedUntil)
            .Select(one => (Stats: one.Now, Last: ended.Last(attempt => attempt.Agent == one.Now.Agent)))
            .Select(one => SelectionEvents.Suspended(one.Stats, one.Last.PublisherId, one.Last.At))];
    }

    /// <summary>Adds attempts that have ended, in order.</summary>
    /// <remarks>On PostgreSQL those who end attempts of one agent wait for each other from here to their commits: call it late.</remarks>
    /// <returns>The statistics of each agent among them as they are now.</returns>
    public static async Task<IReadOnlyList<AgentStats>> RecordAsync(SqlSession session, IReadOnlyList<EndedAttempt> ended)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(ended);
        return [.. (await AddAsync(session, ended)).Select(one => one.Now)];
    }

    private static async Task<IReadOnlyList<(AgentStats Before, AgentStats Now)>> AddAsync(SqlSession session, IReadOnlyList<EndedAttempt> ended)
    {
        if (ended.Count == 0)
            return [];
        var stats = await LockAsync(session, [.. ended.Select(attempt => attempt.Agent).Distinct()]);
        var payers = await PayersAsync(session, [.. ended.Select(attempt => (attempt.PayerId, attempt.Agent)).Distinct()]);
        var before = stats.ToDictionary();
        var weights = new Dictionary<(string Agent, Id<User> Payer), (double Weight, int Others)>();
        var heard = new List<PayerRow>();
        foreach (var group in ended.GroupBy(attempt => (attempt.Agent, attempt.PayerId)))
        {
            var publisher = PublisherOf(group.Key.Agent);
            var count = group.Count();
            var unit = Decay.WeightAt(group.Last().At);
            var known = payers[group.Key.PayerId].ToList();
            var receipts = known.FirstOrDefault(row => row.Agent == group.Key.Agent)?.Receipts ?? 0;
            var others = CountOthers(known, publisher);
            weights[group.Key] = (Reputation.WeightOf(receipts / unit, count, others) / count, others);
            heard.Add(new PayerRow(group.Key.PayerId, publisher, group.Key.Agent, count * unit, group.Any(attempt => attempt.Price > Money.Zero)));
        }

        foreach (var attempt in ended)
        {
            var (weight, others) = weights[(attempt.Agent, attempt.PayerId)];
            stats[attempt.Agent] = stats[attempt.Agent].After(attempt, weight, others);
        }

        await session.SendEachAsync(
            """
            INSERT INTO agent_payers (payer_id, publisher, agent, receipts, has_paid) VALUES (@PayerId, @Publisher, @Agent, @Receipts, @HasPaid)
            ON CONFLICT (payer_id, publisher, agent)
            DO UPDATE SET receipts = agent_payers.receipts + excluded.receipts, has_paid = agent_payers.has_paid OR excluded.has_paid
            """,
            heard.OrderBy(row => row.PayerId.ToString(), StringComparer.Ordinal).ThenBy(row => row.Agent, StringComparer.Ordinal));
        await session.SendEachAsync(AgentStatsRow.Update, stats.Values);
        return [.. stats.Values.Select(now => (before[now.Agent], now))];
    }

    /// <summary>What is known of an agent, kept for this act alone to change.</summary>
    internal static async Task<AgentStats> LockAsync(SqlSession session, string agent) => (await LockAsync(session, [agent]))[agent];

    /// <summary>Writes what is known of an agent that was locked, and has the index told once that is durable.</summary>
    internal static async Task UpdateAsync(SqlSession session, AgentStats stats, AgentIndex? index)
    {
        await session.SendAsync(AgentStatsRow.Update, stats);
        TellIndex(session, [stats], index);
    }

    /// <summary>How many publishers beside that of an agent a user has paid, up to as many as count.</summary>
    internal static async Task<int> CountOtherPublishersAsync(SqlSession session, Id<User> payer, string agent) =>
        CountOthers((await PayersAsync(session, [(payer, agent)]))[payer], PublisherOf(agent));

    private static void TellIndex(SqlSession session, IReadOnlyList<AgentStats> learnt, AgentIndex? index)
    {
        if (index is null || learnt.Count == 0)
            return;
        session.OnCommitted(() =>
        {
            foreach (var stats in learnt)
                index.Set(stats);
        });
    }

    /// <summary>The rows of agents, made where there are none, in an order that all keep.</summary>
    private static async Task<SortedDictionary<string, AgentStats>> LockAsync(SqlSession session, IReadOnlyList<string> agents)
    {
        var stats = await ReadAsync();
        if (stats.Count < agents.Count)
        {
            await session.SendEachAsync(
                AgentStatsRow.Insert, agents.Where(agent => !stats.ContainsKey(agent)).Order(StringComparer.Ordinal).Select(agent => new { agent }));
            stats = await ReadAsync();
        }

        return stats;

        async Task<SortedDictionary<string, AgentStats>> ReadAsync() => new(
            (await session.QueryAsync<AgentStatsRow>(
                $"SELECT {AgentStatsRow.Columns} FROM agent_stats WHERE agent IN @agents ORDER BY agent {{for update}}", new { agents }))
            .ToDictionary(row => row.Agent, row => row.ToStats()),
            StringComparer.Ordinal);
    }

    /// <summary>What is known of payers and the agents of their attempts, and as many of the publishers that they have paid as count, each as a row without an agent.</summary>
    /// <remarks>A payer may have thousands of rows: one is read for each agent, and one for each publisher that counts, by jumping from one to the next.</remarks>
    private static async Task<ILookup<Id<User>, PayerRow>> PayersAsync(SqlSession session, IReadOnlyList<(Id<User> Payer, string Agent)> pairs) =>
        (await session.QueryAsync<PayerRow>(
            """
            WITH RECURSIVE
            asked (payer_id, publisher, agent) AS (
                {if sqlite}SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(@pairs){end}
                {if postgres}SELECT value ->> 0, value ->> 1, value ->> 2 FROM jsonb_array_elements(CAST(@pairs AS JSONB)){end}),
            paid (payer_id, publisher, number) AS (
                SELECT d.payer_id, (SELECT MIN(f.publisher) FROM agent_payers AS f WHERE f.payer_id = d.payer_id AND f.has_paid), 1
                FROM (SELECT DISTINCT payer_id FROM asked) AS d
                UNION ALL
                SELECT p.payer_id, (SELECT MIN(n.publisher) FROM agent_payers AS n WHERE n.payer_id = p.payer_id AND n.publisher > p.publisher AND n.has_paid),
                    p.number + 1
                FROM paid AS p WHERE p.publisher IS NOT NULL AND p.number <= @most)
            SELECT k.payer_id, k.publisher, k.agent, k.receipts, k.has_paid FROM asked AS q CROSS JOIN agent_payers AS k
            WHERE k.payer_id = q.payer_id AND k.publisher = q.publisher AND k.agent = q.agent
            UNION ALL
            SELECT payer_id, publisher, '', 0, TRUE FROM paid WHERE publisher IS NOT NULL
            """,
            new
            {
                pairs = JsonSerializer.Serialize(
                    [.. pairs.Select(pair => (string[])[pair.Payer.ToString(), PublisherOf(pair.Agent), pair.Agent])], SelectionJson.Default.IReadOnlyListStringArray),
                most = Reputation.MostOtherPublishers,
            }))
        .ToLookup(row => row.PayerId);

    // One more was read than counts, since one of them may be the agent's own.
    private static int CountOthers(IEnumerable<PayerRow> known, string publisher) =>
        Math.Min(known.Count(row => row.Agent.Length == 0 && row.Publisher != publisher), Reputation.MostOtherPublishers);

    private static string PublisherOf(string agent) => agent[..agent.IndexOf('/', StringComparison.Ordinal)];

    private sealed record PayerRow(Id<User> PayerId, string Publisher, string Agent, double Receipts, bool HasPaid);
}

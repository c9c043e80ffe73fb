namespace Stoa.Market.Selection;

/// <summary>Keeps what is known of agents. Every method is one transaction.</summary>
public interface IAgentStatsStore
{
    /// <summary>Adds attempts that have ended, in order.</summary>
    /// <returns>The statistics of each agent among them as they are now.</returns>
    Task<IReadOnlyList<AgentStats>> RecordAsync(IReadOnlyList<EndedAttempt> ended, CancellationToken cancellationToken);

    /// <summary>The statistics that were changed at or after an instant, by the clocks of those who wrote them.</summary>
    Task<IReadOnlyList<AgentStats>> ListChangedAsync(DateTimeOffset since, CancellationToken cancellationToken);

    /// <summary>The statistics of one agent, <c>publisher/name</c>; null when nothing is known.</summary>
    Task<AgentStats?> FindAsync(string agent, CancellationToken cancellationToken);
}
